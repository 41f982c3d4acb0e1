"""Viber's REST API for bots on loopback. No contract of it is published: what is checked here stands in its documentation."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, web

from fakes.strict import Refusal, StrictFake

SIGNATURE = "X-Viber-Content-Signature"
EVENT_TYPES = {"delivered", "seen", "failed", "subscribed", "unsubscribed", "conversation_started", "message"}
GENERAL = {"receiver": str, "type": str, "sender": dict}
OPTIONAL = {"tracking_data": str, "min_api_version": int}
TYPES = {  # type of message -> its required and its optional fields
    "text": ({"text": str}, {}),
    "picture": ({"text": str, "media": str}, {"thumbnail": str}),
    "video": ({"media": str, "size": int}, {"thumbnail": str, "duration": int}),
    "file": ({"media": str, "size": int, "file_name": str}, {}),
}
ENDINGS = {"picture": (".jpg", ".jpeg", ".png", ".gif"), "video": (".mp4",)}
LARGEST = {"video": 26 * 2**20, "file": 50 * 2**20}


@dataclass
class ViberBotFake(StrictFake):
    """`subscribers`: ids of those who may be written to. `refusals`: status and words for the next calls that send."""

    token: str = "4453b6ac-12345678-02b43f"
    subscribers: set[str] = field(default_factory=lambda: {"01234567890A="})
    refusals: list[tuple[int, str]] = field(default_factory=list)
    webhook: dict[str, Any] = field(default_factory=dict)
    media: dict[str, bytes] = field(default_factory=dict)  # path -> a client's file
    next_token: int = 4_912_661_846_655_238_145
    tokens: list[int] = field(default_factory=list)  # of the accepted messages

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/pa/send_message", self.sending(self._send)),
            web.post("/pa/set_webhook", self._set_webhook),
            web.post("/pa/get_account_info", self._account),
            web.get("/media/{name}", self._media),
        ]

    def wrong(self, status: int, text: str) -> Refusal:
        """A token that is not good is told as everything is, with HTTP 200; load is told by who stands in front."""
        if status == 401:
            return refusal(2, "invalidAuthToken")
        return Refusal(status, {"status": status, "status_message": text})

    async def _send(self, request: web.Request) -> web.StreamResponse:
        given = await self._checked(request)
        if self.refusals:
            raise refusal(*self.refusals.pop(0))
        kind = given.get("type")
        if kind not in TYPES:
            raise refusal(3, "type is not supported")
        _typed(given, GENERAL | TYPES[kind][0], OPTIONAL | TYPES[kind][1])
        _typed(given["sender"], {"name": str}, {"avatar": str})
        if not 1 <= len(given["sender"]["name"]) <= 28:
            raise refusal(3, "sender.name is too long")
        _limits(kind, given)
        if given["receiver"] not in self.subscribers:
            raise refusal(6, "notSubscribed")
        self.accept(**given)
        self.next_token += 1
        self.tokens.append(self.next_token)
        hostname = {"chat_hostname": "SN-CHAT-01_", "billing_status": 0}
        return web.json_response({"status": 0, "status_message": "ok", "message_token": self.next_token} | hostname)

    async def _set_webhook(self, request: web.Request) -> web.StreamResponse:
        given = await self._checked(request)
        _typed(given, {"url": str}, {"event_types": list, "send_name": bool, "send_photo": bool})
        if not set(given.get("event_types", [])) <= EVENT_TYPES:
            raise refusal(3, "event_types")
        body = {"event": "webhook", "timestamp": 1_790_000_000_123, "message_token": self.next_token}
        try:
            statuses = await self._post(given["url"], body, 1)
        except ClientError as error:
            raise refusal(1, "failed to connect") from error
        if statuses != [200]:
            raise refusal(1, f"result from webhook: {statuses[0]}")
        self.webhook = given
        return web.json_response({"status": 0, "status_message": "ok", "event_types": given["event_types"]})

    async def _account(self, request: web.Request) -> web.StreamResponse:
        _typed(await self._checked(request), {}, {})
        known = {"id": "pa:75346594275468546724", "name": "Northwind", "uri": "northwind", "subscribers_count": 35}
        return web.json_response({"status": 0, "status_message": "ok", "webhook": self.webhook.get("url", "")} | known)

    async def _media(self, request: web.Request) -> web.StreamResponse:
        if request.path not in self.media:
            return web.Response(status=404)
        if "X-Viber-Auth-Token" in request.headers:
            return web.Response(status=400, text="the token is nobody's business here")
        return web.Response(body=self.media[request.path])

    async def _checked(self, request: web.Request) -> dict[str, Any]:
        if "X-Viber-Auth-Token" not in request.headers:
            raise refusal(2, "missing_auth_token")
        if request.headers["X-Viber-Auth-Token"] != self.token:
            raise refusal(2, "invalidAuthToken")
        raw = await request.read()
        if request.content_type != "application/json" or len(raw) > 30_000:
            raise refusal(3, "badData")
        try:
            given = json.loads(raw)
        except ValueError:
            raise refusal(3, "badData") from None
        if not isinstance(given, dict):
            raise refusal(3, "badData")
        return given

    def signed(self, body: bytes) -> dict[str, str]:
        return {SIGNATURE: hmac.new(self.token.encode(), body, hashlib.sha256).hexdigest()}

    def report(self, event: str, message_token: int, **more: Any) -> dict[str, Any]:
        """What becomes of a message: "delivered", "seen", "failed"."""
        known = {"event": event, "timestamp": 1_790_000_001_000, "message_token": message_token}
        return known | {"user_id": "01234567890A="} | more

    def says(self, **message: Any) -> dict[str, Any]:
        """A client's message."""
        self.next_token += 1
        sender = {
            "id": "01234567890A=",
            "name": "Dana Petrova",
            "avatar": "http://avatar.example/1",
            "country": "RU",
            "language": "ru",
            "api_version": 10,
        }
        known = {"event": "message", "timestamp": 1_790_000_000_123, "message_token": self.next_token, "silent": False}
        return known | {"sender": sender, "message": {"type": "text", "tracking_data": "d-1-17"} | message}

    async def call(self, body: dict[str, Any], times: int = 1) -> list[int]:
        """Post to the webhook that was set."""
        return await self._post(self.webhook["url"], body, times)

    async def _post(self, url: str, body: dict[str, Any], times: int) -> list[int]:
        raw = json.dumps(body).encode()
        async with ClientSession() as session:
            headers = {"Content-Type": "application/json", **self.signed(raw)}
            return [(await session.post(url, data=raw, headers=headers)).status for _ in range(times)]


