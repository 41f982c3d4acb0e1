"""WhatsApp through Landbot's Platform API: replies, images and templates to its customers, opt-in for first contact.

EXPERIMENTAL: never tried against the live service. What is marked (C) rests on one public program, (?) on nothing but
likelihood; docs/channels/landbot.md lists both.
"""

from __future__ import annotations

import hmac
from secrets import SystemRandom
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import urlsplit

from msgspec import field

from pult.channels import lenient
from pult.channels.adapting import AdapterOf, Address, MessengerSettings, Number, Secret, Text
from pult.channels.landbot_account import LandbotAccount, landbot_api
from pult.channels.landbot_events import messages
from pult.channels.linked_file import fetched
from pult.channels.text_parts import text_parts, utf16_units
from pult.messaging.contract import Cap, Event, Finding, HookReply, KnownTemplate, Receipt, SendError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from pult.channels.provider_api import ProviderApi
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
        Template,
    )

TEXT_LIMIT: Final = 4096  # characters of a WhatsApp message
PICTURES: Final = frozenset({"image/jpeg", "image/png"})  # what WhatsApp shows as a picture
LARGEST_PICTURE: Final = 5 * 1024 * 1024  # bytes, WhatsApp's own limit
BACK_OFF: Final = (1.0, 5.0)  # seconds: the limit is 10 calls a second, and a 429 says no time
OPT_IN: Final = "/wa/{key}/opt_in"  # (C)
OPT_IN_HOST: Final = "https://messages.landbot.io"  # (C)


