"""What most adapters have in common: the settings of every messenger, and what a channel does that cannot do a thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta, Struct

from pult.messaging.contract import HookReply, SendError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pult.messaging.contract import (
        Cap,
        ChannelRecord,
        Content,
        FileIn,
        Finding,
        Hook,
        Inbox,
        KnownTemplate,
        Outgoing,
        Outside,
        Receipt,
        Sending,
        StatusReport,
    )

Text = Annotated[str, Meta(min_length=1, max_length=255)]
Secret = Annotated[str, Meta(min_length=1, max_length=1024)]
Address = Annotated[str, Meta(pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=2048)]
Host = Annotated[str, Meta(pattern=r"^[A-Za-z0-9.:_-]+$", max_length=253)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Number = Annotated[int, Meta(ge=1)]


class MessengerSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every messenger's channel may say beside its provider's settings.

    `default_agent`: whose messages are those for which a caller names nobody (a key in a desk file, an id once stored).
    `delivered_within`: seconds that create/ticket waits for the provider's word on delivery.
    `claim_delivered`: answer "delivered" as soon as the provider took the message, for callers that compare the word.
    """

    default_agent: Text | Number | None = None
    delivered_within: Annotated[float, Meta(ge=0, le=30)] = 3.0
    claim_delivered: bool = False


class AdapterOf:
    """An adapter's beginning: it can send; everything else says honestly that it cannot."""

    caps: ClassVar[frozenset[Cap]]
    idempotent: ClassVar[bool] = False
    verified: ClassVar[bool] = False

    def __init__(self, channel: ChannelRecord, outside: Outside) -> None:
        self.channel, self.outside = channel, outside

    @property
    def channel_ref(self) -> str | None:
        return None

    @property
    def installs(self) -> bool:
        return type(self).install is not AdapterOf.install

    async def send(self, message: Outgoing, sending: Sending) -> Receipt:
        raise NotImplementedError

    async def look_up(self, _receipt: Receipt) -> StatusReport | None:
        return None

    async def handle(self, _hook: Hook) -> HookReply:
        return HookReply(status=404, body=b"this channel is not called")

    async def open_file(self, _file: FileIn) -> Content:
        raise SendError("no_files", "files of this channel cannot be fetched")

    async def templates(self) -> Sequence[KnownTemplate] | None:
        return None

    async def install(self, inbound_url: str) -> None:
        pass

    async def check(self) -> Sequence[Finding]:
        return ()

    async def listen(self, inbox: Inbox) -> None:
        pass
