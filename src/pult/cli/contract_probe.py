"""`pult contract-probe CHANNEL`: asks a provider what its documents leave open, and prints what it said, fit to be shown."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import msgspec

from pult.channels.registry import TYPES
from pult.cli.database import dsn_of
from pult.cli.probe import Probe
from pult.cli.probe_transcript import redactor
from pult.clients import model as clients
from pult.deskfile.store import company_by_key
from pult.kit.connecting import LostConnection
from pult.kit.http_record import RecordingHttp
from pult.kit.migrate import MigrationError
from pult.kit.postgres import EmbeddedError
from pult.messaging import overheard
from pult.messaging.contract import Cap, Outside, Recipient
from pult.messaging.known import store as known
from pult.messaging.outlets import BadChannelSettings, ChannelGone, Outlets
from pult.settings import with_served_address
from pult.staff import store as staff
from pult.tickets.store import installation_secret

if TYPE_CHECKING:
    from pult.messaging.contract import Adapter, ChannelRecord
    from pult.settings import Settings

WRONG: Final = 1
LONGEST: Final = 1800.0  # seconds that a probe's steps may take
NOT_PROBED: Final = frozenset({"api", "email"})  # nobody's service: `pult doctor` checks them


@dataclass(frozen=True, slots=True)
class Options:
    """`wait`: seconds for the provider's calls. `picture`: a public address of a JPEG or PNG."""

    company: str = "main"
    to: str | None = None
    send: bool = False
    wait: float = 0.0
    picture: str | None = None


class _CannotProbe(Exception):
    """The text says why."""


def run(settings: Settings, channel: str, options: Options) -> int:
    """Print the transcript; 0, or 1 where a check failed, the test message was not taken, or nothing could be asked."""
    if options.send and not options.to:
        return _wrong("--send needs --to: a phone of your own, or whoever of you has written to the bot")
    try:
        with dsn_of(settings) as dsn:
            transcript, well = asyncio.run(_probe(with_served_address(settings), dsn, channel, options))
    except _CannotProbe as error:
        return _wrong(str(error))
    except (EmbeddedError, MigrationError, LostConnection, OSError, asyncpg.PostgresError) as error:
        return _wrong(f"pult contract-probe: {error or 'the database went away'}")
    print(msgspec.json.format(msgspec.json.encode(transcript), indent=2).decode())
    return 0 if well else WRONG


async def _probe(settings: Settings, dsn: str, channel: str, options: Options) -> tuple[dict[str, Any], bool]:
    http = RecordingHttp(settings.allow_private)
    try:
        async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool:
            secret = await installation_secret(pool)
            assert secret is not None
            outlets = Outlets(pool, TYPES, Outside(http, settings.address, secret))
            record, adapter = await _channel(pool, outlets, options.company, channel)
            to = await _recipient(pool, record, adapter, options.to) if options.to else None
        probe = Probe(record, adapter, http, _progress)
        began = datetime.now(UTC)  # clock: a transcript says when it was made
        with overheard.listening(overheard.place(settings.data_dir, record.id), options.wait + LONGEST):
            await probe.ask(to)
            if options.send and to is not None:
                await probe.send(to, options.picture)
            heard = await probe.listen(settings.data_dir, options.wait)
    finally:
        await http.close()
    head = {"pult": version("pult"), "at": f"{began:%Y-%m-%dT%H:%M:%SZ}", "channel": record.type}
    told = redactor(record, settings.address, probe.texts, {options.to: "recipient", options.picture: "picture"})
    return {**head, **probe.transcript(told, heard)}, probe.well


async def _channel(
    pool: asyncpg.Pool[asyncpg.Record], outlets: Outlets, company_key: str, channel: str
) -> tuple[ChannelRecord, Adapter]:
    async with pool.acquire() as conn:
        company = await company_by_key(conn, key=company_key)
        if company is None:
            raise _CannotProbe(f"there is no company {company_key}")
        rows = [row for row in await staff.channels_of(conn, company_id=company.id) if row.active]
    found = [row for row in rows if row.key == channel] or [row for row in rows if str(row.id) == channel]
    if not found:
        names = ", ".join(row.key or str(row.id) for row in rows)
        raise _CannotProbe(f"there is no channel {channel} (known: {names})")
    if found[0].type in NOT_PROBED:
        raise _CannotProbe(
            f"channel {channel} is of type {found[0].type}: `pult doctor` checks it, there is nothing to probe"
        )
    try:
        return await outlets.of(found[0].id)
    except (ChannelGone, BadChannelSettings) as error:
        raise _CannotProbe(f"channel {channel}: {error}") from error


async def _recipient(
    pool: asyncpg.Pool[asyncpg.Record], record: ChannelRecord, adapter: Adapter, whom: str
) -> Recipient:
    """By phone or nickname where the channel writes first; else who has written to it, by any name that the desk knows."""
    try:
        if Cap.BY_PHONE in adapter.caps:
            return Recipient(phone=clients.phone(whom).value)
    except clients.BadContact as error:
        if Cap.BY_USERNAME not in adapter.caps:
            raise _CannotProbe(f"--to: {error}") from error
        return Recipient(username=clients.username(whom).value)
    async with pool.acquire() as conn:
        rows = await known.conversations_with(
            conn, company_id=record.company_id, channel_id=record.id, whom=whom.removeprefix("@")
        )
    if len(rows) != 1:
        many = "several have" if rows else "nobody has"
        raise _CannotProbe(
            f"--to: {many} written to this channel by that name (a client's name, phone, nickname, or id there)"
        )
    return Recipient(conversation=rows[0].provider_ref)


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _wrong(text: str) -> int:
    print(text, file=sys.stderr)
    return WRONG
