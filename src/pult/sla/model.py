"""An SLA table: how soon a ticket that it is for wants its first reply, its next reply and its end. Pure."""

from __future__ import annotations

import re

from msgspec import Struct

from pult.conditions.model import Condition  # noqa: TC001 (a structure's types are read at run time)
from pult.kit.errors import BadValue

CLOCKS = ("first_reply", "next_reply", "close")

_ALLOWANCE = re.compile(r"(?:(\d{1,4})d)?\s*(?:(\d{1,4})h)?\s*(?:(\d{1,5})m)?", re.ASCII)


class Allowance(Struct, frozen=True):
    """Open time: `days` are working days of the schedule, not 24 hours of it."""

    days: int
    minutes: int


class Policy(Struct, frozen=True):
    """`schedule` is the key of the schedule; a clock that is None is not measured. All conditions of `when` must hold."""

    schedule: str | None
    first_reply: Allowance | None
    next_reply: Allowance | None
    close: Allowance | None
    when: list[Condition]


def allowance(text: str) -> Allowance:
    """The time that "30m", "1h30m" or "2d" names; BadValue for anything else and for no time at all."""
    match = _ALLOWANCE.fullmatch(text.strip())
    days, hours, minutes = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    if days == hours == minutes == 0:
        raise BadValue("should be a time such as 30m, 1h30m or 2d")
    return Allowance(days=days, minutes=hours * 60 + minutes)
