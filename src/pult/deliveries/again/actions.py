"""Verbs of people on the ledger: send again, take back what waits, tell a receiver once more what happened in a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pult.deliveries.again import store
from pult.kit.errors import BadValue, DeskError, NotFound

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from pult.kit.work import Work

MOST_REPLAYED: Final = 100_000  # in one transaction


class DeliveryUnknown(NotFound):
    """There is no such delivery here."""


class NotPossible(DeskError):
    """The delivery is in a state in which this cannot be done."""


async def resend(work: Work[Any], company_id: int, delivery_id: int) -> int:
    """The id of a new delivery of the same, under the same event id, at the end of its order.

    A webhook may be sent again whenever it does not wait; a message only where it failed, was cancelled, or nobody knows
    whether it was sent: then a person answers for it. Parts that were sent for certain are not sent again. DeliveryUnknown,
    NotPossible.
    """
    row = await store.resend(work.conn, company_id=company_id, id=delivery_id)
    if row is None:
        raise DeliveryUnknown(f"there is no delivery {delivery_id}", parameter="delivery_id")
    if row.made_id is not None:
        return row.made_id
    if row.newer_id is not None:
        raise NotPossible(f"it was sent again already, as delivery {row.newer_id}", parameter="delivery_id")
    if row.state == "queued":
        raise NotPossible("it still waits to be sent", parameter="delivery_id")
    raise NotPossible(f"its message is {row.state}: the client would get it twice", parameter="delivery_id")


async def cancel(work: Work[Any], company_id: int, delivery_id: int) -> None:
    """Never send what still waits. DeliveryUnknown; NotPossible where it is being sent or was."""
    row = await store.cancel(work.conn, company_id=company_id, id=delivery_id)
    if row is None:
        raise DeliveryUnknown(f"there is no delivery {delivery_id}", parameter="delivery_id")
    if not row.cancelled:
        state = "being sent at this moment" if row.state == "queued" else row.state
        raise NotPossible(f"it is {state}: only what waits can be cancelled", parameter="delivery_id")


async def replay(
    work: Work[Any],
    company_id: int,
    channel_id: int,
    *,
    since: datetime,
    until: datetime | None = None,
    events: Collection[str] | None = None,
) -> int:
    """Tell the receiver of a channel again what was to be told from `since` until before `until`; how many events.

    In their order, under their ids, after whatever waits now. BadValue where they are too many for one go.
    """
    made = await store.replay(
        work.conn,
        company_id=company_id,
        channel_id=channel_id,
        since=since,
        until=until,
        events=None if events is None else list(events),
        most=MOST_REPLAYED + 1,
    )
    count = made or 0
    if count > MOST_REPLAYED:
        raise BadValue(f"more than {MOST_REPLAYED} events: take a shorter time", parameter="to")
    return count
