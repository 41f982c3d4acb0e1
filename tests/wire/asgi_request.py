"""A request as an ASGI server hands it over: a scope and a receive() that serves the body in given pieces."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pult.api.wire_in import Form, read_form

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b0und"
SCRATCH = Path(tempfile.gettempdir())


class Receive:
    """Serves `pieces`, then (with `hang_up`) a disconnect; a call after the end is a mistake, a server would block there."""

    def __init__(self, pieces: Sequence[bytes], *, hang_up: bool = False) -> None:
        self._messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": piece, "more_body": hang_up or number < len(pieces) - 1}
            for number, piece in enumerate(pieces or [b""])
        ]
        if hang_up:
            self._messages.append({"type": "http.disconnect"})

    async def __call__(self) -> dict[str, Any]:
        assert self._messages, "receive() called after the body's end"
        return self._messages.pop(0)

    @property
    def left(self) -> int:
        return len(self._messages)


def scope_of(kind: str | None, query: bytes = b"", headers: Iterable[tuple[bytes, bytes]] = ()) -> dict[str, Any]:
    said = [] if kind is None else [(b"content-type", kind.encode("latin-1"))]
    return {"type": "http", "query_string": query, "headers": [(b"host", b"desk"), *said, *headers]}


async def read(
    body: bytes | Sequence[bytes] = b"",
    kind: str | None = None,
    *,
    query: bytes = b"",
    headers: Iterable[tuple[bytes, bytes]] = (),
    body_limit: int = 1 << 20,
    file_limit: int = 1 << 19,
    scratch: Path = SCRATCH,
) -> Form:
    pieces = [body] if isinstance(body, bytes) else body
    return await read_form(
        scope_of(kind, query, headers), Receive(pieces), body_limit=body_limit, file_limit=file_limit, scratch=scratch
    )


def part(name: str, content: bytes | str, *more: str) -> bytes:
    """One part for the boundary of MULTIPART; `more` are further parameters of its Content-Disposition, or whole headers."""
    said = "".join(f"\r\n{line}" if ": " in line else f"; {line}" for line in more)
    content = content.encode() if isinstance(content, str) else content
    return f'--b0und\r\nContent-Disposition: form-data; name="{name}"{said}\r\n\r\n'.encode() + content + b"\r\n"


def multipart(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--b0und--\r\n"


def shape(form: Form) -> dict[str, Any]:
    """Everything a form holds, comparable; closes it."""
    files = [(upload.field, upload.name, upload.content_type, upload.size, upload.file.read()) for upload in form.files]
    form.close()
    return {"values": form.values, "repeated": form.repeated, "files": files}


def pieces_of(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)] or [b""]
