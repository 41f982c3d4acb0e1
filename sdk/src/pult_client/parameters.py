"""The parameters of each method as typed keyword arguments, and how their values are spelled on the wire.

Names are the wire's (docs/wire/), but for `author`, which is `from` there. None counts as not given.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum, IntEnum
from typing import Any, Final, Literal, Required, TypedDict


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


class Clear(Enum):
    """The type of CLEAR."""

    CLEAR = "clear"


CLEAR: Final = Clear.CLEAR
"""Empties a group, an agent, a field or a level of a nested list; None leaves it as it is."""

Side = Literal["user", "client", "trigger"]
Kind = Literal["question", "task", "problem", "incident"]
Priority = Literal["low", "medium", "urgent", "extreme"]
PhoneType = Literal["home", "mobile", "stationary", "fax", "other"]
SortKey = Literal["id", "status_id", "client_id", "assignee_id", "group", "last_updated_at", "published_at"]
FieldText = str | int | bool
DeliveryState = Literal["queued", "maybe_sent", "sent", "delivered", "read", "failed", "cancelled"]
DeliveryKind = Literal["message", "webhook"]
WebhookEvent = Literal["ticket", "comment", "change", "rating", "chat", "delivery"]
DeliveryEvent = WebhookEvent | Literal["message", "ping"]


class Level(TypedDict):
    """One level of a nested list: the field's id, and an option's id or its text."""

    id: int
    value: str | int | Clear


class Holder(TypedDict, total=False):
    """Who holds a ticket; docs/wire/tickets.md has the table of what may be combined."""

    assignee_id: int | Literal["unassigned"]
    group_id: int | Literal["unassigned"]


class FieldFilter(TypedDict, total=False):
    """An additional field and the value it must have, or `empty`, or `not_empty`; without an id any field."""

    id: int
    value: Required[FieldText]


class TicketContent(TypedDict, total=False):
    """What a ticket is made with and changed by alike."""

    type: Kind | None
    priority: Priority | None
    status: int | None
    tag: str | Sequence[str] | None
    field_id: int | str | Sequence[int] | None
    field_value: FieldText | Clear | Sequence[FieldText | Clear] | None
    lists: Sequence[Sequence[Level]] | None
    user_id: int | None


class NewTicketParameters(TicketContent, total=False):
    """create/ticket. Subject and message may be None where a template is given."""

    subject: Required[str | None]
    message: Required[str | None]
    client_name: str | None
    client_email: str | None
    client_id: int | Literal["new_client"] | None
    company_name: str | None
    private_comment: bool | None
    additional_id: str | None
    assignee_id: int | None
    group_id: int | None
    client_phone: str | int | None
    channel_id: int | None
    author: Side | None
    trigger_id: int | None
    client_country: str | None
    client_city: str | None
    client_address: str | None
    new_address: bool | None
    phone_type: PhoneType | None
    username: str | None
    template_id: int | str | None
    template_name: str | None
    template_variables: Sequence[str] | None
    template_lang: str | None


class TicketChanges(TicketContent, total=False):
    """update/ticket. What is not given stays as it is; CLEAR empties."""

    subject: str | None
    client_id: int | None
    group_id: int | Clear | None
    assignee_id: int | Clear | None
    silent: bool | None
    remove_tag: str | Sequence[str] | None


class TicketView(TypedDict, total=False):
    """What ticket and tickets show beside the ticket itself, and as which agent sees it."""

    accessible_for_agent_id: int | None
    properties: Sequence[Literal["sla"]] | None


class TicketFilters(TicketView, total=False):
    """The filters of tickets; all that are given must hold, of several values of one any may. Aware times, or text in UTC."""

    fchannel: int | Sequence[int] | None
    fassigned: Holder | Sequence[Holder] | int | str | None
    fgroup: int | Sequence[int] | None
    fstatus: int | Sequence[int] | None
    ftype: Kind | Sequence[Kind] | None
    fpriority: Priority | Sequence[Priority] | None
    tag: str | Sequence[str] | None
    tags: str | Sequence[str] | None
    created_after: datetime | str | None
    created_before: datetime | str | None
    updated_after: datetime | str | None
    updated_before: datetime | str | None
    query: str | None
    client_id: int | None
    fields: Sequence[FieldFilter] | None
    field_id: int | None
    field_value: FieldText | None


class TicketPage(TicketFilters, total=False):
    """tickets: the filters, the order, and which page of 100 (from 0)."""

    sort: SortKey | None
    order: Literal["asc", "desc"] | None
    offset: int | None


class DeliveryFilters(TypedDict, total=False):
    """The filters of deliveries, and which page of 100 (from 0). `since` and `until` are `from` and `to` on the wire."""

    ticket_id: int | None
    comment_id: int | None
    channel_id: int | None
    state: DeliveryState | Sequence[DeliveryState] | None
    kind: DeliveryKind | Sequence[DeliveryKind] | None
    event: DeliveryEvent | Sequence[DeliveryEvent] | None
    since: datetime | str | None
    until: datetime | str | None
    offset: int | None


class ReplayedTime(TypedDict, total=False):
    """deliveries/replay: from when, until when (absent: now), and which events (absent: all)."""

    since: Required[datetime | str]
    until: datetime | str | None
    events: WebhookEvent | Sequence[WebhookEvent] | None


WIRE_NAMES: Final = {
    "author": "from",
    "since": "from",
    "until": "to",
}  # the wire's word is one of Python's own, or reads oddly
FILTERS_OF_SEVERAL: Final = (
    "fchannel", "fassigned", "fgroup", "fstatus", "ftype", "fpriority", "tag", "tags", "state", "kind", "event", "events",
)  # fmt: skip


def spelled(given: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """The given parameters under the wire's names, in their JSON form. TypeError for one that does not exist."""
    if unknown := sorted(given.keys() - set(known)):
        raise TypeError(f"there is no parameter {', '.join(unknown)}")
    return {
        WIRE_NAMES.get(name, name): SPELLINGS.get(name, plain)(value)
        for name, value in given.items()
        if value is not None
    }


