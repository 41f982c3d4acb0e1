"""kill -9 of workers, web processes and PostgreSQL while 2,000 webhooks and some hundred messages are carried."""

from __future__ import annotations

import asyncio
import os
import random

import httpx
import killing
import pytest
import storm
from delivering import (
    MESSAGES,
    PRIVATE,
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
from fakes.strict import Fault, StrictFake
from hearing import Hearing
from served import TOKEN, Served, kill, tell

from pult.deliveries.ledger import PER_TARGET

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


async def test_workers_share_the_work_and_one_that_leaves_finishes_its_own(serve, desk_dir):
    """Each holds as many calls of a receiver as it may: so both carry some."""
    hearing = Hearing("slow")
    await hearing.start()
    desk = await asyncio.to_thread(serve, environ=PRIVATE)
    channels = await set_up(desk_dir, [hearing])
    other = await asyncio.to_thread(lambda: serve(command="work", environ=PRIVATE))
    hearing.open.clear()
    await open_tickets(desk.base, 60)
    await until_true(lambda: hearing.held == 2 * PER_TARGET)
    leaving = asyncio.create_task(asyncio.to_thread(other.stop))
    await until_true(lambda: under_way(other) == [PER_TARGET])
    hearing.open.set()
    assert await leaving == 0
    await until_none_waits(desk_dir, 30)
    async with looking(desk_dir) as conn:
        assert await heard_in_order(conn, channels["slow"], hearing) >= 60
        assert await conn.fetchval("select max(attempts) from deliveries") == 1
        await whole_history(conn)
    assert len(hearing.taken) == len(hearing.ids)
    assert await asyncio.to_thread(desk.stop) == 0
    await hearing.stop()


@pytest.mark.parametrize("first_try", [[], [Fault.UNAVAILABLE]], ids=["web process", "worker"])
async def test_an_answer_that_comes_while_the_database_is_away_is_recorded_when_it_is_back(serve, desk_dir, first_try):
    """The process that answers create/ticket tries first; where the provider is not available then, a worker does later."""
    desk = await asyncio.to_thread(serve, environ=PRIVATE)
    fakes = {"pact": striking(PactFake, desk), "infobip": striking(InfobipFake, desk)}
    for fake in fakes.values():
        await fake.start()
    channels = await set_up(desk_dir, [], **fakes)
    for key, fake in fakes.items():
        fake.faults.extend(first_try)
        given = {"channel_id": channels[key], "from": "user", "client_phone": "79161234567"}
        answer = await create(desk.base, "Your bicycle is ready", **given)
        assert (answer["status"], answer["message_status"]) in {("success", "queued"), ("success", "sent")}
        await until_true(lambda fake=fake: len(fake.accepted) == 1)
        await killing.whole_again(desk)
        await until_none_waits(desk_dir, LEASES)
        async with looking(desk_dir) as conn:
            (row,) = await conn.fetch(MESSAGES, channels[key])
            await whole_history(conn)
        assert (row["state"], row["outcomes"]) == ("sent", ["retry"] * len(first_try) + ["sent"])
        assert len(fake.accepted) == 1
    assert await asyncio.to_thread(desk.stop) == 0
    for fake in fakes.values():
        await fake.stop()


def striking(provider: type, desk: Served) -> StrictFake:
    """The provider's fake; whenever it accepts a message, PostgreSQL dies before it can say so."""

    class Striking(provider):
        def accept(self, **message: object) -> int:
            kill(desk.postmaster())
            return super().accept(**message)

    return Striking()


async def open_tickets(base: str, count: int) -> None:
    for number in range(count):
        assert (await create(base, f"ticket {number}", client_email="dana@client.example"))["status"] == "success"


async def create(base: str, text: str, **given: object) -> dict:
    async with httpx.AsyncClient(timeout=30) as http:
        form = {"api_token": TOKEN, "subject": text, "message": text, **given}
        return (await http.post(f"{base}/uapi/create/ticket", json=form)).json()


async def until_true(true, within: float = 30) -> None:
    async with asyncio.timeout(within):
        while not true():
            await asyncio.sleep(0.02)


def under_way(desk: Served) -> list[int]:
    """What a worker that was told to stop says that it still has to finish."""
    return [line["under_way"] for line in desk.log() if line["event"] == "deliveries.stopping"]


async def enough(data_dir) -> None:
    """Wait until so many webhooks have been made."""
    async with asyncio.timeout(60), looking(data_dir) as conn:
        while await conn.fetchval("select count(*) from deliveries where kind = 'webhook'") < WEBHOOKS + 100:
            await asyncio.sleep(0.2)
