"""Every sample request of the seeds, corrected to valid encodings, with its answer and what the desk then holds.

Each sample is sent as JSON, as a form and as PHP's curl sends an array (multipart); all three must give what the golden
file says. `PULT_GOLDEN=write pytest tests/wire/test_golden.py` writes the files anew; read the difference before keeping it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from encodings_of_wire import ENCODINGS
from normalised import Names, normalised
from product_field import levels, reason

GOLDEN = Path(__file__).with_name("golden")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def three_fields(desk):
    return f"{desk.field('order')};{desk.field('vip')};{desk.field('reason')}"


def three_values(desk, text="any_value"):
    return f"{text};true;{reason(desk, 'Quality')}"


def nested(desk, *words):
    return [[{"id": str(level), "value": word} for level, word in zip(levels(desk), words, strict=False)]]


def create_json(desk):
    return {
        "subject": "New Email", "message": "Hi there!", "client_name": "John", "client_email": "superjohny@gmail.com",
        "field_id": three_fields(desk), "field_value": three_values(desk), "channel_id": desk.channel("second"),
        "lists": nested(desk, "Bikes", "Road", "Frame"),
    }  # fmt: skip


def create_php(desk):
    return {
        "client_name": "JON", "client_email": "jon@bonjovi.com", "message": "Hello World", "client_id": "new_client",
        "type": "question", "priority": "low", "status": "3", "subject": "POST UPDATE", "tag": "new ticket,test",
        "field_id": three_fields(desk), "field_value": three_values(desk), "channel_id": desk.channel("second"),
    }  # fmt: skip


CREATE = {
    "create-json": create_json,
    "create-php": create_php,
}


def update_json(desk):
    return {
        "subject": "Letter", "field_id": three_fields(desk), "field_value": three_values(desk, "any value"),
        "lists": nested(desk, "Bikes", "City"),
    }  # fmt: skip


def update_php(desk):
    return {
        "client": "JON", "email": "jon@bonjovi.com", "message": "Hello World", "client_id": "new_client",
        "priority": "medium", "type": "task", "status": "2", "subject": "POST UPDATE", "field_id": three_fields(desk),
        "field_value": three_values(desk, "any value"),
    }  # fmt: skip


UPDATE = {"update-json": update_json, "update-php": update_php}


def filters(desk):
    return {
        "fchannel": str(desk.channel("api")), "properties": ["sla"],
        "fassigned": [{"assignee_id": desk.agent("bob"), "group_id": desk.group("support")},
                      {"assignee_id": desk.agent("alice"), "group_id": desk.group("billing")}],
        "fields": [{"id": desk.field("vip"), "value": 1}, {"id": desk.field("order"), "value": "empty"},
                   {"id": desk.field("reason"), "value": reason(desk, "Payment")}, {"id": levels(desk)[0], "value": "empty"}],
        "fgroup": str(desk.group("support")), "ftype": "1", "accessible_for_agent_id": str(desk.agent("bob")),
        "updated_after": "2016-11-25 00:00",
    }  # fmt: skip


def dates(_desk):
    return {"offset": 0, "created_after": "2016-11-25 00:00", "created_before": "2016-11-25 15:08"}


def tags(desk):
    return {
        "offset": 0,
        "tags": "tag1,tag2",
        "fchannel": str(desk.channel("api")),
        "fgroup": str(desk.group("support")),
    }


LISTS = {"tickets-filters": filters, "tickets-dates": dates, "tickets-tags": tags}


def compare(name, found):
    """With the golden file; or write it."""
    path = GOLDEN / f"{name}.json"
    if os.environ.get("PULT_GOLDEN") == "write":
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert found == json.loads(path.read_text())


async def answered(desk, method, encoding, parameters):
    answer = await desk.send(method, **ENCODINGS[encoding]({"api_token": desk.token, **parameters}))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    return answer.json()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("sample", CREATE)
async def test_create(desk, sample, encoding):
    answer = await answered(desk, "create/ticket", encoding, CREATE[sample](desk))
    held = await desk.ticket(answer["ticket_id"]) if "ticket_id" in answer else await desk.call("tickets")
    compare(sample, normalised({"answer": answer, "then": held}, Names(desk)))


async def test_create_with_a_file(desk):
    """The first PHP sample: CURLFILE names the file with its whole path"""
    form = {"api_token": desk.token, "message": "Julia", "subject": "There is some attachments"}
    file = ("/Users/ylia.kh/Downloads/IMG_20201109_140523.jpg", PNG, "application/octet-stream")
    answer = (await desk.send("create/ticket", data=form, files={"files[]": file})).json()
    held = await desk.ticket(answer["ticket_id"])
    compare("create-php-file", normalised({"answer": answer, "then": held}, Names(desk)))
    got = await desk.server.client.get(held["comments"][0]["files"][0]["file"])
    assert got.content == PNG


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("sample", UPDATE)
async def test_update(desk, sample, encoding):
    ticket_id = await desk.create(client_name="Johnny", client_email="jon@client.example")
    answer = await answered(desk, "update/ticket", encoding, {"ticket_id": str(ticket_id), **UPDATE[sample](desk)})
    compare(sample, normalised({"answer": answer, "then": await desk.ticket(ticket_id)}, Names(desk)))


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_ticket(desk, encoding):
    ticket_id = await desk.create(
        subject="additional fields", message="additional fields", client_name="Johnny", field_id=three_fields(desk),
        field_value=three_values(desk, "134"), tag="Veggies:tomato",
    )  # fmt: skip
    await desk.update(ticket_id, assignee_id=desk.agent("bob"), user_id=desk.agent("alice"))
    asked = {"accessible_for_agent_id": str(desk.agent("bob")), "ticket_id": str(ticket_id)}
    compare("ticket-php", normalised(await answered(desk, "ticket", encoding, asked), Names(desk)))


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_tickets(desk, encoding):
    """One ticket for each of the three samples, and one that none of them finds"""
    await desk.create(subject="nobody asks for this", channel_id=desk.channel("second"))
    await desk.create(subject="Hi there!", client_name="John Jones", assignee_id=desk.agent("bob"),
                      field_id=f"{desk.field('vip')};{desk.field('reason')}", field_value=f"1;{reason(desk, 'Payment')}")  # fmt: skip
    old = await desk.create(subject="of 2016", assignee_id=desk.agent("charlie"))
    await desk.conn.execute(
        "update tickets set created_at = '2016-11-25 15:08Z' where company_id = $1 and id = $2", desk.company, old
    )
    await desk.create(subject="tagged", tag="tag2, tag3", status=2)
    for sample, asked in LISTS.items():
        found = await answered(desk, "tickets", encoding, asked(desk))
        assert len(found) == 1
        compare(sample, normalised(found, Names(desk)))
