"""What the methods answer. Names are the wire's (docs/wire/), but for `author`, which is `from` there.

Times are aware, in UTC. `more` holds the keys of an answer that these classes do not know.
"""

# ruff: noqa: RUF009  # wire() and its kin make dataclass fields

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pult_client import reading
from pult_client.errors import PultError
from pult_client.reading import additional, each, one, one_or_none, under, wire

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicket:
    """`message_status`, `chat_id` and `comment_id` come from channels that send."""

    ticket_id: int = wire(reading.number)
    status: str = wire(reading.text, default="success")
    message_status: str | None = wire(reading.text_or_none, default=None)
    chat_id: str | None = wire(reading.text_or_none, default=None)
    comment_id: int | None = wire(reading.number_or_none, default=None)
    more: dict[str, Any] = additional()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sla:
    """A promise (`first_reply`, `next_reply`, `close`) and until when it has to be kept."""

    type: str = wire(reading.text)
    date: datetime | None = wire(reading.moment_or_none)
    more: dict[str, Any] = additional()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentFile:
    """`file` is a link that a plain GET downloads."""

    name: str = wire(reading.text)
    type: str = wire(reading.text, default="")
    file: str = wire(reading.text)
    more: dict[str, Any] = additional()


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    phone: str = wire(reading.text)
    type: str | None = wire(reading.text_or_none, default=None)
    more: dict[str, Any] = additional()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentClient:
    id: int = wire(reading.number)
    name: str = wire(reading.text, default="")
    note: str = wire(reading.text, default="")
    emails: tuple[str, ...] = wire(each(under("email")), default=())
    phones: tuple[Phone, ...] = wire(each(one(Phone)), default=())
    more: dict[str, Any] = additional()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentUser:
    id: int = wire(reading.number)
    name: str = wire(reading.text, default="")
    email: str | None = wire(reading.address_or_none, default=None)
    more: dict[str, Any] = additional()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """`message` is HTML. `type`: public, private or error. `file`: the id of the first of `files`."""

    id: int = wire(reading.number)
    ticket_id: int = wire(reading.number)
    message: str = wire(reading.text)
    author: str = wire(reading.text, key="from")
    type: str = wire(reading.text)
    user_id: int | None = wire(reading.number_or_none, default=None)
    client_id: int | None = wire(reading.number_or_none, default=None)
    client_name: str | None = wire(reading.text_or_none, default=None)
    is_first: bool = wire(reading.flag, default=False)
    delivered: bool = wire(reading.flag, default=False)
    readed: bool = wire(reading.flag, default=False)
    published_at: datetime = wire(reading.moment)
    file: int | None = wire(reading.number_or_none, default=None)
    files: tuple[CommentFile, ...] = wire(each(one(CommentFile)), default=())
    cc: tuple[str, ...] = wire(each(reading.text), default=())
    bcc: tuple[str, ...] = wire(each(reading.text), default=())
    client: CommentClient | None = wire(one_or_none(CommentClient), default=None)
    user: CommentUser | None = wire(one_or_none(CommentUser), default=None)
    more: dict[str, Any] = additional()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedThing:
    """What changed, from what to what: text, a number, a list of texts, or None."""

    target: str = wire(reading.text)
    value: Any = wire(reading.value, default=None)
    old_value: Any = wire(reading.value, default=None)
    ticket_field_id: int | None = wire(reading.number_or_none, default=None)
    more: dict[str, Any] = additional()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One row of the history: all that one call changed. Both statuses are 0 where the status did not change."""

    id: int = wire(reading.number)
    ticket_id: int = wire(reading.number)
    company_id: int | None = wire(reading.number_or_none, default=None)
    user_id: int | None = wire(reading.number_or_none, default=None)
    trigger_id: int | None = wire(reading.number_or_none, default=None)
    data: tuple[ChangedThing, ...] = wire(each(one(ChangedThing)), default=())
    changed_at: datetime = wire(reading.moment)
    old_status: int = wire(reading.number)
    new_status: int = wire(reading.number)
    more: dict[str, Any] = additional()


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomField:
    """The value of an additional field: of a checkbox 1 or 0, of a list the option's id."""

    id: int = wire(reading.number)
    ticket_id: int = wire(reading.number)
    ticket_field_id: int = wire(reading.number)
    value: str | None = wire(reading.text_or_none)
    more: dict[str, Any] = additional()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket with its comments and history (newest first), tags and fields. `rights` only where an agent was named."""

    id: int = wire(reading.number)
    status_id: int = wire(reading.number)
    subject: str = wire(reading.text)
    client_id: int | None = wire(reading.number_or_none, default=None)
    client_name: str = wire(reading.text, default="")
    assignee_id: int | None = wire(reading.number_or_none, default=None)
    group: int | None = wire(reading.number_or_none, default=None)
    channel_id: int | None = wire(reading.number_or_none, default=None)
    company_id: int | None = wire(reading.number_or_none, default=None)
    email: str | None = wire(reading.address_or_none, default=None)
    priority: str = wire(reading.text)
    type: str = wire(reading.text)
    additional_id: str | None = wire(reading.text_or_none, default=None)
    published_at: datetime = wire(reading.moment)
    last_updated_at: datetime = wire(reading.moment)
    active_sla: tuple[Sla, ...] = wire(each(one(Sla)), default=())
    comments: tuple[Comment, ...] = wire(each(one(Comment)), default=())
    changes: tuple[Change, ...] = wire(each(one(Change)), default=())
    tags: tuple[str, ...] = wire(each(under("name")), default=())
    custom_fields: tuple[CustomField, ...] = wire(each(one(CustomField)), default=())
    rights: str | None = wire(reading.text_or_none, default=None)
    more: dict[str, Any] = additional()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldValue:
    id: int = wire(reading.number)
    name: str = wire(reading.text, default="")
    value: str | None = wire(reading.text_or_none, default=None)
    more: dict[str, Any] = additional()


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketRow:
    """A ticket in the list. `status` is what Ticket calls `status_id`, `created_at` its `published_at`."""

    id: int = wire(reading.number)
    subject: str = wire(reading.text)
    client_id: int | None = wire(reading.number_or_none, default=None)
    client_name: str = wire(reading.text, default="")
    assignee_id: int | None = wire(reading.number_or_none, default=None)
    channel_id: int | None = wire(reading.number_or_none, default=None)
    group: int | None = wire(reading.number_or_none, default=None)
    created_at: datetime = wire(reading.moment)
    last_updated_at: datetime = wire(reading.moment)
    channel_email: str | None = wire(reading.address_or_none, default=None)
    active_sla: tuple[Sla, ...] = wire(each(one(Sla)), default=())
    ticket_fields: tuple[FieldValue, ...] = wire(each(one(FieldValue)), default=())
    tags: tuple[str, ...] = wire(each(under("name")), default=())
    status: int = wire(reading.number)
    priority: str = wire(reading.text)
    type: str = wire(reading.text)
    last_comment: str | None = wire(reading.text_or_none, default=None)
    remind_at: datetime | None = wire(reading.moment_or_none, default=None)
    email: str | None = wire(reading.address_or_none, default=None)
    rights: str | None = wire(reading.text_or_none, default=None)
    more: dict[str, Any] = additional()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRequest:
    """What is posted to a receiver. The headers of the signature and its time are each attempt's own. `body`: once it is made."""

    method: str = wire(reading.text)
    url: str | None = wire(reading.text_or_none, default=None)
    headers: dict[str, Any] = wire(dict)
    body: str | None = wire(reading.text_or_none, default=None)
    more: dict[str, Any] = additional()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempt:
    """`outcome`: sent, delivered, retry, refused, maybe_sent or lost; None while it runs. `answer`: its beginning."""

    number: int = wire(reading.number)
    began_at: datetime = wire(reading.moment)
    ended_at: datetime | None = wire(reading.moment_or_none, default=None)
    seconds: float | None = wire(reading.value, default=None)
    outcome: str | None = wire(reading.text_or_none, default=None)
    http_status: int | None = wire(reading.number_or_none, default=None)
    code: str | None = wire(reading.text_or_none, default=None)
    answer: str | None = wire(reading.text_or_none, default=None)
    more: dict[str, Any] = additional()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """A message to a client or a webhook. `event_id` is what a receiver knows it by, also when it is sent again."""

    id: int = wire(reading.number)
    kind: str = wire(reading.text)
    event: str = wire(reading.text)
    state: str = wire(reading.text)
    channel_id: int = wire(reading.number)
    ticket_id: int | None = wire(reading.number_or_none, default=None)
    comment_id: int | None = wire(reading.number_or_none, default=None)
    event_id: str = wire(reading.text)
    sequence: int | None = wire(reading.number_or_none, default=None)
    attempts: int = wire(reading.number)
    resend_of: int | None = wire(reading.number_or_none, default=None)
    error_code: str | None = wire(reading.text_or_none, default=None)
    error_text: str | None = wire(reading.text_or_none, default=None)
    created_at: datetime = wire(reading.moment)
    next_attempt_at: datetime | None = wire(reading.moment_or_none, default=None)
    sent_at: datetime | None = wire(reading.moment_or_none, default=None)
    delivered_at: datetime | None = wire(reading.moment_or_none, default=None)
    read_at: datetime | None = wire(reading.moment_or_none, default=None)
    ended_at: datetime | None = wire(reading.moment_or_none, default=None)
    more: dict[str, Any] = additional()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery(DeliveryRow):
    """With its request (of a webhook), what the provider calls it (of a message), and its attempts, newest first."""

    request: DeliveryRequest | None = wire(one_or_none(DeliveryRequest), default=None)
    provider_ids: tuple[str, ...] = wire(each(reading.text), default=())
    attempt_list: tuple[DeliveryAttempt, ...] = wire(each(one(DeliveryAttempt)), default=())


