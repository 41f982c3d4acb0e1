"""Files in an S3 bucket, Amazon's or any that speaks its language. Imported only where a bucket is configured."""

from __future__ import annotations

import asyncio
import os
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.store import S3Store

from pult.kit.files import CHUNK, KEY, FileGone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import datetime

PAGE = 1000
PART = 8 * 1024 * 1024


class Bucket:
    """Files below s3://bucket/prefix.

    obstore's blocking calls in threads, not its asynchronous ones: those end by calling into Python from a thread of their
    own, and a process that leaves at that moment was seen to abort after its work was done.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        if not parts.netloc:
            raise ValueError(f"{address}: should be s3://bucket or s3://bucket/prefix")
        plain = any(
            os.environ.get(name, "").startswith("http://")
            for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT")
        )
        self._store = S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            client_options={"allow_http": plain, "timeout": "60s", "connect_timeout": "5s"},
            retry_config={"max_retries": 3},
        )

    async def put(self, key: str, file: IO[bytes]) -> None:
        file.seek(0)
        await asyncio.to_thread(obstore.put, self._store, _checked(key), file, chunk_size=PART)

    async def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        try:
            stream = await asyncio.to_thread(self._open, _checked(key), start, length)
        except FileNotFoundError:
            raise FileGone(key) from None
        return _chunks(stream)

    async def delete(self, key: str) -> None:
        try:
            await asyncio.to_thread(obstore.delete, self._store, _checked(key))
        except FileNotFoundError:
            return

    async def list_older_than(self, moment: datetime) -> AsyncIterator[tuple[str, datetime]]:
        pages = obstore.list(self._store, chunk_size=PAGE)
        while page := await asyncio.to_thread(next, pages, None):
            for found in page:
                if found["last_modified"] < moment and KEY.match(found["path"]):
                    yield found["path"], found["last_modified"]

    def _open(self, key: str, start: int, length: int | None) -> Iterator[bytes]:
        if start == 0 and length is None:
            answer = obstore.get(self._store, key)
        elif length is None:
            answer = obstore.get(self._store, key, options={"range": {"offset": start}})
        else:
            answer = obstore.get(self._store, key, options={"range": (start, start + length)})
        return iter(answer.stream(min_chunk_size=CHUNK))


async def _chunks(stream: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (chunk := await asyncio.to_thread(next, stream, None)) is not None:
        yield bytes(chunk)


def _checked(key: str) -> str:
    if not KEY.match(key):
        raise ValueError(f"not a key of the file store: {key!r}")
    return key
