"""The tables [[schedule]], [[sla]] and [[trigger]] of a desk file."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pult.conditions.model import Condition, FieldNames, Names, condition
from pult.deskfile.document import Field, Option, Schedule, Sla, Trigger
from pult.deskfile.field_tables import KINDS
from pult.deskfile.staff_tables import time_zone
from pult.kit.errors import BadValue
from pult.sla import calendar
from pult.sla.model import CLOCKS, Allowance, Policy, allowance
from pult.triggers.model import EVENTS, action
from pult.triggers.model import Trigger as Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from pult.deskfile.objects import Objects
    from pult.deskfile.reading import Table

Part = TypeVar("Part")


def schedules(objects: Objects) -> tuple[Schedule, ...]:
    return tuple(Schedule(key, _hours(table)) for key, table in objects.of("schedule"))


def slas(objects: Objects, fields: Sequence[Field]) -> tuple[Sla, ...]:
    names = _names(objects, fields)
    return tuple(Sla(key, table.text("name"), _policy(table, objects, names)) for key, table in objects.of("sla"))


def triggers(objects: Objects, fields: Sequence[Field]) -> tuple[Trigger, ...]:
    names = _names(objects, fields)
    return tuple(Trigger(key, table.text("name"), _rule(table, names)) for key, table in objects.of("trigger"))


def _hours(table: Table) -> calendar.Schedule:
    days = []
    week = table.table("week")
    if week is None:
        table.mistakes.add(table.path, f'{table.label}: no "week"')
    else:
        week.only(calendar.DAYS)
        days = [(day, _tried(week, day, calendar.hours)) for day in calendar.DAYS if day in week.values]
    if "timezone" not in table.values:
        table.mistakes.add(table.path, f'{table.label}: no "timezone"')
    return calendar.Schedule(
        timezone=time_zone(table) or "UTC",
        week=calendar.week((day, hours or []) for day, hours in days),
        holidays=_holidays(table),
    )


def _tried(table: Table, key: str, read: Callable[[str], Part]) -> Part | None:
    """What `read` makes of the text under `key`; None when absent or wrong."""
    text = table.optional_text(key)
    try:
        return read(text) if text else None
    except BadValue as error:
        table.wrong(key, error.text, value=text)
        return None


def _holidays(table: Table) -> list[Any]:
    values = table.values.get("holidays", [])
    if not isinstance(values, list):
        table.wrong("holidays", "should be a list of days", value=values)
        return []
    found = set()
    for index, value in enumerate(values):
        try:
            found.add(calendar.holiday(value))
        except BadValue as error:
            table.wrong("holidays", error.text, index, value=value)
    return sorted(found)


def _policy(table: Table, objects: Objects, names: Names) -> Policy:
    clocks: dict[str, Allowance | None] = {clock: _tried(table, clock, allowance) for clock in CLOCKS}
    if not any(clock in table.values for clock in CLOCKS):
        table.mistakes.add(table.path, f"{table.label}: measures nothing: none of {', '.join(CLOCKS)} is there")
    return Policy(
        schedule=table.reference("schedule", objects.keys("schedule"), "schedule"),
        first_reply=clocks["first_reply"],
        next_reply=clocks["next_reply"],
        close=clocks["close"],
        when=_conditions(table, names),
    )


def _rule(table: Table, names: Names) -> Rule:
    on = table.texts("on")
    for event in on:
        if event not in EVENTS:
            known = ", ".join(EVENTS)
            table.wrong("on", f"no such event (known: {known})", table.values["on"].index(event), value=event)
    for key in ("on", "then"):
        if not table.values.get(key):
            table.mistakes.add(table.path, f'{table.label}: no "{key}", so it never does anything')
    return Rule(on=on, when=_conditions(table, names), then=_each(table, "then", lambda raw: action(raw, names)))


def _conditions(table: Table, names: Names) -> list[Condition]:
    return _each(table, "when", lambda raw: condition(raw, names))


def _each(table: Table, key: str, read: Callable[[Mapping[str, Any]], Part]) -> list[Part]:
    """What `read` makes of each table of the list under `key`; one mistake for each that is wrong."""
    found = []
    for row in table.tables(key):
        try:
            found.append(read(row.values))
        except BadValue as error:
            if error.parameter is None:
                row.mistakes.add(row.path, f"{row.label}: {row.inside.rstrip('.')}: {error.text}")
            else:
                row.wrong(error.parameter, error.text, value=row.values.get(error.parameter))
    return found


def _names(objects: Objects, fields: Sequence[Field]) -> Names:
    return Names(
        channels=frozenset(objects.keys("channel")),
        groups=frozenset(objects.keys("group")),
        agents=frozenset(objects.keys("agent")),
        fields={
            field.key: FieldNames(field.kind if field.kind in KINDS else None, _texts(field.options))
            for field in fields
        },
    )


def _texts(options: Sequence[Option]) -> dict[str, Any]:
    return {option.value: _texts(option.options) for option in options}
