"""Chat2Desk on loopback, as strict as it is known: clients, messages, channels, webhooks under /v1/, signed calls.

FIELDS names every field that is checked, with how well it is known: A the vendor's own pages, B two public programs,
C one, ? likely and no more. docs/channels/chat2desk.md has the questions that follow from it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from fakes.strict import Refusal, StrictFake, only

FIELDS = {
    "header Authorization, bare": "A",
    "messages.client_id, text, type, transport, channel_id, operator_id, external_id": "A",
    "messages.attachment (a picture), pdf": "A",
    "messages.attachment (other files), attachment_filename": "?",
    "messages -> data.message_id": "B",
    "messages/{id} -> data.recipient_status": "C",
    "recipient_status, gateway_status: words": "?",
    "clients?phone": "A",
    "clients.phone, transport, channel_id": "B",
    "clients -> 400 errors.client[1] as JSON text": "C",
    "channels -> id, name, phone, transports": "B",
    "companies/api_info -> requests_this_month": "B",
    "webhooks.name, url, events; five at most": "A",
    "webhooks -> status words": "?",
    "hook inbox, imported_message": "A",
    "hook outbox_status: data.id, data.gateway_status": "C",
    "hook signature: HMAC-SHA256 of body and timestamp": "A",
    "hook signature: hex or raw MD5": "?",
    "header X-Signature": "C",
    "header X-Timestamp": "?",
}
TRANSPORTS = {"viber", "viber_public", "viber_business", "viber_tr", "viber_infobip", "telegram", "whatsapp"}
EVENTS = {
    "inbox", "outbox", "outbox_status", "imported_message", "comment", "system_message", "new_client", "new_request",
    "close_request", "close_dialog", "dialog_transferred", "new_qr_code", "client_added_to_blacklist", "new_ticket",
    "ticket_updated", "ticket_deleted", "operator_status_changed",
}  # fmt: skip
TIMESTAMP = "1763769600"


@dataclass
class Chat2DeskFake(StrictFake):
    token: str = "c2d-token"
    channel_id: int = 44
    transports: list[str] = field(default_factory=lambda: ["viber"])
    clients: dict[int, dict[str, Any]] = field(default_factory=dict)
    messages: dict[int, dict[str, Any]] = field(default_factory=dict)
    webhooks: list[dict[str, Any]] = field(default_factory=list)
    finds: bool = True  # whether GET clients finds by phone; if not, POST says that the client exists
    error_inside: str = ""  # the next sending call is answered 200 with this error
    raw_key: bool = False

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/clients", self._find_clients),
            web.post("/v1/clients", self._make_client),
            web.post("/v1/messages", self.sending(self._send)),
            web.get("/v1/messages/{message:[0-9]+}", self._message),
            web.get("/v1/channels", self._list_channels),
            web.get("/v1/companies/api_info", self._api_info),
            web.get("/v1/webhooks", self._list_webhooks),
            web.post("/v1/webhooks", self._add_webhook),
            web.delete("/v1/webhooks/{webhook:[0-9]+}", self._remove_webhook),
        ]

    def wrong(self, status: int, text: str, errors: Any = None) -> Refusal:
        return Refusal(status, {"status": "error", "message": text, "errors": errors or {}})

    def _unfit(self, text: str) -> Refusal:
        return self.wrong(400, "Validation error", {"base": [text]})

    def add_client(self, phone: str, **more: Any) -> int:
        number = 12568 + len(self.clients)
        self.clients[number] = {"id": number, "phone": phone, "name": f"[viber] {number}", "assigned_name": None} | more
        return number

    def _allowed(self, request: web.Request, query: set[str] = frozenset()) -> None:
        if request.headers.get("Authorization") != self.token:
            raise self.wrong(401, "You need to auth")
        only(dict(request.query), set(), set(query), self._unfit)

    async def _body(self, request: web.Request) -> dict[str, Any]:
        self._allowed(request)
        if request.content_type != "application/json":
            raise self._unfit("JSON is expected")
        found = json.loads(await request.text())
        if not isinstance(found, dict):
            raise self._unfit("an object is expected")
        return found

    def _typed(self, body: dict[str, Any], **types: type) -> None:
        for name, kind in types.items():
            if name in body and (type(body[name]) is not kind or body[name] == ""):
                raise self._unfit(f"{name} is not valid")

    def _transport(self, body: dict[str, Any]) -> None:
        if body.get("transport") not in TRANSPORTS:
            raise self._unfit("transport is not valid")
        if body.get("channel_id") != self.channel_id or body["transport"] not in self.transports:
            raise self._unfit("the channel has no such transport")

    @staticmethod
    def _well(data: Any, **more: Any) -> web.Response:
        return web.json_response({"status": "success", "data": data, **more})

    async def _find_clients(self, request: web.Request) -> web.StreamResponse:
        self._allowed(request, {"phone", "limit", "offset"})
        phone = request.query.get("phone", "")
        if not phone.isdigit():
            raise self._unfit("phone is not valid")
        found = [client for client in self.clients.values() if self.finds and phone in client["phone"]]
        return self._well(found[:20], meta={"total": len(found), "limit": 20, "offset": 0})

    async def _make_client(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        only(body, {"phone", "transport"}, {"channel_id", "nickname"}, self._unfit)
        self._typed(body, phone=str, transport=str, channel_id=int)
        self._transport(body)
        if not body["phone"].isdigit():
            raise self._unfit("phone is not valid")
        for client in self.clients.values():
            if client["phone"] == body["phone"]:
                raise self.wrong(400, "", {"client": ["Client already exist", json.dumps({"id": client["id"]})]})
        return self._well(self.clients[self.add_client(body["phone"])])

    async def _send(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        if self.error_inside:
            text, self.error_inside = self.error_inside, ""
            return web.json_response({"status": "error", "message": text, "errors": {}})
        optional = {"text", "attachment", "attachment_filename", "pdf", "operator_id", "open_dialog", "encrypted"}
        only(body, {"client_id", "type", "transport", "channel_id", "external_id"}, optional, self._unfit)
        self._typed(body, client_id=int, text=str, channel_id=int, operator_id=int, external_id=str)
        self._typed(body, attachment=str, attachment_filename=str, pdf=str, open_dialog=bool, encrypted=bool)
        self._transport(body)
        if body["type"] not in {"to_client", "autoreply", "system", "comment"}:
            raise self._unfit("type is not valid")
        if body["client_id"] not in self.clients:
            raise self.wrong(404, "Client not found")
        content = {name: body[name] for name in ("text", "attachment", "pdf") if name in body}
        if not content:
            raise self._unfit("text can't be blank")
        if len(body.get("text", "").encode("utf-16-le")) > 2 * (
            1000 if body["transport"] == "viber_business" else 7000
        ):
            raise self._unfit("text is too long")
        if any(not str(content.get(name, "https://")).startswith("https://") for name in ("attachment", "pdf")):
            raise self._unfit("the address is not valid")
        number = 28780 + self.accept(to=body["client_id"], external_id=body["external_id"], **content)
        self.messages[number] = {"id": number, "type": "to_client", "recipient_status": None, **body}
        answer = {"message_id": number, "channel_id": self.channel_id, "operator_id": body.get("operator_id")}
        answer |= {
            "transport": body["transport"],
            "type": "to_client",
            "client_id": body["client_id"],
            "dialog_id": 942,
        }
        return self._well(answer, message="Message has been sent")

    async def _message(self, request: web.Request) -> web.StreamResponse:
        self._allowed(request)
        found = self.messages.get(int(request.match_info["message"]))
        if found is None:
            raise self.wrong(404, "Message not found")
        return self._well(found)

    async def _list_channels(self, request: web.Request) -> web.StreamResponse:
        self._allowed(request, {"limit", "offset"})
        ours = {"id": self.channel_id, "name": "Viber", "phone": "79990000000", "transports": self.transports}
        return self._well([{"id": 1, "name": "Site", "phone": None, "transports": ["widget"]}, ours])

    async def _api_info(self, request: web.Request) -> web.StreamResponse:
        self._allowed(request)
        return self._well({"current_version": 1, "requests_this_month": len(self.seen), "channels": 2})

    async def _list_webhooks(self, request: web.Request) -> web.StreamResponse:
        self._allowed(request)
        return self._well(self.webhooks)

    async def _add_webhook(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        only(body, {"name", "url", "events"}, set(), self._unfit)
        self._typed(body, name=str, url=str, events=list)
        if not body["events"] or not set(body["events"]) <= EVENTS:
            raise self._unfit("events are not valid")
        if len(self.webhooks) >= 5:
            raise self._unfit("there are five webhooks already")
        self.webhooks.append({"id": 5500 + len(self.seen), "status": "enable", "errors": [], **body})
        return self._well(self.webhooks[-1])

    async def _remove_webhook(self, request: web.Request) -> web.StreamResponse:
        self._allowed(request)
        number = int(request.match_info["webhook"])
        if not any(webhook["id"] == number for webhook in self.webhooks):
            raise self.wrong(404, "Webhook not found")
        self.webhooks = [webhook for webhook in self.webhooks if webhook["id"] != number]
        return self._well(None)

    def inbox(self, number: int, /, message_id: int = 28780, **changes: Any) -> dict[str, Any]:
        """A client's message, as the vendor's own example has it."""
        client = self.clients[number]
        told = {"message_id": message_id, "type": "from_client", "text": "Where is my order?", "transport": "viber"}
        told |= {"client_id": number, "operator_id": None, "dialog_id": 942, "channel_id": self.channel_id}
        told |= {"photo": None, "coordinates": None, "audio": None, "pdf": None}
        told |= {"client": {"external_id": None, "client_phone": None, **client}, "hook_type": "inbox"}
        told |= {"request_id": 5357, "attachments": [], "is_new_request": False, "is_new_client": False}
        told |= {"insta_comment": False, "extra_data": {}, "is_new": True, "event_time": "2025-11-22T00:00:00.984494Z"}
        return told | changes

    def outbox_status(self, message_id: int, word: Any) -> dict[str, Any]:
        return {
            "hook_type": "outbox_status",
            "data": {"id": message_id, "gateway_status": word},
            "event_time": "2025-11-22T00:00:01Z",
        }

    def signature(self, body: bytes, timestamp: str = TIMESTAMP) -> str:
        digest = hashlib.md5(self.token.encode())
        key = digest.digest() if self.raw_key else digest.hexdigest().encode()
        return hmac.new(key, body + timestamp.encode(), hashlib.sha256).hexdigest()

    async def deliver(self, body: dict[str, Any], times: int = 1, *, signed: bool = True) -> list[int]:
        """Call every webhook that is subscribed to the event; the statuses of the desk's answers."""
        raw = json.dumps(body, ensure_ascii=False).encode()
        headers = {"X-Signature": self.signature(raw), "X-Timestamp": TIMESTAMP} if signed else {}
        statuses = []
        for webhook in self.webhooks:
            if body["hook_type"] in webhook["events"]:
                statuses += await self.call_back(webhook["url"], raw, headers, times)
        return statuses
