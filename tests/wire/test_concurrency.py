"""Requests at once: one client for one contact, nothing lost, history that fits together, limits that are exact."""

from __future__ import annotations

import asyncio
import random

import pytest


async def at_once(desk, calls):
    """The answers to calls (method, parameters) that are sent together, by JSON."""
    answers = await asyncio.gather(
        *(desk.send(method, json={"api_token": desk.token, **parameters}) for method, parameters in calls)
    )
    return [(answer.status_code, answer.json(), answer.headers) for answer in answers]


async def many(desk, count, **parameters):
    """Ids of `count` tickets made at once."""
    calls = [("create/ticket", {"subject": f"s{n}", "message": "m", **parameters}) for n in range(count)]
    answers = await at_once(desk, calls)
    assert all(answer[1].get("status") == "success" for answer in answers), answers
    return [answer[1]["ticket_id"] for answer in answers]


@pytest.mark.parametrize("count", [2, 16])
async def test_the_same_new_contact_makes_one_client(desk, count):
    for number, same in enumerate(
        (
            {"client_email": "eve{}@client.example"}, {"client_phone": "7912000000{}", "client_id": "new_client"}, {"username": "eve{}"},
            {"client_email": "all{}@client.example", "client_phone": "7912000001{}", "username": "all{}", "client_name": "All"},
        )
    ):  # fmt: skip
        made = await many(desk, count, **{name: value.format(number) for name, value in same.items()})
        owners = {row["client_id"] for row in await desk.call("tickets") if row["id"] in made}
        assert len(set(made)) == count
        assert len(owners) == 1
    assert (await desk.rows())["clients"] == 1 + 4


async def test_crossing_contacts_end_at_one_client_or_two_but_never_at_a_double_contact(desk):
    """Two ask with e-mail and phone, two with phone and nickname: each contact has one owner in the end"""
    pair = [
        {"client_email": "x@client.example", "client_phone": "79120000020"},
        {"client_phone": "79120000020", "username": "x"},
    ]
    calls = [("create/ticket", {"subject": "s", "message": "m", **pair[n % 2]}) for n in range(12)]
    answers = await at_once(desk, calls)
    assert [answer[1].get("status") for answer in answers] == ["success"] * 12
    values = [row["value"] for row in await desk.conn.fetch(
        "select value from client_contacts where company_id = $1 and client_id <> $2", desk.company, desk.ids["clients"]["dana"]["id"]
    )]  # fmt: skip
    assert sorted(values) == ["79120000020", "x", "x@client.example"]


@pytest.mark.parametrize("count", [2, 16])
async def test_the_same_new_tag_and_company_name(desk, count):
    made = await many(desk, count, tag="new one, other", company_name="New GmbH")
    rows = await desk.rows()
    assert (rows["tags"], rows["ticket_tags"], rows["client_companies"]) == (2, 2 * count, 2)
    assert sorted(await desk.listed(tag="other")) == sorted(made)


async def test_updates_at_once_lose_nothing(desk):
    """Each of 16 adds a tag of its own and sets the same subject, field and priority"""
    made, order = await desk.create(), desk.field("order")
    priorities = ("low", "urgent", "extreme", "medium")
    calls = [
        ("update/ticket", {"ticket_id": made, "tag": f"tag {n}", "subject": f"subject {n}", "field_id": order,
                           "field_value": f"value {n}", "priority": priorities[n % 4], "user_id": desk.agent("bob")})
        for n in range(16)
    ]  # fmt: skip
    assert [answer[1] for answer in await at_once(desk, calls)] == [{"status": "success"}] * 16
    one = await desk.ticket(made)
    assert sorted(one["tags"]) == sorted(f"tag {n}" for n in range(16))
    assert len(one["changes"]) == 17
    state = {"subject": "First msg", "priority": "medium", "ticket_field": None, "status": 8}
    for change in reversed(one["changes"][:-1]):
        for entry in change["data"]:
            if entry["target"] in state:
                assert entry["old_value"] == state[entry["target"]], change
                state[entry["target"]] = entry["value"]
    shown = one["ticket"]
    assert (shown["subject"], shown["priority"], shown["status_id"]) == (
        state["subject"],
        state["priority"],
        state["status"],
    )
    assert one["custom_fields"][0]["value"] == state["ticket_field"]


