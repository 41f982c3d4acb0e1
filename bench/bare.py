"""The first limit: the statements that the server sends for a call, sent by nothing but asyncpg."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from bench.wire import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.wire import Window

    Connection = asyncpg.Connection[asyncpg.Record]


@dataclass(frozen=True, slots=True)
class Statement:
    """`args` None: sent as it is, without parameters (BEGIN, COMMIT)."""

    text: str
    args: tuple[Any, ...] | None


@dataclass(frozen=True, slots=True)
class Tape:
    """What one call sends. `mark`: a text among the arguments that is new in each call."""

    statements: tuple[Statement, ...]
    mark: str | None = None


async def connect(dsn: str, connections: int, settings: dict[str, str]) -> list[Connection]:
    plain = {"jit": "off", "timezone": "UTC"}
    return [await asyncpg.connect(dsn, server_settings=plain | settings) for _ in range(connections)]


async def replay(connections: list[Connection], tapes: list[Tape], first_number: int, window: Window) -> None:
    """Send the tapes in turn over all connections until the window ends."""
    turns, numbers = itertools.cycle(tapes), itertools.count(first_number)
    await asyncio.gather(*(_loop(conn, turns, numbers, window) for conn in connections))
    for conn in connections:
        await conn.close()


async def _loop(conn: Connection, turns: Iterator[Tape], numbers: Iterator[int], window: Window) -> None:
    while True:
        tape = next(turns)
        statements = tape.statements
        if tape.mark is not None:
            statements = renewed(tape, number(next(numbers)))
        began = time.monotonic()
        for statement in statements:
            if statement.args is None:
                await conn.execute(statement.text)
            else:
                await conn.fetch(statement.text, *statement.args)
        now = time.monotonic()
        window.count(began, now)
        if now >= window.end:
            return


def renewed(tape: Tape, fresh: str) -> tuple[Statement, ...]:
    """The tape's statements with `fresh` in the mark's place."""
    mark = tape.mark
    assert mark is not None

    def renew(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace(mark, fresh)
        if isinstance(value, list):
            return [renew(one) for one in value]
        return value

    return tuple(
        statement if statement.args is None else Statement(statement.text, tuple(map(renew, statement.args)))
        for statement in tape.statements
    )
