"""What a channel's adapter is, and the words that it and the desk exchange. An adapter is one file in pult.channels.

The desk keeps the ledger: it claims a delivery, calls `send` outside of any transaction, and records what came of it. The
adapter speaks one provider's language and keeps nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003  # msgspec reads the annotations of a report that came too early
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from pult.kit.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from pult.desk import Desk
    from pult.kit.http_out import HttpOut

OWN_ID_LENGTH: Final = 50  # of Outgoing.own_id, at most: what the strictest provider takes


class Cap(StrEnum):
    """What a channel can do."""

    TEXT = "text"
    FILE = "file"
    TEMPLATE = "template"  # WhatsApp Business templates
    BY_PHONE = "by_phone"  # can write first to a phone
    BY_USERNAME = "by_username"  # can write first to a nickname
    STATUS = "status"  # the provider says when a message was delivered
    READ = "read"  # ... and when it was read
    HOOK = "hook"  # the provider calls us
    LISTEN = "listen"  # we ask the provider: `listen` runs as long as the desk does


class State(StrEnum):
    """What became of a message. It climbs queued -> sent -> delivered -> read; failed and cancelled are ends."""

    QUEUED = "queued"
    MAYBE_SENT = "maybe_sent"  # the request went out and no answer came: nobody knows, and nobody repeats it blindly
    SENT = "sent"  # the provider took it
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a message is for. `conversation`: the provider's own id of who we talk to, once it is known."""

    phone: str | None = None  # digits with the country's code, no plus
    username: str | None = None  # without @
    email: str | None = None
    conversation: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class FileOut:
    """A file to send: `read` streams its bytes, `url` is a public link of ours that works for a few days."""

    name: str
    mime: str
    size: int
    read: Callable[[], Awaitable[AsyncIterator[bytes]]]
    url: str


@dataclass(frozen=True, slots=True)
class Template:
    """A WhatsApp Business template as asked for: `key` is its id or its name, as the provider has it."""

    key: str
    language: str = "ru"
    variables: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class KnownTemplate:
    """A template that the provider has. `variables`: how many places to fill; None where it does not say.

    `languages`: empty where the provider does not say. `body`: its text with {{1}}, {{2}} … for the places, if it is told.
    """

    key: str
    variables: int | None
    languages: Sequence[str] = ()
    body: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message. `own_id`: our name of it (letters, digits and hyphens, at most OWN_ID_LENGTH), the same in each attempt.

    `text` is plain text, `html` the same with markup. With a template both may be empty.
    """

    own_id: str
    to: Recipient
    text: str = ""
    html: str | None = None
    files: Sequence[FileOut] = ()
    template: Template | None = None
    mail: Mail | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """What only an e-mail has. Ids stand without angle brackets; `references` oldest first."""

    subject: str
    ticket_id: int
    comment_id: int
    message_id: str = ""
    in_reply_to: str | None = None
    references: Sequence[str] = ()
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    automatic: bool = False  # written by a rule, not by a person
    sender_name: str = ""


class Sending(Protocol):
    """What `send` tells the desk while it works. Each call is durable when it returns."""

    @property
    def done(self) -> Mapping[str, str]:
        """The parts that an earlier attempt has sent already, part -> the provider's id (or ""): not sent again."""

    async def begin(self) -> None:
        """The request that sends leaves now. What fails before was not sent, for certain."""

    async def sent(self, part: str, message_id: str = "") -> None:
        """The provider took this part of the message: "text", "file-1" … and calls it so."""

    async def talking_to(self, conversation: str) -> None:
        """The provider's id of who we talk to, as soon as it is known: later messages are given it."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the provider said when it took a message. Status reports name it by any of these ids, or by our own."""

    state: State = State.SENT
    message_ids: Sequence[str] = ()
    job_id: str | None = None
    conversation: str | None = None
    note: str = ""  # what people should know although it was sent: a copy's address was refused


