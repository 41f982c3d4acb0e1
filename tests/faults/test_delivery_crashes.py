"""kill -9 of workers, web processes and PostgreSQL while 2,000 webhooks and some hundred messages are carried."""

from __future__ import annotations

import asyncio
import os
import random

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

SEED = int(os.environ.get("CRASH_SEED", "20261122"))
WEBHOOKS = 2_000
LEASES = 90.0  # seconds within which whatever a dead process held is found and carried


async def test_everything_arrives_in_order_and_no_message_twice(serve, desk_dir):
    chance = random.Random(SEED)
    hearings = [Hearing("sure"), Hearing("moody", random.Random(SEED)), Hearing("away")]
    pact, infobip = PactFake(slow=0.05), InfobipFake(slow=0.05)
    for one in (*hearings[:2], pact, infobip):
        await one.start()
    fleet = storm.Fleet(serve)
    await fleet.start()
    channels = await set_up(desk_dir, hearings, pact, infobip)
    strikes = chance.sample(storm.STRIKES, len(storm.STRIKES))
    async with Load(SEED, channels) as load:
        await storm.through(fleet, load, strikes[:-1], chance)
        await hearings[2].start()
        await storm.through(fleet, load, strikes[-1:], chance)
        await enough(desk_dir)
    await until_none_waits(desk_dir, LEASES)
    async with looking(desk_dir) as conn:
        events = [await heard_in_order(conn, channels[one.name], one) for one in hearings]
        await whole_history(conn)
        await stored_once(conn, load.books)
        states = await sent_once(conn, channels["pact"], [sent["text"] for sent in pact.accepted])
        sure = await all_sent(conn, channels["infobip"], [sent["content"]["text"] for sent in infobip.accepted])
    tell(f"{SEED}: {[one.__name__ for one in strikes]}, {load.books.answers}")
    tell(
        f"events {events}, repeats {[len(one.taken) - len(one.ids) for one in hearings]}; Pact {states}, Infobip {sure}"
    )
    assert len(set(events)) == 1
    assert sum(events) >= WEBHOOKS
    assert states["sent"] + states["delivered"] > 20
    assert sure > 20
    assert await fleet.stop() == [0, 0, 0]
    for one in (*hearings, pact, infobip):
        await one.stop()


async def enough(data_dir) -> None:
    """Wait until so many webhooks have been made."""
    async with asyncio.timeout(60), looking(data_dir) as conn:
        while await conn.fetchval("select count(*) from deliveries where kind = 'webhook'") < WEBHOOKS + 100:
            await asyncio.sleep(0.2)
