"""ticket."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from pult.api import readers
from pult.api.create_ticket_parameters import ID
from pult.api.method import Call, Method
from pult.api.parameters import Parameter
from pult.api.ticket_answer import ANSWER
from pult.api.update_ticket import TICKET_ID
from pult.kit.errors import NotFound
from pult.kit.files import expiry
from pult.staff import rights
from pult.tickets.change import TicketUnknown
from pult.tickets.configuration import Stale
from pult.tickets.model import AgentUnknown

if TYPE_CHECKING:
    from pult.tickets.caller import Caller

PAGE: Final = files("pult.api").joinpath("ticket.sql").read_text()

AGENT: Final = Parameter(
    "accessible_for_agent_id",
    readers.ident,
    ID,
    "As this agent sees it: adds `rights` (read or write in the ticket's channel); without access there is nothing to see.",
    null="refused",
)
PROPERTIES: Final = Parameter(
    "properties",
    readers.words,
    {"type": "array", "items": {"type": "string", "enum": ["sla"]}},
    'What to add: ["sla"] adds `active_sla` where the ticket has SLAs. A plain `sla` and JSON text are taken too.',
    many=True,
    example=["sla"],
)
PARAMETERS: Final = (TICKET_ID, AGENT, PROPERTIES)


async def ticket(call: Call) -> bytes:
    """A ticket, all comments, tags and a history of changes."""
    if "ticket_id" not in call.given:
        raise NotFound("ticket_id is missing", parameter="ticket_id")
    row = await call.desk.pools.main.fetchrow(PAGE, *arguments(call))
    assert row is not None
    if not row["current"]:
        raise Stale
    if row["body"] is None:
        raise TicketUnknown(f"there is no ticket {call.given['ticket_id']}", parameter="ticket_id")
    body: bytes = row["body"]
    return body


def arguments(call: Call) -> tuple[Any, ...]:
    """What the page's statement is asked with."""
    caller, given, settings = call.caller, call.given, call.desk.settings
    visible, writable = seen_by(caller, given.get("accessible_for_agent_id"))
    return (
        caller.company_id,
        given["ticket_id"],
        caller.token_hash,
        caller.version,
        visible,
        writable,
        "sla" in given.get("properties", ()),
        settings.address,
        call.desk.secret,
        expiry(datetime.now(UTC), settings.file_link_days),  # clock: a link's end needs no transaction
    )


def seen_by(caller: Caller, agent_id: int | None) -> tuple[list[int] | None, list[int]]:
    """The channels that an agent may see (None: nobody was asked about) and those where it may write."""
    if agent_id is None:
        return None, []
    agent = caller.configuration.agents.get(agent_id)
    if agent is None:
        raise AgentUnknown(f"there is no agent {agent_id}", parameter="accessible_for_agent_id")
    access = rights.channels(agent, caller.configuration.channels)
    return list(access), [channel for channel, right in access.items() if right == "write"]


METHOD = Method(
    name="ticket",
    verbs=frozenset({"GET", "POST"}),
    parameters=PARAMETERS,
    handle=ticket,
    summary="A ticket with its comments, tags and history",
    answer=ANSWER,
    seed="ticket",
)
