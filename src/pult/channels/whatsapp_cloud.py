"""WhatsApp's own Cloud API (Meta): one request for each part of a message; files are uploaded first and sent by their id.

Repetitions are not recognised, so what nobody knows is not sent again: every message carries our own id, and its first
report settles it (docs/channels/whatsapp-cloud.md).
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from pult.channels.adapting import AdapterOf, Address, MessengerSettings, Secret, Text
from pult.channels.lenient import decoded, first_text, mapping, mappings, name_of, text, whole
from pult.channels.provider_api import UPLOAD_WITHIN, ProviderApi
from pult.channels.whatsapp import NAME_LIMIT, bytes_of, kind_of, known_template, parts_of, plain_type, who
from pult.channels.whatsapp_cloud_events import BUSY, events, explain
from pult.kit.multipart_out import FilePart, form
from pult.messaging.contract import Cap, Content, Finding, HookReply, Receipt, SendError, StatusReport, Template

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from pult.channels.whatsapp import Part
    from pult.messaging.contract import (
        ChannelRecord,
        Event,
        FileIn,
        FileOut,
        Hook,
        KnownTemplate,
        Outgoing,
        Outside,
        Sending,
    )

SIGNATURE: Final = "x-hub-signature-256"
FILES_AT: Final = (".facebook.com", ".fbsbx.com", ".whatsapp.net")  # Meta's hosts: the token goes to no others
MARK: Final = 16  # characters that sign our id
PAGES: Final = 20  # of templates, a hundred each
ABOUT: Final = "display_phone_number,verified_name,quality_rating"


class WhatsAppCloudSettings(MessengerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`waba_id`: the WhatsApp Business account; without it templates are not known and `install` asks for nothing."""

    token: Secret
    phone_number_id: Text
    app_secret: Secret
    verify_token: Text
    waba_id: Text | None = None
    base_url: Address = "https://graph.facebook.com/v23.0/"


