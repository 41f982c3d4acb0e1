"""A receiver on loopback that can do everything that receivers do to those who call them."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aiohttp import web

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Mapping

    Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]

FLOOD = 100 * 1024 * 1024
WITHIN = 20.0  # seconds that a test waits for something to come


@dataclass
class Heard:
    """One call, as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"] == "application/json; charset=utf-8"
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        assert self.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=utf-8"
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


class Receiver:
    """`behaviours` are for the next calls, one each; then each call is answered 200. `heard` is every call."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.behaviours: deque[Behaviour] = deque()
        self.came = asyncio.Condition()
        self.let_go = asyncio.Event()  # ends all hanging
        self.flooded = 0  # bytes that somebody took of a flood
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, context: ssl.SSLContext | None = None) -> None:
        """On a free port; on the same one when started again."""
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_route("*", "/{rest:.*}", self._answer)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=context)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self.let_go.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def wait_for(self, count: int) -> list[Heard]:
        """All calls, when there are so many."""
        async with asyncio.timeout(WITHIN), self.came:
            await self.came.wait_for(lambda: len(self.heard) >= count)
        return self.heard

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        heard = Heard(request.path_qs, dict(request.headers), await request.read())
        async with self.came:
            self.heard.append(heard)
            self.came.notify_all()
        if self.behaviours:
            return await self.behaviours.popleft()(request)
        return web.Response(text="ok")

    def status(self, status: int, text: str = "no", **headers: str) -> Behaviour:
        async def answer(_request: web.Request) -> web.Response:
            return web.Response(status=status, text=text, headers=headers)

        return answer

    def redirect(self, status: int, location: str) -> Behaviour:
        return self.status(status, "elsewhere", Location=location)

    async def hang(self, _request: web.Request) -> web.Response:
        await self.let_go.wait()
        return web.Response()

    async def cut(self, request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def flood(self, request: web.Request) -> web.StreamResponse:
        """200, and then 100 MB."""
        response = web.StreamResponse()
        await response.prepare(request)
        chunk = b"x" * 65536
        while self.flooded < FLOOD:
            await response.write(chunk)
            self.flooded += len(chunk)
        return response
