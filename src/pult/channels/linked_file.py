"""Files of a client's message that the provider names by a web address which anybody may read."""

from __future__ import annotations

import mimetypes
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from pult.kit.http_out import HttpOutError, PrivateAddress
from pult.messaging.contract import Content, FileIn, SendError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pult.kit.http_out import HttpOut

LARGEST: Final = 100 * 1024 * 1024  # bytes
NAME_LENGTH: Final = 240


def linked_file(told: Any, name: str = "") -> FileIn | None:
    """The file at the address `told`, None where that is none. Name and kind are read off it where nobody said them."""
    try:
        parts = urlsplit(told.strip()) if isinstance(told, str) else None
    except ValueError:
        return None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    found = name or unquote(PurePosixPath(parts.path).name).replace("\0", "") or "file"
    found = found.replace("/", "_")[-NAME_LENGTH:]  # its end says what it is
    return FileIn(ref=parts.geturl(), name=found, mime=mimetypes.guess_type(found)[0] or "application/octet-stream")


def fetched(http: HttpOut, file: FileIn) -> Content:
    """Its content, asked for without the account's token: the address need not be the provider's own."""
    return Content(chunks=_chunks(http, file.ref), name=file.name, mime=file.mime)


async def _chunks(http: HttpOut, url: str) -> AsyncIterator[bytes]:
    try:
        async for chunk in http.stream(url, limit=LARGEST):
            yield chunk
    except PrivateAddress as error:
        raise SendError("private_address", str(error)) from error
    except HttpOutError as error:
        raise SendError("file_not_fetched", str(error), retry=True) from error
