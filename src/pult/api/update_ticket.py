"""update/ticket."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pult.api import readers
from pult.api.create_ticket_parameters import FIELD_ID, FIELD_VALUE, ID, LISTS, PRIORITY, SHORT, STATUS, TAG, TYPE, tags
from pult.api.fields_in import fields_given
from pult.api.method import Call, Method
from pult.api.parameters import Parameter
from pult.fields.model import BadFieldValue, FieldNotKnown
from pult.kit.errors import NotFound
from pult.tickets.change import change
from pult.tickets.model import NOTHING, AgentUnknown, Wish

if TYPE_CHECKING:
    from pult.kit.work import Work
    from pult.tickets.caller import Caller

SUCCESS: Final = b'{"status":"success"}'

NULLABLE_ID: Final = {"type": ["integer", "null"], "minimum": 1, "maximum": 2**31 - 1}
TICKET_ID: Final = Parameter("ticket_id", readers.ident, ID, "Ticket id.", required=True, example=1)

PARAMETERS: Final = (
    TICKET_ID,
    Parameter("subject", readers.text, SHORT, "Subject of the ticket."),
    Parameter(
        "client_id",
        readers.client_reference,
        {"type": ["integer", "string"]},
        'The ticket is bound to this client ("new_client" is ignored).',
    ),
    Parameter(
        "group_id",
        readers.ident,
        NULLABLE_ID,
        "The ticket is bound to this group; null clears it. An assignee who is no member of it is cleared, unless given.",
        null="clears",
    ),
    Parameter(
        "assignee_id",
        readers.ident,
        NULLABLE_ID,
        "Agent who gets the ticket: within `group_id`, else within the ticket's group where the agent is a member, else "
        "in the agent's default group; null clears it. A wrong id is an error.",
        null="clears",
    ),
    Parameter("user_id", readers.ident, ID, "Agent on whose behalf the changes are made."),
    TAG,
    PRIORITY,
    STATUS,
    TYPE,
    FIELD_ID,
    replace(FIELD_VALUE, null="absent"),
    LISTS,
    Parameter(
        "silent",
        readers.flag,
        {"type": "boolean"},
        "true: a new ticket (8) stays new; otherwise any change opens it (1).",
    ),
    Parameter(
        "remove_tag", tags, SHORT, "Tags to take away; one that follows a field goes with the field only.", many=True
    ),
)


async def update_ticket(call: Call) -> bytes:
    """Changes what was given and nothing else; nothing at all with an error."""
    given, caller = call.given, call.caller
    if "ticket_id" not in given:
        raise NotFound("ticket_id is missing", parameter="ticket_id")
    agent_id = given.get("user_id")
    if agent_id is not None and agent_id not in caller.configuration.agents:
        raise AgentUnknown(f"there is no agent {agent_id}", parameter="user_id")
    fields = fields_given(given)
    wish = Wish(
        subject=given.get("subject"),
        status=given.get("status"),
        type=given.get("type"),
        priority=given.get("priority"),
        client_id=given.get("client_id"),
        group=given.get("group_id", NOTHING),
        assignee=given.get("assignee_id", NOTHING),
        tags=given.get("tag", ()),
        untagged=given.get("remove_tag", ()),
        fields=fields,
        silent=given.get("silent", False),
    )

    async def verb(work: Work[Caller]) -> None:
        await change(work, given["ticket_id"], wish, agent_id=agent_id)

    try:
        await call.desk.done(caller, verb)
    except (BadFieldValue, FieldNotKnown) as error:
        error.parameter = fields.parameter_of(error)
        raise
    return SUCCESS


METHOD = Method(
    name="update/ticket",
    verbs=frozenset({"POST"}),
    parameters=PARAMETERS,
    handle=update_ticket,
    summary="Update a ticket",
    answer={"type": "object", "required": ["status"], "properties": {"status": {"const": "success"}}},
    seed="update-ticket",
)
