"""deliveries."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from pult.api import readers
from pult.api.create_ticket_parameters import ID
from pult.api.delivery_parameters import BIG_ID, EVENTS, KINDS, MOMENT, SHOWN, STATES, big_ident, several
from pult.api.method import Call, Method
from pult.api.parameters import Parameter
from pult.api.ticket_answer import exactly
from pult.tickets.configuration import Stale

if TYPE_CHECKING:
    from typing import Any

PAGE_SIZE: Final = 100
SHOWN_AS: Final = files("pult.api").joinpath("delivery_shown.sql").read_text()
PAGE: Final = files("pult.api").joinpath("deliveries.sql").read_text().replace("/*shown*/", SHOWN_AS)

PARAMETERS: Final = (
    Parameter("ticket_id", readers.ident, ID, "Of this ticket."),
    Parameter("comment_id", big_ident, BIG_ID, "Of this comment."),
    Parameter(
        "channel_id",
        readers.ident,
        ID,
        "Of this channel: the one that sends a message, or the API channel that is told.",
    ),
    several("state", STATES, "In one of these states.", "failed"),
    several("kind", KINDS, "Messages to clients, or webhooks.", "webhook"),
    several("event", EVENTS, "Of these events.", "comment"),
    Parameter("from", readers.moment, MOMENT, "Made at this time or later.", example="2026-11-25 15:08"),
    Parameter("to", readers.moment, MOMENT, "Made before this time.", example="2026-11-26 00:00"),
    Parameter(
        "offset",
        readers.offset,
        {"type": "integer", "minimum": 0},
        "Which page of 100, from 0.",
        null="refused",
    ),
)


async def deliveries(call: Call) -> bytes:
    """What left the desk or is about to, newest first, a page of 100: messages to clients and webhooks."""
    async with call.desk.pools.lists.acquire() as conn:
        row = await conn.fetchrow(PAGE, *arguments(call))
    assert row is not None
    if not row["current"]:
        raise Stale
    body: bytes = row["body"]
    return body


def arguments(call: Call) -> tuple[Any, ...]:
    """What the page's statement is asked with."""
    caller, given = call.caller, call.given
    filters = (
        given.get(name) for name in ("ticket_id", "comment_id", "channel_id", "state", "kind", "event", "from", "to")
    )
    return (caller.company_id, caller.token_hash, caller.version, *filters, given.get("offset", 0) * PAGE_SIZE)


METHOD = Method(
    name="deliveries",
    verbs=frozenset({"GET", "POST"}),
    parameters=PARAMETERS,
    handle=deliveries,
    summary="The log of messages and webhooks",
    answer={"type": "array", "maxItems": PAGE_SIZE, "items": exactly(SHOWN)},
    seed="deliveries",
)
