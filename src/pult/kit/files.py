"""Where files lie: a directory or an S3 bucket behind one small interface, and the signed links under which they are fetched.

The directory is written by hand and not through obstore: its local store writes and renames but never calls fsync, so that
a file acknowledged to a client could be gone after a power cut. S3 goes through obstore (`pult.kit.s3`), loaded only then.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import os
import re
import secrets
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

CHUNK = 256 * 1024
DAY = 86_400
# A file that is still being written has .part behind its key: if its process dies the sweep finds it like any other.
KEY = re.compile(r"c[0-9]{1,20}/[0-9a-f]{2}/[0-9a-f]{32}(?:\.part)?\Z")


class FileGone(Exception):
    """The store has nothing under this key."""


class FileStore(Protocol):
    """Bytes under keys made by `new_key`; a key is written once and never changed, so readers need no locks."""

    async def put(self, key: str, file: IO[bytes]) -> None:
        """Store everything from the start of `file`; durable when this returns, and all or nothing."""

    async def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start`, `length` of them or all; FileGone at once if there are none."""
        ...

    async def delete(self, key: str) -> None:
        """Take the file away; nothing happens if it is not there."""

    def list_older_than(self, moment: datetime) -> AsyncIterator[tuple[str, datetime]]:
        """(key, time of writing) of every file last written before `moment`, in no order."""
        ...


def open_store(address: str | Path) -> FileStore:
    """The store at a directory (made when missing) or at s3://bucket/prefix.

    S3 takes its keys and endpoint from the usual environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION,
    AWS_ENDPOINT_URL and so on. ValueError for an address that names no bucket.
    """
    if isinstance(address, str) and address.startswith("s3://"):
        from pult.kit.s3 import Bucket  # noqa: PLC0415 - obstore costs memory that a desk with a directory need not pay

        return Bucket(address)
    return Directory(Path(address))


def new_key(company_id: int) -> str:
    """A key that nobody can guess, such as c12/3f/3fa9… (32 hexadecimal digits): 256 folders for each company."""
    name = secrets.token_hex(16)
    return f"c{company_id}/{name[:2]}/{name}"


def company_of(key: str) -> int:
    """The company for which `new_key` made this key."""
    return int(key[1 : key.index("/")])


class Directory:
    """Files below one local directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def put(self, key: str, file: IO[bytes]) -> None:
        await asyncio.to_thread(self._write, self._path(key), file)

    async def read(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        try:
            file = await asyncio.to_thread(self._path(key).open, "rb")
        except FileNotFoundError:
            raise FileGone(key) from None
        return _chunks(file, start, length)

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    async def list_older_than(self, moment: datetime) -> AsyncIterator[tuple[str, datetime]]:
        for folder in await asyncio.to_thread(lambda: sorted(self.root.glob("c*/??"))):
            for found in await asyncio.to_thread(_older, folder, self.root, moment):
                yield found

    def _path(self, key: str) -> Path:
        if not KEY.match(key):
            raise ValueError(f"not a key of the file store: {key!r}")
        return self.root / key

    def _write(self, path: Path, file: IO[bytes]) -> None:
        """Write beside, fsync, rename, fsync the folder: after a power cut the file is whole or not there."""
        self._make_folder(path.parent)
        part = path.with_name(f"{path.name}.part")
        file.seek(0)
        try:
            with part.open("xb") as target:
                while chunk := file.read(CHUNK):
                    target.write(chunk)
                target.flush()
                os.fsync(target.fileno())
            part.rename(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)

    def _make_folder(self, folder: Path) -> None:
        """Make `folder`, durable too: a new folder is an entry of its parent."""
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _older(folder: Path, root: Path, moment: datetime) -> list[tuple[str, datetime]]:
    return [(str(path.relative_to(root)), written) for path, written in _dated(folder) if written < moment]


def _dated(folder: Path) -> Iterator[tuple[Path, datetime]]:
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # deleted, or renamed to its final name, while we look
            if KEY.match(f"c0/{folder.name}/{path.name}"):
                yield path, datetime.fromtimestamp(path.stat().st_mtime, UTC)


async def _chunks(file: IO[bytes], start: int, length: int | None) -> AsyncIterator[bytes]:
    with file:
        file.seek(start)
        left = length
        while chunk := await asyncio.to_thread(file.read, CHUNK if left is None else min(CHUNK, left)):
            yield chunk
            left = None if left is None else left - len(chunk)


# Links ---------------------------------------------------------------------------------------------------------------


def expiry(now: datetime, days: int) -> int:
    """When a link made now ends, in seconds since 1970: midnight (UTC) after `days` whole days; 0, never, for 0 days.

    The same all day, so that a page asked for twice is the same page.
    """
    return (int(now.timestamp()) // DAY + days + 1) * DAY if days else 0


def signature(secret: bytes, company_id: int, file_id: int, expires: int) -> str:
    """What makes a link unguessable: 32 hexadecimal digits over whose file it is, which, and until when.

    Hashed twice with the secret in front, since PostgreSQL has sha256() built in but no HMAC; the outer hash keeps the
    inner one from being continued. PostgreSQL makes the same text where it renders a page ($1 the secret as bytea):

        left(encode(sha256($1 || sha256($1 || convert_to(
            company_id || '/' || id || '/' || $2::bigint, 'UTF8'))), 'hex'), 32)
    """
    inner = sha256(secret + b"%d/%d/%d" % (company_id, file_id, expires)).digest()
    return sha256(secret + inner).hexdigest()[:32]


def link(address: str, secret: bytes, company_id: int, file_id: int, expires: int, name: str) -> str:
    """The address of a download; `address` is the desk's own, without a slash at the end.

    The name is for the eyes of people and programs only. PostgreSQL quotes it in the same way with:

        (select coalesce(string_agg(case when chr(byte) ~ '[A-Za-z0-9_.~-]' then chr(byte)
                                         else '%' || upper(lpad(to_hex(byte), 2, '0')) end, '' order by place), '')
           from (select place, get_byte(convert_to(name, 'UTF8'), place) as byte
                   from generate_series(0, octet_length(name) - 1) as place) as bytes)
    """
    signed = signature(secret, company_id, file_id, expires)
    return f"{address}/files/{company_id}/{file_id}/{expires}/{signed}/{quote(name, safe='')}"


def verify(secret: bytes, company_id: int, file_id: int, expires: int, signed: str, now: datetime) -> bool:
    """Whether `signed` is the signature of this file's link, and the link has not ended."""
    expected = signature(secret, company_id, file_id, expires)
    genuine = hmac.compare_digest(expected.encode(), signed.encode(errors="replace"))
    return genuine and (expires == 0 or now.timestamp() < expires)
