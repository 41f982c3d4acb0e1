"""What a provider sends, read without trusting its types: what is not of the form looked for reads as nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

ID_LENGTH: Final = 512  # characters; what is longer is nobody's id
PHONE: Final = re.compile(r"\+?[0-9]{7,15}")
BETWEEN_DIGITS: Final = str.maketrans("", "", " \t().-")


def decoded(body: bytes) -> Any:
    """The JSON of a body, None where it is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def mapping(value: Any) -> dict[str, Any]:
    """An object; anything else reads as an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[dict[str, Any]]:
    """The objects of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """A string without what no database stores (NUL); anything else reads as ""."""
    return value.replace("\0", "").strip() if isinstance(value, str) else ""


def first_text(source: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that holds any text."""
    return next((found for name in names if (found := text(source.get(name)))), "")


def name_of(value: Any) -> str | None:
    """An id as text, whether it came as a number or as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    found = text(value)
    return found if found and len(found) <= ID_LENGTH and found.isprintable() else None


def whole(value: Any) -> int | None:
    """A whole number of at least 0, also when it came as text."""
    found = name_of(value)
    return int(found) if found and len(found) < 19 and found.isascii() and found.isdigit() else None


def phone(value: Any) -> str | None:
    """The digits of a phone with its country's code; None for what stands there instead where a messenger has no phones."""
    found = (name_of(value) or "").translate(BETWEEN_DIGITS)
    return found.removeprefix("+") if PHONE.fullmatch(found) else None


def moment(value: Any) -> datetime:
    """A time in seconds since 1970 or in ISO 8601 (UTC where it names no zone); now, where it cannot be read."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value.strip())
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return datetime.now(UTC)  # clock: the provider did not say when, and it said it just now
