"""The desk's address as a provider sees it: what is posted there goes to an adapter, as the inbound door would hand it on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from pult.messaging.contract import Event, Hook


@dataclass
class Door:
    """`adapter` may be set after the start, `events` is everything that it understood."""

    adapter: Any = None
    events: list[Event] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    url: str = ""
    _runner: web.AppRunner | None = None

    async def start(self, path: str) -> None:
        application = web.Application(client_max_size=4 * 2**20)
        application.router.add_route("*", path, self._call)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}{path}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _call(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        hook = Hook(request.method, dict(request.query), headers, await request.read())
        reply = await self.adapter.handle(hook)
        self.events += reply.events
        self.statuses.append(reply.status)
        return web.Response(status=reply.status, body=reply.body, headers={"Content-Type": reply.content_type})
