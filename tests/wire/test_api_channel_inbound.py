"""Messages and ratings told to an API channel, through the real door, and what receivers then hear."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

HOOK = """
[[channel]]
key = "hears"
type = "api"
name = "Hears everything"
webhook_url = "{url}/hook"
"""


@pytest.fixture
async def site():
    """A receiver of webhooks that also has a file."""
    heard = []

    async def hook(request):
        heard.append(await request.json())
        return web.Response()

    async def photo(_request):
        return web.Response(body=b"\x89PNG\r\n\x1a\n123", content_type="image/png")

    application = web.Application()
    application.add_routes([web.post("/hook", hook), web.get("/photo.png", photo)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", heard
    await runner.cleanup()


async def told(desk, body, channel="api"):
    answer = await desk.server.client.post(desk.ids["channels"][channel]["inbound_url"], content=json.dumps(body))
    return answer.status_code


async def test_a_conversation_and_its_rating(new_desk, site, working):
    url, heard = site
    desk = await new_desk(HOOK.format(url=url))
    message = {"event": "message", "id": "m-1", "text": "Where is my order?\nIt is late.", "conversation": "chat-1",
               "client": {"name": "Eve", "email": "eve@client.example"}, "files": [{"url": f"{url}/photo.png"}]}  # fmt: skip
    assert [await told(desk, message) for _ in range(3)] == [200] * 3
    assert await told(desk, {**message, "id": "m-2", "text": "Hello?", "files": []}) == 200
    [ticket] = await desk.listed()
    shown = await desk.ticket(ticket)
    assert [comment["message"] for comment in shown["comments"]] == ["Hello?", "Where is my order?<br>It is late."]
    assert (shown["ticket"]["subject"], shown["ticket"]["client_name"]) == ("Where is my order?", "Eve")

    async def file():
        return (await desk.ticket(ticket))["comments"][1]["files"]

    [photo] = await desk.until(file)
    assert (await desk.server.client.get(photo["file"])).content == b"\x89PNG\r\n\x1a\n123"

    rating = {"event": "rating", "id": "r-1", "ticket_id": ticket, "rating": 4, "comment": "slow"}
    assert [await told(desk, rating) for _ in range(2)] == [200] * 2

    async def all_heard():
        return len(heard) >= 3

    await desk.until(all_heard)
    assert [next(key for key in ("chat_id", "ticket", "comment", "csi") if key in one) for one in heard] == [
        "ticket", "comment", "csi",
    ]  # fmt: skip
    assert (heard[2]["csi"]["rating"], heard[2]["csi"]["comment"], heard[2]["csi"]["ticket_id"]) == (4, "slow", ticket)


async def test_a_file_that_cannot_be_had_is_told_in_the_ticket(new_desk, site, working):
    url, _ = site
    desk = await new_desk()
    message = {
        "event": "message",
        "id": "m-1",
        "text": "Look",
        "files": [{"url": f"{url}/gone.png", "name": "<b>.png"}],
    }
    assert await told(desk, message) == 200
    await desk.conn.execute("update incoming_files set attempts = 9 where company_id = $1", desk.company)
    [ticket] = await desk.listed()

    async def note():
        return [comment for comment in (await desk.ticket(ticket))["comments"] if comment["type"] == "private"]

    [found] = await desk.until(note)
    assert found["from"] == "trigger"
    assert "&lt;b&gt;.png could not be fetched" in found["message"]


async def test_another_companys_ticket_is_not_rated(new_desk):
    one, other = await new_desk(), await new_desk()
    ticket = await other.create()
    assert await told(one, {"event": "rating", "id": "r", "ticket_id": ticket, "rating": 1}) == 200
    assert (
        await one.conn.fetchval("select count(*) from ratings where company_id = any($1)", [one.company, other.company])
        == 0
    )


async def test_a_solved_ticket_is_open_again_and_a_closed_one_is_not(new_desk):
    desk = await new_desk()
    message = {"event": "message", "id": "1", "text": "one", "conversation": "c", "client": {"name": "Eve"}}
    assert await told(desk, message) == 200
    [ticket] = await desk.listed()
    for status, then in ((2, 1), (6, 1), (5, 5), (1, 1)):
        await desk.update(ticket, status=status)
        assert await told(desk, {**message, "id": f"after {status}"}) == 200
        assert (await desk.ticket(ticket))["ticket"]["status_id"] == then
    await desk.update(ticket, status=3)
    assert await told(desk, {**message, "id": "after it was closed"}) == 200
    assert len(await desk.listed()) == 2


async def test_the_doors_limits(new_desk):
    desk = await new_desk()
    url = desk.ids["channels"]["api"]["inbound_url"]
    before = await desk.rows()
    assert (await desk.server.client.post(url, content=b"x" * 9_000_000)).status_code == 413
    assert (await desk.server.client.post(url, content=b"x" * 1_000_000)).status_code == 400
    assert (await desk.server.client.post(f"{url}0", content=b"{}")).status_code == 404
    assert (await desk.server.client.get(url)).status_code == 400
    assert await desk.rows() == before
