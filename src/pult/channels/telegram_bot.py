"""A Telegram bot: the Bot API, by webhook or by asking (docs/channels/telegram-bot.md).

A bot cannot write first: everything starts with the client's message. Telegram says nothing of delivery or reading.
"""

from __future__ import annotations

import hmac
import re
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final
from urllib.parse import quote

from msgspec import Meta

from pult.channels.adapting import AdapterOf, Address, MessengerSettings
from pult.channels.lenient import decoded, mapping, mappings, name_of, text, whole
from pult.channels.provider_api import UPLOAD_WITHIN, ProviderApi
from pult.channels.telegram_updates import events_of
from pult.channels.text_parts import text_parts, utf16_units
from pult.kit.files import FileGone
from pult.kit.http_out import HttpOutError
from pult.kit.multipart_out import FilePart, form
from pult.messaging.contract import Cap, Content, Finding, HookReply, Receipt, SendError, State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

    from pult.kit.http_out import HttpOut
    from pult.messaging.contract import (
        ChannelRecord,
        FileIn,
        FileOut,
        Hook,
        Inbox,
        Outgoing,
        Outside,
        Recipient,
        Sending,
    )

    Deliver = Callable[[int, Sending], Awaitable[int]]

CLOUD: Final = "https://api.telegram.org/"
TEXT_LIMIT: Final = 4096  # in UTF-16 units
MEGABYTE: Final = 1024 * 1024
PHOTO_LIMIT: Final = 10 * MEGABYTE
UPLOAD_LIMIT: Final = 50 * MEGABYTE  # of Telegram's own server; one's own takes more
DOWNLOAD_LIMIT: Final = 20 * MEGABYTE
PHOTOS: Final = frozenset({"image/jpeg", "image/png"})
NO_PHOTO: Final = ("PHOTO_", "IMAGE_PROCESS_FAILED")  # grade B: an image that is sent as a file instead
ASK_FOR: Final = 20  # seconds that a question for news may stay open; less than any call of ours
UPDATES: Final = ["message"]
HEADER: Final = "x-telegram-bot-api-secret-token"
CLEAR: Final = {  # what the provider says (a part of it, grade B) -> what it means for an operator
    "bot was blocked by the user": "the client has blocked the bot",
    "user is deactivated": "the client's account is deleted",
    "bot was kicked": "the bot was removed from the group",
    "can't initiate conversation": "a bot cannot write first: the client has to start",
    "chat not found": "there is no such chat",
    "file is too big": "the file is larger than a bot may fetch",
    "Unauthorized": "the bot's token was revoked",
    "Not Found": "there is no bot with this token",
    "Request Entity Too Large": "the file is larger than the server takes",
    "terminated by other getUpdates": "somebody else asks for this bot's messages",
}


