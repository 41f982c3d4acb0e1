"""A Viber bot: Viber's REST API (docs/channels/viber-bot.md).

The client has to write first, or to subscribe: a bot knows people by its own ids of them, never by phone. Errors come with
HTTP 200 and a `status` other than 0. Files are fetched by Viber from public links of ours.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final
from urllib.parse import urlsplit

from msgspec import Meta
from msgspec.json import encode

from pult.channels.adapting import AdapterOf, Address, MessengerSettings
from pult.channels.lenient import decoded, mapping, moment, name_of, text, whole
from pult.channels.linked_file import fetched, linked_file
from pult.channels.provider_api import ProviderApi
from pult.channels.text_parts import text_parts
from pult.messaging.contract import (
    Cap,
    Event,
    Finding,
    HookReply,
    Incoming,
    Receipt,
    SendError,
    State,
    StatusReport,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from pult.channels.provider_api import Said
    from pult.messaging.contract import ChannelRecord, Content, FileIn, FileOut, Hook, Outgoing, Outside, Sending

TEXT_LIMIT: Final = 7000  # characters
BODY_LIMIT: Final = 28_000  # bytes of the text as JSON; a request may have 30 KB in all
MEGABYTE: Final = 1024 * 1024
FILE_LIMIT: Final = 50 * MEGABYTE
FILE_NAME: Final = 256  # characters
SHOWN: Final = {  # type of message -> the kinds it takes, the endings that the address must have, how large
    "picture": (("image/jpeg", "image/png", "image/gif"), (".jpg", ".jpeg", ".png", ".gif"), MEGABYTE),
    "video": (("video/mp4",), (".mp4",), 26 * MEGABYTE),
}
SIGNATURE: Final = "x-viber-content-signature"
EVENTS: Final = ["delivered", "seen", "failed", "subscribed", "unsubscribed", "conversation_started"]  # message: always
STATES: Final = {"delivered": State.DELIVERED, "seen": State.READ, "failed": State.FAILED}
REFUSALS: Final = {  # 16 to 24: grade B, several public programs; the documentation's table ends at 15
    "1": "the webhook's address is not valid",
    "2": "the bot's token is not valid: it was revoked or mistyped",
    "3": "the request was not understood",
    "4": "something is missing in the request",
    "5": "the client is not registered in Viber",
    "6": "the client is not subscribed to the bot",
    "7": "the bot is blocked",
    "8": "the token belongs to no bot",
    "9": "the bot is suspended",
    "10": "no webhook is set for the bot",
    "11": "the client's device or version of Viber knows no bots",
    "12": "too many messages: 100 an hour to a client who does not answer",
    "13": "the client's version of Viber is too old for this message",
    "14": "the message has fields that its version does not allow",
    "15": "the bot is not authorised",
    "21": "messages to the client's country are not supported",
    "23": "the month's free messages are used up",
    "24": "the bot's balance is used up",
}
LATER: Final = frozenset({"10", "12"})  # refused, and may be taken later


class ViberBotSettings(MessengerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`token`: the bot's, also what its calls are signed with. `sender_name`: who writes, as the client sees it."""

    token: Annotated[str, Meta(pattern=r"^[!-~]+\Z", max_length=255)]
    sender_name: Annotated[str, Meta(min_length=1, max_length=28)]
    base_url: Address = "https://chatapi.viber.com/pa/"


class ViberBotAdapter(AdapterOf):
    """Messages are known by their token, a number of 64 bits, kept as text."""

    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.TEXT, Cap.FILE, Cap.STATUS, Cap.READ, Cap.HOOK})

    def __init__(self, channel: ChannelRecord, outside: Outside) -> None:
        super().__init__(channel, outside)
        self._settings: ViberBotSettings = channel.settings
        self._api = ProviderApi(
            outside.http,
            self._settings.base_url,
            headers={"X-Viber-Auth-Token": self._settings.token},
            explain=_explained,
        )

    async def send(self, message: Outgoing, sending: Sending) -> Receipt:
        receiver = message.to.conversation
        if receiver is None:
            raise SendError("cannot_write_first", "a Viber bot cannot write first: the client has to write to it")
        known = dict(sending.done)
        for part, content in list(_parts(message)):
            if part in known:
                continue
            body = content | {
                "receiver": receiver,
                "sender": {"name": self._settings.sender_name},
                "tracking_data": message.own_id,
                "min_api_version": 1,
            }
            await sending.begin()
            known[part] = await self._sent(body)
            await sending.sent(part, known[part])
        return Receipt(State.SENT, tuple(filter(None, known.values())), conversation=receiver)

    async def _sent(self, body: dict[str, Any]) -> str:
        """The token of the message."""
        try:
            said = await self._api.send("POST", "send_message", json=body)
        except SendError as error:
            raise _told(error) from error
        if name_of(mapping(said.data).get("status")) != "0":
            raise SendError("odd_answer", "the answer does not say whether the message was taken", maybe_sent=True)
        return name_of(said.data.get("message_token")) or ""

    async def handle(self, hook: Hook) -> HookReply:
        proper = hmac.new(self._settings.token.encode(), hook.body, sha256).hexdigest()
        given = hook.headers.get(SIGNATURE, "").lower().encode("utf-8", "replace")
        if not hmac.compare_digest(given, proper.encode()):
            return HookReply(403, b"the signature is missing or wrong")
        told = mapping(decoded(hook.body))
        event = text(told.get("event"))
        if event == "message":
            return HookReply(events=tuple(_messages(told)))
        if event in STATES:
            return HookReply(events=tuple(_reports(told, STATES[event])))
        return HookReply()  # "webhook" asks whether we are here; who subscribed or opened the chat has not written yet

    async def open_file(self, file: FileIn) -> Content:
        """The provider's link, which is good for an hour."""
        return fetched(self.outside.http, file)

    async def install(self, inbound_url: str) -> None:
        """The provider calls the address before it answers, and refuses where that is not answered with 200."""
        await self._ask(
            "set_webhook", {"url": inbound_url, "event_types": EVENTS, "send_name": True, "send_photo": False}
        )

    async def check(self) -> Sequence[Finding]:
        try:
            account = mapping((await self._ask("get_account_info", {})).data)
        except SendError as error:
            return [Finding(ok=False, text=error.text)]
        name, url = text(account.get("name")), text(account.get("webhook"))
        facts = {"name": name, "subscribers": whole(account.get("subscribers_count"))}
        found = Finding(ok=True, text=f"the token is that of the bot {name!r}", facts=facts)
        if self.channel.inbound_secret in url:  # the address is not shown: it has the channel's secret
            return [found, Finding(ok=True, text="the provider calls this desk")]
        told = "calls another address" if url else "calls nobody: no webhook is set"
        return [found, Finding(ok=False, text=f"the provider {told}")]

    async def _ask(self, method: str, body: dict[str, Any]) -> Said:
        try:
            return await self._api.ask("POST", method, json=body)
        except SendError as error:
            raise _told(error) from error


