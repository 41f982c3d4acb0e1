"""The ways in which the desk's processes are killed, and how it gets up again."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import httpx
from served import Served, kill, until

from pult.kit.postgres import attach

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from crashing import Books, Crowd


def web_worker(desk: Served, chance: random.Random) -> bool:
    kill(chance.choice(desk.webs()))
    return True


def background_worker(desk: Served, _chance: random.Random) -> bool:
    kill(desk.children()["work-process"])
    return True


def postgresql(desk: Served, _chance: random.Random) -> bool:
    kill(desk.postmaster())
    return True


def backend_of_postgresql(desk: Served, chance: random.Random) -> bool:
    """One server process: PostgreSQL then ends all others and recovers."""
    postmaster = desk.postmaster()
    pids = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    named = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids}
    kill(int(chance.choice([pid for pid, name in named.items() if b"[local]" in name])))
    return True


def parent(desk: Served, _chance: random.Random) -> bool:
    desk.kill()
    return False


def parent_and_postgresql(desk: Served, chance: random.Random) -> bool:
    desk.kill()
    return postgresql(desk, chance) and False


def everything(desk: Served, chance: random.Random) -> bool:
    """As a power cut would."""
    children = desk.children().values()
    desk.kill()
    for pid in children:
        kill(pid)
    return postgresql(desk, chance) and False


# Each answers whether the desk gets up by itself.
KILLS: tuple[Callable[[Served, random.Random], bool], ...] = (
    web_worker,
    background_worker,
    postgresql,
    backend_of_postgresql,
    parent,
    parent_and_postgresql,
    everything,
)


async def through(
    serve: Callable[..., Served],
    rounds: Sequence[Callable[[Served, random.Random], bool]],
    crowd: Crowd,
    chance: random.Random,
) -> tuple[Served, Books]:
    """Let `crowd` work through all `rounds`; the desk that runs at the end, and the crowd's books."""
    desk = await asyncio.to_thread(serve)
    crowd.serial, crowd.reason = await _fields(desk)
    async with crowd:
        for strike in rounds:
            crowd.base = desk.base
            await asyncio.sleep(chance.uniform(0.4, 1.6))  # load before the kill: at a random moment, as real ones are
            if not strike(desk, chance):
                crowd.base = None
                await asyncio.to_thread(until, desk.children_ended, "the children end by themselves", 15)
                desk = await asyncio.to_thread(serve)
            await whole_again(desk)
        await asyncio.sleep(0.5)
    return desk, crowd.books


async def whole_again(desk: Served, patience: float = 30) -> None:
    """Wait until every process is there and both web processes can work."""
    await asyncio.to_thread(until, lambda: len(desk.children()) == 3, "three children", patience)
    async with asyncio.timeout(patience):
        good = 0
        while good < 10:  # of connections that are new each time: both processes get some
            with contextlib.suppress(httpx.HTTPError):
                async with httpx.AsyncClient(timeout=10) as http:
                    good += (await http.get(f"{desk.base}/health/ready")).status_code == 200
            await asyncio.sleep(0.02)
    desk.known |= set(desk.children().values())


async def _fields(desk: Served) -> tuple[int, int]:
    """The ids of the two fields that served.DESK has."""

    dsn = await asyncio.to_thread(attach, desk.data_dir / "postgres")
    conn = await asyncpg.connect(dsn)
    try:
        rows = await conn.fetch("select key, id from fields order by key desc")
    finally:
        await conn.close()

    return rows[0]["id"], rows[1]["id"]
