"""The delivery log through the API: pages and filters, one delivery with its attempts, sending again, cancelling, replaying."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path

import pytest
from aiohttp import web
from normalised import Names, normalised
from openapi_answers import holds

from pult.api.webhook_bodies import renderer
from pult.deliveries import ledger
from pult.kit.http_out import HttpOut
from pult.webhooks.carrier import WebhookCarrier

GOLDEN = Path(__file__).with_name("golden")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HOOK = """
[[channel]]
key = "hook"
type = "api"
name = "Receiver"
webhook_url = "http://user:password@127.0.0.1:{port}/hook?key=secret"
"""
WAITS = {"state": "queued", "kind": "webhook"}


class Receiver:
    """Answers each call with the next of `statuses`, then with 200."""

    def __init__(self):
        self.statuses, self.heard, self.port = [], [], 0

    async def start(self):
        application = web.Application()
        application.router.add_post("/hook", self._answer)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]

    async def stop(self):
        await self._runner.cleanup()

    async def _answer(self, request):
        self.heard.append((request.headers["webhook-id"], await request.json()))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, text=f"said {status}")


@pytest.fixture
async def receiver():
    made = Receiver()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def hooked(new_desk, receiver):
    """A desk with a receiver."""
    return await new_desk(HOOK.format(port=receiver.port))


@pytest.fixture
async def carry(hooked):
    """`await carry()`: one round of what is due, and of what waited out a pause."""
    desk = hooked.server.application.wire.desk
    http = HttpOut("127.0.0.0/8", keep_alive=True)
    carrier = WebhookCarrier(desk, http, renderer(desk))
    # What earlier tests left waiting would be claimed too, and their receivers are gone.
    left = "update deliveries set state = 'cancelled' where company_id <> $1 and state = 'queued'"
    await hooked.conn.execute(left, hooked.company)

    async def once():
        async with desk.work(None) as work:
            await work.conn.execute("update deliveries set due_at = now() where state = 'queued'")
            await work.conn.execute("update delivery_targets set open_until = null")
        async with desk.work(None) as work:
            claimed = await ledger.claim(work.conn, 100)
        outcomes = [await carrier.carry(one) for one in await carrier.prepare(claimed)]
        await carrier.settle(outcomes)
        return len(outcomes)

    yield once
    await http.close()


def shown(value, names, key=""):
    """What differs from run to run, named."""
    if isinstance(value, dict):
        return {name: shown(part, names, name) for name, part in normalised(value, names).items()}
    if isinstance(value, list):
        return [shown(part, names, key) for part in value]
    if key in {"comment_id", "resend_of", "delivery_id"} and value is not None:
        return f"<{key}>"
    if key == "seconds":
        return "<seconds>"
    if isinstance(value, str):
        value = UUID.sub("<uuid>", re.sub(r"127\.0\.0\.1:\d+", "<receiver>", value))
    return re.sub(r"Pult/\S+", "Pult/<version>", value) if key == "User-Agent" else value


def compare(name, found):
    path = GOLDEN / f"{name}.json"
    if os.environ.get("PULT_GOLDEN") == "write":
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert found == json.loads(path.read_text())


async def waiting(desk):
    return [row["id"] for row in await desk.call("deliveries", state="queued")]


async def test_the_life_of_a_webhook_as_golden_files(hooked, receiver, carry):
    names = Names(hooked)
    ticket_id = await hooked.create(client_email="jon@client.example")
    receiver.statuses = [503]
    await carry()
    await hooked.update(ticket_id, priority="urgent", status=1)
    page = await hooked.call("deliveries")
    compare("deliveries-page", shown(page, names))
    holds("deliveries", page)
    await carry()
    await carry()
    one = await hooked.call("delivery", delivery_id=page[-1]["id"])
    holds("delivery", one)
    body = json.loads(one["delivery"]["request"].pop("body"))
    assert body["ticket"]["id"] == ticket_id
    compare("delivery-webhook", shown(one, names))
    again = await hooked.call("delivery/resend", delivery_id=str(page[-1]["id"]))
    holds("delivery/resend", again)
    compare("delivery-resend-answer", shown(again, names))
    cancelled = await hooked.call("delivery/cancel", delivery_id=again["delivery_id"])
    holds("delivery/cancel", cancelled)
    compare("delivery-cancel-answer", cancelled)
    replayed = await hooked.call("deliveries/replay", channel_id=hooked.channel("hook"), **{"from": "2020-01-01"})
    holds("deliveries/replay", replayed)
    compare("deliveries-replay-answer", replayed)


async def test_nothing_of_the_address_that_may_be_a_secret_is_shown(hooked):
    await hooked.create()
    [row] = await hooked.call("deliveries")
    one = await hooked.call("delivery", delivery_id=row["id"])
    assert one["delivery"]["request"]["url"].endswith("/hook")
    assert "password" not in json.dumps(one)
    assert "secret" not in json.dumps(one["delivery"]["request"]["url"])
    assert one["attempts"] == []


async def test_a_webhook_that_is_sent_again_keeps_its_id_and_its_body(hooked, receiver, carry):
    ticket_id = await hooked.create()
    await carry()
    [first] = await hooked.call("deliveries")
    await hooked.conn.execute("update tickets set subject = 'other' where id = $1", ticket_id)
    again = await hooked.call("delivery/resend", delivery_id=first["id"])
    await carry()
    assert receiver.heard[0] == receiver.heard[1]
    newest, oldest = await hooked.call("deliveries")
    assert (newest["id"], newest["resend_of"]) == (again["delivery_id"], oldest["id"])
    assert (newest["event_id"], newest["sequence"]) == (oldest["event_id"], oldest["sequence"])
    assert newest["state"] == oldest["state"] == "delivered"
    await hooked.update(ticket_id, subject="third")
    assert (await hooked.call("deliveries"))[0]["sequence"] == 2  # a re-send takes no number


async def test_what_waits_is_not_sent_again_but_can_be_cancelled_once(hooked, receiver, carry):
    ticket_id = await hooked.create()
    await hooked.update(ticket_id, subject="other")
    [behind, first] = await waiting(hooked)
    refused = await hooked.refused("delivery/resend", delivery_id=first)
    assert (refused["code"], refused["parameter"]) == (111, "delivery_id")
    await hooked.call("delivery/cancel", delivery_id=first)
    assert "cancelled" in (await hooked.refused("delivery/cancel", delivery_id=first))["error"]
    await carry()  # what waited behind it goes on
    assert [body.get("trigger", {}).get("ticket_id") for _, body in receiver.heard] == [ticket_id]
    assert "delivered" in (await hooked.refused("delivery/cancel", delivery_id=behind))["error"]


async def test_what_is_being_sent_cannot_be_cancelled(hooked):
    await hooked.create()
    [one] = await waiting(hooked)
    await hooked.conn.execute("update deliveries set leased_until = now() + interval '1 minute' where id = $1", one)
    assert "being sent" in (await hooked.refused("delivery/cancel", delivery_id=one))["error"]


async def message(desk, state):
    """A message of a ticket in this state, as the desk would have made it."""
    ticket_id = await desk.create()
    made = await desk.conn.fetchval(
        "insert into deliveries (company_id, channel_id, kind, event, ticket_id, state, progress, details)"
        """ values ($1, $2, 'message', 'message', $3, $4, '{"text": "m1"}', '{"phone": "79511234567"}') returning id""",
        desk.company, desk.channel("whatsapp"), ticket_id, state,
    )  # fmt: skip
    await desk.conn.execute(
        "insert into delivery_names (company_id, channel_id, name, delivery_id)"
        " values ($1, $2, 'message:m1', $3), ($1, $2, 'own:d-' || $3, $3)"
        " on conflict (company_id, channel_id, name) do update set delivery_id = excluded.delivery_id",
        desk.company, desk.channel("whatsapp"), made,
    )  # fmt: skip
    return made


async def test_a_message_that_did_not_or_perhaps_did_not_arrive_is_sent_again_once(desk):
    for state in ("failed", "maybe_sent", "cancelled"):
        first = await message(desk, state)
        again = (await desk.call("delivery/resend", delivery_id=first))["delivery_id"]
        row = await desk.conn.fetchrow("select * from deliveries where id = $1", again)
        assert (row["state"], row["kind"], row["resend_of"]) == ("queued", "message", first)
        assert json.loads(row["progress"]) == {"text": "m1"}  # what was sent for certain is not sent again
        assert json.loads(row["details"]) == {"phone": "79511234567"}
        # What the provider reports of that part is the new delivery's; of the old attempt as a whole it stays the old one's.
        assert (await desk.call("delivery", delivery_id=again))["delivery"]["provider_ids"] == ["message:m1"]
        assert (await desk.call("delivery", delivery_id=first))["delivery"]["provider_ids"] == [f"own:d-{first}"]
        refused = await desk.refused("delivery/resend", delivery_id=first)
        assert str(again) in refused["error"]
        await desk.conn.execute("update deliveries set state = 'failed' where id = $1", again)
        assert (await desk.call("delivery/resend", delivery_id=first))["status"] == "success"


async def test_a_message_that_arrived_is_not_sent_again(desk):
    for state in ("sent", "delivered", "read"):
        first = await message(desk, state)
        assert "twice" in (await desk.refused("delivery/resend", delivery_id=first))["error"]


async def test_filters(hooked, carry, receiver):
    first, second = await hooked.create(), await hooked.create(channel_id=hooked.channel("second"))
    await carry()
    receiver.statuses = [410]
    await hooked.update(second, subject="other")
    await carry()
    sent = await message(hooked, "sent")

    async def found(**filters):
        return {(row["ticket_id"], row["event"], row["state"]) for row in await hooked.call("deliveries", **filters)}

    opened = {(first, "ticket", "delivered"), (second, "ticket", "delivered")}
    changed = {(second, "change", "failed")}
    third = await hooked.conn.fetchval("select ticket_id from deliveries where id = $1", sent)
    own, its_ticket = {(third, "message", "sent")}, {(third, "ticket", "queued")}
    everything = opened | changed | own | its_ticket
    assert await found() == everything
    assert await found(ticket_id=second) == {(second, "ticket", "delivered"), *changed}
    assert await found(channel_id=hooked.channel("whatsapp")) == own
    assert await found(channel_id=hooked.channel("api")) == set()
    assert await found(state="failed") == await found(state=["failed", "maybe_sent"]) == changed
    assert await found(state="failed,sent") == changed | own
    assert await found(kind="message") == await found(event="message") == own
    assert await found(event="ticket", state="delivered") == opened
    assert await found(**{"from": "2020-01-01 00:00", "to": "2100-01-01"}) == everything
    assert await found(**{"from": "2100-01-01 00:00"}) == await found(to="2020-01-01") == set()
    comment = (await hooked.ticket(first))["comments"][0]["id"]
    assert await found(comment_id=comment) == {(first, "ticket", "delivered")}
    assert await found(comment_id=2**40) == await found(ticket_id=2**31 - 1) == set()
    assert await found(offset=1) == set()


async def test_wrong_filters_name_themselves(desk):
    for parameter, wrong in (
        ("state", "gone"),
        ("kind", ["webhook", "x"]),
        ("event", {"a": 1}),
        ("from", "yesterday"),
        ("offset", -1),
        ("comment_id", 0),
        ("comment_id", 2**63),
    ):
        refused = await desk.refused("deliveries", **{parameter: wrong})
        assert (refused["code"], refused["parameter"]) == (111, parameter)


async def test_pages_of_100(desk):
    await desk.conn.execute(
        "insert into deliveries (company_id, channel_id, kind, event, state)"
        " select $1, $2, 'webhook', 'ping', 'delivered' from generate_series(1, 205)",
        desk.company, desk.channel("second"),
    )  # fmt: skip
    pages = [[row["id"] for row in await desk.call("deliveries", offset=page)] for page in range(4)]
    assert [len(page) for page in pages] == [100, 100, 5, 0]
    walked = [one for page in pages for one in page]
    assert walked == sorted(walked, reverse=True)


async def test_replay_repeats_a_time_in_order_under_the_same_ids(hooked, receiver, carry):
    tickets = [await hooked.create() for _ in range(3)]
    await hooked.update(tickets[0], subject="other")
    while await carry():
        pass
    told = list(receiver.heard)
    receiver.heard.clear()
    await hooked.conn.execute(
        "update deliveries set made_at = made_at - interval '1 day' where company_id = $1 and ticket_id = $2",
        hooked.company, tickets[2],
    )  # fmt: skip
    since = str(await hooked.conn.fetchval("select date_trunc('second', now() at time zone 'UTC' - interval '1 hour')"))
    asked = {"channel_id": hooked.channel("hook"), "from": since}
    assert await hooked.call("deliveries/replay", **asked) == {"status": "success", "count": 3}
    assert (await hooked.call("deliveries/replay", **asked, events="change"))["count"] == 1
    while await carry():
        pass
    expected = [one for one in told if one[1].get("ticket", {}).get("id") != tickets[2]]
    changes = [one for one in told if "trigger" in one[1]]
    assert sorted(receiver.heard, key=str) == sorted(expected + changes, key=str)
    of_first = [
        list(body)[1]
        for _, body in receiver.heard
        if tickets[0] in (body.get("ticket", {}).get("id"), body.get("trigger", {}).get("ticket_id"))
    ]
    assert of_first == ["ticket", "trigger", "trigger"]
    assert (await hooked.call("deliveries/replay", **asked, to=since))["count"] == 0
    assert (await hooked.call("deliveries/replay", **asked))["count"] == 3  # of what was a re-send itself, nothing


async def test_a_replay_that_cannot_be(hooked):
    right = {"channel_id": hooked.channel("hook"), "from": "2026-01-01"}
    for parameter, wrong in (
        ("from", None),
        ("channel_id", None),
        ("channel_id", 2**31 - 1),
        ("events", "ping"),
        ("to", "x"),
    ):
        refused = await hooked.refused("deliveries/replay", **{**right, parameter: wrong})
        assert (refused["code"], refused["parameter"]) == (111, parameter)
    without = await hooked.refused("deliveries/replay", **{**right, "channel_id": hooked.channel("mail")})
    assert "webhook" in without["error"]


async def test_a_delivery_that_is_none(desk):
    for method in ("delivery", "delivery/resend", "delivery/cancel"):
        for wrong in (None, "", "x", 0, -1, 2**62, 2**63, [1], True):
            refused = await desk.refused(method, delivery_id=wrong)
            assert (refused["code"], refused["parameter"]) == (111, "delivery_id"), (method, wrong)


async def test_cancelling_and_claiming_at_the_same_time_leaves_one_of_the_two(hooked, carry, receiver):
    for _ in range(10):
        await hooked.create()
    ids = await waiting(hooked)
    answers, _ = await asyncio.gather(
        asyncio.gather(*(hooked.call("delivery/cancel", delivery_id=one) for one in ids)), carry()
    )
    while await carry():
        pass
    states = {row["id"]: row["state"] for row in await hooked.call("deliveries")}
    for one, answer in zip(ids, answers, strict=True):
        assert states[one] == ("cancelled" if answer["status"] == "success" else "delivered")
    assert len(receiver.heard) == sum(state == "delivered" for state in states.values())
