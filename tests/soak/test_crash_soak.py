"""Ten minutes of tests/faults/test_crash.py on one desk. SOAK_SECONDS and CRASH_SEED change how long and which."""

from __future__ import annotations

import asyncio
import os
import random
import time

import killing
from crashing import Crowd, look_through
from served import tell

SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
SEED = int(os.environ.get("CRASH_SEED", str(time.time_ns() // 1_000_000_000)))


async def test_nothing_acknowledged_is_lost(serve, desk_dir):
    tell(f"CRASH_SEED={SEED}")
    end, chance, all_books = time.monotonic() + SECONDS, random.Random(SEED), []
    while time.monotonic() < end:
        seed = chance.randrange(10**6)
        rounds = chance.sample(killing.KILLS, len(killing.KILLS))
        desk, books = await killing.through(serve, rounds, Crowd(seed), random.Random(seed))
        all_books.append(books)
        for one in all_books:  # what survived the first kills must survive the last too
            await look_through(desk_dir, desk.base, one, downloads=20)
        assert await asyncio.to_thread(desk.stop) == 0
        tell(f"{seed}: {[k.__name__ for k in rounds]}: {len(books.updates)} updates, {books.answers}")
    assert sum(len(books.updates) for books in all_books) > 100
