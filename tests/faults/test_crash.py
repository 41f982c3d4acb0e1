"""kill -9 while sixteen clients create and update: what was acknowledged is there, whole, and nothing else is half there."""

from __future__ import annotations

import asyncio
import os
import random

import killing
import pytest
from crashing import Crowd, look_through
from served import tell

SEED = int(os.environ.get("CRASH_SEED", "20261121"))


@pytest.mark.parametrize("seed", [SEED])
async def test_nothing_acknowledged_is_lost(serve, desk_dir, seed):
    rounds = list(killing.KILLS)
    random.Random(seed).shuffle(rounds)
    desk, books = await killing.through(serve, rounds, Crowd(seed), random.Random(seed))
    await look_through(desk_dir, desk.base, books, downloads=40)
    assert await asyncio.to_thread(desk.stop) == 0
    tell(f"seed {seed}: {len(books.creates)} creates, {len(books.updates)} updates acknowledged, {books.answers}")
    assert sum(one.ticket_id is not None for one in books.creates.values()) > 50, "too few to tell anything"
    assert len(books.updates) > 50
