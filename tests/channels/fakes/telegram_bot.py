"""A Telegram Bot API server on loopback. Each call is checked against contracts/telegram-bot-api.json."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from fakes.strict import Refusal, StrictFake

CONTRACT = json.loads((Path(__file__).parents[1] / "contracts/telegram-bot-api.json").read_text())
SECRET = "X-Telegram-Bot-Api-Secret-Token"
IMAGES = (b"\x89PNG", b"\xff\xd8\xff")
WORDS = {401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests", 503: "Service Unavailable"}


@dataclass
class Upload:
    """A file of a multipart form."""

    name: str
    mime: str
    content: bytes


@dataclass
class TelegramBotFake(StrictFake):
    """`chats`: chat id -> None, or the description of why it refuses; `moved`: chat id -> the id it has become."""

    token: str = "123456:AAE-secret_token"
    chats: dict[int, str | None] = field(default_factory=lambda: {7001: None})
    moved: dict[int, int] = field(default_factory=dict)
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # file id -> path, content
    webhook: dict[str, Any] = field(default_factory=dict)
    last_error: str = ""
    refusals: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)  # of the next calls that send
    updates: list[dict[str, Any]] = field(default_factory=list)
    asked: list[int | None] = field(default_factory=list)  # the offsets of getUpdates
    next_update: int = 500
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def routes(self) -> list[web.RouteDef]:
        sends = self.sending(self._send)
        names = set(CONTRACT["methods"]) - {"sendMessage", "sendPhoto", "sendDocument"}
        return [
            *(web.post(f"/bot{{token}}/{name}", sends) for name in ("sendMessage", "sendPhoto", "sendDocument")),
            *(web.post(f"/bot{{token}}/{name}", self._ask) for name in names),
            web.get("/file/bot{token}/{path:.+}", self._download),
        ]

    def wrong(self, status: int, text: str) -> Refusal:
        return refusal(status, WORDS.get(status, text))

    async def stop(self) -> None:
        self._news.set()  # nobody waits for news any longer
        await super().stop()

    async def _send(self, request: web.Request) -> web.StreamResponse:
        method, given = await self._checked(request)
        if self.refusals:
            status, words, parameters = self.refusals.pop(0)
            raise refusal(status, words, **parameters)
        chat = int(given["chat_id"])
        if chat in self.moved:
            words = "Bad Request: group chat was upgraded to a supergroup chat"
            raise refusal(400, words, migrate_to_chat_id=self.moved[chat])
        if chat not in self.chats:
            raise refusal(400, "Bad Request: chat not found")
        if words := self.chats[chat]:
            raise refusal(403, f"Forbidden: {words}")
        kind = {"sendMessage": "text", "sendPhoto": "photo", "sendDocument": "document"}[method]
        self._content(kind, given[kind])
        number = self.accept(chat=chat, kind=kind, content=given[kind])
        return result({"message_id": number, "date": 1_790_000_000, "chat": {"id": chat, "type": "private"}})

    def _content(self, kind: str, content: Any) -> None:
        if kind == "text":
            units = len(content.encode("utf-16-le")) // 2
            if not 1 <= units <= 4096:
                words = "message is too long" if units else "message text is empty"
                raise refusal(400, f"Bad Request: {words}")
        elif kind == "photo" and not content.content.startswith(IMAGES):
            raise refusal(400, "Bad Request: IMAGE_PROCESS_FAILED")
        elif len(content.content) > 50 * 2**20:
            raise refusal(413, "Request Entity Too Large")

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        method, given = await self._checked(request)
        handler = re.sub(r"(?=[A-Z])", "_", method).lower()
        return result(await getattr(self, f"_{handler}")(given))

    async def _get_me(self, _given: dict[str, Any]) -> Any:
        return {"id": 123456, "is_bot": True, "first_name": "Pult", "username": "pult_bot"}

    async def _set_webhook(self, given: dict[str, Any]) -> Any:
        if not given["url"].startswith(("https://", "http://127.0.0.1")):
            raise refusal(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        secret = given.get("secret_token", "")
        if not 1 <= len(secret) <= 256 or not secret.replace("_", "").replace("-", "").isalnum():
            raise refusal(400, "Bad Request: secret token contains unallowed characters")
        self.webhook = given
        return True

    async def _delete_webhook(self, _given: dict[str, Any]) -> Any:
        self.webhook = {}
        return True

    async def _get_webhook_info(self, _given: dict[str, Any]) -> Any:
        waiting = len(self.updates)
        known = {"url": self.webhook.get("url", ""), "has_custom_certificate": False, "pending_update_count": waiting}
        return known | ({"last_error_message": self.last_error} if self.last_error else {})

    async def _get_file(self, given: dict[str, Any]) -> Any:
        if given["file_id"] not in self.files:
            raise refusal(400, "Bad Request: invalid file_id")
        path, content = self.files[given["file_id"]]
        if len(content) > 20 * 2**20:
            raise refusal(400, "Bad Request: file is too big")
        known = {"file_id": given["file_id"], "file_unique_id": "u1", "file_size": len(content)}
        return known | ({"file_path": path} if path else {})

    async def _get_updates(self, given: dict[str, Any]) -> Any:
        if self.webhook:
            raise refusal(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook first")
        offset = given.get("offset")
        self.asked.append(offset)
        if offset:
            self.updates = [update for update in self.updates if update["update_id"] >= offset]
        if not self.updates and given.get("timeout"):
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), given["timeout"])
        return self.updates[:100]

    async def _download(self, request: web.Request) -> web.StreamResponse:
        self._authorised(request)
        for path, content in self.files.values():
            if path == request.match_info["path"]:
                return web.Response(body=content)
        raise refusal(404, "Not Found")

    def _authorised(self, request: web.Request) -> None:
        if request.match_info["token"] != self.token:
            raise refusal(401, "Unauthorized")

    async def _checked(self, request: web.Request) -> tuple[str, dict[str, Any]]:
        """The method and its arguments, which are as the contract has them."""
        self._authorised(request)
        method = request.path.rpartition("/")[2]
        given = await _arguments(request)
        fields = {known["name"]: known for known in CONTRACT["methods"][method].get("fields", [])}
        for name, value in given.items():
            if name not in fields:
                raise refusal(400, f"Bad Request: unknown parameter {name}")
            if not any(
                _fits(value, kind, form=request.content_type != "application/json") for kind in fields[name]["types"]
            ):
                raise refusal(400, f"Bad Request: parameter {name} is of a wrong type")
        if missing := [name for name, known in fields.items() if known["required"] and name not in given]:
            raise refusal(400, f"Bad Request: missing {missing}")
        return method, given

    def tell(self, **message: Any) -> dict[str, Any]:
        """An update with a client's new message, as getUpdates gives it or `call` posts it."""
        self.next_update += 1
        person = {"id": 7001, "is_bot": False, "first_name": "Dana", "last_name": "Petrova", "username": "dana_t"}
        said = {
            "message_id": self.next_update + 1000,
            "from": person,
            "chat": {"id": 7001, "type": "private", "first_name": "Dana"},
            "date": 1_790_000_000,
        }
        update = {"update_id": self.next_update, "message": said | message}
        self.updates.append(update)
        self._news.set()
        return update

    async def call(self, update: dict[str, Any], times: int = 1) -> list[int]:
        """Post an update to the webhook that was set, with its secret."""
        headers = {SECRET: self.webhook["secret_token"]}
        return await self.call_back(self.webhook["url"], update, headers, times)


