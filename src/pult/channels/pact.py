"""Pact (api.pact.im, interface p1): WhatsApp, WhatsApp Business and Telegram personal. Evidence: docs/channels/pact.md.

Pact takes a message as a job and says later what became of it. Its jobs are numbered apart from its messages, so a job is
called "job-17" among a message's ids.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlsplit

from pult.channels.adapting import AdapterOf, Address, MessengerSettings, Number, Secret
from pult.channels.lenient import decoded, mapping
from pult.channels.linked_file import fetched
from pult.channels.pact_account import PactAccount
from pult.channels.pact_events import conversation_in, first_name, job_name, number, understood
from pult.channels.text_parts import text_parts, utf16_units
from pult.messaging.contract import Cap, Event, Finding, HookReply, Incoming, Receipt, SendError, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pult.channels.pact_account import Fields
    from pult.channels.pact_events import Told
    from pult.messaging.contract import (
        ChannelRecord,
        Content,
        FileIn,
        FileOut,
        Hook,
        KnownTemplate,
        Outgoing,
        Outside,
        Recipient,
        Sending,
        StatusReport,
        Template,
    )

TEXT_LIMIT: Final = 4096  # in UTF-16 units. ?: Pact names no limit; this is the messengers' own


class PactSettings(MessengerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`company_id` and `channel_id` are Pact's numbers of its company and its channel."""

    token: Secret
    company_id: Number
    channel_id: Number
    base_url: Address = "https://api.pact.im/p1/"


