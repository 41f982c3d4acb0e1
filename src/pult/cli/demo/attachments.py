"""Files for the story: small, but real ones that every viewer opens."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pult.kit.files import new_key

if TYPE_CHECKING:
    from pult.kit.files import FileStore


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    type: str
    size: int  # bytes
    key: str


async def store(files: FileStore, company_id: int, place: int) -> Attachment:
    """The `place`-th file of the story, stored under a key of its own."""
    name, kind, content = made(place)
    key = new_key(company_id)
    await files.put(key, io.BytesIO(content))
    return Attachment(name, kind, len(content), key)


def made(place: int) -> tuple[str, str, bytes]:
    """Name, type and bytes."""
    match place % 3:
        case 0:
            return f"чек {place}.txt", "text/plain", f"Заказ {100_000 + place}\nИтого: {place * 97} руб.\n".encode()
        case 1:
            return f"frame-{place}.png", "image/png", picture(size=48, tint=place)
        case _:
            rows = "\n".join(f"part {n};{n * place % 17}" for n in range(20))
            return f"order_{place}.csv", "text/csv", f"name;count\n{rows}\n".encode()


def picture(*, size: int, tint: int) -> bytes:
    """A square PNG, `size` pixels wide, with a gradient."""
    rows = b"".join(
        b"\0" + b"".join(bytes((x * 255 // size, y * 255 // size, tint % 256)) for x in range(size))
        for y in range(size)
    )
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
