"""A company to deliver for, and a carrier that does what a test says, in front of the real ledger."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pult.deliveries import ledger
from pult.deliveries.carrier import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import asyncpg

    from pult.deliveries.carrier import Claimed


@dataclass
class Company:
    """A company with channels 1 … n as targets and one ticket after another."""

    pool: asyncpg.Pool
    id: int
    channels: list[int]
    tickets: list[int]

    async def deliver(self, channel: int, ticket: int, kind: str = "webhook", **columns: Any) -> int:
        names = ", ".join(["company_id", "channel_id", "kind", "event", "ticket_id", "body", *columns])
        values = [self.id, self.channels[channel], kind, "comment", self.tickets[ticket], "{}", *columns.values()]
        places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
        return await self.pool.fetchval(f"insert into deliveries ({names}) values ({places}) returning id", *values)

    async def row(self, delivery: int) -> asyncpg.Record:
        return await self.pool.fetchrow("select * from deliveries where company_id = $1 and id = $2", self.id, delivery)

    async def attempts(self, delivery: int) -> list[asyncpg.Record]:
        return await self.pool.fetch(
            "select * from delivery_attempts where company_id = $1 and delivery_id = $2 order by number",
            self.id,
            delivery,
        )

    async def until(self, look: Callable[[], Any], within: float = 20) -> None:
        async with asyncio.timeout(within):
            while not await look():
                await asyncio.sleep(0.02)


@dataclass
class Told:
    """A carrier: `answer` decides each outcome; everything that it was given stands in `carried`."""

    pool: asyncpg.Pool
    answer: Callable[[Claimed], Outcome] = lambda claimed: Outcome(claimed, "done", state="delivered")
    kind: str = "webhook"
    carried: list[Claimed] = field(default_factory=list)
    resumed: list[tuple[Claimed, bool]] = field(default_factory=list)
    now: int = 0
    most: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def prepare(self, claimed: Sequence[Claimed]) -> Sequence[Claimed]:
        return claimed

    async def carry(self, claimed: Claimed) -> Outcome:
        self.carried.append(claimed)
        self.now += 1
        self.most = max(self.most, self.now)
        await self.gate.wait()
        self.now -= 1
        return self.answer(claimed)

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        async with self.pool.acquire() as conn, conn.transaction():
            await ledger.settle(conn, outcomes)

    async def resume(self, claimed: Claimed, *, began: bool) -> Outcome:
        self.resumed.append((claimed, began))
        return Outcome(claimed, "retry", code="lost", began=False)
