"""One ASGI application per process: the wire at every address but ours, our own pages at the rest."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from pult.api.body_errors import ClientGone
from pult.api.wire import JSON, Wire
from pult.assembly import close_house, open_house
from pult.inbound import inbound
from pult.kit import metrics
from pult.kit.connecting import LostConnection
from pult.kit.log import get_logger, new_request_id, request_id
from pult.pages import pages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from pult.api.wire import Answer
    from pult.assembly import House
    from pult.desk import Desk
    from pult.settings import Settings

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

log = get_logger()

# First words of addresses that are ours; everything else is the wire's, with and without /uapi.
OURS: Final = frozenset({"", "desk", "docs", "openapi.json", "files", "inbound", "static", "help", "health", "metrics"})
ASKED_ALL_THE_TIME: Final = frozenset({"health", "metrics", "static"})


class Application:
    """Everything that one process answers."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.wire: Wire | None = None
        self.pages: Any = None
        self._watch: asyncio.Task[None] | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        request = new_request_id()
        first = next((part for part in scope["path"].split("/") if part), "")
        if first in OURS:
            await self._page(first, scope, receive, send)
            return
        assert self.wire is not None
        try:
            method, answer = await self.wire.answer(scope, receive)
            await _send(send, answer, request, head=scope["method"] == "HEAD")
            outcome, status = answer.outcome, answer.status
        except ClientGone:
            method, outcome, status = "unknown", "client gone", 0
        took = time.perf_counter() - began
        metrics.observe_request(method, outcome, took)
        log.info("call", method=method, verb=scope["method"], outcome=outcome, status=status, ms=round(took * 1e3, 1))

    async def _page(self, first: str, scope: Message, receive: Receive, send: Send) -> None:
        """An answer of ours. Of its address the log gets the first word: the rest may be the secret of a link."""
        began, status, request = time.perf_counter(), 0, request_id.get()

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request.encode())]
            await send(message)

        await self.pages(scope, receive, named)
        tell = log.debug if first in ASKED_ALL_THE_TIME and status < 500 else log.info
        took = time.perf_counter() - began
        tell("page", page=first or "/", verb=scope["method"], status=status, ms=round(took * 1e3, 1))

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            house = await self._open()
        except (OSError, ValueError, LostConnection, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            reason = error.__cause__ if isinstance(error, LostConnection) else error
            text = f"the desk cannot be opened: {reason or type(reason).__name__}"
            await send({"type": "lifespan.startup.failed", "message": text})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._close(house)
        await send({"type": "lifespan.shutdown.complete"})

    async def _open(self) -> House:
        house = await open_house(self.settings)
        scratch = self.settings.data_dir / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        self.wire = Wire(house.desk, scratch, house.messages)
        self.pages = pages(house.desk, [inbound(house.receiving)])
        self._watch = asyncio.create_task(_show_pools(house.desk))
        return house

    async def _close(self, house: House) -> None:
        assert self._watch is not None
        self._watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watch
        await close_house(house)


async def _send(send: Send, answer: Answer, request: str, *, head: bool) -> None:
    headers = [
        JSON,
        (b"content-length", b"%d" % len(answer.body)),
        (b"x-request-id", request.encode()),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})


async def _show_pools(desk: Desk) -> None:
    while True:
        pools = {"main": desk.pools.main, "lists": desk.pools.lists, "search": desk.pools.search}
        for name, pool in pools.items():
            idle = pool.get_idle_size()
            metrics.show_pool(name, idle=idle, busy=pool.get_size() - idle)
        await asyncio.sleep(5)