def new_ticket(answer: Any) -> NewTicket:
    return _loaded(NewTicket, answer)


def ticket(answer: Any) -> Ticket:
    """The ticket's own keys and those that stand beside it, as one object."""
    inner = answer.get("ticket") if isinstance(answer, dict) else None
    if not isinstance(inner, dict):
        raise PultError(None, "the answer has no ticket")
    beside = {key: value for key, value in answer.items() if key != "ticket"}
    return _loaded(Ticket, {**inner, **beside})


def tickets(answer: Any) -> list[TicketRow]:
    if not isinstance(answer, list):
        raise PultError(None, "the answer is no list of tickets")
    return [_loaded(TicketRow, row) for row in answer]


def deliveries(answer: Any) -> list[DeliveryRow]:
    if not isinstance(answer, list):
        raise PultError(None, "the answer is no list of deliveries")
    return [_loaded(DeliveryRow, row) for row in answer]


def delivery(answer: Any) -> Delivery:
    """The delivery's own keys and its attempts, as one object."""
    inner = answer.get("delivery") if isinstance(answer, dict) else None
    if not isinstance(inner, dict):
        raise PultError(None, "the answer has no delivery")
    return _loaded(Delivery, {**inner, "attempt_list": answer.get("attempts")})


def number(answer: Any, key: str) -> int:
    """The one number that an answer is about."""
    try:
        return reading.number(answer[key])
    except (KeyError, TypeError, ValueError) as error:
        raise PultError(None, f"the answer has no {key}") from error


def _loaded(kind: type[T], raw: Any) -> T:
    try:
        return reading.load(kind, raw)
    except ValueError as error:
        raise PultError(None, f"the answer cannot be read: {error}") from error