class SendError(Exception):
    """A message was not (or perhaps) sent. `code` and `text` are the provider's where it gave any.

    `retry`: it was certainly not sent and may be tried again, after `retry_after` seconds where the provider says so.
    `maybe_sent`: nobody knows. Neither: the provider refused, trying again is no use.
    """

    def __init__(
        self, code: str, text: str, *, retry: bool = False, maybe_sent: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{code}: {text}")
        self.code, self.text = code, text
        self.retry, self.maybe_sent, self.retry_after = retry, maybe_sent, retry_after


class BadRecipient(BadValue):
    """The message cannot go to whom it is for: the error names the parameter, and nothing is stored."""


@dataclass(frozen=True, slots=True)
class FileIn:
    """A file of a client's message, still at the provider: `ref` is what `open_file` needs to fetch it."""

    ref: str
    name: str
    mime: str = "application/octet-stream"
    size: int | None = None
    stored_key: str | None = None  # the desk's file store has it already


@dataclass(frozen=True, slots=True)
class Incoming:
    """A client's message. `message_id`: the provider's, the same when it repeats itself.

    `written_by_us`: somebody of ours wrote it in the provider's own application; it is shown, never sent.
    """

    message_id: str
    at: datetime
    text: str = ""
    html: str | None = None
    conversation: str | None = None
    phone: str | None = None
    username: str | None = None
    email: str | None = None
    name: str = ""
    files: Sequence[FileIn] = ()
    written_by_us: bool = False
    ticket_id: int | None = None  # of a mail: the ticket that it answers, proven by a token or a stored id
    subject: str = ""
    cc: Sequence[str] = ()
    automatic: bool = False  # nobody wrote it: nothing may answer it by itself
    original: str | None = None  # the whole as HTML, where `text` and `html` are without what it quotes


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What became of a message of ours, named by any of the ids that are known of it."""

    state: State
    at: datetime
    message_id: str | None = None
    job_id: str | None = None
    own_id: str | None = None
    code: str = ""
    text: str = ""
    also_known_as: str | None = None  # the message id that a job has become
    conversation: str | None = None


@dataclass(frozen=True, slots=True)
class Rating:
    """A client's word on how well a ticket was answered, 1 (bad) to 5; `rating_id` is the same when it is repeated."""

    rating_id: str
    at: datetime
    ticket_id: int
    rating: int
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """What a provider says of the channel itself: switched off, phone not reachable. Shown on the channel's page."""

    at: datetime
    text: str
    healthy: bool


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a provider told. `channel_ref`: the provider's own name of the channel it is about, where several
    share an address; as the adapter's `channel_ref` has it. None: the channel that was called.
    """

    what: Incoming | StatusReport | Rating | ChannelReport
    channel_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Hook:
    """A provider's call, as it came. Header names are in lower case; `body` is what signatures are about."""

    method: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HookReply:
    """The answer to a provider's call, and what it told us. Status 401 or 403 refuses it: nothing of it is kept."""

    status: int = 200
    body: bytes = b"ok"
    content_type: str = "text/plain; charset=utf-8"
    events: Sequence[Event] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes from a provider, with what it says of them."""

    chunks: AsyncIterator[bytes]
    name: str | None = None
    mime: str | None = None
    size: int | None = None


class Inbox(Protocol):
    """Where `listen` puts what it finds. `cursor` is what it last said, kept over restarts."""

    async def cursor(self) -> str | None: ...

    async def take(self, events: Sequence[Event], cursor: str | None = None) -> None:
        """Durable when it returns; an event that was taken before changes nothing."""

    async def well(self, text: str = "", **counters: int) -> None:
        """All is well; shown on the channel's page and in the figures."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of what a check of a channel found."""

    ok: bool
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """A channel as its adapter is made from it. `settings`: the structure that its type declares."""

    company_id: int
    id: int
    type: str
    name: str
    email: str | None
    settings: Any
    inbound_secret: str
    signing_secrets: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Outside:
    """What adapters reach the world with. `address`: the desk's own, in links; `secret`: the installation's, for signing.

    `desk`: for e-mail, which has to keep a message before its server may forget it.
    """

    http: HttpOut
    address: str
    secret: bytes
    desk: Desk | None = None


class Adapter(Protocol):
    """One channel, spoken to in its provider's language. Made anew when the channel's settings change."""

    caps: frozenset[Cap]
    idempotent: bool  # the provider recognises our own id: sending the same again is no second message
    verified: bool  # tried against the live service; if not, the channel's page says "experimental"

    @property
    def channel_ref(self) -> str | None:
        """The provider's own name of this channel, where several share one account; else None."""

    @property
    def installs(self) -> bool:
        """Whether `install` tells the provider where to call; else that is set up on its side."""

    async def send(self, message: Outgoing, sending: Sending) -> Receipt:
        """Send what is not in `sending.done` yet. SendError says what became of it otherwise."""

    async def look_up(self, receipt: Receipt) -> StatusReport | None:
        """What became of a message, where the provider can be asked; None where it cannot or does not know."""

    async def handle(self, hook: Hook) -> HookReply:
        """Understand a provider's call. What is not understood is answered 200 and changes nothing."""

    async def open_file(self, file: FileIn) -> Content:
        """A file of an incoming message. SendError (`retry` where it may come later)."""

    async def templates(self) -> Sequence[KnownTemplate] | None:
        """The templates that the provider knows, or None where it cannot be asked."""

    async def install(self, inbound_url: str) -> None:
        """Ask the provider to call us there; does nothing where that is set up elsewhere. SendError."""

    async def check(self) -> Sequence[Finding]:
        """Whether the channel works, asked without sending anything."""

    async def listen(self, inbox: Inbox) -> None:
        """Ask the provider for news until cancelled (Cap.LISTEN)."""
