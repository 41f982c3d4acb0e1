"""Filters -> the keys of one page of tickets, in order. One statement; its conditions are bound parameters only.

Every column that a condition or an order may name is in each index of `tickets` (migrations/0001_start.sql), so PostgreSQL
finds the keys by walking one narrow index; docs/adr/0009 has the figures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal

from pult.fields.model import bit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

PAGE: Final = 100


class Holder(Enum):
    """Of a ticket's agent or group."""

    ANY = "any"
    NOBODY = "nobody"
    SOMEBODY = "somebody"


@dataclass(frozen=True, slots=True)
class Held:
    """Who holds the ticket: an agent (or nobody) within a group (or none, or any)."""

    assignee: int | Holder = Holder.ANY
    group: int | Holder = Holder.ANY


@dataclass(frozen=True, slots=True)
class FieldIs:
    """A condition on additional fields. `field_id` None: any field. `values`: any of them; None: only whether it is filled.

    `checkbox`: an unchecked checkbox counts as not filled. `all_fields`: which there are, for "any field". `alone`: no other field of the company shares a bit with one of these,
    so that the ticket's `filled` bits say all there is to say.
    """

    field_id: int | None
    filled: bool = True
    values: Sequence[str] | None = None
    checkbox: bool = False
    all_fields: Sequence[int] = ()
    alone: bool = False


Sort = Literal["id", "status", "client", "assignee", "group", "updated", "created"]

COLUMNS: Final[dict[Sort, str]] = {
    "id": "t.id",
    "status": "t.status",
    "client": "t.client_id",
    "assignee": "t.assignee_id",
    "group": "t.group_id",
    "updated": "t.updated_at",
    "created": "t.created_at",
}
NULLABLE: Final = {"t.assignee_id", "t.group_id"}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is asked for. None: not asked; an empty list of values matches nothing."""

    channels: Sequence[int] | None = None
    visible: Sequence[int] | None = None  # channels that the asker may see
    groups: Sequence[int] | None = None
    statuses: Sequence[int] | None = None
    types: Sequence[int] | None = None
    priorities: Sequence[int] | None = None
    client_id: int | None = None
    held: Sequence[Held] | None = None
    tag_ids: Sequence[int] | None = None
    fields: Sequence[FieldIs] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None
    updated_after: datetime | None = None
    updated_before: datetime | None = None
    sort: Sort = "id"
    descending: bool = True
    page: int = 0


@dataclass(slots=True)
class Where:
    """Conditions joined by "and"; `arguments` grows with them, numbered from the first one given."""

    arguments: list[Any]
    conditions: list[str] = field(default_factory=list)

    def bind(self, value: Any) -> str:
        """The placeholder of a value."""
        self.arguments.append(value)
        return f"${len(self.arguments)}"

    def among(self, column: str, values: Sequence[int] | Sequence[str] | None) -> None:
        """The column has one of the values."""
        if values is None:
            return
        if len(values) == 1:
            self.conditions.append(f"{column} = {self.bind(values[0])}")
        else:
            self.conditions.append(f"{column} = any ({self.bind(list(values))})")

    def __str__(self) -> str:
        return " and ".join(self.conditions)


def keys(
    filters: Filters, arguments: list[Any], *, column: str = "t.id", extra: str = "", limit: str | None = None
) -> str:
    """The statement of the page's keys (`id`), `arguments` having the company as $1; `extra`: one more condition."""
    where = conditions(filters, arguments)
    if extra:
        where.conditions.append(extra)
    bounds = limit or f"limit {PAGE} offset {where.bind(filters.page * PAGE)}"
    return f"select {column} from tickets t where {where} order by {order(filters)} {bounds}"  # noqa: S608  # bound only


def order(filters: Filters) -> str:
    """The order, ties broken by id; nothing comes before something, as the vendor's database has it."""
    column = COLUMNS[filters.sort]
    direction = "desc" if filters.descending else "asc"
    nulls = (" nulls last" if filters.descending else " nulls first") if column in NULLABLE else ""
    tie = "" if column == "t.id" else f", t.id {direction}"
    return f"{column} {direction}{nulls}{tie}"


def conditions(filters: Filters, arguments: list[Any]) -> Where:
    """All that the filters ask for, of the tickets `t` of company $1."""
    where = Where(arguments, ["t.company_id = $1"])
    where.among("t.channel_id", filters.channels)
    where.among("t.channel_id", filters.visible)
    where.among("t.group_id", filters.groups)
    where.among("t.status", filters.statuses)
    where.among("t.type", filters.types)
    where.among("t.priority", filters.priorities)
    if filters.client_id is not None:
        where.among("t.client_id", [filters.client_id])
    if filters.held is not None:
        where.conditions.append(_held(where, filters.held))
    _times(where, filters)
    if filters.tag_ids is not None:
        tagged = Where(arguments, ["x.company_id = $1", "x.ticket_id = t.id"])
        tagged.among("x.tag_id", filters.tag_ids)
        where.conditions.append(f"exists (select from ticket_tags x where {tagged})")
    for wanted in filters.fields:
        where.conditions.append(_field(arguments, wanted))
    return where


def _times(where: Where, filters: Filters) -> None:
    for column, sign, moment in (
        ("t.created_at", ">=", filters.created_after),
        ("t.created_at", "<=", filters.created_before),
        ("t.updated_at", ">=", filters.updated_after),
        ("t.updated_at", "<=", filters.updated_before),
    ):
        if moment is not None:
            where.conditions.append(f"{column} {sign} {where.bind(moment)}")


def _held(where: Where, held: Sequence[Held]) -> str:
    parts = []
    for one in held:
        pair = [_holder(where, "t.assignee_id", one.assignee), _holder(where, "t.group_id", one.group)]
        parts.append(" and ".join(filter(None, pair)) or "true")
    return "(" + " or ".join(f"({part})" for part in parts) + ")" if parts else "false"


def _holder(where: Where, column: str, holder: int | Holder) -> str:
    if holder is Holder.ANY:
        return ""
    if holder is Holder.NOBODY:
        return f"{column} is null"
    if holder is Holder.SOMEBODY:
        return f"{column} is not null"
    return f"{column} = {where.bind(holder)}"


def _field(arguments: list[Any], wanted: FieldIs) -> str:
    """Whether the ticket has a row that says so, or has none; "any field is empty": fewer filled ones than there are."""
    if wanted.alone and wanted.values is None:
        return _filled(arguments, wanted)
    rows = Where(arguments, ["v.company_id = $1", "v.ticket_id = t.id"])
    if wanted.field_id is not None:
        rows.among("v.field_id", [wanted.field_id])
    if wanted.values is not None:
        rows.among("v.value", wanted.values)
    elif wanted.checkbox:
        rows.conditions.append("v.value = '1'")
    if wanted.field_id is None and not wanted.filled:
        rows.among("v.field_id", list(wanted.all_fields))
        count = rows.bind(len(wanted.all_fields))
        return f"(select count(*) from ticket_fields v where {rows}) < {count}"  # noqa: S608  # bound only
    return f"{'' if wanted.filled else 'not '}exists (select from ticket_fields v where {rows})"


def _filled(arguments: list[Any], wanted: FieldIs) -> str:
    """The same from the ticket's own bits: of one field its bit, of any field whether one or every bit is there."""
    ids = [wanted.field_id] if wanted.field_id is not None else wanted.all_fields
    mask = Where(arguments).bind(sum(bit(field_id) for field_id in ids))
    if wanted.filled:
        return f"t.filled & {mask}::bigint <> 0"
    return f"t.filled & {mask}::bigint <> {mask}::bigint"
