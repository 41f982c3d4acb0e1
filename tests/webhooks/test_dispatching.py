"""The real dispatcher with webhooks: three receivers, one of them down at first; each gets everything, in order."""

from __future__ import annotations

import asyncio

import pytest
from hook_receiver import Receiver

from pult.deliveries.dispatch import Dispatcher

TICKETS, EVENTS = 12, 6


@pytest.fixture
async def three():
    made = [Receiver() for _ in range(3)]
    for one in made:
        await one.start()
    yield made
    for one in made:
        await one.stop()


def orders(receiver: Receiver) -> dict[int, list[int]]:
    """Each ticket's numbers in the order in which they were first heard; a repetition is known by its id."""
    found: dict[int, list[int]] = {}
    known = set()
    for heard in receiver.heard:
        if heard.headers["webhook-id"] not in known:
            known.add(heard.headers["webhook-id"])
            found.setdefault(heard.json["comment"]["ticket_id"], []).append(int(heard.headers["webhook-sequence"]))
    return found


async def test_a_receiver_that_is_down_holds_nobody_up_and_misses_nothing(new_house, three):
    one, flaky, down = three
    house = await new_house(one=one.url, flaky=flaky.url, down=down.url)
    await down.stop()
    flaky.behaviours.extend([flaky.status(503), flaky.cut, flaky.status(500)])
    opened = [await house.open() for _ in range(TICKETS)]
    for _ in range(EVENTS):
        for ticket in opened:
            await house.notice("comment", ticket.ticket_id, comment_id=ticket.comment_id)
    stop = asyncio.Event()
    dispatcher = Dispatcher(house.desk.pools.main, {"webhook": house.carrier})
    running = asyncio.create_task(dispatcher.run(stop))
    await one.wait_for(TICKETS * EVENTS)
    await flaky.wait_for(TICKETS * EVENTS + 3)
    assert down.heard == []
    await down.start()
    await down.wait_for(TICKETS * EVENTS)
    stop.set()
    await running
    wanted = {ticket.ticket_id: list(range(1, EVENTS + 1)) for ticket in opened}
    for receiver in three:
        assert orders(receiver) == wanted
    assert set(await house.states()) == {"delivered"}
    tried = await house.rows("attempts, channel_id, id")
    assert max(row["attempts"] for row in tried if row["channel_id"] == house.channel("one")) == 1
    assert max(row["attempts"] for row in tried if row["channel_id"] == house.channel("down")) > 1