async def test_assignment_and_regrouping_at_once_stay_consistent(desk):
    """An agent never holds a ticket within a group that it is no member of"""
    made = await desk.create()
    bob, charlie, support, billing = (
        desk.agent("bob"),
        desk.agent("charlie"),
        desk.group("support"),
        desk.group("billing"),
    )
    wishes = (
        {"assignee_id": bob},
        {"assignee_id": charlie},
        {"group_id": support},
        {"group_id": billing},
        {"assignee_id": "null"},
    )
    for _ in range(4):
        await at_once(desk, [("update/ticket", {"ticket_id": made, **wish}) for wish in wishes * 2])
        held = (await desk.ticket(made))["ticket"]
        assert (held["assignee_id"], held["group"]) in {
            (bob, support),
            (charlie, billing),
            (None, support),
            (None, billing),
        }


async def test_one_automatic_tag_after_changes_at_once(desk):
    made, why = await desk.create(), desk.field("reason")
    options = list(desk.ids["fields"]["reason"]["options"].items())
    await at_once(desk, [
        ("update/ticket", {"ticket_id": made, "field_id": why, "field_value": options[n % 3][1]}) for n in range(12)
    ])  # fmt: skip
    one = await desk.ticket(made)
    [value] = [row["value"] for row in one["custom_fields"]]
    assert one["tags"] == [next(f"Reason:{word}" for word, number in options if str(number) == value)]


async def test_reading_while_writing_is_never_half_made(desk):
    """A ticket in the list has its comment, tags and history"""

    async def write(number):
        await desk.create(subject=f"n{number}", tag="whole", message="whole")

    async def read():
        for row in await desk.call("tickets"):
            assert (row["last_comment"], row["tags"]) == ("whole", [{"name": "whole"}])
            assert len((await desk.ticket(row["id"]))["changes"]) == 1

    await asyncio.gather(*(step for n in range(10) for step in (write(n), read())))


async def test_the_search_limit_is_exact(desk):
    """30 at once: exactly 10 are answered, 20 get 429 with Retry-After and code 121"""
    made = await desk.create()
    answers = await at_once(desk, [("tickets", {"query": "Hello"})] * 30)
    good = [answer for answer in answers if answer[0] == 200]
    fast = [answer for answer in answers if answer[0] == 429]
    assert (len(good), len(fast)) == (10, 20)
    assert all([row["id"] for row in body] == [made] for _, body, _ in good)
    for _, body, headers in fast:
        assert (body["status"], body["code"], body["parameter"]) == ("failed", 121, "query")
        assert 1 <= int(headers["retry-after"]) <= 60


async def test_a_crowd_of_mixed_calls(desk):
    """Creates and updates that want the same contacts, companies and tags in every order: each succeeds, none is half made"""
    dice = random.Random(7)
    made = [await desk.create() for _ in range(3)]
    calls = []
    for number in range(60):
        tags = ",".join(dice.sample(["red", "green", "blue", "black"], 3))
        if number % 3:
            contacts = {
                "client_email": f"{dice.choice('xyz')}@client.example",
                "client_phone": f"7912000003{dice.choice('123')}",
            }
            company = {"company_name": dice.choice(["One", "Two"]), "client_city": dice.choice(["Kiel", "Bonn"])}
            calls.append(("create/ticket", {"subject": "s", "message": "m", "tag": tags, **contacts, **company}))
        else:
            calls.append(("update/ticket", {"ticket_id": dice.choice(made), "tag": tags, "subject": f"n{number}"}))
    answers = [body for _, body, _ in await at_once(desk, calls)]
    assert [body for body in answers if body["status"] != "success"] == []
    rows = await desk.rows()
    assert (rows["tags"], rows["client_companies"], rows["tickets"], rows["comments"]) == (4, 3, 43, 43)
    assert rows["client_contacts"] == 3 + 6
    for row in await desk.call("tickets", fstatus="8"):
        assert len(row["tags"]) in {0, 3}
