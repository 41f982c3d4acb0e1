"""Viber (and its kin) through Chat2Desk's API.

EXPERIMENTAL: never tried against the live service. What is marked (C) rests on one public program, (?) on nothing but
likelihood; docs/channels/chat2desk.md lists both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from pult.channels import lenient
from pult.channels.adapting import AdapterOf, Address, MessengerSettings, Number, Text
from pult.channels.chat2desk_events import TELLING, KeyForm, events, signed_by, state_of, timestamps
from pult.channels.linked_file import fetched
from pult.channels.provider_api import ProviderApi
from pult.channels.text_parts import text_parts, utf16_units
from pult.messaging.contract import Cap, Finding, HookReply, Receipt, SendError, State, StatusReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pult.messaging.contract import (
        ChannelRecord,
        Content,
        FileIn,
        FileOut,
        Hook,
        Outgoing,
        Outside,
        Recipient,
        Sending,
    )

TEXT_LIMITS: Final = {"viber_business": 1000}  # characters, as Viber has them
TEXT_LIMIT: Final = 7000
NO_CREDENTIALS: Final = ("you need to auth", "you have to specify your token")
NO_QUOTA: Final = ("number of api requests exceeded", "api calls exceeded api limit")
KNOWN_ALREADY: Final = "already exist"
RUNNING: Final = {"", "on", "active", "enable", "enabled"}  # (?) words for a webhook that is called


class Chat2DeskSettings(MessengerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`transport`: the messenger's name there. `operator_id`: in whose name messages are written.

    `signature`: "checked" refuses a wrong one and takes calls that have none; "demanded" refuses those too; "ignored" is
    for an account whose signatures come in a form that is not known here. The secret address is needed in any case.
    """

    token: Text
    channel_id: Number
    base_url: Address = "https://api.chat2desk.com/v1/"
    transport: Text = "viber"
    operator_id: Number | None = None
    signature: Literal["checked", "demanded", "ignored"] = "checked"
    signature_header: Text = "X-Signature"  # (C)
    timestamp_header: Text = "X-Timestamp"  # (?)
    signature_key: KeyForm = "either"


class ClientKnown(SendError):
    """A client of that phone exists; `client` is their number where the refusal tells it."""

    def __init__(self, text: str, client: int | None) -> None:
        super().__init__("client_known", text)
        self.client = client


