"""Pact's interface p1 on loopback, as strict as its documents (github pact-im/api-doc) let one be.

A company with a channel of each kind that Pult speaks; `channels`, `templates` and `synchronous` may be changed by a test.
DOUBTS are what the documents leave open: what the fake does there is our guess, and stands in docs/channels/pact.md.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import ClientError, ClientSession, web

from fakes.strict import Refusal, StrictFake, only

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COMPANY, TOKEN = 11, "pact-token"
WHATSAPP, BUSINESS, TELEGRAM = 22, 33, 55
PHONE = re.compile(r"7[0-9]{10}|[1-9][0-9]{9,14}")
USERNAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,31}")
NUMBER = re.compile(r"[1-9][0-9]*")
LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?")
ANY = re.compile(r".+", re.DOTALL)

DOUBTS = {
    "text or message": "the field of a first message's text: the example says one, the table the other",
    "template id": "whether it is the list's number (likely) or the name at WhatsApp",
    "no template variables": "whether a template without variables may come without the list",
    "attachment items": "what a file looks like in a call: the samples have none",
    "error bodies": "what an error looks like: p1 says nothing, the newer interface's form is used here",
    "text limit": "how long a text may be",
    "location": "what a location looks like",
    "first Telegram message": "whether the call that tells of it has a job_id, and its text unchanged",
    "job through another channel": "whether a job can be asked for through another channel of its company",
    "pace": "5 a second and 30 a minute are the newer interface's limits",
}
TITLES = {401: "unauthorized", 402: "payment_required", 404: "not_found", 429: "too_many_requests"}


@dataclass
class PactFake(StrictFake):
    channels: dict[int, str] = field(
        default_factory=lambda: {WHATSAPP: "whatsapp", BUSINESS: "whatsapp_business", TELEGRAM: "telegram_personal"}
    )
    templates: list[dict[str, Any]] = field(
        default_factory=lambda: [_template(8094, "visit", 3), _template(8095, "hello", 0)]
    )
    synchronous: bool = False  # the answer to a sending call names the message
    unpaid: bool = False
    webhook_url: str | None = None
    conversations: dict[int, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[int, dict[str, Any]] = field(default_factory=dict)
    messages: dict[int, dict[str, Any]] = field(default_factory=dict)
    files: dict[int, tuple[str, bytes]] = field(default_factory=dict)  # uploaded: name and content
    cdn: dict[str, bytes] = field(default_factory=dict)  # what clients sent
    _last: int = 100

    @property
    def base_url(self) -> str:
        return f"{self.url}/p1/"

    def routes(self) -> list[web.RouteDef]:
        company = "/p1/companies/{company}"
        return [
            web.get("/p1/companies", self._asked(self._companies)),
            web.put(company, self._asked(self._set_company)),
            web.get(f"{company}/channels", self._asked(self._list_channels)),
            web.post(f"{company}/channels/{{channel}}/conversations", self._asked(self.sending(self._first_whatsapp))),
            web.get(f"{company}/channels/{{channel}}/jobs/{{job}}", self._asked(self._job)),
            web.post(f"{company}/conversations", self._asked(self._make_conversation)),
            web.get(f"{company}/conversations/{{conversation}}", self._asked(self._conversation)),
            web.post(f"{company}/conversations/{{conversation}}/messages", self._asked(self.sending(self._send))),
            web.post(f"{company}/conversations/{{conversation}}/messages/attachments", self._asked(self._upload)),
            web.get(f"{company}/waba_templates", self._asked(self._list_templates)),
            web.get("/cdn/{name}", self._cdn),
        ]

    def wrong(self, status: int, text: str) -> Refusal:
        detail = "Please wait for 50 seconds" if status == 429 else text
        error = {"status": status, "code": TITLES.get(status, "error"), "title": "Error", "detail": detail}
        return Refusal(status, {"errors": [error]})

    def _asked(self, handler: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
        """What holds for every call."""

        async def handle(request: web.Request) -> web.StreamResponse:
            if request.headers.get("X-Private-Api-Token") != TOKEN:
                raise self.wrong(401, "Your API key is wrong")
            if request.match_info.get("company", str(COMPANY)) != str(COMPANY):
                raise self.wrong(404, "company not found")
            if self.unpaid:
                raise self.wrong(402, "Payment required")
            if request.method != "GET" and request.query_string:
                raise self.wrong(400, "no query here")
            return await handler(request)

        return handle

    # What is asked

    async def _companies(self, request: web.Request) -> web.StreamResponse:
        one = {
            "external_id": COMPANY,
            "name": "Shop",
            "phone": None,
            "description": None,
            "webhook_url": self.webhook_url,
        }
        return self._page(request, "companies", [one])

    async def _list_channels(self, request: web.Request) -> web.StreamResponse:
        found = [{"external_id": number, "provider": provider} for number, provider in self.channels.items()]
        return self._page(request, "channels", found)

    async def _list_templates(self, request: web.Request) -> web.StreamResponse:
        if "whatsapp_business" not in self.channels.values():
            raise self.wrong(404, "no whatsapp business channel")
        return self._page(request, "waba_templates", self.templates)

    def _page(self, request: web.Request, key: str, items: list[dict[str, Any]]) -> web.Response:
        only(request.query, set(), {"from", "per", "sort_direction"}, self._bad)
        per, start = request.query.get("per", "50"), request.query.get("from", "page-0")
        if not NUMBER.fullmatch(per) or int(per) > 100:
            raise self._bad("per is between 1 and 100")
        begin = int(start.removeprefix("page-"))
        end = begin + int(per)
        following = f"page-{end}" if end < len(items) else None
        return _ok({key: items[begin:end], "next_page": following})

    async def _conversation(self, request: web.Request) -> web.StreamResponse:
        return _ok({"conversation": self._found(self.conversations, request, "conversation")})

    async def _job(self, request: web.Request) -> web.StreamResponse:
        job = self._found(self.jobs, request, "job")
        if job["channel"]["id"] != int(request.match_info["channel"]):
            raise self.wrong(404, "job not found")
        return _ok(job)

    def _found(self, where: Mapping[int, dict[str, Any]], request: web.Request, key: str) -> dict[str, Any]:
        told = request.match_info[key]
        if not NUMBER.fullmatch(told) or int(told) not in where:
            raise self.wrong(404, f"{key} not found")
        return where[int(told)]

    async def _cdn(self, request: web.Request) -> web.StreamResponse:
        if "X-Private-Api-Token" in request.headers:
            raise self._bad("the token is for the interface only")
        if request.match_info["name"] not in self.cdn:
            raise web.HTTPNotFound
        return web.Response(body=self.cdn[request.match_info["name"]], content_type="image/jpeg")

    # What is set and sent

    async def _set_company(self, request: web.Request) -> web.StreamResponse:
        form = await self._form(request, {}, {"webhook_url": re.compile(r"https?://\S+")})
        async with ClientSession() as session:
            try:
                answer = await session.post(form["webhook_url"], json={"source": "pact.im", "operation": "test"})
            except ClientError as error:
                raise self._bad("webhook_url does not answer") from error
        if answer.status != 200:
            raise self._bad(f"webhook_url answers {answer.status}")
        self.webhook_url = form["webhook_url"]
        return web.json_response({"status": "updated", "data": {"external_id": COMPANY}})

    async def _first_whatsapp(self, request: web.Request) -> web.StreamResponse:
        channel = int(request.match_info["channel"])
        provider = self.channels.get(channel, "")
        if provider == "whatsapp":
            form = await self._form(request, {"phone": PHONE}, {"text": ANY, "message": ANY})
            texts = {form[key] for key in ("text", "message") if key in form}
            if len(texts) != 1:
                raise self._bad("one text")
            return self._taken(channel, self._with(channel, form["phone"]), text=self._short(texts.pop()))
        if provider == "whatsapp_business":
            fields = {"phone": PHONE, "template[id]": ANY, "template[language_code]": LANGUAGE}
            form = await self._form(request, fields, {"template[parameters][]": ANY}, repeated="template[parameters][]")
            return self._taken(channel, self._with(channel, form["phone"]), template=self._known_template(form))
        raise self.wrong(404, "channel not found")

    def _known_template(self, form: dict[str, Any]) -> dict[str, Any]:
        values = form.get("template[parameters][]", [])
        known = [each for each in self.templates if form["template[id]"] in {str(each["id"]), each["waba_id"]}]
        if not known:
            raise self.wrong(404, "template not found")
        if len(values) != known[0]["substitutions_count"]:
            raise self._bad(f"the template has {known[0]['substitutions_count']} substitutions")
        return {"id": known[0]["id"], "language": form["template[language_code]"], "values": values}

    async def _make_conversation(self, request: web.Request) -> web.StreamResponse:
        provider = dict(parse_qsl(await request.text(), keep_blank_values=True)).get("provider")
        channel = next((number for number, kind in self.channels.items() if kind == provider), None)
        if channel is None:
            raise self._bad("provider")
        if provider == "telegram_personal":
            return await self.sending(self._first_telegram)(request)
        form = await self._form(request, {"provider": re.compile("whatsapp"), "phone": PHONE}, {})
        return _ok({"conversation": self.conversations[self._with(channel, form["phone"])]})

    async def _first_telegram(self, request: web.Request) -> web.StreamResponse:
        required = {"provider": ANY, "text": ANY}
        form = await self._form(request, required, {"phone": PHONE, "username": USERNAME, "send_to_crm": ANY})
        if ("phone" in form) == ("username" in form):
            raise self._bad("phone or username, one of them")
        if form.get("username") == "nobody":
            raise self.wrong(404, "user not found")
        conversation = self._with(TELEGRAM, form.get("phone") or form["username"])
        self._taken(TELEGRAM, conversation, job=False, text=self._short(form["text"]))
        return _ok({"conversation": self.conversations[conversation]})

    async def _send(self, request: web.Request) -> web.StreamResponse:
        conversation = self._found(self.conversations, request, "conversation")
        form = await self._form(
            request, {}, {"message": ANY, "attachments_ids[]": NUMBER, "send_to_crm": ANY}, repeated="attachments_ids[]"
        )
        number = conversation["external_id"]
        if "message" in form:
            if "attachments_ids[]" in form:
                raise self._bad("this messenger takes a text or a file")
            return self._taken(conversation["channel_id"], number, text=self._short(form["message"]))
        if len(form.get("attachments_ids[]", [])) != 1 or int(form["attachments_ids[]"][0]) not in self.files:
            raise self._bad("one uploaded attachment")
        name, content = self.files.pop(int(form["attachments_ids[]"][0]))
        return self._taken(conversation["channel_id"], number, file=name, size=len(content))

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        self._found(self.conversations, request, "conversation")
        if request.content_type != "multipart/form-data":
            raise self._bad("multipart/form-data")
        form = await request.post()
        only(form, {"file"}, set(), self._bad)
        sent = form["file"]
        if not isinstance(sent, web.FileField) or not sent.filename:
            raise self._bad("file is a file")
        number = self._next()
        self.files[number] = (sent.filename.replace("%22", '"'), sent.file.read())  # as browsers write it
        return _ok({"external_id": number})

    async def _form(
        self,
        request: web.Request,
        required: dict[str, re.Pattern[str]],
        optional: dict[str, re.Pattern[str]],
        repeated: str = "",
    ) -> dict[str, Any]:
        """The fields of a form, each of its kind, none unknown; only `repeated` may come more than once."""
        if request.content_type != "application/x-www-form-urlencoded":
            raise self._bad("application/x-www-form-urlencoded")
        pairs = parse_qsl(await request.text(), keep_blank_values=True, strict_parsing=True, errors="strict")
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found and name != repeated:
                raise self._bad(f"{name} twice")
            found[name] = [*found.get(name, []), value] if name == repeated else value
        only(found, set(required), set(optional), self._bad)
        for name, kind in {**required, **optional}.items():
            values = found.get(name, [])
            if not all(kind.fullmatch(value) for value in ([values] if isinstance(values, str) else values)):
                raise self._bad(f"{name} is of another form")
        return found

    def _bad(self, text: str) -> Refusal:
        return self.wrong(400, text)

    def _short(self, text: str) -> str:
        if len(text.encode("utf-16-le")) > 2 * 4096:
            raise self._bad("the text is too long")
        return text

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _with(self, channel: int, sender: str) -> int:
        """The conversation with somebody, made if need be."""
        for number, each in self.conversations.items():
            if each["channel_id"] == channel and each["_sender"] == sender:
                return number
        number, kind = self._next(), self.channels[channel]
        self.conversations[number] = {
            "external_id": number,
            "name": "Dana",
            "channel_id": channel,
            "channel_type": kind,
            "created_at": "2026-11-22T10:17:10.655Z",
            "created_at_timestamp": int(time.time()),
            "avatar": "/avatars/original/missing.png",
            "sender_external_id": sender if kind.startswith("whatsapp") else "100200300",
            "meta": {},
            "_sender": sender,
        }
        return number

    def _taken(self, channel: int, conversation: int, *, job: bool = True, **message: Any) -> web.Response:
        self.accept(channel=channel, conversation=conversation, **message)
        message_id, number = self._next(), self._next()
        text = message.get("text") or ""
        self.messages[message_id] = {"conversation": conversation, "text": text, "job": number if job else None}
        made = {
            "id": number,
            "company_id": COMPANY,
            "channel": {"id": channel, "type": self.channels[channel]},
            "conversation_id": conversation if self.conversations[conversation].get("_known") else None,
            "state": "trying_deliver",
            "message_id": message_id if self.synchronous else None,
            "details": None,
            "created_at": int(time.time()),
        }
        self.conversations[conversation]["_known"] = True
        if self.synchronous:
            self.messages[message_id]["job"] = None
        if job:
            self.jobs[number] = made
        return _ok(made)

    # What Pact tells the desk

    async def tell(self, body: dict[str, Any], times: int = 1) -> list[int]:
        """Call the desk where it asked to be called; its answers."""
        assert self.webhook_url is not None
        return await self.call_back(self.webhook_url, body, times=times)

    def message_of(self, job: int) -> int:
        return next(number for number, each in self.messages.items() if each["job"] == job)

    def new_message(
        self, message_id: int, attachments: list[Any] | None = None, income: bool = False
    ) -> dict[str, Any]:
        message = self.messages[message_id]
        conversation = self.conversations[message["conversation"]]
        data = {
            "external_id": message_id,
            "external_public_id": message_id,
            "channel_id": conversation["channel_id"],
            "channel_type": conversation["channel_type"],
            "channel": {"id": conversation["channel_id"], "type": conversation["channel_type"]},
            "conversation_id": conversation["external_id"],
            "message": message["text"],
            "location": {},
            "income": income,
            "created_at": "2026-11-22 12:45:53 UTC",
            "created_at_timestamp": 1795351553,
            "ack": 1,
            "attachments": attachments or [],
        }
        if message["job"] is not None:
            data["job_id"] = message["job"]
        return {"type": "message", "event": "new", "data": data}

    def from_client(self, channel: int, sender: str, text: str, attachments: list[Any] | None = None) -> dict[str, Any]:
        """A client writes."""
        return self._written(channel, sender, text, attachments, income=True)

    def from_phone(self, channel: int, sender: str, text: str) -> dict[str, Any]:
        """Somebody of ours writes on the phone or in Pact."""
        return self._written(channel, sender, text, None, income=False)

    def _written(self, channel: int, sender: str, text: str, attachments: Any, *, income: bool) -> dict[str, Any]:
        number = self._next()
        self.messages[number] = {"conversation": self._with(channel, sender), "text": text, "job": None}
        return self.new_message(number, attachments, income=income)

    def new_conversation(self, conversation: int) -> dict[str, Any]:
        kept = (
            "external_id",
            "name",
            "channel_id",
            "channel_type",
            "created_at",
            "created_at_timestamp",
            "sender_external_id",
        )
        found = {key: value for key, value in self.conversations[conversation].items() if key in kept}
        data = {**found, "avatar_url": None, "last_message_at": None, "last_income_message_at": None}
        return {"type": "conversation", "event": "new", "data": data}

    def executed(self, job: int, reason: str | None = None) -> dict[str, Any]:
        """A job ends: the message was delivered, unless there is a reason why not."""
        result = "NOT DELIVERED" if reason else "DELIVERED"
        details = {"result": result, **({"reason": reason} if reason else {})}
        message_id = None if reason else self.message_of(job)
        self.jobs[job].update(state="not_delivered" if reason else "delivered", details=details, message_id=message_id)
        data = {"id": job, "result": result, "message_id": message_id, "date": 1795351560}
        return {"type": "job", "event": "executed", "data": {**data, **({"reason": reason} if reason else {})}}

    def acknowledged(self, message_id: int, ack: int) -> dict[str, Any]:
        conversation = self.conversations[self.messages[message_id]["conversation"]]
        channel = {"id": conversation["channel_id"], "type": conversation["channel_type"]}
        number = conversation["external_id"]
        data = {"external_id": message_id, "channel": channel, "conversation_id": number, "ack": ack}
        return {"type": "message", "event": "ack", "data": data}


def system(channel: int, message: str) -> dict[str, Any]:
    details = {"entity": "channel", "entity_id": channel}
    data = {"message": message, "date": "2026-11-22 12:45:53 UTC", "date_timestamp": 1795351553, "details": details}
    return {"type": "system", "severity": "critical", "data": data}


def _template(number: int, name: str, variables: int) -> dict[str, Any]:
    return {
        "id": number,
        "company_id": COMPANY,
        "name": name,
        "waba_id": f"1_{name}",
        "body": " ".join(f"{{{{{n}}}}}" for n in range(1, variables + 1)),
        "substitutions_count": variables,
        "position": number,
    }


def _ok(data: Any) -> web.Response:
    return web.json_response({"status": "ok", "data": _shown(data)})


def _shown(value: Any) -> Any:
    """Without what only the fake knows."""
    if isinstance(value, dict):
        return {key: _shown(each) for key, each in value.items() if not key.startswith("_")}
    return value
