"""Verbs of the ledger: take what is due, record what became of it, mind each target's breaker."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pult.deliveries import model, store
from pult.deliveries.carrier import Claimed

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pult.deliveries.carrier import Outcome
    from pult.kit.db import Conn, Reader

LEASE: Final = timedelta(seconds=30)  # how long what a process held waits when it dies
PER_TARGET: Final = 24  # at once in one process: a target that hangs holds no more hands than these
SAID: Final = 2000  # characters of an answer that are kept
OUTCOMES: Final = {"done": "sent", "retry": "retry", "refused": "refused", "maybe_sent": "maybe_sent"}

_details = msgspec.json.Decoder(dict[str, Any])
_progress = msgspec.json.Decoder(dict[str, str])


async def claim(conn: Conn, most: int, held: Collection[Claimed] = ()) -> list[Claimed]:
    """What is due and free, held for LEASE. Each ticket's deliveries to a target come one after the other.

    `held`: what the caller is at already.
    """
    busy = Counter((one.company_id, one.channel_id) for one in held)
    rows = await store.claim(
        conn,
        busy_company_ids=[target[0] for target in busy],
        busy_channel_ids=[target[1] for target in busy],
        busy_counts=list(busy.values()),
        breaks_at=model.BREAKS_AT,
        per_target=PER_TARGET,
        most=most,
        lease=LEASE,
    )
    return [claimed_of(row) for row in rows]


async def claim_one(conn: Conn, company_id: int, delivery_id: int) -> Claimed | None:
    """A certain message, if it waits and nobody has it."""
    row = await store.claim_one(conn, company_id=company_id, id=delivery_id, lease=LEASE)
    return None if row is None else claimed_of(row)


async def claim_lapsed(conn: Conn, most: int) -> list[tuple[Claimed, bool]]:
    """Deliveries whose holder is gone, and whether their request may have left."""
    rows = await store.claim_lapsed(conn, most=most, lease=LEASE)
    return [(claimed_of(row), row.began) for row in rows]


async def keep(conn: Conn, held: Sequence[Claimed]) -> None:
    """The holder is still at it."""
    await store.keep_leases(
        conn, company_ids=[one.company_id for one in held], ids=[one.id for one in held], lease=LEASE
    )


async def settle(conn: Conn, outcomes: Sequence[Outcome], *, repeatable: bool = False) -> dict[tuple[int, int], str]:
    """Record outcomes of deliveries that still wait; the states that they have now, by company and id.

    `repeatable`: a power cut may undo the record, because doing all of it again does no harm.
    """
    states = [state_after(outcome) for outcome in outcomes]
    settled = await store.settle(
        conn,
        company_ids=[outcome.claimed.company_id for outcome in outcomes],
        ids=[outcome.claimed.id for outcome in outcomes],
        states=states,
        pauses=[_pause(outcome) for outcome in outcomes],
        codes=[_clean(outcome.code)[:100] for outcome in outcomes],
        texts=[_clean(outcome.text)[:500] if outcome.result != "done" else "" for outcome in outcomes],
        bodies=[outcome.body or "" for outcome in outcomes],
        numbers=[outcome.claimed.attempt for outcome in outcomes],
        outcomes=[OUTCOMES[outcome.result] for outcome in outcomes],
        http_statuses=[outcome.http_status or 0 for outcome in outcomes],
        said=[_clean(outcome.text)[:SAID] for outcome in outcomes],
        repeatable=repeatable,
    )
    known_well = {(row.company_id, row.id) for row in settled if row.well}
    await _mind_targets(conn, outcomes, known_well)
    return {(row.company_id, row.id): row.state for row in settled}


def state_after(outcome: Outcome) -> str:
    """The state that an attempt leaves a waiting delivery in."""
    if outcome.result == "done":
        return outcome.state
    if outcome.result == "maybe_sent":
        return "maybe_sent"
    refused = outcome.result == "refused"
    return "failed" if refused or model.given_up(outcome.claimed.kind, outcome.claimed.age) else "queued"


def claimed_of(row: Any) -> Claimed:
    """A row of one of the claiming queries."""
    return Claimed(
        company_id=row.company_id,
        id=row.id,
        channel_id=row.channel_id,
        kind=row.kind,
        event=row.event,
        ticket_id=row.ticket_id,
        comment_id=row.comment_id,
        change_id=row.change_id,
        cause_id=row.cause_id,
        event_id=row.event_id,
        sequence=row.sequence,
        conversation_id=row.conversation_id,
        details=_details.decode(row.details),
        body=row.body,
        progress=_progress.decode(row.progress),
        attempt=row.attempts,
        made_at=row.made_at,
        age=row.age,
    )


async def unrendered(conn: Reader, most: int) -> list[Claimed]:
    """Webhooks whose receiver is away and whose body nobody has made yet."""
    return [claimed_of(row) for row in await store.unrendered(conn, most=most)]


async def keep_bodies(conn: Conn, rendered: Sequence[Claimed]) -> None:
    await store.keep_bodies(
        conn,
        company_ids=[one.company_id for one in rendered],
        ids=[one.id for one in rendered],
        bodies=[one.body or "" for one in rendered],
    )


def _pause(outcome: Outcome) -> float:
    return model.pause_after(outcome.claimed.attempt, outcome.retry_after, random.random())  # noqa: S311  # spreads, hides nothing


async def _mind_targets(conn: Conn, outcomes: Sequence[Outcome], known_well: Collection[tuple[int, int]]) -> None:
    """A target that answered is well; one that failed is counted, and left alone for a while when it keeps failing.

    `known_well`: deliveries whose target need not be called well once more.
    """
    failed: dict[tuple[int, int], str] = {}
    well = set()
    for outcome in outcomes:
        target = (outcome.claimed.company_id, outcome.claimed.channel_id)
        if outcome.target_failed:
            failed[target] = _clean(outcome.text)[:500]
        elif outcome.result != "maybe_sent" and outcome.began:
            well.add(target)
    news = well - {(one.claimed.company_id, one.claimed.channel_id) for one in outcomes if _key(one) in known_well}
    if news:
        ordered = sorted(news)
        await store.target_well(conn, company_ids=[one[0] for one in ordered], channel_ids=[one[1] for one in ordered])
    for target, said in sorted(failed.items()):
        if target in well:
            continue
        company_id, channel_id = target
        failures = await store.target_failed(conn, company_id=company_id, channel_id=channel_id, error=said)
        if failures and (pause := model.breaker_pause(failures)):
            await store.open_breaker(conn, company_id=company_id, channel_id=channel_id, pause=pause)


def _clean(text: str) -> str:
    """PostgreSQL's text holds no zero bytes, and a strange answer may."""
    return text.replace("\x00", "")


def _key(outcome: Outcome) -> tuple[int, int]:
    return outcome.claimed.company_id, outcome.claimed.id
