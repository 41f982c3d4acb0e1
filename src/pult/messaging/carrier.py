"""Carries messages to clients: says what there is to say to the channel's adapter, and records what came of it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import html as markup
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pult.deliveries import store as ledger_store
from pult.deliveries.carrier import Outcome, Result
from pult.kit import files
from pult.kit.connecting import lost
from pult.kit.html import plain_text
from pult.kit.log import get_logger
from pult.messaging import reports, store
from pult.messaging.contract import FileOut, Mail, Outgoing, Recipient, SendError, Template
from pult.messaging.outlets import BadChannelSettings, ChannelGone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from pult.deliveries.carrier import Claimed
    from pult.desk import Desk
    from pult.messaging.contract import ChannelRecord, Receipt
    from pult.messaging.outlets import Outlets
    from pult.tickets.companies import Companies

log = get_logger()

AGAIN: Final = 0.2  # seconds
SEND_WITHIN: Final = 150.0  # seconds for all parts of a message
FILE_LINK_DAYS: Final = 3  # a provider fetches a file soon, but may try again over a weekend
TARGET_FAULTS: Final = frozenset({"unreachable", "no_answer", "not_json", "private_address"})
_files = msgspec.json.Decoder(list[dict[str, Any]])


class TakenOver(Exception):
    """The lease ended, and another process has the delivery: nothing may leave here any more."""


class MessageCarrier:
    """Of kind "message"."""

    kind = "message"

    def __init__(self, desk: Desk, outlets: Outlets, companies: Companies) -> None:
        self._desk, self._outlets, self._companies = desk, outlets, companies

    async def prepare(self, claimed: Sequence[Claimed]) -> Sequence[Claimed]:
        return claimed

    async def carry(self, claimed: Claimed) -> Outcome:
        """Send it, as far as it was not sent yet."""
        try:
            record, adapter = await self._outlets.of(claimed.channel_id)
        except (ChannelGone, BadChannelSettings) as error:
            return Outcome(claimed, "refused", code="channel", text=str(error), began=False)
        message = await self._message(claimed, record)
        sending = _Sending(self._desk, claimed)
        try:
            async with asyncio.timeout(SEND_WITHIN):
                receipt = await adapter.send(message, sending)
                if receipt.conversation:
                    await sending.talking_to(receipt.conversation)
        except SendError as error:
            return _failed(claimed, error, began=sending.began)
        except TakenOver:
            return Outcome(claimed, "retry", code="lost", text="another process went on with it", began=False)
        except Exception as error:  # noqa: BLE001  # whatever it is, what is in flight decides
            return _broken(claimed, error, record, unsure=sending.in_flight and not adapter.idempotent)
        return Outcome(claimed, "done", state=receipt.state, text=receipt.note, names=names_of(receipt))

    async def resume(self, claimed: Claimed, *, began: bool) -> Outcome:
        """Nothing in flight, or a provider that recognises repeats: it goes on where it stopped. Else nobody knows."""
        try:
            _, adapter = await self._outlets.of(claimed.channel_id)
        except (ChannelGone, BadChannelSettings) as error:
            return Outcome(claimed, "refused", code="channel", text=str(error))
        if not began or adapter.idempotent:
            return Outcome(claimed, "retry", code="lost", text="the process that was sending ended", began=False)
        return Outcome(claimed, "maybe_sent", code="lost", text="the process ended while the message was being sent")

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Each in a unit of work of its own, which holds the ticket: so that reports and sends come one after the other."""
        for outcome in outcomes:
            claimed = outcome.claimed
            by = await self._companies.desk_of(claimed.company_id, claimed.channel_id)
            await self._desk.done(by, partial(reports.settle, outcome=outcome))

    async def _message(self, claimed: Claimed, record: ChannelRecord) -> Outgoing:
        async with self._desk.pools.reading() as conn:
            row = await store.message_to_send(conn, company_id=claimed.company_id, id=claimed.id)
        assert row is not None
        wanted = claimed.details.get("template")
        template = (
            Template(wanted, claimed.details["language"], claimed.details["variables"]) if wanted is not None else None
        )
        return Outgoing(
            own_id=own_id(claimed.company_id, claimed.id),
            to=_recipient(row),
            text=plain_text(row.message),
            html=row.message,
            files=[self._file(claimed.company_id, file) for file in _files.decode(row.files)],
            template=template,
            mail=_mail(claimed, row, self._desk.secret) if record.type == "email" else None,
        )

    def _file(self, company_id: int, file: dict[str, Any]) -> FileOut:
        async def read() -> AsyncIterator[bytes]:
            return await self._desk.files.read(file["key"], 0, file["size"])

        expires = files.expiry(datetime.now(UTC), FILE_LINK_DAYS)  # clock: a link ends by it, no transaction is asked
        url = files.link(self._desk.settings.address, self._desk.secret, company_id, file["id"], expires, file["name"])
        return FileOut(file["name"], file["type"], file["size"], read, url)