def refusal(status: int, words: str) -> Refusal:
    """Errors are told with HTTP 200."""
    return Refusal(200, {"status": status, "status_message": words})


def _typed(given: dict[str, Any], required: dict[str, type], optional: dict[str, type]) -> None:
    if missing := set(required) - set(given):
        raise refusal(4, f"missing {sorted(missing)}")
    for name, value in given.items():
        kind = (required | optional).get(name)
        if kind is None:
            raise refusal(3, f"unknown {name}")
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise refusal(3, f"{name} is of a wrong type")


def _limits(kind: str, given: dict[str, Any]) -> None:
    if kind == "text" and not 1 <= len(given["text"]) <= 7000:
        raise refusal(3, "text is too long")
    if kind == "picture" and len(given["text"]) > 120:
        raise refusal(3, "description is too long")
    if len(given.get("tracking_data", "")) > 4000 or len(given.get("media", "")) > 2000:
        raise refusal(3, "a field is too long")
    if kind in ENDINGS and not urlsplit(given["media"]).path.lower().endswith(ENDINGS[kind]):
        raise refusal(3, "media")
    if kind in LARGEST and not 0 < given["size"] <= LARGEST[kind]:
        raise refusal(3, "size")
    if kind == "file" and not 1 <= len(given["file_name"]) <= 256:
        raise refusal(3, "file_name")
