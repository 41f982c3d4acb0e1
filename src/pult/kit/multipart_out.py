"""A multipart/form-data body with one file, streamed, of a length that is known before it starts."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pult.kit.http_out import NotSent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

MIME = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")
ESCAPED = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})  # as browsers do


@dataclass(frozen=True, slots=True)
class FilePart:
    """The form's file: the name of its field, and `size` bytes that `chunks` brings."""

    field: str
    name: str
    mime: str
    size: int
    chunks: AsyncIterator[bytes]


def form(fields: Mapping[str, str], file: FilePart) -> tuple[dict[str, str], AsyncIterator[bytes]]:
    """Headers and body of a form with these fields and the file as its last part.

    The body raises NotSent where the file cannot be read or has another size than it said: such a body never ends, so
    nobody can have taken it for a whole one.
    """
    boundary = secrets.token_hex(16)
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    head += (
        f"--{boundary}\r\nContent-Disposition: form-data;"
        f' name="{_quoted(file.field)}"; filename="{_quoted(file.name)}"\r\n'
        f"Content-Type: {file.mime if MIME.fullmatch(file.mime) else 'application/octet-stream'}\r\n\r\n"
    )
    start, end = head.encode("utf-8", "replace"), f"\r\n--{boundary}--\r\n".encode()
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(start) + file.size + len(end)),
    }
    return headers, _body(start, file, end)


def _quoted(name: str) -> str:
    return name.translate(ESCAPED)


async def _body(start: bytes, file: FilePart, end: bytes) -> AsyncIterator[bytes]:
    yield start
    left = file.size
    try:
        async for chunk in file.chunks:
            left -= len(chunk)
            if left < 0:
                break
            yield chunk
    except Exception as error:
        raise NotSent(f"the file cannot be read ({type(error).__name__})") from error
    if left:
        raise NotSent("the file has another size than it said")
    yield end