class _Sending:
    """What an adapter tells while it sends, made durable."""

    def __init__(self, desk: Desk, claimed: Claimed) -> None:
        self._pool, self._claimed = desk.pools.main, claimed
        self.began = False  # whether any request left
        self.in_flight = False  # ... and its answer is not recorded
        self.done = dict(claimed.progress)

    async def begin(self) -> None:
        """TakenOver where another process has taken this one for dead."""
        begun = await ledger_store.begin_attempt(
            self._pool,
            company_id=self._claimed.company_id,
            delivery_id=self._claimed.id,
            number=self._claimed.attempt,
        )
        if begun is None:
            raise TakenOver
        self.began = self.in_flight = True

    async def sent(self, part: str, message_id: str = "") -> None:
        self.done[part] = message_id
        note = partial(
            ledger_store.note_part,
            self._pool,
            company_id=self._claimed.company_id,
            id=self._claimed.id,
            number=self._claimed.attempt,
            part=part,
            message_id=message_id,
        )
        await _written(note)
        self.in_flight = False

    async def talking_to(self, conversation: str) -> None:
        if self._claimed.conversation_id is not None:
            know = partial(
                store.know_conversation,
                self._pool,
                company_id=self._claimed.company_id,
                delivery_id=self._claimed.id,
                provider_ref=conversation,
            )
            await _written(know)


async def _written(write: Callable[[], Awaitable[None]]) -> None:
    """What the provider has done must be known here: a database that is away is waited for, as long as sending may last."""
    while True:
        try:
            return await write()
        except Exception as error:
            if not lost(error):
                raise
        await asyncio.sleep(AGAIN)


def own_id(company_id: int, delivery_id: int) -> str:
    """Our name of a message, the same in each attempt."""
    return f"pult-{company_id}-{delivery_id}"


def own_delivery(own: str, company_id: int) -> int | None:
    """The delivery that `own_id` named, if it is this company's."""
    parts = own.split("-")
    if len(parts) < 3 or parts[0] != "pult" or parts[1] != str(company_id) or not parts[2].isdigit():
        return None
    return int(parts[2])


def names_of(receipt: Receipt) -> list[str]:
    """What reports may call the message."""
    names = [f"message:{message_id}" for message_id in receipt.message_ids if message_id]
    return [*names, f"job:{receipt.job_id}"] if receipt.job_id else names


def _recipient(row: Any) -> Recipient:
    kind, _, value = (row.address or "").partition(":")
    return Recipient(
        phone=value if kind == "phone" else None,
        username=value if kind == "telegram" else None,
        email=row.email or row.client_email or None,
        conversation=row.provider_ref or (value if kind == "id" else None),
        name=row.client_name,
    )


def _mail(claimed: Claimed, row: Any, secret: bytes) -> Mail:
    return Mail(
        subject=row.subject,
        ticket_id=row.ticket_id,
        comment_id=claimed.comment_id or 0,
        message_id=hmac.new(secret, own_id(claimed.company_id, claimed.id).encode(), hashlib.sha256).hexdigest()[:24],
        cc=row.cc,
        bcc=row.bcc,
        automatic=row.author == "trigger",
        sender_name=markup.unescape(row.agent_name),
    )


def _failed(claimed: Claimed, error: SendError, *, began: bool) -> Outcome:
    result: Result = "maybe_sent" if error.maybe_sent else "retry" if error.retry else "refused"
    return Outcome(
        claimed,
        result,
        code=error.code,
        text=error.text,
        retry_after=error.retry_after,
        target_failed=error.retry and error.code in TARGET_FAULTS,
        began=began,
    )


def _broken(claimed: Claimed, error: Exception, record: ChannelRecord, *, unsure: bool) -> Outcome:
    """Neither the provider's answer nor a refusal: it hangs, the database went away, or the fault is ours."""
    hangs = isinstance(error, TimeoutError)
    if lost(error) or hangs:
        log.warning("message.interrupted", channel_type=record.type, reason=type(error).__name__)
    else:
        log.error("message.fault", channel_type=record.type, exc_info=error)
    result: Result = "maybe_sent" if unsure else "retry"
    text = type(error).__name__
    return Outcome(claimed, result, code="internal", text=text, target_failed=hangs, began=hangs)
