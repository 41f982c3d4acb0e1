"""Ten minutes of tests/faults/test_delivery_crashes.py on one desk. SOAK_SECONDS and CRASH_SEED change how long and which."""

from __future__ import annotations

import os
import random
import time

import storm
from delivering import (
    Load,
    all_sent,
    heard_in_order,
    looking,
    sent_once,
    set_up,
    stored_once,
    until_none_waits,
    whole_history,
)
from fakes.infobip import InfobipFake
from fakes.pact import PactFake
from hearing import Hearing
from served import tell

SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
SEED = int(os.environ.get("CRASH_SEED", str(time.time_ns() // 1_000_000_000)))


async def test_everything_arrives_in_order_and_no_message_twice(serve, desk_dir):
    tell(f"CRASH_SEED={SEED}")
    end, chance = time.monotonic() + SECONDS, random.Random(SEED)
    hearings = [
        Hearing("sure"),
        Hearing("moody", random.Random(SEED)),
        Hearing("moodier", random.Random(SEED + 1), (0.2, 0.1)),
    ]
    pact, infobip = PactFake(slow=0.05), InfobipFake(slow=0.05)
    for one in (*hearings, pact, infobip):
        await one.start()
    fleet, all_books, events = storm.Fleet(serve), [], []
    await fleet.start()
    channels = await set_up(desk_dir, hearings, pact, infobip)
    while time.monotonic() < end:
        strikes = chance.sample(storm.STRIKES, len(storm.STRIKES))
        async with Load(chance.randrange(10**6), channels) as load:
            await storm.through(fleet, load, strikes, chance)
        all_books.append(load.books)
        await until_none_waits(desk_dir, 180)
        async with looking(desk_dir) as conn:
            events = [await heard_in_order(conn, channels[one.name], one) for one in hearings]
            await whole_history(conn)
            for books in all_books:  # what survived the first kills must survive the last too
                await stored_once(conn, books)
            states = await sent_once(conn, channels["pact"], [sent["text"] for sent in pact.accepted])
            sure = await all_sent(conn, channels["infobip"], [sent["content"]["text"] for sent in infobip.accepted])
        tell(
            f"{[one.__name__ for one in strikes]}: events {events}, Pact {states}, Infobip {sure}, {load.books.answers}"
        )
        assert len(set(events)) == 1
    assert sum(events) > 1000
    assert await fleet.stop() == [0, 0, 0]
    for one in (*hearings, pact, infobip):
        await one.stop()
