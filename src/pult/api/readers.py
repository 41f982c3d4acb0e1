"""From the wire's values to honest types. Lenient in how a value is spelled, strict in what it is.

A reader takes the raw value (text, number, boolean, list or dict; never blank) and the parameter's name, and returns the
value or raises BadValue with the parameter's name. Blank text is "not given" everywhere and never reaches a reader.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from pult.kit.errors import BadValue, NotFound

Reader = Callable[[Any, str], Any]

INT32: Final = 2**31 - 1
MESSAGE_LIMIT: Final = 64 * 1024
TEXT_LIMIT: Final = 255

_digits = re.compile(r"[+-]?[0-9]+")


def text(raw: Any, name: str) -> str:
    """Up to 255 characters; a number is its digits (`client_phone` arrives as one)."""
    value = _scalar(raw, name).strip()
    if len(value) > TEXT_LIMIT:
        raise BadValue(f"{name}: more than {TEXT_LIMIT} characters", parameter=name)
    return value


def raw_text(raw: Any, name: str) -> str:
    """Text as it is, blanks included; its parts have limits of their own."""
    return _scalar(raw, name)


def message(raw: Any, name: str) -> str:
    """Up to 64 KiB of UTF-8, HTML allowed."""
    value = _scalar(raw, name)
    if len(value.encode()) > MESSAGE_LIMIT:
        raise BadValue(f"{name}: more than 64 KiB", parameter=name)
    return value


def number(raw: Any, name: str) -> int:
    """A whole number, as a number or as text."""
    with contextlib.suppress(ValueError, OverflowError):
        if isinstance(raw, float) and raw.is_integer():
            return int(raw)
        if isinstance(raw, int) and not isinstance(raw, bool):
            return raw
        if isinstance(raw, str) and len(raw) < 64 and _digits.fullmatch(raw.strip()):
            return int(raw)
    raise BadValue(f"{name}: should be a number", parameter=name)


def ident(raw: Any, name: str) -> int:
    """An id: a 32-bit number above 0. What cannot be an id is as unknown as an id that does not exist."""
    value = number(raw, name)
    if not 0 < value <= INT32:
        raise NotFound(f"{name}: there is no {value}", parameter=name)
    return value


def client_reference(raw: Any, name: str) -> int | None:
    """A client's id, or None for "new_client"."""
    return None if raw == "new_client" else ident(raw, name)


def one_of(names: Sequence[str]) -> Reader:
    """The place (from 1) of a documented name."""

    def read(raw: Any, name: str) -> int:
        value = _scalar(raw, name).strip().lower()
        if value not in names:
            raise BadValue(f"{name}: should be one of {', '.join(names)}", parameter=name)
        return names.index(value) + 1

    return read


def word_of(names: Sequence[str]) -> Reader:
    """A documented name itself."""

    def read(raw: Any, name: str) -> str:
        place: int = one_of(names)(raw, name)
        return names[place - 1]

    return read


def status(raw: Any, name: str) -> int:
    """1 to 10."""
    value = number(raw, name)
    if not 1 <= value <= 10:
        raise BadValue(f"{name}: should be a number from 1 to 10", parameter=name)
    return value


def flag(raw: Any, _name: str) -> bool:
    """All spellings of true; anything else is false."""
    return raw is True or raw == 1 or (isinstance(raw, str) and raw.strip().lower() in {"true", "1", "yes", "on"})


def side(raw: Any, _name: str) -> str:
    """`from`: user, client or trigger; an unknown value counts as client."""
    return str(raw) if raw in ("user", "client", "trigger") else "client"


def tags(raw: Any, name: str) -> list[str]:
    """Names separated by commas and optional blanks, each once; a list of names is taken too."""
    parts = raw if isinstance(raw, list) else [raw]
    joined = ",".join(_scalar(part, name) for part in parts)
    if len(joined) > TEXT_LIMIT:
        raise BadValue(f"{name}: more than {TEXT_LIMIT} characters", parameter=name)
    return list(dict.fromkeys(filter(None, (tag.strip() for tag in joined.split(",")))))


def numbers(raw: Any, name: str) -> list[int]:
    """Numbers separated by commas, or a list of them; those that cannot be an id match nothing."""
    parts: list[Any] = []
    for part in raw if isinstance(raw, list) else [raw]:
        parts += part.split(",") if isinstance(part, str) else [part]
    found = [number(part, name) for part in parts if not (isinstance(part, str) and not part.strip())]
    return [value for value in found if 0 <= value <= INT32]


def names_of(known: Sequence[str]) -> Reader:
    """Names separated by commas; also their numbers from 1. Any other value matches nothing."""

    def read(raw: Any, name: str) -> list[int]:
        parts = [p.strip().lower() for part in _listed(raw) for p in _scalar(part, name).split(",")]
        spelled = {word: place for place, word in enumerate(known, 1)}
        spelled |= {str(place): place for place in range(1, len(known) + 1)}
        return sorted({spelled[part] for part in parts if part in spelled})

    return read


def moment(raw: Any, name: str) -> datetime:
    """YYYY-MM-DD HH:MM[:SS] in UTC; a date alone is its midnight."""
    value = _scalar(raw, name).strip().replace("T", " ").removesuffix("Z")
    for form in ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"):
        with contextlib.suppress(ValueError):
            return datetime.strptime(value, form).replace(tzinfo=UTC)
    raise BadValue(f"{name}: should be a time like 2016-11-25 15:08", parameter=name)


def offset(raw: Any, name: str) -> int:
    """A page's number from 0."""
    value = number(raw, name)
    if value < 0:
        raise BadValue(f"{name}: should be 0 or more", parameter=name)
    return min(value, INT32)


def words(raw: Any, name: str) -> list[str]:
    """A list of texts; JSON text of one; or texts separated by commas."""
    if isinstance(raw, str) and raw.lstrip().startswith("["):
        raw = decoded(raw, name)
    parts = raw if isinstance(raw, list) else _scalar(raw, name).split(",")
    return [_scalar(part, name).strip() for part in parts]


def decoded(raw: Any, name: str) -> Any:
    """A structure, from JSON text where a form had to carry it as text."""
    if not isinstance(raw, str):
        return raw
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        raise BadValue(f"{name}: should be a list of objects with id and value", parameter=name) from None


def _listed(raw: Any) -> list[Any]:
    return raw if isinstance(raw, list) else [raw]


def _scalar(raw: Any, name: str) -> str:
    if isinstance(raw, str):
        return raw
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return str(int(raw)) if isinstance(raw, float) and raw.is_integer() else str(raw)
    raise BadValue(f"{name}: should be text", parameter=name)


def channel_reference(raw: Any, _name: str) -> int:
    """A channel's id; whatever it cannot be is 0, which means the token's channel."""
    try:
        return ident(raw, "channel_id")
    except (BadValue, NotFound):
        return 0
