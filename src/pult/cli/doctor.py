"""`pult doctor`: looks at the database, the files, the disk, the clock and the channels, and says in words what is wrong."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import obstore

from pult.channels.registry import TYPES
from pult.cli import channel_checks
from pult.cli.database import embedded_home, server_of
from pult.kit import checks, files
from pult.kit.checks import Finding
from pult.kit.connecting import LostConnection
from pult.kit.postgres import EmbeddedError
from pult.settings import with_served_address
from pult.staff import store as staff

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pult.settings import Settings

LITTLE_SPACE = 1024**3  # bytes; PostgreSQL stops when its disk is full


def run(settings: Settings) -> int:
    """Prints a line for each check; the exit code: 0 when all is well, else 1."""
    findings = list(_findings(settings))
    for finding in findings:
        print(f"{'ok   ' if finding.ok else 'wrong'}  {finding.name}: {finding.text}")
    wrong = checks.wrong(findings)
    print(f"{len(wrong)} of {len(findings)} checks found something wrong" if wrong else "all is well")
    return 1 if wrong else 0


def _findings(settings: Settings) -> Iterator[Finding]:
    yield _data_directory(settings.data_dir)
    yield _disk(settings.data_dir)
    yield asyncio.run(_file_store(settings))
    if not settings.database_url and not (embedded_home(settings) / "data").exists():
        text = f"there is no desk in {settings.data_dir.absolute()} yet: start it with `pult serve`, or name its directory with --data-dir"
        yield Finding("database", ok=False, text=text)
        return
    try:
        with server_of(settings) as dsn:
            findings = asyncio.run(_database(dsn))
            yield from findings
            if all(finding.ok for finding in findings if finding.name == "schema"):
                yield from asyncio.run(channel_checks.channels(with_served_address(settings), dsn))
    except (EmbeddedError, LostConnection, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        yield Finding("database", ok=False, text=f"it cannot be reached: {error or type(error).__name__}")


def _data_directory(directory: Path) -> Finding:
    shown = directory.absolute()
    if not directory.exists():
        return Finding("data directory", ok=True, text=f"{shown} will be made")
    owner, me = directory.stat().st_uid, os.geteuid()
    if me not in {owner, 0}:
        text = (
            f"{shown} belongs to user {owner}, and this is user {me}: run Pult as the user who owns it, or chown -R it"
        )
        return Finding("data directory", ok=False, text=text)
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        return Finding("data directory", ok=False, text=f"{shown} cannot be written to: chmod u+rwx it")
    return Finding("data directory", ok=True, text=f"{shown} is ours")


def _disk(directory: Path) -> Finding:
    place = next(path for path in (directory.absolute(), *directory.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free < LITTLE_SPACE:
        return Finding(
            "disk",
            ok=False,
            text=f"{free / 1024**2:.0f} MiB are left at {place}: make room, the desk stops when it is full",
        )
    return Finding("disk", ok=True, text=f"{free / 1024**3:.0f} GiB are left at {place}")


async def _file_store(settings: Settings) -> Finding:
    """Stores, reads and removes a small file: the only way to know for a directory and for S3 alike."""
    address = settings.files or settings.data_dir / "files"
    content = os.urandom(64)
    try:
        store = files.open_store(address)
        key = files.new_key(0)
        await store.put(key, io.BytesIO(content))
        came_back = b"".join([chunk async for chunk in await store.read(key)])
        await store.delete(key)
    except (OSError, ValueError, files.FileGone, obstore.exceptions.BaseError) as error:
        return Finding("files", ok=False, text=f"{address} does not keep files: {error}")
    if came_back != content:
        return Finding("files", ok=False, text=f"{address} gave back other bytes than it was given")
    return Finding("files", ok=True, text=f"{address} keeps files")


async def _database(dsn: str) -> list[Finding]:
    conn = await asyncpg.connect(dsn, timeout=10)
    try:
        findings = await checks.server(conn)
        schema = next(finding for finding in findings if finding.name == "schema")
        return [*findings, *(await _channels(conn) if schema.ok else [])]
    finally:
        await conn.close()


async def _channels(conn: asyncpg.Connection) -> list[Finding]:
    """One finding for each type that is configured: whether the settings are all there."""
    rows = await staff.active_channels(conn)
    count = Counter(row.type for row in rows)
    lacking: dict[str, list[str]] = {kind: [] for kind in count}
    for row in rows:
        if missing := _missing(row.type, msgspec.json.decode(row.settings).get("adapter", {})):
            lacking[row.type].append(f"{row.name} lacks {', '.join(missing)}")
    return [_of_type(kind, number, lacking[kind]) for kind, number in sorted(count.items())]


def _of_type(kind: str, number: int, lacking: list[str]) -> Finding:
    if lacking:
        return Finding(
            f"channels of type {kind}",
            ok=False,
            text=f"{'; '.join(lacking)}: add it to the desk file and `pult apply` it",
        )
    tried = kind not in TYPES or TYPES[kind].adapter.verified
    doubt = "" if tried else "; experimental: its adapter was never tried against the live service"
    return Finding(f"channels of type {kind}", ok=True, text=f"{number}, each with all its settings{doubt}")


def _missing(kind: str, settings: dict[str, Any]) -> list[str]:
    if kind not in TYPES:
        return ["a type that this Pult knows"]
    required = [field.encode_name for field in msgspec.structs.fields(TYPES[kind].settings) if field.required]
    return [name for name in required if settings.get(name) in (None, "")]
