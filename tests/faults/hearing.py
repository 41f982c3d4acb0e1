"""Webhook receivers that keep books of what they took, in the order in which they took it."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    import random


@dataclass
class Hearing:
    """A receiver on a port of its own, which refuses connections until `start`.

    `moods`: with these chances it answers 500, or takes the call and closes the connection without an answer.
    """

    name: str
    chance: random.Random | None = None
    moods: tuple[float, float] = (0.04, 0.04)
    taken: list[tuple[str, int]] = field(
        default_factory=list
    )  # webhook-id and webhook-sequence, first times and others
    calls: Counter[str] = field(default_factory=Counter)  # what was answered
    held: int = 0  # calls that wait for `open`
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))  # bound and not listening: the port is kept, and refuses
        self._runner: web.AppRunner | None = None
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/hook"
        self.open.set()

    async def start(self) -> None:
        application = web.Application()
        application.router.add_post("/hook", self._called)
        self._runner = web.AppRunner(application, access_log=None, handler_cancellation=False)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()

    async def stop(self) -> None:
        self.open.set()
        if self._runner is not None:
            await self._runner.cleanup()
        self._socket.close()

    @property
    def ids(self) -> set[str]:
        return {event for event, _ in self.taken}

    def first_times(self) -> list[tuple[str, int]]:
        """What a receiver sees that drops what it knows by its webhook-id."""
        return list(dict.fromkeys(self.taken))

    async def _called(self, request: web.Request) -> web.Response:
        await request.read()
        if "webhook-sequence" not in request.headers:  # the check of the address
            return web.Response()
        if not self.open.is_set():
            self.held += 1
            await self.open.wait()
            self.held -= 1
        broken, cut = self.moods
        mood = self.chance.random() if self.chance is not None else 1.0
        if mood < broken:
            self.calls["500"] += 1
            return web.Response(status=500, text="not now")
        self.taken.append((request.headers["webhook-id"], int(request.headers["webhook-sequence"])))
        if mood < broken + cut:
            self.calls["cut"] += 1
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        self.calls["200"] += 1
        return web.Response(text="ok")
