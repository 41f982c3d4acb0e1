"""The running desk, as one process holds it: settings, pools, files, the secret that signs, and the reactions to facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pult.kit.work import Work, unit_of_work, until_done

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from pult.kit.db import Pools
    from pult.kit.files import FileStore
    from pult.settings import Settings

By = TypeVar("By")
Result = TypeVar("Result")


@dataclass(slots=True)
class Desk:
    """What doors and workers are given. `react` runs inside the unit of work that recorded the fact."""

    settings: Settings
    pools: Pools
    files: FileStore
    secret: bytes
    react: Callable[[Work[Any], Any], Awaitable[None]] | None = None
    closing: bool = field(default=False)

    def work(self, by: By) -> AbstractAsyncContextManager[Work[By]]:
        """`async with desk.work(by) as work:` one transaction; there is no other place that commits."""
        return unit_of_work(self.pools.main, by, self.react)

    async def done(self, by: By, verb: Callable[[Work[By]], Awaitable[Result]]) -> Result:
        """Run a verb in a unit of work of its own; once more when it met another that was first."""

        async def attempt() -> Result:
            async with self.work(by) as work:
                return await verb(work)

        return await until_done(attempt)
