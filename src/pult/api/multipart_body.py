"""multipart/form-data as it streams in: texts to the form, files to disk, nothing whole in memory."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from pult.api import part_header
from pult.api.body_errors import BadBody, BodyTooLarge, FileTooLarge
from pult.api.php_names import PhpPairs, decode_name, decode_value, top_level

if TYPE_CHECKING:
    from pathlib import Path

    from python_multipart.multipart import MultipartCallbacks

IN_MEMORY = 256 * 1024  # bytes of one file before it goes to disk
MOST_FILES = 100  # each is an open file; PHP takes 20
HEADER_LIMIT = 16 * 1024  # bytes of one header of a part; PHP's curl puts whole paths there
TEXT_LIMIT = 4 * 1024 * 1024  # bytes of everything that is not a file; the longest message is 64 KiB

# The parser logs a warning for each malformed body: that is the client's news, and it gets it as an answer.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


@dataclass(slots=True)
class Upload:
    """A file that came with the request. `file` is binary, at its start, and belongs to the Form, which closes it."""

    field: str  # as spelled: files[], files[0], file …
    name: str  # last path component, printable, 1 to 255 characters; for people, never for a path
    content_type: str  # as claimed: type/subtype in lower case
    size: int  # bytes
    file: IO[bytes]


class MultipartBody:
    """A push parser: `write()` what arrives, then `end()`.

    Texts go to `pairs`, files to `uploads`. Both methods raise BadBody and its kinds; whoever made `uploads` closes them,
    also after an error.
    """

    def __init__(
        self, boundary: str, *, pairs: PhpPairs, uploads: list[Upload], file_limit: int, scratch: Path, charset: str
    ) -> None:
        self._pairs, self._uploads, self._charset = pairs, uploads, charset
        self._file_limit, self._scratch = file_limit, scratch
        self._text_size = 0
        self._written = self._ended = False
        self._in_headers = False
        self._field = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        self._text: list[bytes] | None = None  # of the current part, where that is a text
        self._part_charset = charset
        self._upload: Upload | None = None  # the current part, where that is a file
        self._delimiter = b"\r\n--" + boundary.encode("latin-1")
        try:
            self._parser = MultipartParser(boundary.encode("latin-1"), self._callbacks(), max_header_size=HEADER_LIMIT)
        except FormParserError:
            raise BadBody("The multipart boundary is too long") from None

    def write(self, data: bytes) -> None:
        if not data:
            return
        self._written = True
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise BadBody(f"The body is not well-formed multipart/form-data: {error}") from None

    def write_whole(self, data: bytes) -> None:
        """Take a small body that is all there: cut at its delimiters where it is written as everybody writes it.

        This is five times as fast as the push parser, which gets everything that looks in any way unusual.
        """
        parts = _cut(data, self._delimiter)
        if parts is None:
            self.write(data)
            self.end()
            return
        for headers, content in parts:
            self._headers = headers
            self._headers_finished()
            if content:
                self._part_data(content, 0, len(content))
            self._part_end()

    def end(self) -> None:
        """The body is complete. A missing or unfinished last boundary is forgiven where PHP does: not within a file."""
        if not self._written or self._ended:
            return
        if self._upload is not None and self._parser.index < len(self._parser.boundary):
            raise BadBody("The multipart/form-data body is cut off", parameter=top_level(self._upload.field))
        if self._text is not None or self._upload is not None:
            self._part_end()
        elif not self._in_headers or self._headers or self._field:
            raise BadBody("The multipart/form-data body is cut off")

    def _callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        self._headers = {}
        self._in_headers = True

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers.setdefault(self._field.strip().lower(), self._value)
        self._field = self._value = b""

    def _headers_finished(self) -> None:
        self._in_headers = False
        name, file_name = part_header.disposition(self._headers.get(b"content-disposition", b""))
        self._name = decode_name(name, self._charset)
        kind = self._headers.get(b"content-type", b"").decode("latin-1")
        if file_name is None:
            self._begin_text(kind)
        else:
            self._begin_file(file_name, part_header.media_type(kind))

    def _begin_text(self, kind: str) -> None:
        self._text = []
        declared = part_header.parameters(kind).get("charset") if "charset" in kind.lower() else None
        if declared is None:
            self._part_charset = self._charset
        elif (known := part_header.CHARSETS.get(declared.lower())) is not None:
            self._part_charset = known
        else:
            shown = top_level(self._name)
            raise BadBody(f"{shown}: the character set {declared[:40]!a} is not supported", parameter=shown)

    def _begin_file(self, name: str, content_type: str) -> None:
        self._pairs.count_one()
        if len(self._uploads) >= MOST_FILES:
            raise BadBody(f"The request has more than {MOST_FILES} files", parameter=top_level(self._name))
        if "\0" in self._name:
            raise BadBody("A file's field name contains a NUL character")
        file = SpooledTemporaryFile(max_size=IN_MEMORY, dir=str(self._scratch))  # noqa: SIM115 -- the Form closes it
        self._upload = Upload(self._name, name, content_type, 0, file)
        self._uploads.append(self._upload)

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        size = end - start
        if self._upload is not None:
            self._upload.size += size
            if self._upload.size > self._file_limit:
                raise FileTooLarge(self._file_limit, parameter=top_level(self._upload.field))
            self._upload.file.write(data[start:end] if size < len(data) else data)
        elif self._text is not None:
            self._text_size += size
            if self._text_size > TEXT_LIMIT:
                raise BodyTooLarge(TEXT_LIMIT, unread=False, parameter=top_level(self._name))
            self._text.append(data[start:end])

    def _part_end(self) -> None:
        if self._text is not None:
            raw = self._text[0] if len(self._text) == 1 else b"".join(self._text)
            self._text = None
            self._pairs.add(self._name, decode_value(self._name, raw, self._part_charset))
        elif self._upload is not None:
            self._finish_file(self._upload)
            self._upload = None

    def _finish_file(self, upload: Upload) -> None:
        if not upload.name and not upload.size:  # a browser's file input that nobody filled
            self._uploads.remove(upload)
            upload.file.close()
            return
        upload.name = upload.name or "file"
        upload.file.seek(0)

    def _end(self) -> None:
        self._ended = True


def _cut(data: bytes, delimiter: bytes) -> list[tuple[dict[bytes, bytes], bytes]] | None:
    """Headers and content of each part of a plainly written body; None where it is for the push parser to judge."""
    first, *pieces = (b"\r\n" + data).split(delimiter)
    if first or not pieces or not pieces.pop().startswith(b"--"):
        return None
    parts = []
    for piece in pieces:
        head, blank, content = piece.partition(b"\r\n\r\n")
        headers = _headers(head)
        if not blank or not headers:
            return None
        parts.append((headers, content))
    return parts


def _headers(head: bytes) -> dict[bytes, bytes] | None:
    before, *lines = head.split(b"\r\n")
    if before or len(lines) > 8 or len(head) > 2048:
        return None
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or b"\r" in value or not name.replace(b"-", b"").isalnum():
            return None
        headers.setdefault(name.lower(), value.lstrip(b" "))
    return headers