def _explained(_status: int, data: Any) -> tuple[str, str] | None:
    """An answer says with `status` what became of the call, whatever HTTP says."""
    answer = mapping(data)
    status = name_of(answer.get("status"))
    if status in {None, "0"}:
        return None
    said = text(answer.get("status_message")) or "no reason given"
    clear = REFUSALS.get(status)
    return status, f"{clear} ({said})" if clear else said


def _told(error: SendError) -> SendError:
    """A refusal that may end by itself is tried again; nothing was sent."""
    if error.code not in LATER or error.maybe_sent:
        return error
    return SendError(error.code, error.text, retry=True, retry_after=error.retry_after)


def _parts(message: Outgoing) -> Iterator[tuple[str, dict[str, Any]]]:
    texts = text_parts(message.text, TEXT_LIMIT, _size)
    if not texts and not message.files:
        raise SendError("empty", "there is nothing to send")
    if any(file.size > FILE_LIMIT for file in message.files):
        raise SendError("file_too_large", "a Viber bot can send files of up to 50 MB")
    for number, piece in enumerate(texts, start=1):
        yield "text" if number == 1 else f"text-{number}", {"type": "text", "text": piece}
    for number, file in enumerate(message.files, start=1):
        yield f"file-{number}", _file(file)


def _size(piece: str) -> int:
    """Of a piece of text, so that both limits are kept where one of them is asked for."""
    return max(len(piece), -(-len(encode(piece)) * TEXT_LIMIT // BODY_LIMIT))


def _file(file: FileOut) -> dict[str, Any]:
    ending = PurePosixPath(urlsplit(file.url).path).suffix.lower()
    kind = next(
        (
            kind
            for kind, (mimes, endings, limit) in SHOWN.items()
            if file.mime in mimes and ending in endings and file.size <= limit
        ),
        "file",
    )
    if kind == "picture":
        return {"type": kind, "text": "", "media": file.url}
    if kind == "video":
        return {"type": kind, "media": file.url, "size": file.size}
    return {"type": kind, "media": file.url, "size": file.size, "file_name": _short(file.name)}


def _short(name: str) -> str:
    """A file's name within the limit, its ending kept: the client's device goes by that."""
    suffix = PurePosixPath(name).suffix[:FILE_NAME]
    return name if len(name) <= FILE_NAME else name[: FILE_NAME - len(suffix)] + suffix


def _messages(told: dict[str, Any]) -> list[Event]:
    """What a client wrote."""
    sender, message = mapping(told.get("sender")), mapping(told.get("message"))
    token, receiver = name_of(told.get("message_token")), name_of(sender.get("id"))
    words, file = _words(message), _attached(message)
    if token is None or receiver is None or not (words or file):
        return []
    written = Incoming(
        message_id=token,
        at=_at(told),
        text=words,
        conversation=receiver,
        name=text(sender.get("name")),
        files=[file] if file else [],
    )
    return [Event(written)]


def _reports(told: dict[str, Any], state: State) -> list[Event]:
    token = name_of(told.get("message_token"))
    if token is None:
        return []
    why = text(told.get("desc")) if state is State.FAILED else ""
    code = "failed" if state is State.FAILED else ""
    by = name_of(told.get("user_id"))
    return [Event(StatusReport(state, _at(told), message_id=token, code=code, text=why, conversation=by))]


def _words(message: dict[str, Any]) -> str:
    contact, place = mapping(message.get("contact")), mapping(message.get("location"))
    shown = {
        "contact": ", ".join(filter(None, (text(contact.get("name")), text(contact.get("phone_number"))))),
        "location": _place(place),
        "url": text(message.get("media")),
        "sticker": "" if message.get("media") else f"[sticker {name_of(message.get('sticker_id')) or ''}]",
    }
    extra = shown.get(text(message.get("type")), "")
    written = text(message.get("text"))
    return "\n".join(part for part in (written, extra if extra != written else "") if part)


def _place(place: dict[str, Any]) -> str:
    where = [place.get("lat"), place.get("lon")]
    return f"geo:{where[0]},{where[1]}" if all(isinstance(degrees, int | float) for degrees in where) else ""


def _attached(message: dict[str, Any]) -> FileIn | None:
    if text(message.get("type")) not in {"picture", "video", "file", "sticker"}:
        return None
    return linked_file(message.get("media"), text(message.get("file_name")))


def _at(told: dict[str, Any]) -> datetime:
    """Times are in milliseconds."""
    stamp = whole(told.get("timestamp"))
    return moment(None if stamp is None else stamp / 1000)
