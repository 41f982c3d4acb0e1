"""What became of a message: from its own attempt, or from the provider's report. It only climbs, and each step is a fact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from pult.deliveries import ledger, model
from pult.deliveries import store as ledger_store
from pult.kit.errors import NotFound
from pult.messaging import store
from pult.messaging.contract import State, StatusReport

if TYPE_CHECKING:
    from pult.deliveries.carrier import Outcome
    from pult.kit.work import Work
    from pult.tickets.caller import Caller


@dataclass(frozen=True, slots=True)
class MessageReported:
    """A message of ours is further than it was. `states`: each step that it took, in order."""

    delivery_id: int
    ticket_id: int
    comment_id: int
    channel_id: int
    states: tuple[str, ...]


_parts = msgspec.json.Decoder(dict[str, str])

STEPS = ("sent", "delivered", "read")


async def settle(work: Work[Caller], outcome: Outcome) -> None:
    """Record an attempt's outcome, under its ticket; then what the provider said of it before we knew its name."""
    claimed = outcome.claimed
    conn, company_id = work.conn, claimed.company_id
    assert claimed.ticket_id is not None
    await store.names_one_at_a_time(conn, channel_id=claimed.channel_id)  # before the ticket, as whoever reports does
    await store.hold_ticket(conn, company_id=company_id, ticket_id=claimed.ticket_id)
    before = await store.hold_delivery(conn, company_id=company_id, id=claimed.id)
    states = await ledger.settle(conn, [outcome])
    after = states.get((company_id, claimed.id))
    if before is None or after is None or after == "queued":
        return
    await _tell(work, before, before.state, after)
    await _learn_names(work, claimed.channel_id, claimed.id, list(outcome.names))


async def report(work: Work[Caller], told: StatusReport) -> bool:
    """Record a provider's report; whether it is of a message that we know. One that we do not know yet is kept a day."""
    channel_id, company_id = work.by.channel.id, work.by.company_id
    await store.names_one_at_a_time(work.conn, channel_id=channel_id)
    names = _names(told)
    named = await store.delivery_named(work.conn, company_id=company_id, channel_id=channel_id, names=names)
    if named is None:
        if names:
            kept = msgspec.json.encode(told).decode()
            await store.keep_early_report(
                work.conn, company_id=company_id, channel_id=channel_id, names=names, report=kept
            )
        return False
    await _report(work, named.id, named.ticket_id, told)
    return True


async def report_own(work: Work[Caller], delivery_id: int, told: StatusReport) -> bool:
    """The same, of a message that the provider calls by our own id."""
    channel_id, company_id = work.by.channel.id, work.by.company_id
    own = await store.own_delivery(work.conn, company_id=company_id, channel_id=channel_id, id=delivery_id)
    if own is None:
        return False
    if names := _names(told):
        await store.names_one_at_a_time(work.conn, channel_id=channel_id)
        await ledger_store.add_names(
            work.conn, company_id=company_id, channel_id=channel_id, names=names, delivery_id=own.id
        )
    await _report(work, own.id, own.ticket_id, told)
    return True


async def _report(work: Work[Caller], delivery_id: int, ticket_id: int | None, told: StatusReport) -> None:
    conn, company_id = work.conn, work.by.company_id
    if ticket_id is None or await store.hold_ticket(conn, company_id=company_id, ticket_id=ticket_id) is None:
        raise NotFound("the message has no ticket")
    row = await store.hold_delivery(conn, company_id=company_id, id=delivery_id)
    assert row is not None
    if told.also_known_as:
        name = f"message:{told.also_known_as}"
        await ledger_store.add_names(
            conn, company_id=company_id, channel_id=row.channel_id, names=[name], delivery_id=delivery_id
        )
        for early in await store.take_early_reports(
            conn, company_id=company_id, channel_id=row.channel_id, names=[name]
        ):
            await _report(work, delivery_id, ticket_id, msgspec.json.decode(early, type=StatusReport))
        row = await store.hold_delivery(conn, company_id=company_id, id=delivery_id)
        assert row is not None
    if told.conversation:
        await store.know_conversation(
            conn, company_id=company_id, delivery_id=delivery_id, provider_ref=told.conversation
        )
    if row.state == "queued":  # it is just being sent, perhaps in parts: heard when that is over
        await store.keep_early_report(
            conn,
            company_id=company_id,
            channel_id=row.channel_id,
            names=[f"own:{delivery_id}"],
            report=msgspec.json.encode(told).decode(),
        )
        return
    climbed = model.climb(row.state, await _of_whole(work, row, told))
    if climbed != row.state:
        await _climb(work, row, climbed, told)


async def _of_whole(work: Work[Caller], row: store.HoldDeliveryRow, told: StatusReport) -> str:
    """What a report of one part says of a message in several: it is as far as its slowest part, and fails with any."""
    parts = _parts.decode(row.progress)
    part = next((name for name, given in parts.items() if given and given == told.message_id), None)
    if part is None or len(parts) < 2 or told.state == State.FAILED:
        return told.state
    states = dict.fromkeys(parts, str(State.SENT)) | _parts.decode(row.part_states)
    states[part] = model.climb(states[part], told.state)
    await store.keep_part_state(work.conn, company_id=work.by.company_id, id=row.id, part=part, state=states[part])
    return min(states.values(), key=model.LADDER.index)


async def _climb(work: Work[Caller], row: store.HoldDeliveryRow, state: str, told: StatusReport) -> None:
    await store.climb(
        work.conn,
        company_id=work.by.company_id,
        id=row.id,
        state=state,
        code=told.code[:100],
        text=told.text[:500],
        at=told.at,
    )
    await _tell(work, row, row.state, state)


async def _tell(work: Work[Caller], row: store.HoldDeliveryRow, before: str, after: str) -> None:
    """Mark the comment, and record each step as a fact of its own."""
    assert row.ticket_id is not None
    assert row.comment_id is not None
    if after in {"delivered", "read"}:
        await store.mark_comment(
            work.conn,
            company_id=work.by.company_id,
            comment_id=row.comment_id,
            delivered=True,
            seen=after == "read",
        )
    steps = _steps(before, after)
    if steps:
        work.record(MessageReported(row.id, row.ticket_id, row.comment_id, row.channel_id, steps))


def _steps(before: str, after: str) -> tuple[str, ...]:
    if after == "failed":
        return ("failed",)
    if after not in STEPS:
        return ()
    done = STEPS.index(before) + 1 if before in STEPS else 0
    return STEPS[done : STEPS.index(after) + 1]


async def _learn_names(work: Work[Caller], channel_id: int, delivery_id: int, names: list[str]) -> None:
    """Names of a message, and what was said of it before they were known or while it was being sent."""
    conn, company_id = work.conn, work.by.company_id
    if names:
        await ledger_store.add_names(
            conn, company_id=company_id, channel_id=channel_id, names=names, delivery_id=delivery_id
        )
    known = await ledger_store.names_of(conn, company_id=company_id, delivery_id=delivery_id)
    early = await store.take_early_reports(
        conn, company_id=company_id, channel_id=channel_id, names=[*known, f"own:{delivery_id}"]
    )
    for told in early:
        row = await store.hold_delivery(conn, company_id=company_id, id=delivery_id)
        assert row is not None
        await _report(work, delivery_id, row.ticket_id, msgspec.json.decode(told, type=StatusReport))


def _names(told: StatusReport) -> list[str]:
    names = [f"message:{told.message_id}"] if told.message_id else []
    if told.job_id:
        names.append(f"job:{told.job_id}")
    if told.also_known_as:
        names.append(f"message:{told.also_known_as}")
    return names
