"""From an answer's JSON to honest types.

A reader takes a value and returns it as one type, or raises ValueError. Numbers may arrive as text: the vendor's own
documents print them so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, field, fields
from datetime import UTC, datetime
from typing import Any, TypeVar

T = TypeVar("T")
Reader = Callable[[Any], Any]


def wire(read: Reader, *, key: str | None = None, default: Any = MISSING) -> Any:
    """A dataclass' field that is read from the wire; `key` where the wire calls it otherwise."""
    metadata = {"read": read, "key": key}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


def additional() -> Any:
    """The field `more`: whatever else the answer had."""
    return field(default_factory=dict, repr=False, hash=False)


def load(kind: type[T], raw: Any) -> T:
    """An object of this dataclass, whose other keys are kept in `more`. ValueError names the key that is wrong."""
    if not isinstance(raw, Mapping):
        raise ValueError(f"{kind.__name__} should be an object, not {type(raw).__name__}")  # noqa: TRY004  # the answer's fault, not a caller's
    taken: dict[str, Any] = {}
    keys = set()
    for place in fields(kind):  # type: ignore[arg-type]  # whoever calls has a dataclass
        if "read" not in place.metadata:
            continue
        key = place.metadata["key"] or place.name
        keys.add(key)
        if key in raw:
            taken[place.name] = _read(place.metadata["read"], raw[key], key)
        elif place.default is MISSING:
            raise ValueError(f"{kind.__name__}: {key} is missing")
    make: Callable[..., T] = kind
    return make(**taken, more={key: part for key, part in raw.items() if key not in keys})


def _read(read: Reader, value: Any, key: str) -> Any:
    try:
        return read(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{key}: {error}") from error


def number(value: Any) -> int:
    if isinstance(value, int | str):
        return int(value)
    raise ValueError(f"should be a number: {value!r}")


def number_or_none(value: Any) -> int | None:
    """An id; 0 is the vendor's other word for none."""
    return None if value is None or value == "" else number(value) or None


def text(value: Any) -> str:
    return "" if value is None else str(value)


def text_or_none(value: Any) -> str | None:
    return None if value is None else str(value)


def address_or_none(value: Any) -> str | None:
    """An e-mail address; the vendor's sample has "0" where there is none."""
    return None if value in (None, "", "0", 0) else str(value)


def flag(value: Any) -> bool:
    return bool(number(value))


def moment(value: Any) -> datetime:
    """A time in UTC."""
    return datetime.strptime(str(value), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


def moment_or_none(value: Any) -> datetime | None:
    """A time in UTC; the vendor's database writes zeros for none."""
    return None if value in (None, "", "0000-00-00 00:00:00") else moment(value)


def value(raw: Any) -> Any:
    """Whatever it is."""
    return raw


def each(read: Reader) -> Callable[[Any], tuple[Any, ...]]:
    """A list; PHP writes one with gaps as an object, and none as null."""

    def read_all(raw: Any) -> tuple[Any, ...]:
        parts = list(raw.values()) if isinstance(raw, Mapping) else raw or ()
        return tuple(read(part) for part in parts)

    return read_all


def one(kind: type[T]) -> Callable[[Any], T]:
    return lambda raw: load(kind, raw)


def one_or_none(kind: type[T]) -> Callable[[Any], T | None]:
    """An object; PHP writes an empty one as an empty list."""
    return lambda raw: load(kind, raw) if raw else None


def under(key: str) -> Callable[[Any], str]:
    """The text of an object's only interesting key, or the text itself."""
    return lambda raw: text(raw[key] if isinstance(raw, Mapping) else raw)
