"""A loopback server that meets each request with the next step of a script, and keeps what it was sent."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

CUT = b""  # the request is read, and the connection ends without an answer


@dataclass(frozen=True)
class Asked:
    line: str
    headers: dict[str, str]
    body: bytes


def answer(status, body, **headers):
    """A step: an HTTP answer; `retry_after=2` is the header Retry-After."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-length": len(content), "connection": "close", **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} x\r\n{head}\r\n".encode() + content


class Scripted:
    def __init__(self, *steps):
        self.steps, self.asked = list(steps), []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.base = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        await self.server.wait_closed()

    async def _serve(self, reader, writer):
        line, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): value for name, value in (part.split(": ", 1) for part in rest)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append(Asked(line, headers, body))
        writer.write(self.steps.pop(0))
        await writer.drain()
        writer.close()