class PactAdapter(AdapterOf):
    """What both of Pact's channel types have in common; they differ in how somebody is written to first."""

    providers: ClassVar[frozenset[str]]  # Pact's words for channels of this type

    def __init__(self, channel: ChannelRecord, outside: Outside) -> None:
        super().__init__(channel, outside)
        settings: PactSettings = channel.settings
        self._base_url, self._number = settings.base_url, str(settings.channel_id)
        self._account = PactAccount(outside.http, settings.base_url, settings.token, settings.company_id)
        self._company = self._account.company

    @property
    def channel_ref(self) -> str:
        return self._ref(self._number)

    def _ref(self, channel: str) -> str:
        return f"{urlsplit(self._base_url).netloc}/{self._account.company_id}/{channel}"

    async def send(self, message: Outgoing, sending: Sending) -> Receipt:
        conversation = number(message.to.conversation)
        try:
            return await self._deliver(message, _Progress(sending, conversation))
        except SendError as error:
            if error.code != "404" or conversation is None or not (message.to.phone or message.to.username):
                raise
        return await self._deliver(message, _Progress(sending, None))  # the conversation is gone: begin a new one

    async def _deliver(self, message: Outgoing, progress: _Progress) -> Receipt:
        files = [(f"file-{n}", file) for n, file in enumerate(message.files, start=1) if progress.lacks(f"file-{n}")]
        if files and progress.conversation is None:
            await self._open(message.to, progress)
        uploads = None if progress.conversation is None else await self._uploads(files, progress)
        if message.template is not None:
            await self._send_template(message.template, message.to, progress)
        else:
            await self._send_text(message.text, message.to, progress)
        for part, upload in await self._uploads(files, progress) if uploads is None else uploads:
            await self._post(part, [("attachments_ids[]", upload)], progress)
        return progress.receipt()

    async def _send_text(self, text: str, to: Recipient, progress: _Progress) -> None:
        for n, piece in enumerate(text_parts(text, TEXT_LIMIT, utf16_units), start=1):
            part = "text" if n == 1 else f"text-{n}"
            if progress.lacks(part) and progress.conversation is None:
                await self._write_first(part, piece, to, progress)
            elif progress.lacks(part):
                await self._post(part, [("message", piece)], progress)

    async def _write_first(self, part: str, text: str, to: Recipient, progress: _Progress) -> None:
        """The first message to somebody with whom there is no conversation yet."""
        raise NotImplementedError

    async def _send_template(self, _template: Template, _to: Recipient, _progress: _Progress) -> None:
        raise SendError("no_templates", "this channel has no templates")

    async def _open(self, to: Recipient, progress: _Progress) -> None:
        """Make the conversation that files need, where that is possible without a text."""

    async def _uploads(self, files: Sequence[tuple[str, FileOut]], progress: _Progress) -> list[tuple[str, str]]:
        """Bring the files to Pact: each part with how Pact calls it."""
        if files and progress.conversation is None:  # a call of Pact's will tell it
            raise SendError("no_conversation", "Pact has not said yet how it calls the conversation", retry=True)
        return [(part, await self._account.upload(str(progress.conversation), file)) for part, file in files]

    async def _post(self, part: str, fields: Fields, progress: _Progress) -> None:
        """Send a part into the conversation."""
        await self._send_part(part, f"{self._company}/conversations/{progress.conversation}/messages", fields, progress)

    async def _send_part(self, part: str, path: str, fields: Fields, progress: _Progress) -> None:
        await progress.sending.begin()
        said = await self._account.send(path, fields)
        await progress.took(part, said, dict(fields).get("text", ""))

    async def look_up(self, receipt: Receipt) -> StatusReport | None:
        """Failed if any part's job failed, delivered if all of them were; None otherwise."""
        named = [name.removeprefix("job-") for name in receipt.message_ids if name.startswith("job-")]
        jobs = dict.fromkeys([*named, *([receipt.job_id] if receipt.job_id else [])])
        try:
            reports = [await self._account.job(self._number, job) for job in jobs]
        except SendError:
            return None
        failed = next((report for report in reports if report and report.state is State.FAILED), None)
        return failed or (reports[-1] if reports and all(reports) else None)

    async def handle(self, hook: Hook) -> HookReply:
        """Pact does not sign: who knows the secret path is believed, and what a call leaves open is asked of Pact."""
        now = datetime.now(UTC)  # clock: acknowledgements name no time
        call = mapping(decoded(hook.body))
        if described := conversation_in(call):
            self._account.told_of(*described)
        told = understood(call, now, self._account.company_id, self._base_url)
        events = [await self._event(one) for one in told]
        return HookReply(events=tuple(event for event in events if event is not None))

    async def _event(self, told: Told) -> Event | None:
        """None for what is about no channel of this company."""
        what, channel = told.what, told.channel
        if isinstance(what, Incoming) and what.conversation is not None:
            contact = await self._account.contact(what.conversation)
            if contact is None and channel is None:
                return None
            if contact is not None:
                what, channel = replace(what, phone=contact.phone, name=contact.name), channel or contact.channel
        elif told.job is not None and channel is None:
            channel = await self._account.channel_of_job(told.job, self._number)
        return Event(what, self._ref(channel or self._number))

    async def open_file(self, file: FileIn) -> Content:
        return fetched(self.outside.http, file)

    async def install(self, inbound_url: str) -> None:
        """One address per company: whichever of its channels is set up last receives for all of them."""
        await self._account.ask("PUT", self._company, [("webhook_url", inbound_url)])

    async def check(self) -> Sequence[Finding]:
        try:
            provider = (await self._account.channels()).get(self._number)
            called = await self._account.webhook_url()
        except SendError as error:
            return [Finding(ok=False, text=error.text)]
        if provider is None:
            return [Finding(ok=False, text="the company has no channel with this channel_id")]
        fits = provider in self.providers
        kind = Finding(fits, f"the channel is of Pact's type {provider}", {"provider": provider})
        return [Finding(ok=True, text="Pact takes the token"), kind, self._calls(called)]

    def _calls(self, webhook_url: str) -> Finding:
        if not webhook_url:
            return Finding(ok=False, text="Pact calls nobody: the company has no webhook_url")
        host = urlsplit(webhook_url).netloc  # the rest of the address is a secret
        ours = host == urlsplit(self.outside.address).netloc
        return Finding(ours, "Pact calls this desk" if ours else f"Pact calls {host}, which is not this desk")


