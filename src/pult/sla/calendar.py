"""Business hours: the week, the holidays and the time zone that an SLA counts in. Pure."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from pult.kit.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Iterable

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_INTERVAL = re.compile(r"(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MIDNIGHT = 24 * 60


class Schedule(Struct, frozen=True):
    """Business hours. `week`: for each day, Monday first, the open intervals in minutes since midnight, in order."""

    timezone: str
    week: list[list[tuple[int, int]]]
    holidays: list[date]


def zone(name: str) -> str:
    """The name of an IANA time zone as it came; BadValue when there is no such zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # what a name that is a path or a directory raises
        raise BadValue("no such time zone (an IANA name such as Europe/Moscow)") from None
    return name


def hours(text: str) -> list[tuple[int, int]]:
    """The open intervals of a day, "09:00-13:00, 14:00-18:00", as minutes since midnight; BadValue when they are none."""
    found = [_interval(part.strip()) for part in text.split(",")]
    for (_, end), (start, _) in pairwise(found):
        if start < end:
            raise BadValue("the hours should follow each other and not overlap")
    return found


def holiday(value: Any) -> date:
    """A day given as TOML date or as text YYYY-MM-DD."""
    if type(value) is date:
        return value
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise BadValue("no such day (YYYY-MM-DD)")


def week(days: Iterable[tuple[str, list[tuple[int, int]]]]) -> list[list[tuple[int, int]]]:
    """The seven days in order from the days that are open."""
    found = dict(days)
    return [found.get(day, []) for day in DAYS]


def _interval(text: str) -> tuple[int, int]:
    match = _INTERVAL.fullmatch(text)
    if match is None:
        raise BadValue("should be hours such as 09:00-18:00, several with commas")
    from_hour, from_minute, to_hour, to_minute = map(int, match.groups())
    start, end = from_hour * 60 + from_minute, to_hour * 60 + to_minute
    if from_minute > 59 or to_minute > 59 or end > _MIDNIGHT:
        raise BadValue("a day has the times 00:00 to 24:00")
    if start >= end:
        raise BadValue("should end after it starts (hours over midnight: give each day its part)")
    return start, end