def result(value: Any) -> web.Response:
    return web.json_response({"ok": True, "result": value})


def refusal(status: int, description: str, **parameters: Any) -> Refusal:
    body = {"ok": False, "error_code": status, "description": description}
    return Refusal(status, body | ({"parameters": parameters} if parameters else {}))


async def _arguments(request: web.Request) -> dict[str, Any]:
    if not request.can_read_body:
        return {}
    if request.content_type == "application/json":
        found = await request.json()
        if not isinstance(found, dict):
            raise refusal(400, "Bad Request: object expected as parameters")
        return found
    if request.content_type != "multipart/form-data":
        raise refusal(400, "Bad Request: unsupported content type")
    given: dict[str, Any] = {}
    async for part in await request.multipart():
        content = bytes(await part.read())
        if part.filename is None:
            given[part.name] = content.decode()
        else:
            given[part.name] = Upload(part.filename, part.headers.get("Content-Type", ""), content)
    return given


def _fits(value: Any, kind: str, *, form: bool) -> bool:
    if kind == "InputFile":
        return isinstance(value, Upload)
    if form:  # everything but files is text
        return isinstance(value, str) and (kind != "Integer" or value.lstrip("-").isdigit())
    if kind.startswith("Array of String"):
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if kind == "Integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, {"String": str, "Boolean": bool}.get(kind, dict | list))
