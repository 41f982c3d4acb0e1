"""The delivery log through both clients, on a real server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pult_client import NotFound, PultError

HOOK = """
[[channel]]
key = "hook"
type = "api"
name = "Receiver"
webhook_url = "http://127.0.0.1:9/hook"
"""


async def test_a_webhook_is_found_looked_into_cancelled_sent_again_and_replayed(connect, new_desk):
    desk = await new_desk(HOOK)
    client = connect(desk.server.base, desk.token)
    ticket_id = await desk.create()
    [row] = await client.deliveries(ticket_id=ticket_id, kind="webhook", event=["ticket", "comment"], state="queued")
    assert (row.channel_id, row.sequence, row.attempts, row.resend_of) == (desk.channel("hook"), 1, 0, None)
    assert datetime.now(UTC) - row.created_at < timedelta(minutes=5)
    assert row.next_attempt_at is not None
    assert (row.sent_at, row.more) == (None, {})

    await client.delivery_cancel(row.id)
    again = await client.delivery_resend(row.id)
    one = await client.delivery(again)
    assert (one.resend_of, one.event_id, one.state) == (row.id, row.event_id, "queued")
    assert (one.request.method, one.request.url) == ("POST", "http://127.0.0.1:9/hook")
    assert one.request.headers["webhook-id"] == row.event_id
    assert (one.attempt_list, one.provider_ids, one.more) == ((), (), {})

    began = row.created_at - timedelta(seconds=1)
    assert await client.deliveries_replay(desk.channel("hook"), since=began) == 0  # the one was cancelled
    await desk.conn.execute("update deliveries set state = 'failed' where company_id = $1", desk.company)
    assert await client.deliveries_replay(desk.channel("hook"), since=began, events="ticket") == 1
    assert await client.deliveries_replay(desk.channel("hook"), since=began, until=began) == 0
    assert [one.resend_of for one in await client.deliveries(since=began)] == [row.id, row.id, None]
    assert await client.deliveries(until=began) == []
    assert await client.deliveries(offset=1) == []


async def test_what_cannot_be_is_an_error(connect, new_desk):
    desk = await new_desk()
    client = connect(desk.server.base, desk.token)
    for call in (client.delivery, client.delivery_resend, client.delivery_cancel):
        with pytest.raises(PultError) as error:
            await call(2**40)
        assert (error.value.code, error.value.parameter) == (111, "delivery_id")
        assert not isinstance(error.value, NotFound)  # its code is the general one
    with pytest.raises(PultError):
        await client.deliveries_replay(desk.channel("second"), since="2026-01-01 00:00")
    with pytest.raises(ValueError, match="state is empty"):
        await client.deliveries(state=[])
    with pytest.raises(ValueError, match="time zone"):
        await client.deliveries(since=datetime(2026, 1, 1))  # noqa: DTZ001  # the mistake that is tried