class TelegramBotSettings(MessengerSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`poll`: ask for messages instead of being called, for a desk that has no public address."""

    token: Annotated[str, Meta(pattern=r"^[0-9]+:[A-Za-z0-9_-]+\Z", max_length=255)]  # part of every address
    base_url: Address = CLOUD
    poll: bool = False


class TelegramBotAdapter(AdapterOf):
    """Messages are known as "chat:message", because Telegram counts them anew in each chat."""

    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.TEXT, Cap.FILE, Cap.HOOK})

    def __init__(self, channel: ChannelRecord, outside: Outside) -> None:
        super().__init__(channel, outside)
        self._settings: TelegramBotSettings = channel.settings
        self._api = BotApi(outside.http, self._settings)
        self._secret = hmac.new(channel.inbound_secret.encode(), b"telegram webhook", sha256).hexdigest()
        if self._settings.poll:
            self.caps = self.caps | {Cap.LISTEN}  # type: ignore[misc]  # this one's alone

    async def send(self, message: Outgoing, sending: Sending) -> Receipt:
        chat = _chat(message.to)
        known = dict(sending.done)
        for part, deliver in self._parts(message):
            if part in known:
                continue
            try:
                number = await deliver(chat, sending)
            except Moved as moved:  # a group that became a supergroup: refused there, so not sent
                chat = moved.chat
                await sending.talking_to(str(chat))
                number = await deliver(chat, sending)
            known[part] = f"{chat}:{number}"
            await sending.sent(part, known[part])
        return Receipt(State.SENT, tuple(filter(None, known.values())), conversation=str(chat))

    def _parts(self, message: Outgoing) -> Iterator[tuple[str, Deliver]]:
        texts = text_parts(message.text, TEXT_LIMIT, utf16_units)
        if not texts and not message.files:
            raise SendError("empty", "there is nothing to send")
        if self._settings.base_url == CLOUD and any(file.size > UPLOAD_LIMIT for file in message.files):
            raise SendError("file_too_large", "a bot can send files of up to 50 MB")
        for number, piece in enumerate(texts, start=1):
            yield "text" if number == 1 else f"text-{number}", partial(self._send_text, piece)
        for number, file in enumerate(message.files, start=1):
            yield f"file-{number}", partial(self._send_file, file)

    async def _send_text(self, piece: str, chat: int, sending: Sending) -> int:
        await sending.begin()
        return await self._api.send("sendMessage", json={"chat_id": chat, "text": piece})

    async def _send_file(self, file: FileOut, chat: int, sending: Sending) -> int:
        if file.mime in PHOTOS and 0 < file.size <= PHOTO_LIMIT:
            try:
                return await self._upload("photo", file, chat, sending)
            except SendError as error:  # too wide, or no image at all: still a file
                if error.code != "400" or not any(word in error.text for word in NO_PHOTO):
                    raise
        return await self._upload("document", file, chat, sending)

    async def _upload(self, kind: str, file: FileOut, chat: int, sending: Sending) -> int:
        try:
            chunks = await file.read()
        except FileGone:
            raise SendError("file_gone", "the file is not there any more") from None
        headers, body = form({"chat_id": str(chat)}, FilePart(kind, file.name, file.mime, file.size, chunks))
        await sending.begin()
        return await self._api.send(f"send{kind.capitalize()}", headers=headers, data=body, within=UPLOAD_WITHIN)

    async def handle(self, hook: Hook) -> HookReply:
        given = hook.headers.get(HEADER, "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, self._secret.encode()):
            return HookReply(403, b"the secret token is missing or wrong")
        return HookReply(events=tuple(events_of(decoded(hook.body))))

    async def listen(self, inbox: Inbox) -> None:
        """Long polling. A failure is raised: whoever runs this starts it again after a pause."""
        if not self._settings.poll:
            return
        await self._api.ask("deleteWebhook")  # the two exclude each other
        offset = whole(await inbox.cursor()) or 0
        while True:
            updates = mappings(await self._api.ask("getUpdates", json=_question(offset)))
            seen = [found for update in updates if (found := whole(update.get("update_id"))) is not None]
            # An offset is sent until it is confirmed, and no longer: after a week of silence the numbers start anew
            # and may be lower.
            following = max(seen) + 1 if seen else 0
            if following != offset or updates:
                await inbox.take([event for update in updates for event in events_of(update)], str(following))
            offset = following
            await inbox.well()

    async def open_file(self, file: FileIn) -> Content:
        found = mapping(await self._api.ask("getFile", json={"file_id": file.ref}))
        path, size = text(found.get("file_path")), whole(found.get("file_size"))
        if path.startswith("/"):  # a Bot API server of one's own, run with --local
            raise SendError(
                "local_file", "the Bot API server keeps files on its own disk (--local) and does not serve them"
            )
        if not path:
            raise SendError("no_file", "the provider does not say where the file is", retry=True)
        return Content(self._api.download(path, size), name=file.name, mime=file.mime, size=size)

    async def install(self, inbound_url: str) -> None:
        if self._settings.poll:
            await self._api.ask("deleteWebhook")
            return
        asked = {"url": inbound_url, "secret_token": self._secret, "allowed_updates": UPDATES}
        await self._api.ask("setWebhook", json=asked)

    async def check(self) -> Sequence[Finding]:
        try:
            bot = mapping(await self._api.ask("getMe"))
            info = mapping(await self._api.ask("getWebhookInfo"))
        except SendError as error:
            return [Finding(ok=False, text=error.text)]
        name = text(bot.get("username"))
        return [Finding(ok=True, text=f"the token is that of @{name}", facts={"username": name}), self._way_in(info)]

    def _way_in(self, info: dict[str, Any]) -> Finding:
        """Whether messages come in. The registered address is not shown: it has the channel's secret."""
        url, error = text(info.get("url")), text(info.get("last_error_message"))
        facts = {"waiting": whole(info.get("pending_update_count")), "last_error": error or None}
        if self._settings.poll:
            told = "calls an address, and must not while the desk asks" if url else "is asked for messages"
            return Finding(ok=not url, text=f"the provider {told}", facts=facts)
        if self.channel.inbound_secret not in url:
            told = "calls another address" if url else "calls nobody: no webhook is set"
            return Finding(ok=False, text=f"the provider {told}", facts=facts)
        told = f", and last failed: {error}" if error else ""
        return Finding(ok=not error, text=f"the provider calls this desk{told}", facts=facts)


class Moved(SendError):
    """The chat has another id now."""

    def __init__(self, chat: int) -> None:
        super().__init__("moved", "the group has become another chat")
        self.chat = chat


class BotApi:
    """One bot's calls. The token is part of each address, so no error of a lower floor leaves here unread."""

    def __init__(self, http: HttpOut, settings: TelegramBotSettings) -> None:
        self._http, self._token, self._base = http, settings.token, settings.base_url.rstrip("/")

    async def ask(self, method: str, **request: Any) -> Any:
        """A call's result; the call may be made twice. SendError."""
        refusal = _Refusal()
        try:
            said = await self._calls(refusal).ask("POST", method, **request)
        except SendError as error:
            raise self._told(error, refusal) from None
        return mapping(said.data).get("result")

    async def send(self, method: str, **request: Any) -> int:
        """The number of the message that was sent. SendError, Moved."""
        refusal = _Refusal()
        try:
            said = await self._calls(refusal).send("POST", method, **request)
        except SendError as error:
            raise self._told(error, refusal) from None
        number: int | None = whole(mapping(mapping(said.data).get("result")).get("message_id"))
        if number is None:
            raise SendError("odd_answer", "the answer does not say that the message was taken", maybe_sent=True)
        return number

    async def download(self, path: str, size: int | None) -> AsyncIterator[bytes]:
        """A file's bytes. SendError."""
        limit = DOWNLOAD_LIMIT if size is None else size
        try:
            async for chunk in self._http.stream(f"{self._base}/file/bot{self._token}/{quote(path)}", limit=limit):
                yield chunk
        except HttpOutError as error:
            raise SendError("no_file", self._hidden(str(error)), retry=True) from None

    def _calls(self, refusal: _Refusal) -> ProviderApi:
        return ProviderApi(self._http, f"{self._base}/bot{self._token}", headers={}, explain=refusal.explain)

    def _told(self, error: SendError, refusal: _Refusal) -> SendError:
        moved = refusal.parameters.get("migrate_to_chat_id")
        if isinstance(moved, int):
            return Moved(moved)
        wait = whole(refusal.parameters.get("retry_after"))
        return SendError(
            error.code,
            self._hidden(error.text),
            retry=error.retry,
            maybe_sent=error.maybe_sent,
            retry_after=error.retry_after if wait is None else float(wait),
        )

    def _hidden(self, words: str) -> str:
        """Without the token, also where it was cut short or written as in an address."""
        bot = self._token.partition(":")[0]
        return re.sub(rf"{bot}(:|%3A)[A-Za-z0-9_-]*", "…", words, flags=re.IGNORECASE)


class _Refusal:
    """What one answer said beside its words: for how long to wait, which chat the chat has become."""

    def __init__(self) -> None:
        self.parameters: dict[str, Any] = {}

    def explain(self, _status: int, data: Any) -> tuple[str, str] | None:
        answer = mapping(data)
        if answer.get("ok") is not False:
            return None
        self.parameters = mapping(answer.get("parameters"))
        said = text(answer.get("description"))
        clear = next((f"{clear} ({said})" for part, clear in CLEAR.items() if part in said), said)
        return name_of(answer.get("error_code")) or "error", clear


def _chat(to: Recipient) -> int:
    if to.conversation is None:
        raise SendError("cannot_write_first", "a Telegram bot cannot write first: the client has to write to it")
    try:
        return int(to.conversation)
    except ValueError:
        raise SendError("bad_conversation", "this is no chat of Telegram's") from None


def _question(offset: int) -> dict[str, Any]:
    asked: dict[str, Any] = {"timeout": ASK_FOR, "allowed_updates": UPDATES}
    return asked | {"offset": offset} if offset else asked
