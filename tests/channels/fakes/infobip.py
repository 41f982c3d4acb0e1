"""Infobip's WhatsApp calls on loopback: closed field tables of /whatsapp/1, and a memory of the message ids that it has seen.

The vendor's own client models (PyPI, infobip-api-python-client) have no /whatsapp/1; what they do have in common with it,
errors, statuses and read reports, is checked against them before it leaves here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from infobip_api_client.models.api_error import ApiError
from infobip_api_client.models.api_exception import ApiException
from infobip_api_client.models.message_error import MessageError
from infobip_api_client.models.sms_message_status import SmsMessageStatus
from infobip_api_client.models.viber_seen_report import ViberSeenReport

from fakes.strict import Refusal, StrictFake, only

STATUSES = {  # name -> id and group
    "PENDING_ENROUTE": (7, 1, "PENDING"),
    "DELIVERED_TO_OPERATOR": (2, 3, "DELIVERED"),
    "DELIVERED_TO_HANDSET": (5, 3, "DELIVERED"),
    "UNDELIVERABLE_NOT_DELIVERED": (9, 2, "UNDELIVERABLE"),
    "EXPIRED_EXPIRED": (15, 4, "EXPIRED"),
    "REJECTED_NOT_ENOUGH_CREDITS": (12, 5, "REJECTED"),
    "REJECTED_DUPLICATE_MESSAGE_ID": (23, 5, "REJECTED"),
    "REJECTED_DESTINATION": (14, 5, "REJECTED"),
}
CODES = {400: "E400", 403: "E403", 404: "E404", 429: "E429", 500: "E500", 503: "E503"}
COMMON = {"messageId": str, "callbackData": str, "notifyUrl": str, "entityId": str, "applicationId": str}
CONTENTS = {  # kind -> required and optional fields of "content"
    "text": ({"text": str}, {"previewUrl": bool}),
    "image": ({"mediaUrl": str}, {"caption": str}),
    "video": ({"mediaUrl": str}, {"caption": str}),
    "audio": ({"mediaUrl": str}, {}),
    "document": ({"mediaUrl": str}, {"caption": str, "filename": str}),
    "template": ({"templateName": str, "templateData": dict, "language": str}, {}),
}
LENGTHS = {"messageId": 50, "callbackData": 4000, "notifyUrl": 2048, "text": 4096, "caption": 3000, "filename": 240}
SENT_AT = "2026-11-21T12:00:00.123+0000"
DONE_AT = "2026-11-21T15:00:02.000+0300"


def vendors(model: Any, body: dict[str, Any]) -> dict[str, Any]:
    """The body, which the vendor's own model takes whole: no field is unknown to it, none is of another type."""
    assert model.from_dict(body).to_dict() == body, body
    return body


def status(name: str) -> dict[str, Any]:
    number, group, group_name = STATUSES[name]
    words = name.replace("_", " ").capitalize()
    body = {"groupId": group, "groupName": group_name, "id": number, "name": name, "description": words}
    return vendors(SmsMessageStatus, body)


