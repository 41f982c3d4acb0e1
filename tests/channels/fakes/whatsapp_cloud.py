"""Meta's WhatsApp Cloud API on loopback: sends are checked against contracts/whatsapp_cloud_send.json, calls back are signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import ClientError, ClientSession, web
from jsonschema import Draft202012Validator

from fakes.strict import Refusal, StrictFake

CONTRACT = Path(__file__).resolve().parents[1] / "contracts/whatsapp_cloud_send.json"
SENDS = Draft202012Validator(json.loads(CONTRACT.read_text()))
ERRORS = {  # status -> code, type, message
    400: (100, "OAuthException", "(#100) Invalid parameter"),
    401: (190, "OAuthException", "Error validating access token: the session has been invalidated."),
    403: (10, "OAuthException", "(#10) Application does not have permission for this action"),
    404: (100, "GraphMethodException", "Unsupported request"),
    429: (130429, "OAuthException", "(#130429) Rate limit hit"),
    500: (131000, "OAuthException", "(#131000) Something went wrong"),
    503: (2, "OAuthException", "Service temporarily unavailable"),
}
UPLOADS = {
    "image/jpeg": 5, "image/png": 5, "video/mp4": 16, "video/3gpp": 16, "audio/ogg": 16, "audio/mpeg": 16, "audio/aac": 16,
    "audio/amr": 16, "audio/mp4": 16, "application/pdf": 100, "text/plain": 100, "application/msword": 100,
}  # fmt: skip
STAMP = 1_795_000_000  # seconds


def contact(number: str) -> dict[str, Any]:
    return {"profile": {"name": "Dana"}, "wa_id": number, "user_id": "RU.1776622120445919", "country_code": "RU"}


@dataclass
class WhatsAppCloudFake(StrictFake):
    """One number of one account. `refusals`: HTTP status, code and words for the next calls that send.

    `wa_ids`: what a dialled number is called by WhatsApp, where that differs.
    """

    token: str = "EAAG-token"
    app_secret: str = "0123456789abcdef0123456789abcdef"
    verify_token: str = "desk-verify"
    number: str = "106540352242922"
    account: str = "102290129340398"
    templates: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[tuple[int, int, str]] = field(default_factory=list)
    wa_ids: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)  # id -> name, type, bytes
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # a client's: id -> type, bytes
    files_at: str = ""  # another host that files are named at
    quality: str = "GREEN"
    nameless: bool = False  # answers leave the message's id out
    called_at: str = ""
    failing_uploads: list[int] = field(default_factory=list)  # HTTP statuses of the next uploads

    def routes(self) -> list[web.RouteDef]:
        base = "/v23.0"
        return [
            web.post(f"{base}/{self.number}/messages", self.sending(self._send)),
            web.post(f"{base}/{self.number}/media", self._upload),
            web.get(f"{base}/{self.number}", self._about),
            web.get(f"{base}/{self.account}/message_templates", self._templates),
            web.post(f"{base}/{self.account}/subscribed_apps", self._subscribe),
            web.get("/whatsapp_business/attachments/", self._bytes),
            web.get(f"{base}/{{media}}", self._media),
        ]

    def wrong(self, status: int, text: str) -> Refusal:
        code, kind, said = ERRORS[status]
        return self._error(status, code, said, kind, text)

    def _error(self, status: int, code: int, said: str, kind: str = "OAuthException", details: str = "") -> Refusal:
        error: dict[str, Any] = {"message": said, "type": kind, "code": code, "fbtrace_id": "Az8or2yhqkZfEZ-_4Qn_Bam"}
        if details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": details}
        return Refusal(status, {"error": error})

    def _entitled(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            raise self.wrong(401, "")

    async def _send(self, request: web.Request) -> web.StreamResponse:
        self._entitled(request)
        if request.content_type != "application/json" or request.query_string:
            raise self.wrong(400, "only JSON, and nothing in the query")
        given = json.loads(await request.read())
        for error in SENDS.iter_errors(given):
            raise self.wrong(400, f"{error.json_path}: {error.message}")
        if self.refusals:
            status, code, words = self.refusals.pop(0)
            raise self._error(status, code, f"(#{code}) {words}")
        if "template" in given:
            self._known(given["template"])
        elif given["type"] != "text" and given[given["type"]]["id"] not in self.uploads:
            raise self._error(400, 131053, "(#131053) Media upload error", details="no such media id")
        given["media"] = self.uploads.get(given.get(given["type"], {}).get("id"))
        number = self.accept(**given)
        return web.json_response(self._answer(given, f"wamid.OUT{number}"))

    def _answer(self, given: dict[str, Any], message_id: str) -> dict[str, Any]:
        told = given.get("to") or given["recipient"]
        contact = {"input": told, "wa_id": self.wa_ids.get(told, told.removeprefix("+"))}
        message = {"id": message_id, **({"message_status": "accepted"} if "template" in given else {})}
        messages = [] if self.nameless else [message]
        return {"messaging_product": "whatsapp", "contacts": [contact], "messages": messages}

    def _known(self, asked: dict[str, Any]) -> None:
        given = [part for component in asked.get("components", []) for part in component["parameters"]]
        for template in self.templates:
            if (template["name"], template["language"]) == (asked["name"], asked["language"]["code"]):
                wanted = len(set(re.findall(r"\{\{\d+\}\}", template["components"][1]["text"])))
                if wanted != len(given):
                    words = f"body: number of localizable_params ({len(given)}) does not match ({wanted})"
                    raise self._error(400, 132000, "(#132000) Number of parameters does not match", details=words)
                return
        words = f"template name ({asked['name']}) does not exist in {asked['language']['code']}"
        raise self._error(404, 132001, "(#132001) Template name does not exist in the translation", details=words)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        self._entitled(request)
        if request.content_type != "multipart/form-data" or request.content_length is None:
            raise self.wrong(400, "a multipart form with its length is wanted")
        if self.failing_uploads:
            raise self.wrong(self.failing_uploads.pop(0), "the upload failed")
        fields, name, mime, content = {}, "", "", b""
        async for part in await request.multipart():
            if part.name == "file":
                name, mime, content = part.filename or "", part.headers["Content-Type"], bytes(await part.read())
            else:
                fields[part.name] = await part.text()
        if fields != {"messaging_product": "whatsapp", "type": mime} or not name:
            raise self.wrong(400, "messaging_product, type and file are wanted, and the file's own type")
        if mime not in UPLOADS:
            raise self._error(400, 100, f"(#100) Param file must be of one of these types. Received: {mime}")
        if len(content) > UPLOADS[mime] * 2**20:
            raise self._error(400, 131053, "(#131053) Media upload error", details="the file is too large")
        media = str(10_000 + len(self.uploads))
        self.uploads[media] = (name, mime, content)
        return web.json_response({"id": media})

    async def _about(self, request: web.Request) -> web.StreamResponse:
        self._entitled(request)
        wanted = request.query["fields"].split(",")
        known = {"verified_name": "Pult", "display_phone_number": "+7 999 000-00-00", "quality_rating": self.quality}
        return web.json_response({**{name: known[name] for name in wanted}, "id": self.number})

    async def _templates(self, request: web.Request) -> web.StreamResponse:
        """In pages of two, whatever limit is asked for."""
        self._entitled(request)
        if set(request.query) - {"fields", "limit", "after"} or not 1 <= int(request.query["limit"]) <= 250:
            raise self.wrong(400, "unknown parameter, or a bad limit")
        start = int(request.query.get("after", "0"))
        shown = self.templates[start : start + 2]
        paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(start + len(shown))}}
        if start + 2 < len(self.templates):
            paging["next"] = f"{self.url}/v23.0/{self.account}/message_templates?after={start + 2}"
        return web.json_response({"data": shown, "paging": paging})

    async def _subscribe(self, request: web.Request) -> web.StreamResponse:
        """Asks the address back before it takes it."""
        self._entitled(request)
        given = json.loads(await request.read())
        if set(given) != {"override_callback_uri", "verify_token"}:
            raise self.wrong(400, "override_callback_uri and verify_token are wanted")
        status, said = await self.ask_back(given["override_callback_uri"], given["verify_token"])
        if (status, said) != (200, "1158201444"):
            raise self._error(400, 2200, f"(#2200) Callback verification failed: HTTP Status Code = {status}")
        self.called_at = given["override_callback_uri"]
        return web.json_response({"success": True})

    async def ask_back(self, url: str, verify_token: str) -> tuple[int, str]:
        """Meta's GET; answers status and body (0 where nobody answers)."""
        asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": verify_token}
        try:
            async with ClientSession() as session, session.get(url, params=asked) as response:
                return response.status, await response.text()
        except ClientError as error:
            return 0, str(error)

    async def _media(self, request: web.Request) -> web.StreamResponse:
        self._entitled(request)
        media = request.match_info["media"]
        if media not in self.files or request.query.get("phone_number_id", self.number) != self.number:
            raise self.wrong(404, "no such media")
        mime, content = self.files[media]
        found = {"url": f"{self.files_at or self.url}/whatsapp_business/attachments/?mid={media}", "mime_type": mime}
        sizes = {"sha256": hashlib.sha256(content).hexdigest(), "file_size": len(content)}
        return web.json_response({**found, **sizes, "id": media, "messaging_product": "whatsapp"})

    async def _bytes(self, request: web.Request) -> web.StreamResponse:
        self._entitled(request)
        mime, content = self.files[dict(parse_qsl(urlsplit(str(request.url)).query))["mid"]]
        return web.Response(body=content, content_type=mime)

    def template(self, name: str, language: str, body: str, state: str = "APPROVED") -> None:
        """The account has this template from now on."""
        parts = [{"type": "HEADER", "format": "TEXT", "text": "Example"}, {"type": "BODY", "text": body}]
        found = {"name": name, "language": language, "status": state, "components": parts}
        self.templates.append({**found, "id": str(600 + len(self.templates))})

    def update(self, value: dict[str, Any], field: str = "messages") -> dict[str, Any]:
        metadata = {"display_phone_number": "79990000000", "phone_number_id": self.number}
        told = {"messaging_product": "whatsapp", "metadata": metadata, **value}
        change = {"value": told, "field": field}
        return {"object": "whatsapp_business_account", "entry": [{"id": self.account, "changes": [change]}]}

    def status(self, number: int, state: str, **more: Any) -> dict[str, Any]:
        """The report on the accepted message of that number."""
        message = self.accepted[number - 1]
        told = message.get("to") or message["recipient"]
        found = {"id": f"wamid.OUT{number}", "status": state, "timestamp": str(STAMP), "recipient_id": told}
        found |= {"biz_opaque_callback_data": message["biz_opaque_callback_data"], **more}
        return self.update({"contacts": [contact(told)], "statuses": [found]})

    def written(
        self, kind: str, content: Any, sender: str = "79161234567", message_id: str = "wamid.IN1"
    ) -> dict[str, Any]:
        """A client's message."""
        message = {"from": sender, "id": message_id, "timestamp": str(STAMP), "type": kind, kind: content}
        return self.update({"contacts": [contact(sender)], "messages": [message]})

    def signed(self, body: dict[str, Any] | bytes) -> tuple[bytes, dict[str, str]]:
        """As Meta sends it: everything but ASCII is escaped, and the signature is of these very bytes."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        digest = hmac.new(self.app_secret.encode(), raw, hashlib.sha256).hexdigest()
        return raw, {"x-hub-signature-256": f"sha256={digest}"}

    async def tell(self, *bodies: dict[str, Any], times: int = 1) -> list[int]:
        """Post these in this order to the address that was subscribed."""
        answered = []
        for body in bodies:
            raw, headers = self.signed(body)
            answered += await self.call_back(self.called_at, raw, headers, times=times)
        return answered
