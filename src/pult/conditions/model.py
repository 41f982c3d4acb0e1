"""A condition on a ticket: a field, an operator, the values that it is compared with. Pure.

Conditions are written with the keys and texts of a desk file; `resolved` gives the form that is stored, in which
channels, groups, agents and additional fields are ids, so that a new name or key changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from pult.kit.errors import BadValue

STATUSES = {
    "open": 1,
    "done": 2,
    "closed": 3,
    "deleted": 4,
    "on_hold": 5,
    "pending": 6,
    "spam": 7,
    "new": 8,
    "mailing": 9,
    "merged": 10,
}
TYPES = {"question": 1, "task": 2, "problem": 3, "incident": 4}
PRIORITIES = {"low": 1, "medium": 2, "urgent": 3, "extreme": 4}
WORDS = {"status": STATUSES, "type": TYPES, "priority": PRIORITIES}
REFERENCES = {"channel": "channels", "group": "groups", "assignee": "agents"}
TEXTS = ("subject", "message", "tag")
BUILT_IN = (*WORDS, *REFERENCES, *TEXTS)
OPERATORS = ("is", "is_not", "contains", "empty")

Options = Mapping[str, "Options"]  # of a list: its texts; of a nested list each with those below it


class FieldNames(Struct, frozen=True):
    """What rules may say about an additional field. No kind: the field itself is wrong, and nothing is said about it."""

    kind: str | None
    options: Options


class Names(Struct, frozen=True):
    """The keys that rules may name."""

    channels: frozenset[str]
    groups: frozenset[str]
    agents: frozenset[str]
    fields: Mapping[str, FieldNames]


class Ids(Struct, frozen=True):
    """The ids behind the keys."""

    channels: Mapping[str, int]
    groups: Mapping[str, int]
    agents: Mapping[str, int]
    fields: Mapping[str, int]


class Condition(Struct, frozen=True):
    """`values` is what one of must hold; of `empty` it is [True] or [False]."""

    field: str
    operator: str
    values: list[str | bool]


def condition(raw: Mapping[str, Any], names: Names) -> Condition:
    """The condition that a table { field = …, is = … } states; BadValue names the key that is wrong."""
    field = raw.get("field")
    if not isinstance(field, str):
        raise BadValue("should name what is compared", parameter="field")
    if field not in BUILT_IN and field not in names.fields:
        raise BadValue(f"no such field (known: {', '.join([*BUILT_IN, *sorted(names.fields)])})", parameter="field")
    operators = [key for key in raw if key != "field"]
    for key in operators:
        if key not in OPERATORS:
            raise BadValue(f"unknown operator (known: {', '.join(OPERATORS)})", parameter=key)
    if len(operators) != 1:
        raise BadValue(f"a condition has one operator of {', '.join(OPERATORS)}", parameter="field")
    operator = operators[0]
    return Condition(field, operator, _values(field, operator, raw[operator], names))


def resolved(found: Condition, ids: Ids) -> dict[str, Any]:
    """The stored form: {"field", "operator", "values"}, with "field_id" for an additional field."""
    stored: dict[str, Any] = {"field": found.field, "operator": found.operator, "values": found.values}
    if found.field not in BUILT_IN:
        stored |= {"field": "field", "field_id": ids.fields[found.field]}
    elif found.operator != "empty":
        stored["values"] = [resolved_value(found.field, value, ids) for value in found.values]
    return stored


def resolved_value(field: str, value: str | bool, ids: Ids) -> str | bool | int:  # noqa: FBT001 (a value, no switch)
    """The number that a word or key of a built-in field stands for; other values as they are."""
    if field in WORDS:
        return WORDS[field][str(value)]
    if field in REFERENCES:
        known: Mapping[str, int] = getattr(ids, REFERENCES[field])
        return known[str(value)]
    return value


def check_value(field: str, value: object, names: Names) -> str | bool:
    """`value` as one that `field` may have; BadValue (without a parameter) otherwise."""
    kind = "built in" if field in BUILT_IN else names.fields[field].kind
    if kind is None and isinstance(value, str | bool):
        return value
    if kind == "checkbox":
        if not isinstance(value, bool):
            raise BadValue("a checkbox is true or false")
        return value
    if not isinstance(value, str) or not value:
        raise BadValue("should be text")
    if field in WORDS and value not in WORDS[field]:
        raise BadValue(f"no such {field}: {value} (known: {', '.join(WORDS[field])})")
    if field in REFERENCES and value not in getattr(names, REFERENCES[field]):
        known = ", ".join(sorted(getattr(names, REFERENCES[field])))
        raise BadValue(f"no such {REFERENCES[field].removesuffix('s')}: {value} (known: {known})")
    if kind in {"list", "nested_list"}:
        options = list(dict.fromkeys(_all_options(names.fields[field].options)))
        if value not in options:
            raise BadValue(f"no such option: {value} (known: {', '.join(options)})")
    return value


def _values(field: str, operator: str, raw: object, names: Names) -> list[str | bool]:
    if operator == "empty":
        if not isinstance(raw, bool):
            raise BadValue("should be true or false", parameter=operator)
        return [raw]
    values = raw if isinstance(raw, list) else [raw]
    if not values:
        raise BadValue("compares with nothing", parameter=operator)
    if operator == "contains":
        return [_part(field, value, names) for value in values]
    try:
        return [check_value(field, value, names) for value in values]
    except BadValue as error:
        raise BadValue(error.text, parameter=operator) from None


def _part(field: str, value: object, names: Names) -> str:
    if field not in TEXTS and (field in BUILT_IN or names.fields[field].kind != "text"):
        raise BadValue("only texts are searched: subject, message, tag and text fields", parameter="contains")
    if not isinstance(value, str) or not value:
        raise BadValue("should be text", parameter="contains")
    return value


def _all_options(options: Options) -> Iterator[str]:
    for value, below in options.items():
        yield value
        yield from _all_options(below)