class WhatsAppCloudAdapter(AdapterOf):
    """One phone number of a WhatsApp Business account."""

    caps = frozenset({Cap.TEXT, Cap.FILE, Cap.TEMPLATE, Cap.BY_PHONE, Cap.STATUS, Cap.READ, Cap.HOOK})

    def __init__(self, channel: ChannelRecord, outside: Outside) -> None:
        super().__init__(channel, outside)
        self._settings: WhatsAppCloudSettings = channel.settings
        self._token = {"Authorization": f"Bearer {self._settings.token}"}
        self._api = ProviderApi(outside.http, self._settings.base_url, headers=self._token, explain=explain)
        self._number = quote(self._settings.phone_number_id, safe="")

    @property
    def channel_ref(self) -> str | None:
        return self._settings.phone_number_id

    async def send(self, message: Outgoing, sending: Sending) -> Receipt:
        to = who(message.to)
        addressed = {"to": to} if to.isdecimal() else {"recipient": to}  # grade B: a user's id instead of a phone
        parts = parts_of(message)
        for part in parts:
            if not isinstance(part.content, str | Template):
                kind_of(part.content)  # what is too large is refused before anything was sent
        conversation = to
        ids = dict(sending.done)
        for part in parts:
            if part.name not in ids:
                body = {
                    **addressed,
                    **await self._content(part),
                    "biz_opaque_callback_data": self._mark(message.own_id),
                }
                ids[part.name], conversation = await self._send_part(part.name, body, sending)
        return Receipt(message_ids=list(filter(None, ids.values())), conversation=conversation)

    async def _send_part(self, name: str, body: dict[str, Any], sending: Sending) -> tuple[str, str]:
        """What Meta calls the message, and the client: not always by the digits that were dialled."""
        whole_body = {"messaging_product": "whatsapp", "recipient_type": "individual", **body}
        await sending.begin()
        try:
            said = await self._api.send("POST", f"{self._number}/messages", json=whole_body)
        except SendError as error:
            if error.code in BUSY:
                raise SendError(error.code, error.text, retry=True, retry_after=error.retry_after) from error
            raise
        message = _first(said.data, "messages")
        message_id = name_of(message.get("id"))
        if message_id is None:  # it was taken, or it was not
            raise SendError("odd_answer", "the answer does not name the message", maybe_sent=True)
        await sending.sent(name, message_id)
        contact = _first(said.data, "contacts")
        return message_id, first_text(contact, "wa_id", "user_id") or body.get("to") or body["recipient"]

    async def _content(self, part: Part) -> dict[str, Any]:
        """The fields that say what is sent; a file is uploaded for it."""
        content = part.content
        if isinstance(content, str):
            return {"type": "text", "text": {"body": content, "preview_url": "https://" in content}}
        if isinstance(content, Template):
            return {"type": "template", "template": _template(content)}
        kind = kind_of(content)
        named = {"filename": content.name[:NAME_LIMIT]} if kind == "document" else {}
        return {"type": kind, kind: {"id": await self._upload(content), **named}}

    async def _upload(self, file: FileOut) -> str:
        mime = plain_type(file.mime) or "application/octet-stream"
        fields = {"messaging_product": "whatsapp", "type": mime}
        headers, body = form(fields, FilePart("file", file.name, mime, file.size, await file.read()))
        said = await self._api.ask("POST", f"{self._number}/media", data=body, headers=headers, within=UPLOAD_WITHIN)
        media = name_of(mapping(said.data).get("id"))
        if media is None:
            raise SendError("odd_answer", "the upload was answered without the file's id", retry=True)
        return media

    async def handle(self, hook: Hook) -> HookReply:
        if hook.method == "GET":
            return self._shaken(hook)
        if not self._signed(hook):
            return HookReply(403, b"the signature is missing or wrong")
        return HookReply(events=tuple(map(self._unmarked, events(mapping(decoded(hook.body))))))

    def _mark(self, own_id: str) -> str:
        """Our id as messages carry it, signed: another desk that sends from this number has ids like ours."""
        return f"{own_id}.{hmac.new(self.outside.secret, own_id.encode(), sha256).hexdigest()[:MARK]}"

    def _unmarked(self, event: Event) -> Event:
        """With our own id where the report carries ours, else without any."""
        what = event.what
        if not isinstance(what, StatusReport) or what.own_id is None:
            return event
        own_id = what.own_id.rpartition(".")[0]
        ours = hmac.compare_digest(
            what.own_id.encode("utf-8", "replace"), self._mark(own_id).encode("utf-8", "replace")
        )
        return replace(event, what=replace(what, own_id=own_id if ours else None))

    def _shaken(self, hook: Hook) -> HookReply:
        """The answer to Meta's question whether this address is ours."""
        given = hook.query.get("hub.verify_token", "").encode()
        right = hmac.compare_digest(given, self._settings.verify_token.encode())
        if hook.query.get("hub.mode") != "subscribe" or not right:
            return HookReply(403, b"the verify token is missing or wrong")
        return HookReply(body=hook.query.get("hub.challenge", "").encode())

    def _signed(self, hook: Hook) -> bool:
        told = hook.headers.get(SIGNATURE, "").encode("utf-8", "replace")
        right = hmac.new(self._settings.app_secret.encode(), hook.body, sha256).hexdigest()
        return hmac.compare_digest(told, f"sha256={right}".encode())

    async def open_file(self, file: FileIn) -> Content:
        said = await self._api.ask("GET", quote(file.ref, safe=""), params={"phone_number_id": self.channel_ref or ""})
        found = mapping(said.data)
        url = text(found.get("url"))
        if not url.startswith(("https://", "http://")):
            raise SendError("odd_answer", "the file was answered without its address", retry=True)
        return Content(
            chunks=bytes_of(self.outside.http, url, self._token if self._is_metas(url) else {}),
            name=file.name,
            mime=text(found.get("mime_type")) or file.mime,
            size=whole(found.get("file_size")),
        )

    def _is_metas(self, url: str) -> bool:
        ours, theirs = urlsplit(self._settings.base_url), urlsplit(url)
        if (theirs.scheme, theirs.netloc) == (ours.scheme, ours.netloc):
            return True
        return theirs.scheme == "https" and f".{theirs.hostname or ''}".endswith(FILES_AT)

    async def templates(self) -> Sequence[KnownTemplate] | None:
        if self._settings.waba_id is None:
            return None
        return [
            known_template(text(found.get("name")), text(found.get("language")), _template_body(found))
            for found in await self._all_templates(self._settings.waba_id)
            if text(found.get("status")) == "APPROVED"
        ]

    async def _all_templates(self, waba_id: str) -> list[dict[str, Any]]:
        found, after = [], ""
        for _ in range(PAGES):
            params = {
                "fields": "name,language,status,components",
                "limit": "100",
                **({"after": after} if after else {}),
            }
            said = await self._api.ask("GET", f"{quote(waba_id, safe='')}/message_templates", params=params)
            page = mapping(said.data)
            found += mappings(page.get("data"))
            paging = mapping(page.get("paging"))
            after = text(mapping(paging.get("cursors")).get("after"))
            if not paging.get("next") or not after:
                break
        return found

    async def install(self, inbound_url: str) -> None:
        """Have the account's events sent here, whatever the application's own address is. Meta asks back before it answers."""
        if self._settings.waba_id is not None:
            wanted = {"override_callback_uri": inbound_url, "verify_token": self._settings.verify_token}
            await self._api.ask("POST", f"{quote(self._settings.waba_id, safe='')}/subscribed_apps", json=wanted)

    async def check(self) -> Sequence[Finding]:
        try:
            return [finding async for finding in self._findings()]
        except SendError as error:
            return [Finding(ok=False, text=str(error))]

    async def _findings(self) -> AsyncIterator[Finding]:
        said = await self._api.ask("GET", self._number, params={"fields": ABOUT})
        found = mapping(said.data)
        named = f"{text(found.get('verified_name'))} {text(found.get('display_phone_number'))}".strip()
        quality = text(found.get("quality_rating")) or "UNKNOWN"
        yield Finding(ok=quality != "RED", text=f"WhatsApp knows the number: {named}, quality {quality}")
        known = await self.templates()
        words = "templates are not known without waba_id" if known is None else f"{len(known)} templates are approved"
        yield Finding(ok=True, text=words)


def _template(template: Template) -> dict[str, Any]:
    filled = [{"type": "text", "text": variable} for variable in template.variables]
    components = {"components": [{"type": "body", "parameters": filled}]} if filled else {}
    language = {"policy": "deterministic", "code": template.language}
    return {"name": template.key, "language": language, **components}


def _template_body(found: dict[str, Any]) -> str:
    parts = mappings(found.get("components"))
    return next((text(part.get("text")) for part in parts if text(part.get("type")).upper() == "BODY"), "")


def _first(answer: Any, key: str) -> dict[str, Any]:
    return next(iter(mappings(mapping(answer).get(key))), {})
