"""A process that takes webhooks and stands in for a provider, as fast as it can: it must cost little beside what it measures.

python -m bench.sink: writes its port on standard output, ends with its standard input.
POST /hook: 200. POST /…/message/text: taken as a WhatsApp text after PROVIDER seconds, and reported as delivered to the
address that the message names, PROVIDER seconds later. GET /count: how many webhooks came.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

PROVIDER = 0.02
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
DELIVERED = {
    "groupId": 3,
    "groupName": "DELIVERED",
    "id": 5,
    "name": "DELIVERED_TO_HANDSET",
    "description": "Delivered",
}
TAKEN = {"groupId": 1, "groupName": "PENDING", "id": 7, "name": "PENDING_ENROUTE", "description": "Pending"}
AT = "2026-11-22T12:00:00.000+0000"


class Sink(asyncio.Protocol):
    """One connection; requests come one after the other, with their length told."""

    count = 0
    tasks: set[asyncio.Task[None]] = set()  # noqa: RUF012  # of the process

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.received = bytearray()

    def data_received(self, data: bytes) -> None:
        self.received += data
        while (head := self.received.find(b"\r\n\r\n") + 4) >= 4:
            lower = bytes(self.received[:head]).lower()
            place = lower.find(b"content-length:")
            whole = head + (int(lower[place + 15 : lower.index(b"\r", place)]) if place >= 0 else 0)
            if len(self.received) < whole:
                return
            self._answer(bytes(self.received[:whole]), head)
            del self.received[:whole]

    def _answer(self, request: bytes, head: int) -> None:
        path = request.split(b" ", 2)[1]
        if path == b"/hook":
            Sink.count += 1
            self._say({})
        elif path == b"/count":
            self._say({"count": Sink.count})
        else:
            task = asyncio.get_running_loop().create_task(self._provide(json.loads(request[head:])))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def _say(self, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.transport.write(OK % (len(raw), raw))

    async def _provide(self, message: dict[str, Any]) -> None:
        await asyncio.sleep(PROVIDER)
        named = {"to": message["to"], "messageId": message["messageId"]}
        self._say({**named, "messageCount": 1, "status": TAKEN})
        await asyncio.sleep(PROVIDER)
        report = {**named, "sentAt": AT, "doneAt": AT, "status": DELIVERED, "error": {"id": 0, "groupId": 0}}
        await _post(message["notifyUrl"], {"results": [report | {"callbackData": message["callbackData"]}]})


async def _post(url: str, body: dict[str, Any]) -> None:
    where, raw = urlsplit(url), json.dumps(body).encode()
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    head = f"POST {where.path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n"
    writer.write(head.encode() + raw)
    status = await reader.readline()
    assert b" 200 " in status, status
    writer.close()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(_serve())
