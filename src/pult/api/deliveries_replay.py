"""deliveries/replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from pult.api import readers
from pult.api.create_ticket_parameters import ID
from pult.api.current import require_current
from pult.api.delivery_parameters import MOMENT, WEBHOOK_EVENTS, several
from pult.api.method import Call, Method
from pult.api.parameters import Parameter
from pult.api.ticket_answer import ID as NUMBER
from pult.api.ticket_answer import exactly
from pult.deliveries.again import actions as again
from pult.kit.errors import BadValue, NotFound

if TYPE_CHECKING:
    from pult.kit.work import Work
    from pult.tickets.caller import Caller

PARAMETERS: Final = (
    Parameter(
        "channel_id", readers.ident, ID, "The API channel whose receiver is told again.", required=True, example=1
    ),
    Parameter(
        "from", readers.moment, MOMENT, "Events of this time or later.", required=True, example="2026-11-25 15:08"
    ),
    Parameter("to", readers.moment, MOMENT, "Events before this time. Absent: until now.", example="2026-11-26 00:00"),
    several("events", WEBHOOK_EVENTS, "Only these events.", "comment"),
)


async def replay(call: Call) -> bytes:
    """Tells a receiver once more what it was to be told in a time, in order, under the same event ids; answers how many."""
    given = call.given

    async def verb(work: Work[Caller]) -> int:
        await require_current(work)
        channel_id = _receiving(work.by, given)
        if "from" not in given:
            raise BadValue("from is missing", parameter="from")
        return await again.replay(
            work, work.by.company_id, channel_id, since=given["from"], until=given.get("to"), events=given.get("events")
        )

    count = await call.desk.done(call.caller, verb)
    return msgspec.json.encode({"status": "success", "count": count})


def _receiving(caller: Caller, given: dict[str, Any]) -> int:
    """The channel asked for, which must have a receiver."""
    channel = caller.configuration.channels.get(given.get("channel_id", 0))
    if channel is None:
        named = f"there is no channel {given['channel_id']}" if "channel_id" in given else "channel_id is missing"
        raise NotFound(named, parameter="channel_id")
    if channel.hook is None:
        raise BadValue("this channel has no webhook address", parameter="channel_id")
    return channel.id


METHOD = Method(
    name="deliveries/replay",
    verbs=frozenset({"POST"}),
    parameters=PARAMETERS,
    handle=replay,
    summary="Repeat the webhooks of a time",
    answer=exactly({"status": {"const": "success"}, "count": NUMBER}),
    seed="deliveries-replay",
)
