"""What a ticket is and what a wish changes of it. Pure: no clock, no database."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any, Final, Literal

from pult.fields import model as fields
from pult.kit.errors import BadValue, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pult.fields.model import Field
    from pult.staff.model import Agent, Channel


class Status(IntEnum):
    OPEN = 1
    DONE = 2
    CLOSED = 3
    DELETED = 4
    ON_HOLD = 5
    PENDING = 6
    SPAM = 7
    NEW = 8
    MAILING = 9
    MERGED = 10


TYPES: Final = ("question", "task", "problem", "incident")  # the number is the place, from 1
PRIORITIES: Final = ("low", "medium", "urgent", "extreme")


class Given(Enum):
    """What is not given stays as it is; None clears."""

    NOTHING = "nothing"


NOTHING: Final = Given.NOTHING
Maybe = int | None | Literal[Given.NOTHING]


class AgentUnknown(NotFound):
    """There is no such agent here."""


class AgentNotInGroup(BadValue):
    """The agent does not work in the group."""


class GroupUnknown(NotFound):
    """There is no such group here."""


class AutomaticTag(BadValue):
    """A tag that follows its field cannot be taken away alone."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The part of a ticket that rules look at. `tags`: name -> the field that it follows, None if set by hand."""

    id: int
    subject: str
    status: int
    type: int
    priority: int
    client_id: int
    channel_id: int
    group_id: int | None
    assignee_id: int | None
    tags: Mapping[str, int | None] = field(default_factory=dict)
    fields: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants of a ticket. Everything is optional."""

    subject: str | None = None
    status: int | None = None
    type: int | None = None
    priority: int | None = None
    client_id: int | None = None
    group: Maybe = NOTHING
    assignee: Maybe = NOTHING
    tags: Sequence[str] = ()
    untagged: Sequence[str] = ()
    fields: Mapping[int, Any] = field(default_factory=dict)
    silent: bool = False  # a new ticket stays new

    def touches_tags(self) -> bool:
        return bool(self.tags or self.untagged or self.fields)


@dataclass(frozen=True, slots=True)
class Staff:
    """Whom a ticket may be given to."""

    agents: Mapping[int, Agent]
    groups: Mapping[int, Any]


@dataclass(frozen=True, slots=True)
class Changed:
    """A ticket after a wish. `data`: one entry for each change, as the history shows it; empty: nothing changed."""

    ticket: Ticket
    data: list[dict[str, Any]]
    old_status: int = 0  # both 0: the status did not change
    new_status: int = 0
    fields: Mapping[int, str | None] = field(default_factory=dict)
    tags: Mapping[str, int | None] = field(default_factory=dict)  # added
    untagged: Sequence[str] = ()


def apply(ticket: Ticket, wish: Wish, staff: Staff, known: Mapping[int, Field]) -> Changed:
    """What the wish makes of the ticket. Raises a named error where it cannot be had; knows what did not change."""
    group_id, assignee_id = holder(wish, ticket.group_id, ticket.assignee_id, staff)
    set_fields = fields.settle(known, ticket.fields, wish.fields) if wish.fields else {}
    tags = _tags(ticket, wish, set_fields, known)
    after = replace(
        ticket,
        subject=wish.subject or ticket.subject,
        type=wish.type or ticket.type,
        priority=wish.priority or ticket.priority,
        client_id=wish.client_id or ticket.client_id,
        group_id=group_id,
        assignee_id=assignee_id,
        status=wish.status or ticket.status,
        tags=tags,
        fields={k: v for k, v in ({**ticket.fields, **set_fields}).items() if v is not None},
    )
    data = _differences(ticket, after)
    if data and ticket.status == Status.NEW and wish.status is None and not wish.silent:
        after = replace(after, status=int(Status.OPEN))
        data = _differences(ticket, after)
    moved = after.status != ticket.status
    return Changed(
        ticket=after,
        data=data,
        old_status=ticket.status if moved else 0,
        new_status=after.status if moved else 0,
        fields=set_fields,
        tags={name: source for name, source in tags.items() if name not in ticket.tags},
        untagged=[name for name in ticket.tags if name not in tags],
    )


def opened(wish: Wish, channel: Channel, staff: Staff, known: Mapping[int, Field]) -> Ticket:
    """A new ticket (id 0, client 0) as the wish and the channel make it."""
    blank = Ticket(0, wish.subject or "", Status.NEW, 1, 2, 0, channel.id, None, None)
    group_id, assignee_id = holder(wish, None, None, staff)
    if wish.group is NOTHING and wish.assignee is NOTHING and channel.group_id in staff.groups:
        group_id = channel.group_id
    set_fields = fields.settle(known, {}, wish.fields)
    return replace(
        blank,
        status=wish.status or int(Status.NEW),
        type=wish.type or 1,
        priority=wish.priority or 2,
        group_id=group_id,
        assignee_id=assignee_id,
        fields={k: v for k, v in set_fields.items() if v is not None},
        tags=_tags(blank, wish, set_fields, known),
    )


def holder(wish: Wish, group_id: int | None, assignee_id: int | None, staff: Staff) -> tuple[int | None, int | None]:
    """Who holds the ticket, and in which group, after the wish."""
    if wish.group is not NOTHING and wish.group is not None and wish.group not in staff.groups:
        raise GroupUnknown(f"there is no group {wish.group}", parameter="group")
    if wish.assignee is NOTHING:
        return _regrouped(wish, group_id, assignee_id, staff)
    if wish.assignee is None:
        return (group_id if wish.group is NOTHING else wish.group), None
    agent = staff.agents.get(wish.assignee)
    if agent is None:
        raise AgentUnknown(f"there is no agent {wish.assignee}", parameter="assignee")
    if wish.group is None:
        return None, agent.id
    if wish.group is not NOTHING:
        if wish.group not in agent.groups:
            raise AgentNotInGroup(f"agent {agent.id} does not work in group {wish.group}", parameter="assignee")
        return wish.group, agent.id
    return (group_id if group_id in agent.groups else agent.default_group_id), agent.id


def _regrouped(
    wish: Wish, group_id: int | None, assignee_id: int | None, staff: Staff
) -> tuple[int | None, int | None]:
    if wish.group is NOTHING:
        return group_id, assignee_id
    agent = staff.agents.get(assignee_id) if assignee_id is not None else None
    keeps = wish.group is None or (agent is not None and wish.group in agent.groups) or wish.group == group_id
    return wish.group, (assignee_id if keeps else None)


def _tags(
    ticket: Ticket, wish: Wish, set_fields: Mapping[int, str | None], known: Mapping[int, Field]
) -> dict[str, int | None]:
    """Tags after the wish: those of changed fields follow them; those set by hand are added and taken away."""
    tags = {name: source for name, source in ticket.tags.items() if source not in set_fields}
    for name in wish.untagged:
        if tags.get(name) is not None:
            raise AutomaticTag(f"the tag {name} follows a field: change the field", parameter="untagged")
        tags.pop(name, None)
    for name in wish.tags:
        tags.setdefault(name, None)
    for field_id in sorted(set_fields):
        tag = fields.tag_of(known[field_id], set_fields[field_id])
        if tag is not None:
            tags.setdefault(tag, field_id)
    return tags


def _differences(old: Ticket, new: Ticket) -> list[dict[str, Any]]:
    """The history's entries, with the targets that the vendor's samples and receivers use."""
    found: list[dict[str, Any]] = [
        {"target": target, "value": after, "old_value": before}
        for target, before, after in (
            ("subject", old.subject, new.subject),
            ("client", old.client_id, new.client_id),
            ("assignee", old.assignee_id, new.assignee_id),
            ("group", old.group_id, new.group_id),
            ("status", old.status, new.status),
            ("priority", PRIORITIES[old.priority - 1], PRIORITIES[new.priority - 1]),
            ("type", TYPES[old.type - 1], TYPES[new.type - 1]),
        )
        if before != after
    ]
    found += [
        {"target": "ticket_field", "ticket_field_id": k, "value": new.fields.get(k), "old_value": old.fields.get(k)}
        for k in sorted({*old.fields, *new.fields})
        if old.fields.get(k) != new.fields.get(k)
    ]
    if added := [name for name in new.tags if name not in old.tags]:
        found.append({"target": "new_tags", "value": added, "old_value": None})
    if removed := [name for name in old.tags if name not in new.tags]:
        found.append({"target": "removed_tags", "value": None, "old_value": removed})
    return found
