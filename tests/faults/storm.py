"""Processes that carry deliveries, and the ways in which they are killed while they do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import killing
from delivering import PRIVATE
from served import Served, kill, until

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from delivering import Load


@dataclass
class Fleet:
    """One `pult serve` and two `pult work` on the same database."""

    serve: Callable[..., Served]
    desk: Served = field(init=False)
    workers: list[Served] = field(default_factory=list)

    async def start(self) -> None:
        self.desk = await asyncio.to_thread(self.serve, environ=PRIVATE)
        for _ in range(2):
            self.workers.append(await self.worker())

    async def worker(self) -> Served:
        return await asyncio.to_thread(lambda: self.serve(command="work", environ=PRIVATE))

    async def whole_again(self) -> None:
        await killing.whole_again(self.desk)
        for place, one in enumerate(self.workers):
            if one.process.poll() is not None:
                await asyncio.to_thread(until, one.children_ended, "a worker's child ends by itself", 40)
                self.workers[place] = await self.worker()
            await asyncio.to_thread(until, self.workers[place].children, "a worker's child")
            self.workers[place].known |= set(self.workers[place].children().values())

    async def stop(self) -> list[int]:
        """The exit codes of all, the workers first."""
        return [await asyncio.to_thread(one.stop) for one in (*self.workers, self.desk)]


def web_process(fleet: Fleet, chance: random.Random) -> None:
    kill(chance.choice(fleet.desk.webs()))


def own_worker(fleet: Fleet, _chance: random.Random) -> None:
    kill(fleet.desk.children()["work-process"])


def another_worker(fleet: Fleet, chance: random.Random) -> None:
    kill(chance.choice(fleet.workers).children()["work-process"])


def all_workers(fleet: Fleet, _chance: random.Random) -> None:
    for one in (fleet.desk, *fleet.workers):
        kill(one.children()["work-process"])


def worker_with_parent(fleet: Fleet, chance: random.Random) -> None:
    one = chance.choice(fleet.workers)
    child = one.children()["work-process"]
    one.kill()
    kill(child)


def postgresql(fleet: Fleet, _chance: random.Random) -> None:
    kill(fleet.desk.postmaster())


def backend_of_postgresql(fleet: Fleet, chance: random.Random) -> None:
    killing.backend_of_postgresql(fleet.desk, chance)


STRIKES = (web_process, own_worker, another_worker, all_workers, worker_with_parent, postgresql, backend_of_postgresql)


async def through(
    fleet: Fleet, load: Load, strikes: Sequence[Callable[[Fleet, random.Random], None]], chance: random.Random
) -> None:
    """Kill one after the other, each at some moment of the work."""
    load.base = fleet.desk.base
    for strike in strikes:
        await asyncio.sleep(chance.uniform(0.5, 1.5))  # work before the kill: at a random moment, as real ones are
        strike(fleet, chance)
        await fleet.whole_again()
