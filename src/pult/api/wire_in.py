"""What a client of the wire sent, in whatever encoding: one form of values and files.

Query string, urlencoded, multipart and JSON bodies, on any verb, and the mixtures that real clients send
(docs/wire/, "transport"). Nothing here knows a parameter by name; the meaning of values is the methods' business.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from pult.api.body_errors import BadBody, BodyTooLarge, ClientGone, FileTooLarge
from pult.api.json_body import read_json
from pult.api.multipart_body import TEXT_LIMIT, MultipartBody, Upload
from pult.api.part_header import CHARSETS, parameters
from pult.api.php_names import PhpPairs, add_urlencoded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from pathlib import Path

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

__all__ = ["BadBody", "BodyTooLarge", "ClientGone", "FileTooLarge", "Form", "Upload", "drain", "read_form"]

SMALL = 64 * 1024  # bytes of a body that is read in one go where it came in one piece

_SPELLINGS = {"application/x-www-form-urlencoded", "text/plain", ""}


class Form:
    """A request's parameters and files.

    `values`: query and body together, the body's word counts; text from forms, any JSON value from JSON.
    `repeated`: for plain names that came more than once in one place, all their values in order (`values` has the last).
    `files`: in the order sent. Close the form when done with them.
    """

    __slots__ = ("files", "repeated", "values")

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.repeated: dict[str, list[str]] = {}
        self.files: list[Upload] = []

    def close(self) -> None:
        """Close all files; may be called twice."""
        for upload in self.files:
            upload.file.close()

    def take(self, values: dict[str, Any], repeated: dict[str, list[str]]) -> None:
        """Let `values` override what is there, as the body overrides the query."""
        if self.repeated:
            self.repeated = {name: every for name, every in self.repeated.items() if name not in values}
        self.values = {**self.values, **values} if self.values else values
        self.repeated.update(repeated)


async def read_form(
    scope: Scope, receive: Receive, *, body_limit: int, file_limit: int = 15 * 1024 * 1024, scratch: Path
) -> Form:
    """Read one request's query and body.

    Limits are in bytes; `scratch` is an existing directory for files above 256 KiB while the form is open. Raises
    BadBody, BodyTooLarge, FileTooLarge or ClientGone, with nothing left open. After an error the rest of the body has
    been read and dropped, so that the client gets to read the answer; except after BodyTooLarge, whose `unread` says
    whether there is more to `drain`.
    """
    body = _Body(receive, body_limit)
    form = Form()
    try:
        head = _Head(scope)
        body.expect(head.length)
        pairs = PhpPairs()
        if query := scope.get("query_string"):
            add_urlencoded(pairs, query)
            pairs.finish()
            form.take(pairs.values, pairs.repeated)
            pairs = PhpPairs(counted=pairs.counted)
        await _read_body(form, pairs, head.content_type, body, file_limit=file_limit, scratch=scratch)
    except BodyTooLarge as error:
        form.close()
        error.unread = body.more
        raise
    except BadBody:
        form.close()
        await body.drop_rest()
        raise
    except BaseException:
        form.close()
        raise
    return form


async def drain(receive: Receive, limit: int) -> bool:
    """Read and drop what is left of a body, at most about `limit` bytes; whether its end was reached. ClientGone if not.

    Only for a body that has more to come: a server makes whoever asks again after the end wait for the next event.
    """
    left = limit
    while left >= 0:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        if not message.get("more_body", False):
            return True
        left -= len(message.get("body", b""))
    return False


class _Body:
    """The incoming chunks, counted."""

    __slots__ = ("_limit", "_receive", "_size", "more")

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._limit = receive, limit
        self._size = 0
        self.more = True

    def expect(self, length: int) -> None:
        """Refuse a body that announces itself as too large before a byte of it is read."""
        if length > self._limit:
            raise BodyTooLarge(self._limit, unread=True)

    async def chunk(self) -> bytes:
        message = await self._receive()
        if message["type"] != "http.request":
            self.more = False
            raise ClientGone
        data: bytes = message.get("body", b"")
        self.more = message.get("more_body", False)
        self._size += len(data)
        if self._size > self._limit:
            raise BodyTooLarge(self._limit, unread=self.more)
        return data

    async def whole(self) -> bytes:
        """All of it, where it is no multipart body; that may not be larger than TEXT_LIMIT whatever the limit is."""
        self._limit = min(self._limit, TEXT_LIMIT)
        chunks = [await self.chunk()]
        while self.more:
            chunks.append(await self.chunk())
        return b"".join(chunks)

    async def drop_rest(self) -> None:
        if self.more:
            self.more = False
            await drain(self._receive, self._limit - self._size)


class _Head:
    """What the headers say about the body. Of a repeated Content-Type the last counts."""

    __slots__ = ("content_type", "length")

    def __init__(self, scope: Scope) -> None:
        kind = encoding = b""
        self.length = 0
        for name, value in scope["headers"]:
            if name == b"content-type":
                kind = value or kind
            elif name == b"content-length" and value.isdigit():
                self.length = max(self.length, int(value[:18]))
            elif name == b"content-encoding":
                encoding += value
        if encoding and encoding.lower().replace(b"identity", b"").strip(b" ,"):
            raise BadBody(f"Content-Encoding {encoding.decode('latin-1')[:40]!a}: send the body uncompressed")
        self.content_type = _content_type(kind)


class _ContentType(NamedTuple):
    kind: str
    boundary: str
    charset: str


@lru_cache(maxsize=64)
def _content_type(raw: bytes) -> _ContentType:
    header = raw.decode("latin-1")
    kind = re.split("[;,]", header, maxsplit=1)[0].strip().lower()
    if kind != "multipart/form-data" and re.search("[/+]json", header, re.IGNORECASE):
        kind = "application/json"  # anywhere in the header: so the vendor's framework looks for it
    given = parameters(header) if ";" in header else {}
    declared = given.get("charset", "").partition(",")[0].strip().lower()
    charset = CHARSETS.get(declared) if declared else "utf-8"
    if charset is None:
        raise BadBody(f"The character set {declared[:40]!a} is not supported: send UTF-8")
    return _ContentType(kind, given.get("boundary", "").partition(",")[0], charset)


async def _read_body(
    form: Form, pairs: PhpPairs, head: _ContentType, body: _Body, *, file_limit: int, scratch: Path
) -> None:
    if head.kind == "multipart/form-data" and head.boundary:
        multipart = MultipartBody(
            head.boundary,
            pairs=pairs,
            uploads=form.files,
            file_limit=file_limit,
            scratch=scratch,
            charset=head.charset,
        )
        data = await body.chunk()
        if len(data) <= SMALL and not body.more:
            multipart.write_whole(data)
        else:
            multipart.write(data)
            while body.more:
                multipart.write(await body.chunk())
            multipart.end()
    else:
        raw = await body.whole()
        if not raw or raw.isspace():
            return
        values = _read_whole(raw, head)
        if values is not None:
            form.take(values, {})
            return
        add_urlencoded(pairs, raw.strip(b"\r\n"), head.charset)
    pairs.finish()
    form.take(pairs.values, pairs.repeated)


def _read_whole(raw: bytes, head: _ContentType) -> dict[str, Any] | None:
    """The JSON object that a body is, whatever it calls itself; None where it should be read as a form."""
    text = raw.removeprefix(b"\xef\xbb\xbf").strip()
    if head.kind == "application/json" or (text[:1] == b"{" and text[-1:] == b"}"):
        return read_json(text, head.charset)
    if head.kind == "multipart/form-data":
        raise BadBody("The Content-Type multipart/form-data lacks its boundary: let the HTTP library write this header")
    if head.kind not in _SPELLINGS:
        raise BadBody(
            f"Content-Type {head.kind[:80]!a}: send JSON, application/x-www-form-urlencoded or multipart/form-data"
        )
    return None
