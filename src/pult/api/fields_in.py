"""Additional fields as the wire sends them: `field_id`/`field_value` pairs and `lists`, flat or nested."""

from __future__ import annotations

from typing import Any

from pult.api import readers
from pult.fields.model import BadFieldValue, FieldNotKnown
from pult.kit.errors import BadValue


class FieldsGiven(dict[int, Any]):
    """field id -> raw value, remembering which parameter each came from."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: dict[int, str] = {}

    def take(self, field_id: int, value: Any, source: str) -> None:
        self[field_id] = value
        self.sources[field_id] = source

    def parameter_of(self, error: BadFieldValue | FieldNotKnown) -> str:
        """The parameter to blame for a field that was refused."""
        source = self.sources.get(error.field_id, "field_id")
        return source if source == "lists" or isinstance(error, FieldNotKnown) else "field_value"


def fields_given(given: dict[str, Any]) -> FieldsGiven:
    """The fields of a call. `field_id` without `field_value` clears (an empty value does)."""
    found = FieldsGiven()
    if given.get("field_id") is not None:
        for field_id, value in _pairs(given["field_id"], given.get("field_value")):
            found.take(field_id, value, "field_id")
    elif given.get("field_value") is not None:
        raise BadValue("field_value: field_id is missing", parameter="field_id")
    for field_id, value in given.get("lists", []):
        found.take(field_id, value, "lists")
    return found


def _pairs(ids: list[int], values: Any) -> list[tuple[int, Any]]:
    """One id takes the whole value, semicolons and all; several ids share it between them."""
    if len(ids) == 1:
        return [(ids[0], values[0] if isinstance(values, list) and len(values) == 1 else values)]
    parts = values if isinstance(values, list) else ("" if values is None else str(values)).split(";")
    if len(parts) == len(ids) + 1 and parts[-1] == "":
        parts = parts[:-1]
    if len(parts) != len(ids):
        text = f"field_value: {len(parts)} values for {len(ids)} fields"
        raise BadValue(text, parameter="field_value")
    return list(zip(ids, parts, strict=True))


def field_ids(raw: Any, name: str) -> list[int]:
    """Ids separated by semicolons (up to 255 characters), or a list of them."""
    if isinstance(raw, list):
        return [readers.ident(part, name) for part in raw]
    parts = readers.text(raw, name).split(";")
    return [readers.ident(part, name) for part in parts if part.strip()]


def field_values(raw: Any, name: str) -> Any:
    """A value, several in one text, or a list of them."""
    if isinstance(raw, dict) or (isinstance(raw, list) and any(isinstance(part, dict | list) for part in raw)):
        raise BadValue(f"{name}: should be text", parameter=name)
    return raw


def lists(raw: Any, name: str) -> list[tuple[int, Any]]:
    """`[[{id, value}, …], …]`, a flat list, one object, PHP's numbered keys, or JSON text of any of these."""
    found: list[tuple[int, Any]] = []
    _gather(readers.decoded(raw, name), name, found)
    return found


def _gather(raw: Any, name: str, found: list[tuple[int, Any]]) -> None:
    if isinstance(raw, dict) and "id" in raw:
        value = raw.get("value")
        if isinstance(value, dict | list):
            raise BadValue(f"{name}: a value should be text or a number", parameter=name)
        found.append((readers.ident(raw["id"], name), value))
    elif isinstance(raw, dict) and all(str(key).isdigit() for key in raw):
        for part in raw.values():
            _gather(part, name, found)
    elif isinstance(raw, list):
        for part in raw:
            _gather(part, name, found)
    else:
        raise BadValue(f"{name}: should be a list of objects with id and value", parameter=name)