@dataclass
class InfobipFake(StrictFake):
    """`refusals`: names of statuses that the next messages are refused with. `files`: a client's, by id."""

    key: str = "infobip-key"
    sender: str = "79990000000"
    templates: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    silent: bool = False  # answers say nothing of the message
    seen_ids: set[str] = field(default_factory=set)

    def routes(self) -> list[web.RouteDef]:
        return [
            *(web.post(f"/whatsapp/1/message/{kind}", self.sending(self._send)) for kind in CONTENTS),
            web.get("/whatsapp/2/senders/{sender}/templates", self._templates),
            web.get("/whatsapp/1/senders/{sender}/media/{id}", self._file),  # answers HEAD as well
        ]

    def wrong(self, status: int, text: str) -> Refusal:
        """Both of its styles: the old one for 401, the new one for everything else."""
        if status == 401:
            return self.wrong_as_before(401, "UNAUTHORIZED", "Invalid login details")
        body = {
            "errorCode": CODES[status],
            "description": text,
            "action": "Look at it.",
            "violations": [],
            "resources": [],
        }
        return Refusal(status, vendors(ApiError, body))

    def wrong_as_before(self, status: int, name: str, text: str, **fields: list[str]) -> Refusal:
        told = {"messageId": name, "text": text, **({"validationErrors": fields} if fields else {})}
        return Refusal(status, vendors(ApiException, {"requestError": {"serviceException": told}}))

    def _bad(self, text: str) -> Refusal:
        return self.wrong_as_before(400, "BAD_REQUEST", "Bad Request", request=[text])

    def _entitled(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"App {self.key}":
            raise self.wrong(401, "")

    async def _send(self, request: web.Request) -> web.StreamResponse:
        self._entitled(request)
        if request.content_type != "application/json" or request.query_string:
            raise self._bad("only JSON, and nothing in the query")
        kind = request.path.rpartition("/")[2]
        given = json.loads(await request.read())
        if kind != "template":
            taken = self._taken(kind, given)
            return web.json_response({} if self.silent else taken)
        self._typed(given, {"messages": list}, {"bulkId": str})
        if not given["messages"]:
            raise self._bad("messages: empty")
        return web.json_response({"messages": [self._taken(kind, message) for message in given["messages"]]})

    def _taken(self, kind: str, message: Any) -> dict[str, Any]:
        self._typed(message, {"from": str, "to": str, "content": dict}, COMMON)
        if message["from"] != self.sender:
            raise self._bad("from: not registered")
        if not re.fullmatch(r"[1-9]\d{6,23}", message["to"]):
            raise self._bad("to: no number")
        self._content(kind, message["content"])
        message_id = message.get("messageId") or f"made-{len(self.seen_ids)}"
        answer = {"to": message["to"], "messageCount": 1, "messageId": message_id}
        if message_id in self.seen_ids:
            return {**answer, "status": status("REJECTED_DUPLICATE_MESSAGE_ID")}
        self.seen_ids.add(message_id)
        if self.refusals:
            return {**answer, "status": status(self.refusals.pop(0))}
        self.accept(kind=kind, **message)
        return {**answer, "status": status("PENDING_ENROUTE")}

    def _content(self, kind: str, content: dict[str, Any]) -> None:
        self._typed(content, *CONTENTS[kind])
        if "mediaUrl" in content and not re.fullmatch(r"https?://[!-~]{1,2040}", content["mediaUrl"]):
            raise self._bad("content.mediaUrl: no address")
        if kind == "template":
            data = content["templateData"]
            self._typed(data, {"body": dict}, {"header": dict, "buttons": list})
            self._typed(data["body"], {"placeholders": list}, {})
            if not all(isinstance(value, str) and value for value in data["body"]["placeholders"]):
                raise self._bad("content.templateData.body.placeholders: empty or no text")
            self._known(content, len(data["body"]["placeholders"]))

    def _known(self, content: dict[str, Any], variables: int) -> None:
        for template in self.templates:
            if (template["name"], template["language"]) == (content["templateName"], content["language"]):
                wanted = len(set(re.findall(r"\{\{\d+\}\}", template["structure"]["body"]["text"])))
                if wanted != variables:
                    raise self._bad(f"content.templateData.body.placeholders: {wanted} wanted")
                return
        raise self._bad("content.templateName: no such template in this language")

    def _typed(self, found: Any, required: dict[str, type], optional: dict[str, type]) -> None:
        if not isinstance(found, dict):
            raise self._bad("not an object")
        only(found, set(required), set(optional), self._bad)
        for name, value in found.items():
            if not isinstance(value, {**required, **optional}[name]):
                raise self._bad(f"{name}: wrong type")
            if isinstance(value, str) and not 1 <= len(value) <= LENGTHS.get(name, 2048):
                raise self._bad(f"{name}: wrong length")

    async def _templates(self, request: web.Request) -> web.StreamResponse:
        self._entitled(request)
        if request.match_info["sender"] != self.sender:
            raise self.wrong(404, "no such sender")
        return web.json_response({"templates": self.templates})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        self._entitled(request)
        if request.match_info["sender"] != self.sender or request.match_info["id"] not in self.files:
            raise self.wrong(404, "no such file")
        content, mime = self.files[request.match_info["id"]]
        return web.Response(body=content, content_type=mime)

    def template(self, name: str, language: str, body: str, state: str = "APPROVED") -> None:
        """The sender has this template from now on."""
        structure = {"header": {"format": "TEXT", "text": "Example"}, "body": {"text": body}, "type": "TEXT"}
        number = str(len(self.templates) + 111)
        found = {"id": number, "businessAccountId": 222, "name": name, "language": language, "status": state}
        self.templates.append({**found, "category": "UTILITY", "structure": structure})

    def report(self, number: int, name: str, /, **error: Any) -> dict[str, Any]:
        """The delivery report on the accepted message of that number."""
        message = self.accepted[number - 1]
        fault = {
            "groupId": 0,
            "groupName": "OK",
            "id": 0,
            "name": "NO_ERROR",
            "description": "No Error",
            "permanent": False,
        }
        found = {
            "bulkId": "bulk-1",
            "messageId": message["messageId"],
            "to": message["to"],
            "sentAt": SENT_AT,
            "doneAt": DONE_AT,
            "messageCount": 1,
            "price": {"pricePerMessage": 0.21, "currency": "EUR"},
            "status": status(name),
            "error": vendors(MessageError, {**fault, **error}),
            "callbackData": message["callbackData"],
        }
        return {"results": [found]}

    def seen_report(self, number: int) -> dict[str, Any]:
        message = self.accepted[number - 1]
        found = {"messageId": message["messageId"], "from": message["to"], "to": self.sender, "sentAt": SENT_AT}
        body = {**found, "seenAt": DONE_AT}
        assert set(ViberSeenReport.from_dict(body).to_dict()) == set(body)  # its times are no longer text
        return {"results": [body]}

    def written(
        self, message: dict[str, Any], message_id: str = "wamid.IN1", sender: str = "79161234567"
    ) -> dict[str, Any]:
        """A client's message."""
        found = {
            "from": sender,
            "to": self.sender,
            "integrationType": "WHATSAPP",
            "receivedAt": SENT_AT,
            "messageId": message_id,
            "pairedMessageId": None,
            "callbackData": None,
            "message": message,
            "contact": {"name": "Dana"},
            "price": {"pricePerMessage": 0, "currency": "EUR"},
        }
        return {"results": [found], "messageCount": 1, "pendingMessageCount": 0}

    async def tell(self, number: int, *bodies: dict[str, Any], times: int = 1) -> list[int]:
        """Post these in this order to where the accepted message of that number asked for its reports."""
        url = self.accepted[number - 1]["notifyUrl"]
        return [answered for body in bodies for answered in await self.call_back(url, body, times=times)]
