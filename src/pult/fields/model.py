"""Additional fields: what a value may be, and how the levels of a nested list hold each other. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from msgspec import Struct

from pult.kit.errors import BadValue, NotFound

TEXT_LIMIT = 255

Values = Mapping[int, str]  # field id -> value, as stored: text, "1" or "0", or an option's id


class Option(Struct, frozen=True):
    id: int
    value: str
    parent_option_id: int | None


class Field(Struct, frozen=True):
    """A field; of a nested list each level is a field of its own under the level above (`parent_field_id`)."""

    id: int
    name: str
    kind: Literal["text", "checkbox", "list", "nested_list"]
    parent_field_id: int | None
    add_tag: bool
    options: list[Option]

    def option(self, value: str, parent: str | None) -> Option | None:
        """The option that `value` names by id or by text, under the parent's option where the field has a parent."""
        fitting = [o for o in self.options if self.parent_field_id is None or str(o.parent_option_id) == parent]
        by_id = [o for o in fitting if str(o.id) == value]
        return next(iter(by_id or [o for o in fitting if o.value == value]), None)


class FieldNotKnown(NotFound):
    """The desk has no such field."""

    def __init__(self, field_id: int) -> None:
        super().__init__(f"there is no additional field {field_id}")
        self.field_id = field_id


class BadFieldValue(BadValue):
    """The value does not fit the field."""

    def __init__(self, field: Field, why: str) -> None:
        super().__init__(f"field {field.id} ({field.name}): {why}")
        self.field_id = field.id


def settle(fields: Mapping[int, Field], current: Values, wished: Mapping[int, Any]) -> dict[int, str | None]:
    """What `wished` (field id -> raw value; None or blank clears) changes: field id -> new value, None where cleared.

    Levels of a nested list are taken from the top: the level above must be given or set already and must fit; changing
    a level clears those below it that are not given. BadFieldValue and FieldNotKnown name what is wrong.
    """
    for field_id in wished:
        if field_id not in fields:
            raise FieldNotKnown(field_id)
    after = dict(current)
    for field in sorted(fields.values(), key=lambda f: depth(fields, f)):
        if field.id in wished:
            _set(fields, after, field, stored(field, wished[field.id], after))
    return {k: after.get(k) for k in fields if current.get(k) != after.get(k)}  # in the order in which they are shown


def depth(fields: Mapping[int, Field], field: Field) -> int:
    """0 for a field of its own and for the first level of a nested list."""
    parent = fields.get(field.parent_field_id) if field.parent_field_id is not None else None
    return 0 if parent is None else 1 + depth(fields, parent)


def stored(field: Field, raw: Any, values: Values) -> str | None:
    """The one form in which a raw value is kept; None when it clears the field."""
    if isinstance(raw, bool):
        raw = "true" if raw else "false"
    if raw is not None and not isinstance(raw, str | int | float):
        raise BadFieldValue(field, "a list or an object is no value")
    text = "" if raw is None else str(raw)
    if text.strip() == "" or (text == "null" and field.kind != "text"):
        return None
    if field.kind == "text":
        return _text(field, text)
    if field.kind == "checkbox":
        return checkbox(field, text)
    parent = None if field.parent_field_id is None else values.get(field.parent_field_id)
    if field.parent_field_id is not None and parent is None:
        raise BadFieldValue(field, f"its parent, field {field.parent_field_id}, is not set")
    option = field.option(text.strip(), parent)
    if option is None:
        raise BadFieldValue(field, f"no such option here: {text[:80]}")
    return str(option.id)


def checkbox(field: Field, text: str) -> str:
    """What a checkbox is kept as: 1 or 0, as text."""
    found = {"true": "1", "1": "1", "yes": "1", "on": "1", "false": "0", "0": "0", "no": "0", "off": "0"}
    if text.strip().lower() not in found:
        raise BadFieldValue(field, "a checkbox is true or false")
    return found[text.strip().lower()]


BITS: Final = 63  # of a ticket's `filled`, a bigint that is never negative


def bit(field_id: int) -> int:
    """The bit of `filled` that stands for a field; fields whose ids differ by a multiple of 63 share one."""
    return 1 << field_id % BITS


def filled(fields: Mapping[int, Field], values: Values) -> int:
    """The bits of the fields that have a value; an unchecked checkbox has none."""
    found = 0
    for field_id, value in values.items():
        field = fields.get(field_id)
        if not (field is not None and field.kind == "checkbox" and value == "0"):
            found |= bit(field_id)
    return found


def tag_of(field: Field, value: str | None) -> str | None:
    """The automatic tag "name:value" of an `add_tag` field; none for an empty field or an empty checkbox."""
    if not field.add_tag or value is None or (field.kind == "checkbox" and value == "0"):
        return None
    shown = next((o.value for o in field.options if str(o.id) == value), value)
    return f"{field.name}:{shown}".replace(",", " ")  # a comma separates tags on the wire


def _text(field: Field, text: str) -> str:
    if len(text) > TEXT_LIMIT:
        raise BadFieldValue(field, f"more than {TEXT_LIMIT} characters")
    return text


def _set(fields: Mapping[int, Field], values: dict[int, str], field: Field, value: str | None) -> None:
    if values.get(field.id) == value:
        return
    if value is None:
        values.pop(field.id, None)
    else:
        values[field.id] = value
    for below in fields.values():
        if below.parent_field_id == field.id:
            _set(fields, values, below, None)
