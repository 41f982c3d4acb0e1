"""The desk's inbound door on loopback, in front of one adapter: what a provider posts there arrives as a Hook."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from pult.messaging.contract import Hook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pult.messaging.contract import Event, HookReply


@dataclass
class Receiver:
    """`url` is the channel's inbound address; `replies` are the adapter's, in the order of the calls."""

    adapter: Any
    url: str = ""
    replies: list[HookReply] = field(default_factory=list)

    @property
    def events(self) -> list[Event]:
        return [event for reply in self.replies for event in reply.events]

    async def receive(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        hook = Hook(request.method, dict(request.query), headers, await request.read())
        reply = await self.adapter.handle(hook)
        self.replies.append(reply)
        return web.Response(status=reply.status, body=reply.body, headers={"Content-Type": reply.content_type})


@asynccontextmanager
async def receiving(adapter: Any) -> AsyncIterator[Receiver]:
    receiver = Receiver(adapter)
    application = web.Application(client_max_size=4 * 2**20)
    application.router.add_post("/inbound/{tail:.*}", receiver.receive)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    secret = adapter.channel.inbound_secret
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/inbound/{adapter.channel.id}/{secret}"
    try:
        yield receiver
    finally:
        await runner.cleanup()
