"""`pult rotate-secret CHANNEL`: a new secret to sign webhooks with; the one before stays live until the next rotation."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from pult.cli.database import dsn_of
from pult.deskfile.store import company_by_key, move_version, take_turn_to_configure
from pult.kit.connecting import LostConnection
from pult.kit.migrate import MigrationError
from pult.kit.postgres import EmbeddedError
from pult.kit.work import unit_of_work
from pult.staff import actions, store

if TYPE_CHECKING:
    from pult.settings import Settings

WRONG = 1


class _Unknown(Exception):
    """There is no such company or channel; the text says which."""


def run(settings: Settings, channel: str, *, company: str, json: bool) -> int:
    """Print the channel's live secrets, the new one first; 0, or 1 where there is no such channel."""
    try:
        with dsn_of(settings) as dsn:
            live = asyncio.run(_rotate(dsn, company, channel))
    except _Unknown as error:
        return _wrong(str(error))
    except (EmbeddedError, MigrationError, LostConnection, OSError, asyncpg.PostgresError) as error:
        return _wrong(f"pult rotate-secret: {error or 'the database went away'}")
    if json:
        print(msgspec.json.encode({"signing_secrets": live}).decode())
    else:
        print(f"signs with: {live[0]}", *(f"and until the next rotation with: {old}" for old in live[1:]), sep="\n")
    return 0


async def _rotate(dsn: str, company_key: str, channel: str) -> list[str]:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool, unit_of_work(pool, None) as work:
        await take_turn_to_configure(work.conn)
        company = await company_by_key(work.conn, key=company_key)
        if company is None:
            raise _Unknown(f"there is no company {company_key}")
        rows = [row for row in await store.channels_of(work.conn, company_id=company.id) if row.active]
        found = [row for row in rows if row.key == channel] or [row for row in rows if str(row.id) == channel]
        if not found:
            known = ", ".join(row.key or str(row.id) for row in rows)
            raise _Unknown(f"there is no channel {channel} (known: {known})")
        live = await actions.rotate_secret(work.conn, company.id, found[0])
        await move_version(work.conn, id=company.id)
        return live


def _wrong(text: str) -> int:
    print(text, file=sys.stderr)
    return WRONG
