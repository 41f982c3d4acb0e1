"""What `pult doctor` says of channels: what each provider answers now, how it did lately, and what waits or failed there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import asyncpg
import msgspec

from pult.channels.registry import TYPES
from pult.deliveries.model import BREAKS_AT
from pult.deliveries.standing import store
from pult.kit.checks import Finding
from pult.kit.http_out import HttpOut
from pult.messaging.contract import Finding as Told
from pult.messaging.contract import Outside, SendError
from pult.messaging.outlets import BadChannelSettings, ChannelGone, Outlets
from pult.tickets.store import installation_secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from pult.deliveries.standing.store import StandingRow
    from pult.settings import Settings

ASKED_WITHIN: Final = 15.0  # seconds for each provider
AT_ONCE: Final = 20
LONG: Final = 600.0  # seconds that a delivery may wait before somebody should look
LOG: Final = "the API's method `deliveries` lists them"


async def channels(settings: Settings, dsn: str) -> list[Finding]:
    """Of every active channel of the desks in this database. Nothing is sent, nothing changed."""
    http = HttpOut(settings.allow_private)
    try:
        async with asyncpg.create_pool(dsn, min_size=1, max_size=3) as pool:
            secret = await installation_secret(pool)
            assert secret is not None
            outlets = Outlets(pool, TYPES, Outside(http, settings.address, secret))
            rows = await store.standing(pool)
            free = asyncio.Semaphore(AT_ONCE)
            answers = await asyncio.gather(*(_checked(outlets, row, free) for row in rows))
    finally:
        await http.close()
    return [finding for row, found in zip(rows, answers, strict=True) for finding in (*found, *stands(row))]


async def _checked(outlets: Outlets, row: StandingRow, free: asyncio.Semaphore) -> list[Finding]:
    async with free:
        return [_finding(row, told.text, ok=told.ok, **told.facts) for told in await _asked(outlets, row)]


async def _asked(outlets: Outlets, row: StandingRow) -> list[Told]:
    """What the channel's adapter finds out of its provider."""
    try:
        async with asyncio.timeout(ASKED_WITHIN):
            _, adapter = await outlets.of(row.id)
            return list(await adapter.check())
    except ChannelGone:
        return []  # a type without a provider
    except BadChannelSettings as error:
        return [_wrong(f"its settings are not good: {error}")]
    except TimeoutError:
        return [_wrong(f"its provider did not answer within {ASKED_WITHIN:.0f} s")]
    except SendError as error:
        return [_wrong(error.text)]
    except Exception as error:  # noqa: BLE001  # one channel's fault must not hide the others
        return [_wrong(f"it cannot be checked: {type(error).__name__}")]


def _wrong(text: str) -> Told:
    return Told(ok=False, text=text)


def stands(row: StandingRow) -> Iterator[Finding]:
    """What the ledger and the background know of the channel; nothing where there is nothing to say."""
    if row.healthy is not None or row.report:
        counters = msgspec.json.decode(row.counters, type=dict[str, int])
        yield _finding(row, f"last reported: {row.report or 'well'}", ok=row.healthy is not False, **counters)
    if row.failures:
        yield _finding(row, _failing(row), ok=row.failures < BREAKS_AT)
    if row.waiting:
        text = f"{_number(row.waiting)} waiting, since {_long(row.oldest_seconds)} ago"
        late = row.oldest_seconds >= LONG
        yield _finding(row, f"{text}: does `pult work` (or `pult serve`) run?" if late else text, ok=not late)
    if row.failed or row.unsure:
        last = f"; the last: {row.last_text}" if row.last_text else ""
        parts = [f"{_number(row.failed)} failed"] if row.failed else []
        parts += [f"of {_number(row.unsure)} nobody knows whether they were sent"] if row.unsure else []
        yield _finding(row, f"in the last day {' and '.join(parts)}{last}; {LOG}", ok=False)


def _failing(row: StandingRow) -> str:
    times = "once" if row.failures == 1 else f"{row.failures} times in a row"
    text = f"deliveries there failed {times}: {row.last_error}"
    if row.last_ok_at:
        text += f"; the last that went well: {_moment(row.last_ok_at)}"
    if row.is_open and row.open_until:
        text += f"; the next is tried after {_moment(row.open_until)}"
    return text


def _finding(row: StandingRow, text: str, *, ok: bool, **facts: object) -> Finding:
    told = ", ".join(f"{name} {value}" for name, value in facts.items() if value not in (None, ""))
    line = " ".join(f"{text} ({told})".split() if told else text.split())
    return Finding(f"channel {row.id} {row.name}", ok=ok, text=line)


def _number(count: int) -> str:
    return f"{count} {'delivery' if count == 1 else 'deliveries'}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _long(seconds: float) -> str:
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
