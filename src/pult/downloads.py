"""DOOR (floor 5): files leave the house here, under /files/{company_id}/{file_id}/{expires}/{signature}/{name}.

A plain GET or HEAD without headers or cookies, as integrations fetch what they were linked to; the signature is the key.
Nothing that a stranger sent is ever shown as a page of the desk: everything is a download, but pictures that are pictures.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from litestar import Response
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse

from pult.attachments import store as rows
from pult.kit.files import FileGone, verify
from pult.kit.log import request_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from litestar import Request

    from pult.attachments.store import FindFileRow
    from pult.kit.db import Reader
    from pult.kit.files import FileStore

    AnyRequest = Request[Any, Any, Any]

ACCESS_ERROR = 115
# First bytes of what a browser may show in place; no picture format that can hold a script is among them.
PICTURES = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}
HEAD_LENGTH = 16
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=3600",
    "Cross-Origin-Resource-Policy": "cross-origin",  # agents' pages elsewhere may show the pictures
    "Referrer-Policy": "no-referrer",
    "Accept-Ranges": "bytes",
}
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z")


class Link(msgspec.Struct, frozen=True):
    """The parts of the address that count; the name at its end does not."""

    company_id: int
    file_id: int
    expires: int
    signature: str


async def download(
    request: AnyRequest,
    link: Link,
    *,
    reader: Reader,
    files: FileStore,
    secret: bytes,
    now: datetime,
) -> Download:
    """The answer to GET or HEAD: 200, 206, 416, or 404 with a JSON error and code 115 for whatever is wrong with the link.

    `reader` is the primary's pool: a replica may not know a file yet whose link was given out this moment.
    """
    if verify(secret, link.company_id, link.file_id, link.expires, link.signature, now):
        return Download(await _found(request, link, reader, files))
    return Download(_refused("this link is wrong or has expired"))


class Download(Response[bytes]):
    """An answer that is ready: Litestar would give a stream the handler's media type, and a HEAD none at all."""

    def __init__(self, ready: ASGIResponse) -> None:
        super().__init__(b"")
        self.ready = ready

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        return self.ready


async def _found(request: AnyRequest, link: Link, reader: Reader, files: FileStore) -> ASGIResponse:
    file = await rows.find_file(reader, company_id=link.company_id, file_id=link.file_id)
    if file is None:
        return _refused("there is no such file")
    try:
        return await _answer(request, file, files, etag=f'"{link.company_id}-{link.file_id}"')
    except FileGone:
        return _refused("the content of this file is not in the file store")


async def _answer(request: AnyRequest, file: FindFileRow, files: FileStore, *, etag: str) -> ASGIResponse:
    media_type = await _shown_as(file, files)
    headers = SAFE_HEADERS | {
        "ETag": etag,
        "Content-Disposition": disposition(file.name, inline=media_type in PICTURES),
    }
    span = _wanted(request, file.size, etag)
    if span is None:
        headers["Content-Range"] = f"bytes */{file.size}"
        return ASGIResponse(status_code=416, media_type=media_type, headers=headers)
    start, length = span
    status = 206 if length != file.size else 200
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{file.size}"
    if request.method == "HEAD":
        headers["Content-Length"] = str(length)
        return ASGIResponse(status_code=status, media_type=media_type, headers=headers)
    chunks = await files.read(file.key, start, length)
    headers["Content-Length"] = str(length)
    return ASGIStreamingResponse(iterator=chunks, status_code=status, media_type=media_type, headers=headers)


async def _shown_as(file: FindFileRow, files: FileStore) -> str:
    """The type to send: the stored one only for a picture whose first bytes say the same."""
    declared = file.type.partition(";")[0].strip().lower()
    if (picture := PICTURES.get(declared)) and picture.match(await _all(await files.read(file.key, 0, HEAD_LENGTH))):
        return declared
    return "application/octet-stream"


async def _all(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


def disposition(name: str, *, inline: bool) -> str:
    """Content-Disposition as RFC 6266 has it: the name in plain ASCII for old clients, and as it is for all others."""
    plain = re.sub(r"[^ !#$&-\[\]-~]|[%]", "_", name)
    return f"{'inline' if inline else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _wanted(request: AnyRequest, size: int, etag: str) -> tuple[int, int] | None:
    """(start, length) of what to send: the one range asked for, or all; None if the range lies outside."""
    found = RANGE.match(request.headers.get("range", ""))
    if found is None or found.groups() == ("", "") or request.headers.get("if-range", etag) != etag:
        return 0, size  # several ranges, and what is no range, may be ignored (RFC 9110, 14.2)
    first, last = found.groups()
    if first == "":
        length = min(int(last), size)
        return (size - length, length) if length else None
    start, end = int(first), min(int(last or size - 1), size - 1)
    if last and int(last) < start:
        return 0, size
    return (start, end - start + 1) if start < size else None


def _refused(text: str) -> ASGIResponse:
    error = {"status": "failed", "error": text, "code": ACCESS_ERROR, "request_id": request_id.get()}
    body = msgspec.json.encode(error)
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return ASGIResponse(body=body, status_code=404, media_type="application/json", headers=headers)
