"""`pult apply FILE`: make the desk match a file; what is wrong with the file is said with its lines, and nothing is stored."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from pult.api.webhook_bodies import ping
from pult.channels.registry import TYPES
from pult.cli.database import dsn_of
from pult.deskfile.apply import apply
from pult.deskfile.parse import BadDocument, parse
from pult.kit.connecting import LostConnection
from pult.kit.http_out import HttpOut
from pult.kit.migrate import MigrationError
from pult.kit.postgres import EmbeddedError
from pult.kit.work import unit_of_work, until_done
from pult.settings import with_served_address
from pult.webhooks import checking

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pult.deskfile.applied import Applied
    from pult.deskfile.document import Document
    from pult.kit.work import Work
    from pult.settings import Settings
    from pult.webhooks.store import AddressRow

WRONG = 1
NOT_CONFIRMED = 2


class _Rehearsed(Exception):
    """Ends a unit of work of which nothing is to be kept."""

    def __init__(self, applied: Applied) -> None:
        super().__init__()
        self.applied = applied


class _ChangedMeanwhile(Exception):
    """Pruning would now do something else than what was agreed to."""


def run(settings: Settings, file: Path, *, json: bool, prune: bool, yes: bool) -> int:
    """Bring the file in and print what came of it; 0, or 1 for a mistake, or 2 when pruning was not agreed to."""
    try:
        data = file.read_bytes()
    except OSError as error:
        return _wrong([f"cannot read {file}: {error.strerror or error}"])
    try:
        document = parse(data, TYPES)
        with dsn_of(settings) as dsn:
            return _bring(dsn, with_served_address(settings), document, json=json, prune=prune, yes=yes)
    except BadDocument as error:
        return _wrong(
            [f"{file}:{one.line}: {one.text}" if one.line else f"{file}: {one.text}" for one in error.mistakes]
        )
    except _ChangedMeanwhile:
        return _wrong(["the desk has changed meanwhile, and pruning would do something else now; nothing was stored"])
    except LostConnection:
        return _wrong(["the database went away; run it again: what is there already is left as it is"])
    except (EmbeddedError, MigrationError, OSError, asyncpg.PostgresError) as error:
        return _wrong([f"pult apply: {error}"])


def _bring(dsn: str, settings: Settings, document: Document, *, json: bool, prune: bool, yes: bool) -> int:
    plan: list[str] | None = None
    if prune:
        plan = asyncio.run(_apply(dsn, document, settings.address, pruning=True, rehearsing=True))[0].pruned
        if plan and not _agreed(plan, yes=yes):
            return NOT_CONFIRMED
    applied, new = asyncio.run(_apply(dsn, document, settings.address, pruning=prune, plan=plan))
    warnings = asyncio.run(_checked(dsn, new, settings)) if new else []
    if json:
        answer = {**applied.answer(), "warnings": warnings}
        print(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
    _tell(applied, sys.stderr if json else sys.stdout, briefly=json)
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return 0


async def _apply(
    dsn: str,
    document: Document,
    address: str,
    *,
    pruning: bool,
    rehearsing: bool = False,
    plan: list[str] | None = None,
) -> tuple[Applied, list[AddressRow]]:
    """One transaction. `rehearsing` keeps nothing of it; with a `plan` nothing is kept when pruning would be another now.

    Answers too which addresses of receivers are to be checked now.
    """

    async def attempt() -> tuple[Applied, list[AddressRow]]:
        work: Work[None]
        async with unit_of_work(pool, None) as work:
            before = await checking.addresses(work.conn, document.company.key)
            applied = await apply(work.conn, document, address=address, pruning=pruning)
            if rehearsing:
                raise _Rehearsed(applied)
            if plan is not None and applied.pruned != plan:
                raise _ChangedMeanwhile
            after = await checking.addresses(work.conn, document.company.key)
            return applied, await checking.note_new(work.conn, before, after)

    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        try:
            return await until_done(attempt)
        except _Rehearsed as rehearsed:
            return rehearsed.applied, []


async def _checked(dsn: str, new: Sequence[AddressRow], settings: Settings) -> list[str]:
    """Ask receivers whether they answer, after the commit: what is wrong is a warning, and their addresses are kept."""
    http = HttpOut(settings.allow_private)
    try:
        async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
            wrong = await checking.check(pool, http, new, ping)
    finally:
        await http.close()
    return [f"channel {key}: webhook_url is kept, but does not answer: {text}" for key, text in wrong.items()]


def _agreed(plan: Sequence[str], *, yes: bool) -> bool:
    """What pruning will do is said before it is done."""
    print("Not in the file, so --prune will:", *(f"  {line}" for line in plan), sep="\n", file=sys.stderr)
    if yes:
        return True
    if sys.stdin.isatty():
        print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() in {"y", "yes"}:
            return True
    print("Nothing was stored. With --yes it is done without asking.", file=sys.stderr)
    return False


def _tell(applied: Applied, out: Any, *, briefly: bool) -> None:
    """What happened, in short lines; `briefly`: only what cannot be seen anywhere else."""
    if not briefly:
        for line in (*applied.lines, *applied.pruned):
            print(line, file=out)
        print(f"left as it was: {applied.same}", file=out)
        given = {channel.key for channel in applied.document.channels if channel.token}
        for key, told in applied.channels.items():
            if told["token"] and key not in given:
                print(f"token of channel {key}, shown this once: {told['token']}", file=out)
    for email, link in applied.invites.items():
        print(f"one-time link for {email}, for 7 days: {link}", file=out)


def _wrong(lines: Sequence[str]) -> int:
    print(*lines, sep="\n", file=sys.stderr)
    return WRONG
