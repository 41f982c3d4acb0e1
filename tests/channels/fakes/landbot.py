"""Landbot on loopback, as strict as its pages are known: the Platform API under /v1/, opt-ins under /wa/, message hooks.

FIELDS names every field that is checked, with how well it is known: A the vendor's own pages, B two public programs,
C one, ? likely and no more. docs/channels/landbot.md has the questions that follow from it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from fakes.strict import Refusal, StrictFake, only

FIELDS = {
    "header Authorization: Token": "A",
    "send_text.message": "B",
    "send_image.url": "C",
    "send_image.caption": "C",
    "send_template.template_id": "B",
    "send_template.template_language": "B",
    "send_template.template_params.body.params": "B",
    "templates[].id": "B",
    "templates[].params_number": "C",
    "templates[].name": "?",
    "opt_in?phone": "C",
    "opt_in -> customer.id": "A",
    "channels[].token": "A",
    "channels[].token is the opt-in key": "?",
    "assign/ after 412": "B",
    "message_hooks.url": "A",
    "message_hooks.token": "A",
    "message_hooks.name": "A",
    "hook: Authorization, sentry-trace, messages[].type, timestamp, data.body, sender.type, customer.id, phone": "A",
    "hook: messages[].data.url, caption, filename": "C",
}


@dataclass
class Customer:
    phone: str
    held_by: str = "api"  # or "bot", "agent"
    blocked: bool = False


@dataclass
class LandbotFake(StrictFake):
    token: str = "landbot-token"
    channel_id: int = 33
    opt_in_key: str = "W-33-YLSJCP6KP6OF6WQ0"
    page: int = 2  # entries of a listing's page
    customers: dict[int, Customer] = field(default_factory=dict)
    templates: list[dict[str, Any]] = field(default_factory=list)
    hooks: list[dict[str, Any]] = field(default_factory=list)
    opt_ins: list[str] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        customer = "/v1/customers/{customer:[0-9]+}/"
        hooks = f"/v1/channels/{self.channel_id}/message_hooks/"
        return [
            web.post(customer + "send_text/", self.sending(self._send_text)),
            web.post(customer + "send_image/", self.sending(self._send_image)),
            web.post(customer + "send_template/", self.sending(self._send_template)),
            web.put(customer + "assign/", self._assign),
            web.post("/wa/{key}/opt_in", self._opt_in),
            web.get("/v1/channels/", self._list_channels),
            web.get("/v1/channels/whatsapp/templates/", self._list_templates),
            web.get(hooks, self._list_hooks),
            web.post(hooks, self._add_hook),
            web.delete(hooks + "{hook:[0-9]+}/", self._remove_hook),
            web.get("/storage/{name}", self._stored),
        ]

    def wrong(self, status: int, text: str, name: str = "detail") -> Refusal:
        return Refusal(status, {"errors": {name: [text]}})

    def add_customer(self, phone: str, **state: Any) -> int:
        number = 297638254 + len(self.customers)
        self.customers[number] = Customer(phone, **state)
        return number

    def _allowed(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Token {self.token}":
            raise self.wrong(401, "Invalid token.", "authorization")

    async def _body(self, request: web.Request) -> dict[str, Any]:
        self._allowed(request)
        if request.content_type != "application/json":
            raise self.wrong(400, "Body isn't valid JSON.")
        try:
            found = json.loads(await request.text())
        except ValueError:
            raise self.wrong(400, "Body isn't valid JSON.") from None
        if not isinstance(found, dict):
            raise self.wrong(422, "an object is expected")
        return found

    def _unfit(self, text: str) -> Refusal:
        return self.wrong(422, text)

    async def _for_customer(self, request: web.Request, required: set[str]) -> tuple[int, dict[str, Any]]:
        body = await self._body(request)
        only(body, required, set(), self._unfit)
        number = int(request.match_info["customer"])
        customer = self.customers.get(number)
        if customer is None:
            raise self.wrong(404, "Not found.", "customer_id")
        if customer.blocked or customer.held_by != "api":
            raise self.wrong(412, "You can't send message to this customer", "customer_id")
        return number, body

    def _text(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(422, "This field may not be blank.", name)
        return value

    def _web_address(self, name: str, value: Any) -> str:
        if not self._text(name, value).startswith("https://"):
            raise self.wrong(422, "Enter a valid URL.", name)
        return str(value)

    async def _send_text(self, request: web.Request) -> web.StreamResponse:
        number, body = await self._for_customer(request, {"message"})
        text = self._text("message", body["message"])
        if len(text.encode("utf-16-le")) > 2 * 4096:
            raise self.wrong(422, "Ensure this field has no more than 4096 characters.", "message")
        self.accept(to=number, text=text)
        return web.json_response({"success": True})

    async def _send_image(self, request: web.Request) -> web.StreamResponse:
        number, body = await self._for_customer(request, {"url", "caption"})
        url = self._web_address("url", body["url"])
        self.accept(to=number, image=url, caption=self._text("caption", body["caption"]))
        return web.json_response({"success": True})

    async def _send_template(self, request: web.Request) -> web.StreamResponse:
        fields = {"template_id", "template_language", "template_params"}
        number, body = await self._for_customer(request, fields)
        template = next((t for t in self.templates if t["id"] == body["template_id"]), None)
        if template is None or isinstance(body["template_id"], bool):
            raise self.wrong(422, "Object does not exist.", "template_id")
        self._text("template_language", body["template_language"])
        if not isinstance(body["template_params"], dict):
            raise self.wrong(422, "an object is expected", "template_params")
        only(body["template_params"], {"body"}, {"header", "buttons"}, self._unfit)
        only(body["template_params"]["body"], {"params"}, set(), self._unfit)
        params = body["template_params"]["body"]["params"]
        if not isinstance(params, list) or not all(isinstance(param, str) for param in params):
            raise self.wrong(422, "a list of strings is expected", "template_params")
        if len(params) != template["params_number"]:
            raise self.wrong(422, f"{template['params_number']} parameters are expected", "template_params")
        self.accept(to=number, template=template["id"], language=body["template_language"], params=params)
        return web.json_response({"success": True})

    async def _assign(self, request: web.Request) -> web.StreamResponse:
        self._allowed(request)
        customer = self.customers.get(int(request.match_info["customer"]))
        if customer is None:
            raise self.wrong(404, "Not found.", "customer_id")
        customer.held_by = "api"
        return web.json_response({"success": True})

    async def _opt_in(self, request: web.Request) -> web.StreamResponse:
        self._allowed(request)
        if request.match_info["key"] != self.opt_in_key:
            raise self.wrong(404, "Not found.", "channel")
        only(dict(request.query), {"phone"}, set(), self._unfit)
        phone = request.query["phone"]
        if not phone.startswith("+") or not phone[1:].isdigit():
            raise self.wrong(422, "The phone is not valid", "phone")
        self.opt_ins.append(phone)
        known = next((number for number, one in self.customers.items() if one.phone == phone[1:]), None)
        number = known or self.add_customer(phone[1:])
        return web.json_response({"success": True, "customer": {"id": number, "phone": phone[1:]}})

    def _listing(self, request: web.Request, name: str, entries: list[dict[str, Any]], known: set[str]) -> web.Response:
        self._allowed(request)
        only(dict(request.query), set(), known | {"offset"}, self._unfit)
        start = int(request.query.get("offset", "0"))
        page = entries[start : start + self.page]
        return web.json_response({"success": True, "total": len(entries), name: page})

    async def _list_channels(self, request: web.Request) -> web.StreamResponse:
        others = [{"id": n, "name": "Web", "type": "landbot", "active": True, "token": f"H-{n}-X"} for n in (8, 9)]
        ours = {"id": self.channel_id, "name": "WhatsApp", "type": "whatsapp", "active": True, "token": self.opt_in_key}
        return self._listing(request, "channels", [*others, ours], set())

    async def _list_templates(self, request: web.Request) -> web.StreamResponse:
        return self._listing(request, "templates", self.templates, {"channel_id"})

    async def _list_hooks(self, request: web.Request) -> web.StreamResponse:
        shown = [{key: value for key, value in hook.items() if key != "token"} for hook in self.hooks]
        return self._listing(request, "hooks", shown, set())

    async def _add_hook(self, request: web.Request) -> web.StreamResponse:
        body = await self._body(request)
        only(body, {"url"}, {"token", "name"}, self._unfit)
        for name, value in body.items():
            self._text(name, value)
        self.hooks.append({"id": len(self.seen) + 1, "channel_id": self.channel_id, **body})
        return web.json_response({"success": True, "hook": self.hooks[-1]}, status=201)

    async def _remove_hook(self, request: web.Request) -> web.StreamResponse:
        self._allowed(request)
        number = int(request.match_info["hook"])
        if not any(hook["id"] == number for hook in self.hooks):
            raise self.wrong(404, "Not found.", "hook_id")
        self.hooks = [hook for hook in self.hooks if hook["id"] != number]
        return web.Response(status=204)

    async def _stored(self, request: web.Request) -> web.StreamResponse:
        """Files of customers lie at public addresses; whoever shows the token there shows it to strangers."""
        if "Authorization" in request.headers or request.match_info["name"] not in self.stored:
            raise self.wrong(404, "Not found.")
        return web.Response(body=self.stored[request.match_info["name"]])

    def told(self, number: int, /, uuid: str = "5d3a-1", **changes: Any) -> dict[str, Any]:
        """The body of a hook's call."""
        message = {
            "type": "text",
            "timestamp": 1763769600,
            "data": {"body": "Where is my order?"},
            "sender": {"id": number, "name": "Dana", "type": "customer"},
            "customer": {
                "id": number,
                "agent_id": None,
                "archived": False,
                "name": "Dana",
                "phone": self.customers[number].phone,
                "is_external": "False",
                "country": "",
                "favourite": "['a', 'b']",
            },
            "channel": {"id": self.channel_id, "name": "WhatsApp", "type": "whatsapp"},
            "_raw": {"samurai": 1, "author_type": "user", "author_uuid": None, "uuid": uuid, "seq": None, "read": True},
        }
        return {"messages": [message | changes]}

    def call_headers(
        self, token: str | None, trace: str = "a1b2c3d4e5f60718293a4b5c6d7e8f90-0123456789abcdef-1"
    ) -> dict[str, str]:
        said = {"User-Agent": "landbot/webhooks", "sentry-trace": trace}
        return said if token is None else said | {"Authorization": f"Token {token}"}

    async def deliver(self, body: dict[str, Any], times: int = 1) -> list[int]:
        """Call every hook, each with its token; the statuses of the desk's answers."""
        statuses = []
        for hook in self.hooks:
            statuses += await self.call_back(hook["url"], body, self.call_headers(hook.get("token")), times)
        return statuses