class WhatsAppPactAdapter(PactAdapter):
    """WhatsApp and WhatsApp Business. Only the latter has templates, and can only begin with one."""

    caps = frozenset({Cap.TEXT, Cap.FILE, Cap.TEMPLATE, Cap.BY_PHONE, Cap.STATUS, Cap.READ, Cap.HOOK})
    providers = frozenset({"whatsapp", "whatsapp_business"})

    async def _write_first(self, part: str, text: str, to: Recipient, progress: _Progress) -> None:
        # ?: Pact's example spells the text "text", its table of parameters "message"; both are sent until one is known
        fields = [("phone", _phone(to.phone)), ("text", text), ("message", text)]
        await self._send_part(part, self._first, fields, progress)

    async def _send_template(self, template: Template, to: Recipient, progress: _Progress) -> None:
        if not progress.lacks("template"):
            return
        phone = to.phone
        if phone is None and progress.conversation is not None:
            contact = await self._account.contact(progress.conversation)
            phone = contact.phone if contact else None
        fields = [
            ("phone", _phone(phone)),
            ("template[id]", template.key),
            ("template[language_code]", template.language),
            *(("template[parameters][]", value) for value in template.variables),
        ]
        await self._send_part("template", self._first, fields, progress)

    @property
    def _first(self) -> str:
        return f"{self._company}/channels/{self._number}/conversations"

    async def _open(self, to: Recipient, progress: _Progress) -> None:
        fields = [("provider", "whatsapp"), ("phone", _phone(to.phone))]
        made = mapping((await self._account.ask("POST", f"{self._company}/conversations", fields)).get("conversation"))
        if number(made.get("channel_id")) not in {self._number, None}:
            raise SendError("other_channel", "Pact opens conversations of this company in another of its channels")
        await progress.talk(number(made.get("external_id")))
        if progress.conversation is None:
            raise SendError(
                "no_conversation", "Pact opened a conversation and did not say how it is called", retry=True
            )

    async def templates(self) -> Sequence[KnownTemplate] | None:
        try:
            return await self._account.templates()
        except SendError:
            return None


class TelegramPactAdapter(PactAdapter):
    """Somebody's own Telegram account. A nickname is preferred to a phone; the first message must have a text."""

    caps = frozenset({Cap.TEXT, Cap.FILE, Cap.BY_PHONE, Cap.BY_USERNAME, Cap.STATUS, Cap.READ, Cap.HOOK})
    providers = frozenset({"telegram_personal"})

    async def _deliver(self, message: Outgoing, progress: _Progress) -> Receipt:
        if progress.conversation is None and not message.text.strip():
            raise SendError("no_text", "the first message to somebody in Telegram must have a text")
        return await super()._deliver(message, progress)

    async def _write_first(self, part: str, text: str, to: Recipient, progress: _Progress) -> None:
        whom = ("username", to.username) if to.username else ("phone", _phone(to.phone))
        fields = [("provider", "telegram_personal"), whom, ("text", text)]
        await self._send_part(part, f"{self._company}/conversations", fields, progress)


class _Progress:
    """How far the sending of one message is."""

    def __init__(self, sending: Sending, conversation: str | None) -> None:
        self.sending, self.conversation = sending, conversation
        self._parts = dict(sending.done)
        self._names = [name for name in self._parts.values() if name]
        jobs = [name.removeprefix("job-") for name in self._names if name.startswith("job-")]
        self._job = jobs[-1] if jobs else None

    def lacks(self, part: str) -> bool:
        return part not in self._parts

    async def talk(self, conversation: str | None) -> None:
        if conversation is not None and conversation != self.conversation:
            self.conversation = conversation
            await self.sending.talking_to(conversation)

    async def took(self, part: str, said: dict[str, Any], text: str) -> None:
        """Pact took a part; its answer is a job, or only the conversation that was made."""
        conversation = number(said.get("conversation_id")) or number(
            mapping(said.get("conversation")).get("external_id")
        )
        job, message_id = number(said.get("id")), number(said.get("message_id"))
        names = [name for name in (message_id, job_name(job) if job else None) if name]
        if not names and conversation is not None:
            names = [first_name(conversation, text)]
        self._parts[part] = names[0] if names else ""
        self._names += names
        self._job = job or self._job
        await self.sending.sent(part, self._parts[part])
        await self.talk(conversation)

    def receipt(self) -> Receipt:
        return Receipt(State.SENT, tuple(dict.fromkeys(self._names)), self._job, self.conversation)


def _phone(phone: str | None) -> str:
    if not phone:
        raise SendError("no_phone", "there is no conversation with the client yet, and no phone to begin one")
    return phone
