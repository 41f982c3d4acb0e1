"""What the server sends to PostgreSQL for a call: the product's own code is asked once for each, and listened to.

No statement is written here, so the limit cannot drift away from what it limits.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.bare import Statement, Tape
from bench.wire import MARK, Request, number
from pult import settings
from pult.api.wire import Wire
from pult.assembly import house_of
from pult.kit import log

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import asyncpg

PLAIN = {"BEGIN", "COMMIT", "ROLLBACK"}


@dataclass(frozen=True, slots=True)
class Recorded:
    """`round_trips`: of one call, with all that the driver adds; the tapes leave out how it resets a connection."""

    tapes: list[Tape]
    round_trips: float


class WrongAnswer(Exception):
    """The product did not answer as it should; the text has both."""


class Recorder:
    """The product without its HTTP server, with an ear at every connection."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.heard: list[Statement] = []

    def hear(self, query: asyncpg.connection.LoggedQuery) -> None:
        word = query.query.strip().rstrip(";")
        self.heard.append(Statement(query.query, None if word in PLAIN or _resets(word) else tuple(query.args)))

    async def record(self, requests: Sequence[Request], first_number: int) -> Recorded:
        """One tape for each request. What is asked once only, such as who the caller is, is not on it."""
        await self._ask(requests[-1], number(first_number))
        tapes, heard = [], 0
        for place, request in enumerate(requests, start=first_number + 1):
            mark = number(place) if MARK.encode() in request.sent else None
            statements = await self._ask(request, mark or "")
            if not statements:
                raise RuntimeError("nothing was heard: the pool has replaced the connection that was listened to")
            heard += len(statements)
            tapes.append(Tape(tuple(s for s in statements if not _resets(s.text)), mark))
        return Recorded(tapes, heard / len(tapes))

    async def _ask(self, request: Request, mark: str) -> list[Statement]:
        self.heard = []
        body = request.body.replace(MARK.encode(), mark.encode())
        scope = {
            "type": "http",
            "method": "POST",
            "path": request.path,
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> dict[str, Any]:
            with contextlib.suppress(StopIteration):
                return next(messages)
            await asyncio.Event().wait()  # the client stays
            raise AssertionError

        _, answer = await self.wire.answer(scope, receive)
        if answer.status != request.status or not answer.body.startswith(request.expect):
            raise WrongAnswer(f"{request.path} {body.decode()} -> {answer.body[:500].decode()}")
        await asyncio.sleep(0)  # listeners are called in the loop's next round
        return self.heard


def _resets(text: str) -> bool:
    """Whether this is what the driver's pool sends when a connection is given back."""
    return "pg_advisory_unlock_all" in text or "RESET ALL" in text


@contextlib.asynccontextmanager
async def recorder(dsn: str, data_dir: Path, tokens: Sequence[str]) -> AsyncIterator[Recorder]:
    """A recorder for the desk at `dsn`, which knows the bearers of the tokens."""
    log.configure("error")
    with tempfile.TemporaryDirectory() as scratch:
        read = settings.read({"database_url": dsn, "data_dir": data_dir}, {})
        async with house_of(read, pool_size=1) as house:
            made = Recorder(Wire(house.desk, Path(scratch), house.messages))
            pools = house.desk.pools
            for pool in (pools.main, pools.lists, pools.search):
                async with pool.acquire() as conn:
                    conn.add_query_logger(made.hear)
            for token in tokens:
                await made.wire.callers.who(token)
            yield made