class LandbotSettings(MessengerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`templates`: a template's name -> its number there. `opt_in_url`: `{key}` in it stands for `opt_in_key`.

    `hook_token`: what Landbot says with each call; where it is set, calls without it are refused.
    """

    token: Text
    channel_id: Number
    base_url: Address = "https://api.landbot.io/v1/"
    templates: dict[Text, Number] = field(default_factory=dict)
    opt_in_url: Address | None = None
    opt_in_key: Text | None = None
    hook_token: Secret | None = None


class LandbotAdapter(AdapterOf):
    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.TEXT, Cap.FILE, Cap.TEMPLATE, Cap.BY_PHONE, Cap.HOOK})

    def __init__(self, channel: ChannelRecord, outside: Outside) -> None:
        super().__init__(channel, outside)
        self._settings: LandbotSettings = channel.settings
        self._api = landbot_api(outside.http, self._settings.base_url, self._settings.token)
        self._account = LandbotAccount(self._api, self._settings.channel_id)

    async def send(self, message: Outgoing, sending: Sending) -> Receipt:
        calls = [call for call in await self._calls(message, sending) if call[0] not in sending.done]
        customer = await self._customer(message.to, sending)
        for part, call, body in calls:
            await _posted(self._api, f"customers/{customer}/", call, body, sending)
            await sending.sent(part)  # the answer names no id of the message
        return Receipt(conversation=customer)

    async def handle(self, hook: Hook) -> HookReply:
        if not self._genuine(hook):
            return HookReply(status=403, body=b"wrong token")
        return HookReply(events=tuple(Event(message) for message in messages(hook)))

    async def open_file(self, file: FileIn) -> Content:
        return fetched(self.outside.http, file)

    async def templates(self) -> Sequence[KnownTemplate] | None:
        try:
            listed = await self._account.templates()
        except SendError:
            return None
        variables = {template.key: template.variables for template in listed}
        named = [KnownTemplate(name, variables.get(str(number))) for name, number in self._settings.templates.items()]
        return [*named, *(template for template in listed if template.key not in self._settings.templates)]

    async def install(self, inbound_url: str) -> None:
        await self._account.set_hook(inbound_url, self._hook_token)

    async def check(self) -> Sequence[Finding]:
        try:
            channel = await self._account.channel()
            hooks = await self._account.hooks() if channel else []
        except SendError as error:
            return (Finding(ok=False, text=error.text),)
        if not channel:
            return (Finding(ok=False, text=f"the account has no channel {self._settings.channel_id}"),)
        facts = {key: channel.get(key) for key in ("name", "type", "active")}
        active = channel.get("active") is not False
        called = any(self.channel.inbound_secret in lenient.text(hook.get("url")) for hook in hooks)
        return (
            Finding(ok=active, text=f"the channel is {'active' if active else 'switched off'} at Landbot", facts=facts),
            Finding(ok=called, text=f"Landbot {'calls' if called else 'has no message hook to'} this desk"),
        )

    @property
    def _hook_token(self) -> str:
        return self._settings.hook_token or self.channel.inbound_secret

    def _genuine(self, hook: Hook) -> bool:
        """A hook that was made by hand may have no token: then the secret address is enough, unless a token is demanded."""
        said = hook.headers.get("authorization")
        if said is None:
            return self._settings.hook_token is None
        return hmac.compare_digest(said.encode(errors="replace"), f"Token {self._hook_token}".encode())

    async def _calls(self, message: Outgoing, sending: Sending) -> list[tuple[str, str, dict[str, Any]]]:
        """Part, call and body of everything that the message is made of."""
        calls: list[tuple[str, str, dict[str, Any]]] = []
        if message.template and "template" not in sending.done:
            calls.append(("template", "send_template/", await self._template_body(message.template)))
        for number, piece in enumerate(text_parts(_text(message), TEXT_LIMIT, utf16_units), start=1):
            calls.append(("text" if number == 1 else f"text-{number}", "send_text/", {"message": piece}))
        for number, file in enumerate(message.files, start=1):
            if _is_picture(file):  # (C) the caption: whether it may be missing is not known, empty may be refused
                calls.append((f"file-{number}", "send_image/", {"url": file.url, "caption": file.name}))
        return calls

    async def _template_body(self, template: Template) -> dict[str, Any]:
        number = self._settings.templates.get(template.key) or await self._account.template_number(template.key)
        parameters = {"body": {"params": list(template.variables)}}
        return {"template_id": number, "template_language": template.language, "template_params": parameters}

    async def _customer(self, to: Recipient, sending: Sending) -> str:
        if to.conversation:
            return to.conversation
        if not to.phone:
            raise SendError("no_recipient", "neither the client's phone nor their number at Landbot is known")
        # (C) the parameter and the answer's shape; asking twice for one phone is taken to be the same as once (?)
        said = await self._api.ask("POST", await self._opt_in_address(), params={"phone": f"+{to.phone}"})
        customer = lenient.whole(lenient.mapping(lenient.mapping(said.data).get("customer")).get("id"))
        if customer is None:
            raise SendError("no_customer", "Landbot's answer to the opt-in names no customer")
        await sending.talking_to(str(customer))
        return str(customer)

    async def _opt_in_address(self) -> str:
        address = self._settings.opt_in_url or _host(self._settings.base_url) + OPT_IN
        if "{key}" not in address:
            return address
        # (?) the channel's own token: it has the very form of the keys that known opt-in addresses hold
        key = self._settings.opt_in_key or lenient.text((await self._account.channel()).get("token"))
        if not key:
            raise SendError("no_opt_in_key", "Landbot does not tell the channel's opt-in key: set `opt_in_key`")
        return address.replace("{key}", key)


async def _posted(api: ProviderApi, customer: str, call: str, body: dict[str, Any], sending: Sending) -> None:
    """Send; from whoever else holds the customer (a bot, an agent) it is taken over, once."""

    async def send() -> None:
        await sending.begin()
        await _paced(lambda: api.send("POST", customer + call, json=body))

    try:
        await send()
    except SendError as refusal:
        if refusal.code != "412":
            raise
        await _paced(lambda: api.ask("PUT", f"{customer}assign/"))
        await send()


async def _paced(call: Callable[[], Awaitable[Any]]) -> None:
    """The call; where it was one too many, with a time to wait that differs from that of others who were told the same."""
    try:
        await call()
    except SendError as error:
        if error.code == "429" and error.retry_after is None:
            error.retry_after = SystemRandom().uniform(*BACK_OFF)
        raise


def _text(message: Outgoing) -> str:
    """The text (a template has its own), and links to all files but pictures: (?) no call that sends those is known."""
    links = [f"{file.name}: {file.url}" for file in message.files if not _is_picture(file)]
    text = "" if message.template else message.text.strip()
    return "\n\n".join(filter(None, (text, "\n".join(links))))


def _is_picture(file: FileOut) -> bool:
    return file.mime in PICTURES and file.size <= LARGEST_PICTURE


def _host(base_url: str) -> str:
    """Where opt-ins go: whoever stands in for Landbot's API stands in for all of it, and no client's phone goes elsewhere."""
    base = urlsplit(base_url)
    return OPT_IN_HOST if f".{base.hostname}".endswith(".landbot.io") else f"{base.scheme}://{base.netloc}"