def refuse_empty_filters(given: Mapping[str, Any]) -> None:
    """On the wire an empty list is no filter at all: whoever computed an empty one would get every ticket."""
    for name in FILTERS_OF_SEVERAL:
        value = given.get(name)
        if value is not None and not isinstance(value, int) and not value:
            raise ValueError(f"{name} is empty: nothing can match it; leave it out to match everything")


def plain(value: Any) -> Any:
    """JSON's own types; CLEAR is null."""
    if value is CLEAR:
        return None
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    return [plain(part) for part in value] if _several(value) else value


def moment(value: datetime | str) -> str:
    """An aware time in the wire's form, UTC; text as it is."""
    if isinstance(value, str):
        return value
    if value.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone; the wire's times are UTC")
    utc = value.astimezone(UTC)
    return utc.strftime("%Y-%m-%d %H:%M:%S" if utc.second else "%Y-%m-%d %H:%M")


def comma_list(value: Any) -> Any:
    """One, or several separated by commas."""
    if not _several(value):
        return value
    if torn := [part for part in value if "," in str(part)]:
        raise ValueError(f"{torn[0]!r} contains the comma that separates several")
    return ",".join(str(part) for part in value)


def semicolon_list(value: Any) -> Any:
    """One, or several separated by semicolons; a JSON list where a text among them contains one (an addition of Pult's)."""
    if not _several(value):
        return _field_text(value)
    texts = [str(_field_text(part)) for part in value]
    return texts if any(";" in text for text in texts) else ";".join(texts)


def _field_text(value: Any) -> Any:
    """A field's value; an empty one clears it."""
    if value is CLEAR:
        return ""
    return ("true" if value else "false") if isinstance(value, bool) else value


def _several(value: Any) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)


SPELLINGS: Final[dict[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(("fchannel", "fgroup", "fstatus", "ftype", "fpriority", "tag", "tags", "remove_tag"), comma_list),
    **dict.fromkeys(("created_after", "created_before", "updated_after", "updated_before", "since", "until"), moment),
    **dict.fromkeys(("field_id", "field_value"), semicolon_list),
}
