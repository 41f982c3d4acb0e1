"""The dispatcher: takes what is due, has it carried, records what became of it. Several may run, in any number of processes.

It wakes when somebody says that there is work (NOTIFY, after the commit that made it), and looks by itself every half
second: so nothing hangs on a notification.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from pult.deliveries import ledger
from pult.deliveries.carrier import Outcome
from pult.kit.connecting import lost
from pult.kit.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
    from typing import Any

    import asyncpg

    from pult.deliveries.carrier import Carrier, Claimed

log = get_logger()

CONCURRENCY: Final = 400  # of all targets
TAKEN_AT_ONCE: Final = 100
SETTLED_AT_ONCE: Final = 64
LOOK: Final = 0.5  # seconds
GATHER: Final = 0.02  # after being woken: what comes together is taken together, with fewer statements and commits
SWEEP: Final = 5.0
KEEP: Final = 7.0
BACK_OFF: Final = (0.2, 10.0)  # seconds, first and longest, while the database does not answer
LAST: Final = 25.0  # seconds that stopping waits for what is under way
RENDERED_AHEAD: Final = 200


class Dispatcher:
    """One process's dispatcher. `woken` is set by whoever knows of new work."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], carriers: Mapping[str, Carrier]) -> None:
        self._pool, self._carriers = pool, carriers
        self.woken = asyncio.Event()
        self._held: dict[tuple[int, int], Claimed] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._ended: dict[str, list[Outcome]] = {}
        self._settling: dict[str, asyncio.Task[None]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; then what is under way is finished, for a while. What is not is found by the next one's sweep."""
        over = asyncio.Event()
        beginning = [
            asyncio.create_task(self._again_and_again(self._take, LOOK, stop, self.woken), name="take deliveries"),
            asyncio.create_task(self._again_and_again(self._sweep, SWEEP, stop), name="sweep deliveries"),
        ]
        beside = [
            asyncio.create_task(self._again_and_again(self._keep, KEEP, over), name="keep leases"),
            asyncio.create_task(self._again_and_again(self._render_ahead, SWEEP, over), name="render ahead"),
        ]
        await stop.wait()
        log.info("deliveries.stopping", under_way=len(self._held))
        self.woken.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST):
                await asyncio.gather(*beginning)  # what one of them has just claimed is under way too
                await self.finish()
        for task in (*beginning, *beside, *self._running):
            task.cancel()
        await asyncio.gather(*beginning, *beside, *self._running, return_exceptions=True)

    async def finish(self) -> None:
        """Return when nothing is under way."""
        while self._running or any(not task.done() for task in self._settling.values()):
            await asyncio.gather(*self._running, *self._settling.values(), return_exceptions=True)

    async def deliver(self, claimed: Claimed) -> None:
        """Carry one that the caller has claimed, and record what became of it; its lease is kept meanwhile."""
        self._held[claimed.company_id, claimed.id] = claimed
        over = asyncio.Event()
        keeping = asyncio.create_task(self._again_and_again(self._keep, KEEP, over, pause_first=True))
        try:
            await self._carry(claimed)
        finally:
            keeping.cancel()

    async def _again_and_again(
        self,
        step: Callable[[], Awaitable[bool]],
        pause: float,
        stop: asyncio.Event,
        woken: asyncio.Event | None = None,
        *,
        pause_first: bool = False,
    ) -> None:
        """Take the step until `stop`, which cuts none short: after a pause, or sooner when `woken` says so."""
        first, longest = BACK_OFF
        wait, again = first, not pause_first
        while not stop.is_set():
            if not again:
                await _pause(pause, woken or stop)
                if woken is not None:
                    await _pause(GATHER, stop)
                    woken.clear()
                if stop.is_set():
                    return
            try:
                again = await step()
                wait = first
            except Exception as error:  # noqa: BLE001  # mostly a lost database; whatever it is, deliveries must go on
                log.warning("deliveries.interrupted", error=type(error).__name__, pause=wait)
                await _pause(wait, stop)
                wait, again = min(wait * 2, longest), True

    async def _take(self) -> bool:
        """Claim as much as there are hands for; whether there may be more."""
        free = CONCURRENCY - len(self._held)
        if free <= 0:
            await self._one_ends()
            return True
        async with self._pool.acquire() as conn:  # a claim is one statement, and a transaction by itself
            most = min(free, TAKEN_AT_ONCE)
            claimed = await ledger.claim(conn, most, self._held.values())
        for one in claimed:
            self._held[one.company_id, one.id] = one
        if claimed:
            self._start(self._set_out(claimed))
        return len(claimed) == most  # else the rest waits for its turn or its time: whoever ends wakes us

    async def _one_ends(self) -> None:
        await asyncio.wait({*self._running, *self._settling.values()}, return_when=asyncio.FIRST_COMPLETED, timeout=1)

    async def _set_out(self, claimed: Sequence[Claimed]) -> None:
        for kind in {one.kind for one in claimed}:
            of_kind = [one for one in claimed if one.kind == kind]
            for one in await self._prepared(kind, of_kind):
                self._start(self._carry(one))

    async def _prepared(self, kind: str, claimed: Sequence[Claimed]) -> Sequence[Claimed]:
        try:
            return await self._carriers[kind].prepare(claimed)
        except Exception as error:  # noqa: BLE001  # whatever it is, all of them stay, and are tried later
            _complain(error, "deliveries.not_prepared", kind=kind)
            for one in claimed:
                self._end(Outcome(one, "retry", code="internal", text=type(error).__name__, began=False))
            return []

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _carry(self, claimed: Claimed) -> None:
        try:
            outcome = await self._carriers[claimed.kind].carry(claimed)
        except Exception as error:  # noqa: BLE001  # whatever it is, the delivery stays, and is tried later
            _complain(error, "deliveries.fault", kind=claimed.kind, event_of=claimed.event)
            outcome = Outcome(claimed, "retry", code="internal", text=type(error).__name__, began=False)
        await asyncio.shield(self._end(outcome))

    def _end(self, outcome: Outcome) -> asyncio.Task[None]:
        """Record it, together with what else ends while the last ones are being recorded."""
        kind = outcome.claimed.kind
        self._ended.setdefault(kind, []).append(outcome)
        task = self._settling.get(kind)
        if task is None or task.done():
            task = self._settling[kind] = asyncio.create_task(self._settle(kind))
        return task

    async def _settle(self, kind: str) -> None:
        most = SETTLED_AT_ONCE
        first, longest = BACK_OFF
        wait = first
        while waiting := self._ended.get(kind):
            batch, self._ended[kind] = waiting[:most], waiting[most:]
            try:
                await self._carriers[kind].settle(batch)
            except Exception as error:
                if len(batch) == 1 and not lost(error):  # a fault of ours with this one: its lease ends, others go on
                    log.exception("deliveries.not_recorded", kind=kind)
                    self._let_go(batch)
                    continue
                log.warning("deliveries.not_recorded", error=type(error).__name__, pause=wait)
                self._ended[kind] = [*batch, *self._ended[kind]]
                most = most if lost(error) else 1
                await asyncio.sleep(wait)
                wait = min(wait * 2, longest)
                continue
            most, wait = SETTLED_AT_ONCE, first
            self._let_go(batch)

    def _let_go(self, batch: Sequence[Outcome]) -> None:
        for outcome in batch:
            self._held.pop((outcome.claimed.company_id, outcome.claimed.id), None)
        self.woken.set()

    async def _sweep(self) -> bool:
        """What a holder left behind that died."""
        async with self._pool.acquire() as conn, conn.transaction():  # commit: a claim stands alone
            lapsed = await ledger.claim_lapsed(conn, TAKEN_AT_ONCE)
        for claimed, began in lapsed:
            if (claimed.company_id, claimed.id) in self._held:
                continue  # our own: the database was away while we kept it
            log.warning("deliveries.lapsed", kind=claimed.kind, began=began)
            self._held[claimed.company_id, claimed.id] = claimed
            self._end(await self._carriers[claimed.kind].resume(claimed, began=began))
        return False

    async def _keep(self) -> bool:
        if self._held:
            async with self._pool.acquire() as conn:
                await ledger.keep(conn, list(self._held.values()))
        return False

    async def _render_ahead(self) -> bool:
        async with self._pool.acquire() as conn:
            waiting = await ledger.unrendered(conn, RENDERED_AHEAD)
        if not waiting:
            return False
        rendered = await self._carriers["webhook"].prepare(waiting)
        async with self._pool.acquire() as conn:
            await ledger.keep_bodies(conn, rendered)
        return len(waiting) == RENDERED_AHEAD


async def _pause(seconds: float, event: asyncio.Event) -> None:
    """Until the event, for so long at most."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _complain(error: Exception, event: str, **fields: str) -> None:
    """A database that is away is news; everything else is a fault of ours, and told whole."""
    if lost(error):
        log.warning(event, error=type(error).__name__, **fields)
    else:
        log.error(event, exc_info=error, **fields)