class Chat2DeskAdapter(AdapterOf):
    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.TEXT, Cap.FILE, Cap.BY_PHONE, Cap.STATUS, Cap.HOOK})

    def __init__(self, channel: ChannelRecord, outside: Outside) -> None:
        super().__init__(channel, outside)
        self._settings: Chat2DeskSettings = channel.settings
        headers = {"Authorization": self._settings.token}
        self._api = ProviderApi(outside.http, self._settings.base_url, headers=headers, explain=_explain)

    @property
    def channel_ref(self) -> str | None:
        """A webhook tells of all channels of a company."""
        return str(self._settings.channel_id)

    async def send(self, message: Outgoing, sending: Sending) -> Receipt:
        if message.template:
            raise SendError("no_templates", "templates are WhatsApp's; Chat2Desk's Viber channels have none")
        client = await self._client(message.to, sending)
        for part, content in self._parts(message):
            if part not in sending.done:
                await sending.begin()
                body = {**self._envelope(client, message.own_id), **content}
                said = await self._api.send("POST", "messages", json=body)
                await sending.sent(part, lenient.name_of(_data(said.data).get("message_id")) or "")
        ids = tuple(found for found in sending.done.values() if found)
        return Receipt(message_ids=ids, conversation=str(client))

    async def look_up(self, receipt: Receipt) -> StatusReport | None:
        """(?) `recipient_status` is documented as a field, its words are not."""
        if not receipt.message_ids:
            return None
        said = _data((await self._api.ask("GET", f"messages/{receipt.message_ids[0]}")).data)
        state = state_of(said.get("recipient_status"))
        if state is None:
            return None
        code = lenient.text(said.get("recipient_status")) if state is State.FAILED else ""
        return StatusReport(state, lenient.moment(None), message_id=receipt.message_ids[0], code=code)

    async def handle(self, hook: Hook) -> HookReply:
        if not self._genuine(hook):
            return HookReply(status=403, body=b"wrong signature")
        return HookReply(events=tuple(events(hook, self._settings.transport)))

    async def open_file(self, file: FileIn) -> Content:
        return fetched(self.outside.http, file)

    async def install(self, inbound_url: str) -> None:
        """An account has five webhooks at most, so ours is made anew rather than twice."""
        ours = [hook for hook in await self._webhooks() if hook.get("url") == inbound_url]
        if any(_listens(hook) for hook in ours):
            return
        for number in filter(None, (lenient.whole(hook.get("id")) for hook in ours)):
            await self._api.ask("DELETE", f"webhooks/{number}")
        body = {"name": "Pult", "url": inbound_url, "events": list(TELLING)}
        await self._api.ask("POST", "webhooks", json=body)

    async def check(self) -> Sequence[Finding]:
        try:
            account = _data((await self._api.ask("GET", "companies/api_info")).data)
            listed = lenient.mappings(lenient.mapping((await self._api.ask("GET", "channels")).data).get("data"))
            hooks = await self._webhooks()
        except SendError as error:
            return (Finding(ok=False, text=error.text),)
        quota = Finding(
            ok=True, text="Chat2Desk answers", facts={"requests_this_month": account.get("requests_this_month")}
        )
        called = any(self.channel.inbound_secret in lenient.text(hook.get("url")) for hook in hooks)
        hooked = Finding(ok=called, text=f"Chat2Desk {'calls' if called else 'has no webhook to'} this desk")
        return (quota, self._channel_finding(listed), hooked)

    def _channel_finding(self, listed: Sequence[dict[str, Any]]) -> Finding:
        number, wanted = self._settings.channel_id, self._settings.transport
        found = next((channel for channel in listed if lenient.whole(channel.get("id")) == number), None)
        if found is None:
            return Finding(ok=False, text=f"the account has no channel {number}")
        transports = found.get("transports")
        if isinstance(transports, list) and wanted not in transports:
            return Finding(
                ok=False, text=f"channel {number} has no transport {wanted}", facts={"transports": transports}
            )
        return Finding(ok=True, text=f"channel {number} is there", facts={"name": found.get("name")})

    def _genuine(self, hook: Hook) -> bool:
        settings = self._settings
        signature = hook.headers.get(settings.signature_header.lower())
        if settings.signature == "ignored" or (signature is None and settings.signature == "checked"):
            return True  # whoever calls knew the secret address
        return signature is not None and any(
            signed_by(settings.token, settings.signature_key, body=hook.body, timestamp=timestamp, signature=signature)
            for timestamp in timestamps(hook, settings.timestamp_header)
        )

    async def _client(self, to: Recipient, sending: Sending) -> int:
        """Chat2Desk's number of the client: known, found by phone, or made."""
        if to.conversation:
            known = lenient.whole(to.conversation)
            if known is None:
                raise SendError("no_recipient", "what is known of the client is not a number of Chat2Desk")
            return known
        if not to.phone:
            raise SendError("no_recipient", "neither the client's phone nor their number at Chat2Desk is known")
        client = await self._found_client(to.phone) or await self._made_client(to.phone)
        await sending.talking_to(str(client))
        return client

    async def _found_client(self, phone: str) -> int | None:
        said = lenient.mapping((await self._api.ask("GET", "clients", params={"phone": phone})).data)
        for client in lenient.mappings(said.get("data")):
            if lenient.phone(client.get("phone")) == phone:
                return lenient.whole(client.get("id"))
        return None

    async def _made_client(self, phone: str) -> int:
        body = {"phone": phone, "transport": self._settings.transport, "channel_id": self._settings.channel_id}
        try:
            client = lenient.whole(_data((await self._api.ask("POST", "clients", json=body)).data).get("id"))
        except ClientKnown as known:
            client = known.client
        if client is None:
            raise SendError("no_client", "Chat2Desk's answer names no client")
        return client

    def _envelope(self, client: int, own_id: str) -> dict[str, Any]:
        settings = self._settings
        body = {"client_id": client, "type": "to_client", "transport": settings.transport}
        body |= {"channel_id": settings.channel_id, "external_id": own_id}
        return body | ({"operator_id": settings.operator_id} if settings.operator_id else {})

    def _parts(self, message: Outgoing) -> list[tuple[str, dict[str, Any]]]:
        limit = TEXT_LIMITS.get(self._settings.transport, TEXT_LIMIT)
        texts = enumerate(text_parts(message.text, limit, utf16_units), start=1)
        parts = [("text" if number == 1 else f"text-{number}", {"text": piece}) for number, piece in texts]
        files = enumerate(message.files, start=1)
        return [*parts, *((f"file-{number}", _attached(file)) for number, file in files)]

    async def _webhooks(self) -> list[dict[str, Any]]:
        return lenient.mappings(lenient.mapping((await self._api.ask("GET", "webhooks")).data).get("data"))


def _attached(file: FileOut) -> dict[str, Any]:
    """Both take addresses that lead straight to the file. (?) what is neither a picture nor a PDF."""
    if file.mime == "application/pdf":
        return {"pdf": file.url}
    return {"attachment": file.url, "attachment_filename": file.name}


def _listens(webhook: dict[str, Any]) -> bool:
    """One that failed for hours is switched off."""
    heard = webhook.get("events")
    running = lenient.text(webhook.get("status")).lower() in RUNNING
    return running and isinstance(heard, list) and all(event in heard for event in TELLING)


def _data(answer: Any) -> dict[str, Any]:
    return lenient.mapping(lenient.mapping(answer).get("data"))


def _explain(status: int, answer: Any) -> tuple[str, str] | None:
    """`{"status": "error", "message": text, "errors": …}`, with any HTTP status."""
    found = lenient.mapping(answer)
    if status < 300 and found.get("status") != "error":
        return None
    said = ": ".join(filter(None, (lenient.text(found.get("message")), _words(found.get("errors")))))
    lower = said.lower()
    if KNOWN_ALREADY in lower and status == 400:
        raise ClientKnown("the client exists already", _known_client(found.get("errors")))
    if status == 401 or any(words in lower for words in NO_CREDENTIALS):
        return "no_credentials", ": ".join(filter(None, ("Chat2Desk does not accept the token", said)))
    if any(words in lower for words in NO_QUOTA):
        return "no_quota", f"Chat2Desk's quota of API calls is used up: {said}"
    return str(status), said or f"refused ({status})"


def _words(errors: Any) -> str:
    if isinstance(errors, dict):
        return "; ".join(f"{name}: {_words(value)}" for name, value in errors.items())
    if isinstance(errors, list):
        return ", ".join(map(_words, errors))
    return lenient.text(errors)


def _known_client(errors: Any) -> int | None:
    """(C) `errors.client` is a list of the words and of a JSON text that holds the id."""
    told = lenient.mapping(errors).get("client")
    for item in told if isinstance(told, list) else []:
        held = lenient.decoded(item.encode()) if isinstance(item, str) else item
        number = lenient.whole(held.get("id") if isinstance(held, dict) else held)
        if number:
            return number
    return None
