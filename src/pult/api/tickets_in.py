"""The parameters of `tickets`, and the filters that they ask for."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from pult.api import readers
from pult.api.create_ticket_parameters import ID
from pult.api.fields_in import field_ids
from pult.api.parameters import Parameter
from pult.api.ticket import AGENT, PROPERTIES
from pult.fields.model import bit
from pult.kit.errors import BadValue
from pult.tickets.listing import FieldIs, Held, Holder
from pult.tickets.model import PRIORITIES, TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pult.tickets.configuration import Configuration
    from pult.tickets.listing import Sort

SORTS: Final[dict[str, Sort]] = {
    "id": "id",
    "status_id": "status",
    "client_id": "client",
    "assignee_id": "assignee",
    "group": "group",
    "last_updated_at": "updated",
    "published_at": "created",
}
MOST_CONDITIONS: Final = 20


def held(raw: Any, name: str) -> list[Held]:
    """`fassigned`: objects of assignee_id and group_id, one or several; agent ids as text; `{group}_{agent}`."""
    raw = readers.decoded(raw, name) if isinstance(raw, str) and raw.lstrip()[:1] in {"[", "{"} else raw
    parts = _several(raw)
    if len(parts) > MOST_CONDITIONS:
        raise BadValue(f"{name}: more than {MOST_CONDITIONS} pairs", parameter=name)
    return [_pair(part, name) if isinstance(part, dict) else _old(part, name) for part in parts]


def _several(raw: Any) -> list[Any]:
    """One or several; texts separated by commas too; PHP's numbered keys."""
    if isinstance(raw, dict) and raw and all(str(key).isdigit() for key in raw):
        raw = list(raw.values())
    parts = raw if isinstance(raw, list) else [raw]
    found: list[Any] = []
    for part in parts:
        found += [p.strip() for p in part.split(",") if p.strip()] if isinstance(part, str) else [part]
    return found


def _pair(part: dict[str, Any], name: str) -> Held:
    assignee, group = (_holder(part.get(key), name) for key in ("assignee_id", "group_id"))
    if assignee is Holder.NOBODY and group is Holder.ANY:
        group = Holder.SOMEBODY  # the seed's case 3; both unassigned is its case 4
    return Held(assignee, group)


def _holder(raw: Any, name: str) -> int | Holder:
    if raw is None or (isinstance(raw, str) and raw.strip().lower() in {"", "null"}):
        return Holder.ANY
    if isinstance(raw, str) and raw.strip().lower() == "unassigned":
        return Holder.NOBODY
    return _possible(raw, name)


def _old(raw: Any, name: str) -> Held:
    if isinstance(raw, str) and raw.lower() == "unassigned":
        return Held(assignee=Holder.NOBODY)
    if isinstance(raw, str) and "_" in raw:
        group, _, agent = raw.partition("_")
        return Held(assignee=_possible(agent, name), group=_possible(group, name))
    return Held(assignee=_possible(raw, name))


def _possible(raw: Any, name: str) -> int:
    """A number; one that no id can be is 0, which nobody has."""
    value = readers.number(raw, name)
    return value if 0 < value <= readers.INT32 else 0


def conditions(raw: Any, name: str) -> list[tuple[int | None, Any]]:
    """`fields`: objects of id and value, one or several, or JSON text of them."""
    raw = readers.decoded(raw, name)
    if isinstance(raw, dict) and "id" not in raw and "value" not in raw:
        raw = list(raw.values())
    parts = raw if isinstance(raw, list) else [raw]
    if len(parts) > MOST_CONDITIONS:
        raise BadValue(f"{name}: more than {MOST_CONDITIONS} conditions", parameter=name)
    found = []
    for part in parts:
        value = part.get("value") if isinstance(part, dict) else None
        if not isinstance(part, dict) or isinstance(value, dict | list) or isinstance(part.get("id"), dict | list):
            raise BadValue(f"{name}: should be a list of objects with id and value", parameter=name)
        blank = part.get("id") is None or part.get("id") == ""
        found.append((None if blank else _possible(part["id"], name), value))
    return found


