"""What receivers are told, event by event, as golden files; `PULT_GOLDEN=write` writes them anew."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from pult.tickets.change import change
from pult.tickets.model import Wish
from pult.tickets.open import StoredFile

GOLDEN = Path(__file__).with_name("golden")
TIMES = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
LINK = re.compile(r"https://desk\.example/files/\d+/\d+/\d+/[0-9a-f]{32}/(.+)")


def shown(value, key=""):
    """The body with what differs from run to run named. Ids are numbers: one that is text stays, and differs."""
    if isinstance(value, dict):
        if value.get("target") == "assignee":
            return value | {"value": f"<{type(value['value']).__name__}>"}
        return {name: shown(part, f"{key} id" if name == "id" else name) for name, part in value.items()}
    if isinstance(value, list):
        return [shown(part, key) for part in value]
    if isinstance(value, str):
        link = LINK.fullmatch(value)
        secret = "<application id>" if key == "secret" and re.fullmatch(r"[0-9a-f]{32}", value) else None
        return f"<link to {link[1]}>" if link else secret or TIMES.sub("<time>", value)
    if type(value) is int and key != "status_id" and (key.endswith((" id", "_id")) or key in {"group", "file"}):
        return f"<{key}>"
    return value


def compare(name, found):
    path = GOLDEN / f"{name}.json"
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("PULT_GOLDEN") == "write":
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()  # as text: the order of keys counts


@pytest.fixture
async def told(house, receiver):
    """A ticket of Dana's with fields and files, and `await told(event, …)`: the call that a receiver gets of it."""
    fields = house.ids["fields"]
    wish = Wish(subject="Wheel 🚲", fields={fields["order"]["id"]: "A-17", fields["vip"]["id"]: True})
    files = (
        StoredFile("photo.png", "image/png", 9, f"c{house.company}/aa/{'1' * 32}"),
        StoredFile("Счёт 1.pdf", "application/pdf", 9, f"c{house.company}/aa/{'2' * 32}"),
    )
    opened = await house.open(wish=wish, files=files, message="It is <b>bent</b> &amp; wet<br>now")

    async def tell(event, **given):
        await house.notice(event, opened.ticket_id, **given)
        await house.round()
        return receiver.heard[-1]

    tell.opened = opened
    return tell


async def test_a_new_ticket(told, house):
    body = (await told("ticket", comment_id=told.opened.comment_id)).json
    compare("ticket", shown(body))
    assert body["secret"] == house.ids["channels"]["hook"]["application_id"]
    assert body["ticket"]["id"] == told.opened.ticket_id
    assert body["ticket"]["channel_id"] == house.channel("site")
    assert body["client"]["id"] == body["ticket"]["client_id"] == told.opened.client_id
    assert [field["ticket_field_id"] for field in body["custom_fields"]] == [
        house.ids["fields"]["order"]["id"],
        house.ids["fields"]["vip"]["id"],
    ]


async def test_a_new_ticket_whose_comment_nobody_named(told):
    compare("ticket", shown((await told("ticket")).json))


async def test_a_comment(told):
    body = (await told("comment", comment_id=told.opened.comment_id)).json
    compare("comment", shown(body))
    assert body["comment"]["id"] == told.opened.comment_id


async def test_a_change(told, house):
    async with house.desk.work(house.caller) as work:
        wish = Wish(status=2, assignee=house.ids["agents"]["bob"]["id"], tags=("hot",), subject="Spoke")
        await change(work, told.opened.ticket_id, wish, agent_id=house.ids["agents"]["bob"]["id"])
    async with house.desk.pools.reading() as conn:
        change_id = await conn.fetchval("select max(id) from changes where company_id = $1", house.company)
    body = (await told("change", change_id=change_id)).json
    compare("change", shown(body))
    assert body["trigger"]["id"] == change_id
    assert body["assignee_id"] == house.ids["agents"]["bob"]["id"]


async def test_a_rating(told, house):
    async with house.desk.work(None) as work:
        rating = await work.conn.fetchval(
            "insert into ratings (company_id, ticket_id, client_id, agent_id, comment_id, rating, comment, created_at, updated_at)"
            " values ($1, $2, $3, $4, $5, 5, 'thanks', now(), now()) returning id",
            house.company, told.opened.ticket_id, told.opened.client_id, house.ids["agents"]["bob"]["id"],
            told.opened.comment_id,
        )  # fmt: skip
    body = (await told("rating", cause_id=rating)).json
    compare("rating", shown(body))
    assert body["csi"]["id"] == rating


async def test_a_chat_message_is_plain_text(told, house):
    async with house.desk.work(None) as work:
        conversation = await work.conn.fetchval(
            "insert into conversations (company_id, channel_id, client_id, address, ticket_id)"
            " values ($1, $2, $3, 'phone:79511234567', $4) returning id",
            house.company, house.channel("site"), told.opened.client_id, told.opened.ticket_id,
        )  # fmt: skip
    body = (await told("chat", comment_id=told.opened.comment_id)).json
    compare("chat", shown(body))
    assert body["chat_id"] == conversation
    assert body["text"] == "It is bent & wet\nnow"
    again = (await told("chat", comment_id=told.opened.comment_id, word="reopened")).json
    assert again["state"] == "reopened"


async def test_what_became_of_a_message_is_the_seeds_body(told):
    """create-ticket.txt: the keys in the seed's order, and no `secret` among them."""
    heard = await told("delivery", comment_id=told.opened.comment_id, word="NOT DELIVERED")
    compare("delivery", shown(json.loads(heard.body)))
    words = {"delivery_status": "NOT DELIVERED", "comment_id": told.opened.comment_id}
    seed = {"message_status": {**words, "extras": {"ticket_id": told.opened.ticket_id}}}
    assert json.dumps(json.loads(heard.body)) == json.dumps(seed)  # as text: the order of keys counts


EVENTS = {"ticket": "ticket", "comment": "comment", "change": "trigger", "rating": "csi", "chat": "chat_id"}


def test_receivers_can_tell_events_apart_by_their_keys():
    """Known receivers look for chat_id, then ticket, comment, trigger, csi: no event has the key of another before its own"""
    order = ["chat_id", "ticket", "comment", "trigger", "csi", "message_status"]
    for event, key in EVENTS.items():
        body = json.loads((GOLDEN / f"{event}.json").read_text())
        assert next(name for name in order if name in body) == key


async def test_every_call_is_signed_and_numbered(told, house, receiver):
    [secret] = house.ids["channels"]["hook"]["signing_secrets"]
    await told("ticket")
    await told("comment", comment_id=told.opened.comment_id)
    first, second = receiver.heard
    for number, heard in enumerate((first, second), start=1):
        assert Webhook(secret).verify(heard.body, dict(heard.headers)) == heard.json
        assert heard.headers["webhook-sequence"] == str(number)
        assert heard.headers["User-Agent"].startswith("Pult/")
        assert heard.path == "/hook"
    ids = [str(row["event_id"]) for row in await house.rows("event_id, id")]
    assert [heard.headers["webhook-id"] for heard in receiver.heard] == ids
