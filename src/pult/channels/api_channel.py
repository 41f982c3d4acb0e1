"""The channel without a provider: integrations write through the API, and may tell us things at its inbound address.

A call is JSON with an `event`: "message" (a client's), or "rating". The address is secret; a call that carries the headers of
Standard Webhooks must also be signed with one of the channel's signing secrets.
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from pult.channels.adapting import AdapterOf, Address, Number, Text
from pult.kit.http_out import HttpOutError
from pult.messaging.contract import Cap, Content, Event, FileIn, HookReply, Incoming, Rating, SendError
from pult.webhooks.model import signature

if TYPE_CHECKING:
    from pult.messaging.contract import Hook, Outgoing, Receipt, Sending

HookEvent = Literal["ticket", "comment", "change", "rating", "chat", "delivery"]
OLDEST: Final = timedelta(minutes=5)  # of a signed call
FILE_LIMIT: Final = 15 * 1024 * 1024


class ApiSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the channel's events go. Without an address nothing is sent; without `events` and `watch` all of them are.

    `statuses`: beside DELIVERED and NOT DELIVERED, whether SENT and READ are told too.
    """

    webhook_url: Address | None = None
    webhook_format: Literal["json", "form"] = "json"
    events: list[HookEvent] | None = None
    watch: list[Text | Number] | None = None  # keys in a desk file, ids of channels once stored
    statuses: list[Literal["SENT", "READ"]] | None = None


class _File(Struct, frozen=True):
    url: Annotated[str, Meta(pattern=r"^https?://\S+$", max_length=2048)]
    name: str = ""
    mime: str = "application/octet-stream"


class _Client(Struct, frozen=True):
    name: str = ""
    email: str | None = None
    phone: str | None = None
    username: str | None = None


class _Message(Struct, tag_field="event", tag="message"):
    id: Annotated[str, Meta(min_length=1, max_length=200)]
    text: Annotated[str, Meta(max_length=65536)] = ""
    html: Annotated[str, Meta(max_length=65536)] | None = None
    subject: str = ""
    conversation: Annotated[str, Meta(max_length=200)] | None = None
    client: _Client = _Client()
    files: list[_File] = []


class _Rating(Struct, tag_field="event", tag="rating"):
    id: Annotated[str, Meta(min_length=1, max_length=200)]
    ticket_id: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    rating: Annotated[int, Meta(ge=1, le=5)]
    comment: Annotated[str, Meta(max_length=2000)] = ""


_decoder = msgspec.json.Decoder(_Message | _Rating)


class ApiAdapter(AdapterOf):
    """Nothing is sent through it; its receivers hear of everything by webhooks."""

    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.HOOK, Cap.FILE})
    verified: ClassVar[bool] = True

    async def send(self, _message: Outgoing, _sending: Sending) -> Receipt:
        raise SendError("no_provider", "an API channel sends nothing: its receiver is told by webhook")

    async def handle(self, hook: Hook) -> HookReply:
        now = datetime.now(UTC)  # clock: of a call, which no transaction has begun for
        if not self._genuine(hook, now):
            return HookReply(status=403, body=b"the signature is wrong")
        try:
            told = _decoder.decode(hook.body)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            body = msgspec.json.encode({"status": "failed", "error": str(error)})
            return HookReply(status=400, body=body, content_type="application/json")
        event = Event(_rating(told, now) if isinstance(told, _Rating) else _message(told, now))
        return HookReply(body=b'{"status":"success"}', content_type="application/json", events=[event])

    async def open_file(self, file: FileIn) -> Content:
        try:
            return Content(self.outside.http.stream(file.ref, limit=FILE_LIMIT))
        except HttpOutError as error:
            raise SendError("no_file", str(error), retry=True) from error

    def _genuine(self, hook: Hook, now: datetime) -> bool:
        """A call without signature headers is known by its secret address; one that has them must be signed right."""
        given = hook.headers.get("webhook-signature")
        if given is None:
            return True
        event_id, sent = hook.headers.get("webhook-id", ""), hook.headers.get("webhook-timestamp", "")
        if not sent.isascii() or not sent.isdigit() or abs(now.timestamp() - int(sent)) > OLDEST.total_seconds():
            return False
        right = signature(event_id, int(sent), hook.body, self.channel.signing_secrets).split()
        return any(hmac.compare_digest(mine.encode(), theirs.encode()) for theirs in given.split() for mine in right)


def _message(told: _Message, now: datetime) -> Incoming:
    return Incoming(
        message_id=told.id,
        at=now,
        text=told.text,
        html=told.html,
        subject=told.subject,
        conversation=told.conversation,
        phone=told.client.phone,
        email=told.client.email,
        username=told.client.username,
        name=told.client.name,
        files=[FileIn(ref=file.url, name=_name(file), mime=file.mime) for file in told.files],
    )


def _name(file: _File) -> str:
    return file.name or urlsplit(file.url).path.rpartition("/")[2] or "file"


def _rating(told: _Rating, now: datetime) -> Rating:
    return Rating(told.id, now, told.ticket_id, told.rating, told.comment)
