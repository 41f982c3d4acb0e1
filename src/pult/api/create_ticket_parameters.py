"""The parameters of create/ticket, in the seed's order and words."""

from __future__ import annotations

from typing import Any, Final

from pult.api import fields_in, readers
from pult.api.errors import WrongTags
from pult.api.parameters import Parameter
from pult.clients.model import PHONE_TYPES
from pult.kit.errors import BadValue
from pult.tickets.model import PRIORITIES, TYPES

SHORT: Final = {"type": "string", "maxLength": 255}
ID: Final = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}


def tags(raw: Any, name: str) -> list[str]:
    """Tags; what is no text is the vendor's own error 116."""
    parts = raw if isinstance(raw, list) else [raw]
    if any(isinstance(part, dict | list | bool) or part is None for part in parts):
        raise WrongTags(f"{name}: should be text, tags separated by commas", parameter=name)
    return readers.tags(raw, name)


def variables(raw: Any, name: str) -> list[str]:
    """Template variables in their order."""
    try:
        return readers.words(raw, name)
    except BadValue:
        raise BadValue(f"{name}: should be a list of texts", parameter=name) from None


TAG: Final = Parameter(
    "tag", tags, SHORT, "Tags, separated by a comma and optional blanks.", many=True, example="new ticket,test"
)
PRIORITY: Final = Parameter(
    "priority",
    readers.one_of(PRIORITIES),
    {"type": "string", "enum": list(PRIORITIES)},
    "Ticket priority. New tickets: medium.",
)
TYPE: Final = Parameter(
    "type", readers.one_of(TYPES), {"type": "string", "enum": list(TYPES)}, "Ticket type. New tickets: question."
)
STATUS: Final = Parameter(
    "status",
    readers.status,
    {"type": "integer", "minimum": 1, "maximum": 10},
    "Ticket status: 1 open, 2 done, 3 closed, 4 deleted, 5 on hold, 6 pending, 7 spam, 8 new, 9 mailing, 10 merged. New tickets: 8.",
)
FIELD_ID: Final = Parameter(
    "field_id",
    fields_in.field_ids,
    SHORT,
    "Ids of additional fields, separated by semicolons.",
    many=True,
    example="10;12;9",
)
FIELD_VALUE: Final = Parameter(
    "field_value",
    fields_in.field_values,
    {"type": "string"},
    "Values of the fields in `field_id`, separated by semicolons: text (255 characters each), true/false of a checkbox, "
    "a variant's id of a list; empty clears. A single field takes the whole value.",
    many=True,
    example="any_value;true;93",
)
LISTS: Final = Parameter(
    "lists",
    fields_in.lists,
    {
        "type": "array",
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id"],
                "properties": {"id": {"type": ["integer", "string"]}, "value": {"type": ["string", "integer", "null"]}},
            },
        },
    },
    "Nested lists: for each level the field's id and an option's id or text. The level above must be given or set; "
    "an empty value or null clears a level and those below it.",
)

PARAMETERS: Final = (
    Parameter("subject", readers.text, SHORT, "Subject of the ticket; emoji too.", required=True, example="First msg"),
    Parameter(
        "message",
        readers.message,
        {"type": "string", "maxLength": 65536},
        "Message, up to 64 KiB; HTML is kept and cleaned. A private comment may mention agents: [~mail@example.com].",
        required=True,
        example="Hello world",
    ),
    Parameter("client_name", readers.text, SHORT, "Client name; a client who has one keeps it.", example="JON"),
    Parameter(
        "client_email", readers.text, SHORT, "Client e-mail; identifies the client.", example="jon@client.example"
    ),
    Parameter(
        "client_id",
        readers.client_reference,
        {"type": ["integer", "string"]},
        'Client id, or "new_client" for a new client (whom a known contact still identifies).',
    ),
    Parameter(
        "company_name",
        readers.text,
        SHORT,
        "The client's company: found by name or made; the client is (re-)attached to it.",
    ),
    Parameter("private_comment", readers.flag, {"type": "boolean"}, "true: the first comment is private."),
    Parameter("additional_id", readers.text, SHORT, "System field, shown in API answers only."),
    TYPE,
    PRIORITY,
    STATUS,
    TAG,
    Parameter(
        "assignee_id",
        readers.ident,
        ID,
        "Agent who gets the ticket: in `group_id` where the agent is a member, else in the agent's default group. "
        "A wrong id is an error.",
    ),
    Parameter(
        "group_id", readers.ident, ID, "Group that gets the ticket. Without group and agent: the channel's group."
    ),
    Parameter(
        "client_phone",
        readers.text,
        SHORT,
        "Client phone; identifies the client, and is added to a known one.",
        example="79123456789",
    ),
    FIELD_ID,
    FIELD_VALUE,
    Parameter(
        "channel_id",
        readers.channel_reference,
        {"type": ["integer", "string"]},
        "Channel of the ticket. Wrong or absent: the token's channel.",
    ),
    Parameter(
        "from",
        readers.side,
        {"type": "string"},
        "Who wrote the first comment: user, client or trigger. Default: client, in Viber and Telegram user.",
        example="client",
    ),
    Parameter(
        "user_id",
        readers.ident,
        ID,
        "Agent of `from` = user; absent: the channel's default agent, else the desk's first admin.",
    ),
    Parameter("trigger_id", readers.ident, ID, "Trigger of `from` = trigger."),
    Parameter("client_country", readers.text, SHORT, "Client country."),
    Parameter("client_city", readers.text, SHORT, "Client city."),
    Parameter("client_address", readers.text, SHORT, "Client address."),
    Parameter(
        "new_address", readers.flag, {"type": "boolean"}, "Given: the address is added beside those the client has."
    ),
    Parameter(
        "phone_type",
        readers.word_of(PHONE_TYPES),
        {"type": "string", "enum": list(PHONE_TYPES)},
        "Type of `client_phone`.",
    ),
    LISTS,
    Parameter(
        "username", readers.text, SHORT, "Nickname of a Telegram client, with or without @; identifies the client."
    ),
    Parameter(
        "template_id",
        readers.text,
        {"type": ["integer", "string"]},
        "WhatsApp Business template by its id; subject and message are then not needed.",
    ),
    Parameter(
        "template_name",
        readers.text,
        SHORT,
        "WhatsApp Business template by its name; subject and message are then not needed.",
    ),
    Parameter(
        "template_variables",
        variables,
        {"type": "array", "items": {"type": "string"}},
        "Template variables, substituted in their order.",
        many=True,
    ),
    Parameter("template_lang", readers.text, SHORT, "Template language; ru by default."),
)
