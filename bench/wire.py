"""Prebuilt requests of the wire, and the cheapest client that still looks at each answer."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from dataclasses import dataclass, field
from typing import Any, cast

MARK = "n0000000000000000n"  # stands for a number of the same length that no other request has


@dataclass(frozen=True, slots=True)
class Request:
    """A request and how its answer must begin; with MARK in it, it is sent with a new number each time."""

    sent: bytes
    expect: bytes
    status: int = 200
    least: int = 0  # bytes of the answer's body

    @property
    def body(self) -> bytes:
        return self.sent.partition(b"\r\n\r\n")[2]

    @property
    def path(self) -> str:
        return self.sent.split(b" ", 2)[1].decode()


def call(method: str, expect: str, least: int = 0, /, **parameters: Any) -> Request:
    """A call of the wire with a JSON body."""
    return built("POST", f"/{method}", json.dumps(parameters, ensure_ascii=False).encode(), expect, least=least)


def built(verb: str, path: str, body: bytes, expect: str, *, status: int = 200, least: int = 0) -> Request:
    kind = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n" if body else ""
    return Request(
        f"{verb} {path} HTTP/1.1\r\nhost: bench\r\n{kind}\r\n".encode() + body, expect.encode(), status, least
    )


def number(place: int) -> str:
    """What takes MARK's place."""
    return f"n{place:016d}n"


@dataclass(slots=True)
class Window:
    """What is counted: calls answered from `begin` to `end` (monotonic seconds), `most` at most."""

    begin: float
    end: float
    most: int = 2**62
    seconds: list[float] = field(default_factory=list)  # of each call
    wrong: list[str] = field(default_factory=list)

    def count(self, began: float, now: float) -> None:
        if self.begin <= now < self.end:
            self.seconds.append(now - began)


class Feed:
    """Requests in turn, each with a number of its own where it asks for one."""

    def __init__(self, requests: list[Request], first_number: int) -> None:
        marked = [(request, MARK.encode() in request.sent) for request in requests]
        self._turns = itertools.cycle(marked)
        self._numbers = itertools.count(first_number)

    def next(self) -> tuple[Request, bytes]:
        request, is_marked = next(self._turns)
        if is_marked:
            return request, request.sent.replace(MARK.encode(), number(next(self._numbers)).encode())
        return request, request.sent


class Caller(asyncio.Protocol):
    """One connection in a closed loop: the next request goes out when the answer to the last is whole."""

    def __init__(self, feed: Feed, window: Window, over: asyncio.Future[None]) -> None:
        self.feed, self.window, self.over = feed, window, over
        self.received = bytearray()
        self.whole = 0  # length of head and body, once the head is there
        self.head = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own is none by name

    def start(self) -> None:
        """Send the next request."""
        self.request, sent = self.feed.next()
        self.received.clear()
        self.whole = 0
        self.began = time.monotonic()
        self.transport.write(sent)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.whole:
            self.head = self.received.find(b"\r\n\r\n") + 4
            if self.head < 4:
                return
            start = self.received.index(b"content-length:", 0, self.head) + 15
            self.whole = self.head + int(self.received[start : self.received.index(b"\r", start)])
        if len(self.received) >= self.whole:
            self._answered()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.over.done():
            self.window.wrong.append(f"connection lost: {error}")
            self.over.set_result(None)

    def _answered(self) -> None:
        now = time.monotonic()
        self.window.count(self.began, now)
        if not self._is_right():
            self.window.wrong.append(
                f"{self.request.body.decode()} -> {self.received[:600].decode('utf-8', 'replace')}"
            )
        if now < self.window.end and len(self.window.seconds) < self.window.most and len(self.window.wrong) < 20:
            self.start()
        elif not self.over.done():
            self.over.set_result(None)
            self.transport.close()

    def _is_right(self) -> bool:
        request, received = self.request, self.received
        return (
            received.startswith(b"HTTP/1.1 %d " % request.status)
            and received.startswith(request.expect, self.head)
            and self.whole - self.head >= request.least
        )


async def connect(port: int, feed: Feed, connections: int, window: Window) -> list[Caller]:
    loop = asyncio.get_running_loop()
    callers = []
    for _ in range(connections):
        caller = Caller(feed, window, loop.create_future())
        await loop.create_connection(lambda caller=caller: caller, "127.0.0.1", port)  # type: ignore[misc]
        callers.append(caller)
    return callers
