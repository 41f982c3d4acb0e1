"""A provider on loopback that takes nothing on trust: the frame of every fake.

A fake registers its routes with `route`; its handlers answer `Refusal(status, body)` by raising it, and tell `accept` of each
message that the provider would really send to a client. Faults make it misbehave before or after it accepted.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession, web

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Mapping


class Fault(Enum):
    """What the next sending call meets. `*_BEFORE`: the message is not accepted; `*_AFTER`: it is, and the answer is bad."""

    CUT_BEFORE = "the connection is closed before the body is read"
    CUT_AFTER = "the message is accepted, then the connection is closed without an answer"
    TOO_MANY = "429 without Retry-After"
    TOO_MANY_WAIT = "429 with Retry-After: 7"
    UNAVAILABLE = "503"
    BROKEN_BEFORE = "500, nothing was accepted"
    BROKEN_AFTER = "500, although the message was accepted"
    GATEWAY = "502 with HTML"
    HTML = "200 with HTML, although the message was accepted"
    UNAUTHORISED = "401, the token was revoked"


class Refusal(Exception):
    """The provider's answer to a request that deviates from its contract."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status, self.body, self.headers = status, body, dict(headers or {})


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    status: int


@dataclass
class StrictFake:
    """Subclasses add routes in `routes()`. `accepted`: every message that a client would have received, in order."""

    accepted: list[dict[str, Any]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)
    slow: float = 0.0  # seconds before each sending call is answered
    url: str = ""
    _runner: web.AppRunner | None = None
    _port: int = 0

    def routes(self) -> list[web.RouteDef]:
        """The provider's addresses; wrap handlers of sending calls in `self.sending`."""
        raise NotImplementedError

    def wrong(self, status: int, text: str) -> Refusal:
        """The provider's error body for a general error (429, 500, 401 …)."""
        raise NotImplementedError

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        application = web.Application(middlewares=[self._watch], client_max_size=64 * 2**20)
        application.add_routes(self.routes())
        application.router.add_route("*", "/{anything:.*}", self._unknown)
        self._runner = web.AppRunner(application, access_log=None, handler_cancellation=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port or self._port, ssl_context=tls)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._port}"

    async def stop(self) -> None:
        """Connections are refused from now on; `start` again takes the same port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def accept(self, **message: Any) -> int:
        """A message that would reach a client; answers its number, from 1."""
        self.accepted.append(message)
        return len(self.accepted)

    def sending(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The handler of a call that sends; the next fault strikes here."""

        async def handle(request: web.Request) -> web.StreamResponse:
            fault = self.faults.popleft() if self.faults else None
            if self.slow:
                await asyncio.sleep(self.slow)
            return await handler(request) if fault is None else await self._misbehave(fault, request, handler)

        return handle

    async def _misbehave(self, fault: Fault, request: web.Request, handler: Any) -> web.StreamResponse:
        if fault is Fault.CUT_BEFORE:
            return _cut(request)
        if fault in {Fault.CUT_AFTER, Fault.BROKEN_AFTER, Fault.HTML}:
            await handler(request)
            if fault is Fault.CUT_AFTER:
                return _cut(request)
            if fault is Fault.HTML:
                return web.Response(text="<html><body>OK</body></html>", content_type="text/html")
        if fault is Fault.GATEWAY:
            return web.Response(status=502, text="<html>Bad gateway</html>", content_type="text/html")
        status = {Fault.TOO_MANY: 429, Fault.TOO_MANY_WAIT: 429, Fault.UNAVAILABLE: 503, Fault.UNAUTHORISED: 401}
        refusal = self.wrong(status.get(fault, 500), fault.value)
        if fault is Fault.TOO_MANY_WAIT:
            refusal.headers["Retry-After"] = "7"
        raise refusal

    @web.middleware
    async def _watch(self, request: web.Request, handler: Any) -> web.StreamResponse:
        status = 0
        try:
            response = await handler(request)
            status = response.status
        except Refusal as refusal:
            status = refusal.status
            response = web.json_response(refusal.body, status=refusal.status, headers=refusal.headers)
        finally:
            body = await request.read() if request._read_bytes is not None else b""
            self.seen.append(Seen(request.method, request.path_qs, dict(request.headers), body, status))
        return response

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        raise self.wrong(404, f"there is no {request.method} {request.path}")

    async def call_back(
        self, url: str, body: bytes | dict[str, Any], headers: Mapping[str, str] | None = None, times: int = 1
    ) -> list[int]:
        """POST to the desk, `times` times; the statuses of its answers."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        async with ClientSession() as session:
            return [(await session.post(url, data=raw, headers=sent)).status for _ in range(times)]


def _cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def only(found: Mapping[str, Any], required: set[str], optional: set[str], error: Callable[[str], Refusal]) -> None:
    """Refuse unknown and missing fields."""
    if unknown := set(found) - required - optional:
        raise error(f"unknown: {sorted(unknown)}")
    if missing := required - set(found):
        raise error(f"missing: {sorted(missing)}")
