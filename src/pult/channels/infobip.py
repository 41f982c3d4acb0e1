"""WhatsApp through Infobip: one request for each part of a message, under ids of our own that Infobip takes only once.

Reports and clients' messages come to one address and are told apart by what they hold (docs/channels/infobip.md).
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from pult.channels.adapting import AdapterOf, Address, MessengerSettings, Secret, Text
from pult.channels.infobip_events import events, explain, statuses
from pult.channels.lenient import decoded, mapping, mappings, phone, text
from pult.channels.provider_api import ProviderApi
from pult.channels.whatsapp import NAME_LIMIT, bytes_of, kind_of, known_template, name_for, parts_of, who
from pult.kit.http_out import HttpOutError
from pult.messaging.contract import (
    OWN_ID_LENGTH,
    Cap,
    Content,
    Finding,
    HookReply,
    Receipt,
    SendError,
    Template,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pult.channels.whatsapp import Part
    from pult.messaging.contract import ChannelRecord, FileIn, Hook, KnownTemplate, Outgoing, Outside, Sending

FILE_PATH: Final = re.compile(r"/whatsapp/1/senders/\d+/media/[\w-]+", re.ASCII)
IN_ADDRESSES: Final = "%/:=&?~#+!$,;'@()*[]"  # stays as it is when an address is made ASCII
GONE: Final = frozenset({401, 403, 404, 410})


class InfobipSettings(MessengerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`base_url`: the account's own. `sender`: the number that writes."""

    base_url: Address
    api_key: Secret
    sender: Text


class InfobipAdapter(AdapterOf):
    """One sender's number."""

    caps = frozenset({Cap.TEXT, Cap.FILE, Cap.TEMPLATE, Cap.BY_PHONE, Cap.STATUS, Cap.READ, Cap.HOOK})
    idempotent = True

    def __init__(self, channel: ChannelRecord, outside: Outside) -> None:
        super().__init__(channel, outside)
        self._settings: InfobipSettings = channel.settings
        self._sender = phone(self._settings.sender) or self._settings.sender
        self._key = {"Authorization": f"App {self._settings.api_key}"}
        self._api = ProviderApi(
            outside.http,
            self._settings.base_url,
            headers={**self._key, "Accept": "application/json"},
            explain=explain,
            idempotent=True,
        )
        self._called_at = f"{outside.address.rstrip('/')}/inbound/{channel.id}/{channel.inbound_secret}"

    @property
    def channel_ref(self) -> str | None:
        return self._sender

    async def send(self, message: Outgoing, sending: Sending) -> Receipt:
        to = who(message.to)
        requests = [(part.name, *_request(part)) for part in parts_of(message)]
        ids = []
        for name, path, content in requests:
            own = self._message_id(message.own_id, name, content)
            if name not in sending.done:
                await self._send_part(path, {"messageId": own, "content": content}, to, message.own_id, sending)
                await sending.sent(name, own)
            ids.append(own)
        return Receipt(message_ids=ids, conversation=to)

    def _message_id(self, own_id: str, part: str, content: dict[str, Any]) -> str:
        """Infobip's id of a part, the same in each attempt, whatever the link to a file is by then.

        An id that was used before is taken for a repetition, and nothing is sent. So it tells apart what our own ids cannot:
        another desk with the same account, and a desk whose database was brought back to an earlier day.
        """
        lasting = {key: value for key, value in content.items() if key != "mediaUrl"}
        named = msgspec.json.encode([own_id, part, lasting])
        return hmac.new(self.outside.secret, named, sha256).hexdigest()[:OWN_ID_LENGTH]

    async def _send_part(self, path: str, part: dict[str, Any], to: str, own_id: str, sending: Sending) -> None:
        body = {"from": self._sender, "to": to, **part, "callbackData": own_id, "notifyUrl": self._called_at}
        await sending.begin()
        said = await self._api.send(
            "POST", f"whatsapp/1/message/{path}", json={"messages": [body]} if path == "template" else body
        )
        if not statuses(mapping(said.data)):  # the same ids are sent again without harm
            raise SendError("odd_answer", "Infobip's answer does not say what became of the message", retry=True)

    async def handle(self, hook: Hook) -> HookReply:
        results = mappings(mapping(decoded(hook.body)).get("results"))
        return HookReply(events=tuple(event for result in results for event in events(result)))

    async def open_file(self, file: FileIn) -> Content:
        """From the account's own host with the API key, wherever the link points to on Infobip; else without the key.

        Grade C: links name api.infobip.com, the documented call is at the account's own host.
        """
        path = urlsplit(file.ref).path
        if not FILE_PATH.fullmatch(path):
            return Content(chunks=bytes_of(self.outside.http, file.ref, {}), name=file.name)
        url = self._settings.base_url.rstrip("/") + path
        mime, size = await self._describe(url)
        name = file.name if "." in file.name else name_for("", file.name, mime)
        return Content(chunks=bytes_of(self.outside.http, url, self._key), name=name, mime=mime or None, size=size)

    async def _describe(self, url: str) -> tuple[str, int | None]:
        try:
            answer = await self.outside.http.request("HEAD", url, headers=self._key)
        except HttpOutError as error:
            raise SendError("no_file", str(error), retry=True) from error
        if answer.status in GONE:
            raise SendError(str(answer.status), "Infobip does not give this file, or has it no more")
        if answer.status != 200:
            raise SendError(str(answer.status), "Infobip does not give this file now", retry=True)
        length = answer.headers.get("content-length", "")
        return answer.headers.get("content-type", ""), int(length) if length.isdecimal() else None

    async def templates(self) -> Sequence[KnownTemplate] | None:
        said = await self._api.ask("GET", f"whatsapp/2/senders/{quote(self._sender)}/templates")
        return [
            known_template(text(found.get("name")), text(found.get("language")), _template_body(found))
            for found in mappings(mapping(said.data).get("templates"))
            if text(found.get("status")) == "APPROVED"
        ]

    async def check(self) -> Sequence[Finding]:
        try:
            known = await self.templates()
        except SendError as error:
            return [Finding(ok=False, text=str(error))]
        assert known is not None
        return [Finding(ok=True, text=f"Infobip knows the sender; {len(known)} templates are approved")]


def _request(part: Part) -> tuple[str, dict[str, Any]]:
    """The last word of the address, and the content."""
    content = part.content
    if isinstance(content, str):
        return "text", {"text": content, "previewUrl": "https://" in content or "http://" in content}
    if isinstance(content, Template):
        filled = {"body": {"placeholders": list(content.variables)}}
        return "template", {"templateName": content.key, "templateData": filled, "language": content.language}
    kind = kind_of(content)
    named = {"filename": content.name[:NAME_LIMIT]} if kind == "document" else {}
    return kind, {"mediaUrl": quote(content.url, safe=IN_ADDRESSES), **named}


def _template_body(found: dict[str, Any]) -> str:
    structure = mapping(found.get("structure"))
    return text(mapping(structure.get("body")).get("text")) or text(structure.get("body"))