def wanted(field_id: int | None, value: Any, configuration: Configuration) -> FieldIs:
    """One condition. `empty` and `not_empty` are words; a checkbox is empty at 0, false or blank, filled at 1 or true."""
    fields = configuration.fields
    alone = bits_are_alone(configuration, [field_id] if field_id is not None else list(fields))
    text = ("1" if value else "0") if isinstance(value, bool) else "" if value is None else str(value)
    field = fields.get(field_id) if field_id is not None else None
    if field is not None and field.kind == "checkbox":
        checked = text.strip().lower() not in {"", "0", "false", "empty"}
        return FieldIs(field_id, filled=checked, checkbox=True, alone=alone)
    if text == "not_empty":
        return FieldIs(field_id, all_fields=list(fields), alone=alone)
    if text.strip() == "" or text == "empty":
        known = field_id is None or field is not None
        return FieldIs(field_id, filled=not known, all_fields=list(fields), alone=alone)
    if field is not None and field.options:
        options = [o for o in field.options if str(o.id) == text.strip()]
        options = options or [o for o in field.options if o.value == text]  # a text may stand under several parents
        return FieldIs(field_id, values=[str(option.id) for option in options] or [text])
    return FieldIs(field_id, values=[text])


def bits_are_alone(configuration: Configuration, asked: Sequence[int]) -> bool:
    """Whether no other field of the company, inactive ones included, shares a bit with one of the asked."""
    bits = Counter(bit(field_id) for field_id in configuration.field_ids)
    return bool(asked) and all(bits[bit(field_id)] == 1 for field_id in asked)


def query(raw: Any, name: str) -> str:
    """What to search for; up to 255 characters."""
    return readers.text(raw, name)


LIST_OF_IDS: Final = {"type": "string", "description": "ids separated by commas", "example": "1,2"}
MOMENT: Final = {"type": "string", "example": "2016-11-25 00:00"}


def _moment(name: str, what: str) -> Parameter:
    return Parameter(name, readers.moment, MOMENT, f"{what} (inclusive, UTC).")


PARAMETERS: Final = (
    Parameter("fchannel", readers.numbers, LIST_OF_IDS, "Channels.", many=True),
    Parameter(
        "fassigned",
        held,
        {
            "type": ["array", "object", "string", "integer"],
            "items": {
                "type": "object",
                "properties": {
                    "assignee_id": {"type": ["integer", "string"]},
                    "group_id": {"type": ["integer", "string"]},
                },
            },
        },
        "Who holds the ticket, one object or several: an agent within a group; an agent in any group; assignee_id "
        "`unassigned`: a group but nobody in it; both `unassigned`: nobody at all. Old forms: agent ids, `{group}_{agent}`.",
        many=True,
    ),
    Parameter("fgroup", readers.numbers, LIST_OF_IDS, "Groups.", many=True),
    Parameter(
        "fstatus", readers.numbers, LIST_OF_IDS, "Statuses; without it every status, deleted and spam too.", many=True
    ),
    Parameter("ftype", readers.names_of(TYPES), {"type": "string", "example": "question,task"}, "Types.", many=True),
    Parameter(
        "fpriority", readers.names_of(PRIORITIES), {"type": "string", "example": "low,urgent"}, "Priorities.", many=True
    ),
    AGENT,
    Parameter("offset", readers.offset, {"type": "integer", "minimum": 0}, "Page of 100, from 0.", null="refused"),
    Parameter("tag", readers.tags, {"type": "string"}, "Tags by name or id; any of them.", null="refused", many=True),
    Parameter(
        "tags",
        readers.tags,
        {"type": "string"},
        "The same under the name of the seed's sample.",
        null="refused",
        many=True,
    ),
    _moment("created_after", "Created at this time or later"),
    _moment("created_before", "Created at this time or earlier"),
    _moment("updated_after", "Changed at this time or later"),
    _moment("updated_before", "Changed at this time or earlier"),
    Parameter(
        "query",
        query,
        {"type": "string", "maxLength": 255},
        "Words to find in the subject and in all comments; ten calls a minute for each token.",
        null="refused",
    ),
    Parameter("client_id", readers.ident, ID, "Tickets of this client."),
    Parameter(
        "fields",
        conditions,
        {
            "type": "array",
            "maxItems": MOST_CONDITIONS,
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": ["integer", "string"]},
                    "value": {"type": ["string", "integer", "boolean", "null"]},
                },
            },
        },
        "Additional fields: for each its id and a value, or `empty`, or `not_empty`; all must hold.",
        many=True,
    ),
    Parameter(
        "field_id",
        field_ids,
        {"type": ["string", "integer"]},
        "Deprecated: a field that is filled, or has `field_value`.",
    ),
    Parameter("field_value", readers.text, {"type": "string"}, "Deprecated: a value, `empty` or `not_empty`."),
    Parameter(
        "sort", readers.word_of(list(SORTS)), {"type": "string", "enum": list(SORTS)}, "What to sort by; id by default."
    ),
    Parameter(
        "order", readers.word_of(["asc", "desc"]), {"type": "string", "enum": ["asc", "desc"]}, "desc by default."
    ),
    PROPERTIES,
)
