"""Every parameter of every method with everything that can be wrong with it: JSON, a code, the culprit's name, nothing stored.

The calls are made from the very tables that the parsers use, so that a new parameter is tried without a word here.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from product_field import levels

from pult.api.routes import METHODS

MISSING = object()
LONG = "x" * 300
DEEP: Any = "deep"
for _ in range(200):
    DEEP = [DEEP]
# What may be wrong with a value, whatever it should be.
VALUES = {
    "missing": MISSING, "null": None, "null in words": "null", "empty": "", "blank": " \t ", "an empty list": [], "a list": ["x"],
    "a list of lists": [[None]], "an object": {"a": "b"}, "an empty object": {}, "true": True, "false": False, "a fraction": 1.5,
    "too long": LONG, "far too long": "y" * 70_000, "negative": -1, "zero": 0, "one": 1, "2**31": 2**31, "2**63": 2**63,
    "2**64 in words": str(2**64), "10**30": 10**30, "1e400": "1e400", "emoji": "🚲🇷🇺", "NUL": "a\0b", "right to left": "\u202etxt",
    "half of a pair": "\ud83d", "SQL": "'; drop table tickets; --", "a format": "%s{}$1", "deep": DEEP, "a word": "zebra",
    "digits of another script": "١٢٣", "a long number": "9" * 5000, "under_score": "1_0", "spaces": " 7 ", "a list of numbers": [1, 2**70],
}  # fmt: skip
# A call that is right in everything else has these beside the parameter; and who may be blamed instead of it.
BESIDE = {
    "field_value": lambda desk: {"field_id": f"{desk.field('order')};{desk.field('vip')}"},
    "phone_type": lambda desk: {"client_phone": "79120000001"},
    "user_id": lambda desk: {"from": "user"},
    "trigger_id": lambda desk: {"from": "trigger"},
}
INSTEAD = {
    "field_value": {"field_id"}, "field_id": {"field_value"}, "from": {"trigger_id"}, "template_variables": {"message"},
    "query": {"query", "api_token"}, "to": {"from"}, "channel_id": {"channel_id", "from"},
}  # fmt: skip
TABLES = [
    "tickets",
    "comments",
    "changes",
    "clients",
    "client_contacts",
    "client_companies",
    "client_addresses",
    "files",
    "tags",
    "ticket_tags",
    "ticket_fields",
    "comment_mentions",
    "search_documents",
]


async def stored(desk):
    """How much there is of everything, and the newest ticket as it is, in one question."""
    counts = ",".join(f"(select count(*) from {table} where company_id = $1) as {table}" for table in TABLES)
    return tuple(
        await desk.conn.fetchrow(
            f"select {counts}, (select max(xmin::text::bigint) from tickets where company_id = $1) as last",
            desk.company,
        )
    )


READING = {"ticket", "tickets", "deliveries", "delivery"}  # what these leave alone is looked at once, at the end


def encoded(parameters):
    """JSON of values that Python's own encoder takes as they are: halves of pairs too."""
    return json.dumps(parameters).encode()


async def tell(desk, method, parameters, case, allowed, state):
    """Send it as JSON; a refusal must say why, whose fault it is, and store nothing. Whether it was a success.

    `state` holds what was stored before, and after it.
    """
    answer = await desk.send(
        method, content=encoded({"api_token": desk.token, **parameters}), headers={"content-type": "application/json"}
    )
    assert answer.headers["content-type"] == "application/json", case
    body = answer.json()
    assert answer.status_code == 200 or (answer.status_code, body["code"]) == (429, 121), (case, answer.status_code)
    if method not in READING:
        state.append(await stored(desk))
    if isinstance(body, list) or body.get("status") != "failed":
        return True
    assert type(body["code"]) is int, case
    assert 111 <= body["code"] <= 121, case
    assert body["error"] != "internal error", (case, body)
    assert body.get("parameter") in allowed, (case, body)
    assert state[-1:] == state[-2:-1] or method in READING, case
    return False


@pytest.fixture
async def desk(new_desk):
    """With a receiver, so that there is a log of deliveries to ask for."""
    return await new_desk("""
[[channel]]
key = "hears"
type = "api"
name = "Has a receiver"
webhook_url = "http://127.0.0.1:9/hook"
""")


@pytest.fixture
async def basis(desk):
    """What is right for each method."""
    ticket_id = await desk.create()
    delivery_id = await desk.conn.fetchval("select max(id) from deliveries where company_id = $1", desk.company)
    return {
        "deliveries": {}, "delivery": {"delivery_id": delivery_id}, "delivery/resend": {"delivery_id": delivery_id},
        "delivery/cancel": {"delivery_id": delivery_id},
        "deliveries/replay": {"channel_id": desk.channel("hears"), "from": "2026-11-25 15:08"},
        "create/ticket": {"subject": "s", "message": "m"}, "update/ticket": {"ticket_id": ticket_id},
        "ticket": {"ticket_id": ticket_id}, "tickets": {},
    }  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
async def test_every_value_of_every_parameter(desk, basis, method):
    refused, state = 0, [await stored(desk)]
    for parameter in METHODS[method].parameters:
        beside = BESIDE.get(parameter.name, lambda _: {})(desk)
        for what, value in VALUES.items():
            parameters = {**basis[method], **beside, parameter.name: value}
            if value is MISSING:
                del parameters[parameter.name]
            if parameter.name == "query":
                await desk.conn.execute("delete from rate_hits")
            allowed = {parameter.name, *INSTEAD.get(parameter.name, ())}
            case = (method, parameter.name, what)
            refused += not await tell(desk, method, parameters, case, allowed, state)
    assert refused > len(METHODS[method].parameters)
    assert method not in READING or await stored(desk) == state[0]


@pytest.mark.parametrize("method", METHODS)
async def test_every_parameter_at_once(desk, basis, method):
    """The same wrong value everywhere: the answer names one that may be to blame"""
    names = {parameter.name for parameter in METHODS[method].parameters}
    state = [await stored(desk)]
    for what, value in VALUES.items():
        if value is not MISSING:
            await tell(desk, method, dict.fromkeys(names, value), (method, what), names, state)


def form_of(**parts):
    return "&".join(f"{name}={value}" for name, value in parts.items()).encode()


@pytest.mark.parametrize("method", METHODS)
async def test_broken_utf_8_and_nul_in_forms(desk, basis, method):
    before = await stored(desk)
    for parameter in METHODS[method].parameters:
        right = {"api_token": desk.token, **basis[method]}
        right.pop(parameter.name, None)
        for broken in ("%ff%fe", "a%00b", "%ed%a0%80", "%c0%af"):
            for name in (parameter.name, f"{parameter.name}[0][id]"):
                body = form_of(**right, **{name: broken})
                answer = await desk.send(
                    method, content=body, headers={"content-type": "application/x-www-form-urlencoded"}
                )
                assert (answer.status_code, answer.json()["code"]) == (200, 111)
                assert answer.json()["parameter"] == parameter.name
    assert await stored(desk) == before


@pytest.mark.parametrize("method", METHODS)
async def test_too_many_keys(desk, basis, method):
    many = {f"key{n}": n for n in range(10_000)}
    before = await stored(desk)
    answer = await desk.send(method, json={"api_token": desk.token, **basis[method], **many})
    assert (answer.status_code, answer.json()["code"]) == (200, 111)
    answer = await desk.send(
        method, data={"api_token": desk.token, **{k: str(v) for k, v in {**basis[method], **many}.items()}}
    )
    assert (answer.status_code, answer.json()["code"]) == (200, 111)
    assert await stored(desk) == before


async def test_numbers_beyond_all_bounds_in_json(desk, basis):
    for method in METHODS:
        before = await stored(desk)
        right = json.dumps({"api_token": desk.token, **basis[method]})[:-1]
        for parameter in METHODS[method].parameters:
            for number in ("1e999", "-1e999", "9" * 400, "NaN"):
                body = f'{right},"{parameter.name}":{number}}}'.encode()
                answer = await desk.send(method, content=body, headers={"content-type": "application/json"})
                assert answer.status_code == 200
                assert "internal" not in answer.text, (method, parameter.name, number)
        if method in READING:
            assert await stored(desk) == before


@pytest.mark.parametrize("method", METHODS)
async def test_bodies_that_are_nothing(desk, method):
    for kind in (
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "text/xml",
        "",
    ):
        for body in (b"", b" ", b"null", b"[]", b"{}", b"[1,2]", b'"text"', b"5", b"{", b"\xff\xfe", b"\0", b"<xml/>", b"[" * 5000, b"--x--\r\n",
                     b'{"api_token":' * 500, b"--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n--x--\r\n"):  # fmt: skip
            answer = await desk.send(method, content=body, headers={"content-type": kind} if kind else {})
            assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), (kind, body[:20])
            assert answer.json()["code"] in {111, 112, 113}, (kind, body[:20])
            assert answer.json()["status"] == "failed"


def part(head, content):
    return f"--cut\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"


async def test_broken_multipart(desk):
    right = part('name="api_token"', desk.token.encode()) + part('name="subject"', b"s") + part('name="message"', b"m")
    file = part('name="files[]"; filename="a.txt"', b"content")
    for body in (
        right + file[:-3], right + file[:20], right + b"--cut", right + file.replace(b"\r\n\r\n", b"\r\n"), right + b"rubbish",
        right.replace(b"--cut", b"--cat"), b"rubbish" + right, right + part('name="files[]"; filename="' + "x" * 20_000 + '"', b"x"),
        right + b"--cut\r\n" + b"X-Header: y\r\n" * 3000 + b"\r\nx\r\n--cut--\r\n", right + part("name=", b"\xff") * 2,
        right + part('name="client_name"', b"\xff\xfe") + b"--cut--\r\n", right + part('name="client_name"', b"a\0b") + b"--cut--\r\n",
        right + b"".join(part(f'name="files[]"; filename="{n}"', b"x") for n in range(101)) + b"--cut--\r\n",
        right + b"".join(part(f'name="p{n}"', b"x") for n in range(1001)) + b"--cut--\r\n",
    ):  # fmt: skip
        before = await stored(desk)
        answer = await desk.send(
            "create/ticket", content=body, headers={"content-type": "multipart/form-data; boundary=cut"}
        )
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), body[-60:]
        if answer.json()["status"] == "failed":
            assert answer.json()["code"] in {111, 112}
            assert await stored(desk) == before


def kept_files(desk):
    """The files that lie in the store for the company."""
    return sorted((desk.server.application.settings.data_dir / "files" / f"c{desk.company}").rglob("*"))


async def test_files_of_15_mb_and_one_byte_more(desk):
    """wire.md §5.2: 120 file larger than 15 MB"""
    most = bytes(15 * 1024 * 1024)
    form = {"api_token": desk.token, "subject": "s", "message": "m"}
    answer = await desk.send("create/ticket", data=form, files=[("files[]", ("big.bin", most))])
    made = answer.json()["ticket_id"]
    link = (await desk.ticket(made))["comments"][0]["files"][0]["file"]
    assert (await desk.server.client.get(link)).content == most
    before, kept = await stored(desk), kept_files(desk)
    for files in (
        [("files[]", ("big.bin", most + b"x"))],
        [("files[]", ("small.txt", b"x")), ("files[1]", ("big.bin", most + b"x"))],
    ):
        answer = await desk.send("create/ticket", data=form, files=files)
        assert (answer.status_code, answer.json()["code"], answer.json()["parameter"]) == (200, 120, "files")
    assert await stored(desk) == before
    assert kept_files(desk) == kept


async def test_files_of_a_refused_ticket_are_not_kept(desk):
    await desk.create()
    before, kept = await stored(desk), kept_files(desk)
    for wrong in (
        {"assignee_id": "999999"},
        {"client_id": "999999"},
        {"field_id": "999999", "field_value": "x"},
        {"subject": ""},
    ):
        form = {"api_token": desk.token, "subject": "s", "message": "m", **wrong}
        answer = await desk.send("create/ticket", data=form, files=[("files[]", ("a.txt", b"x" * 300_000))])
        assert answer.json()["status"] == "failed"
    assert await stored(desk) == before
    assert [path for path in kept_files(desk) if path.is_file()] == [path for path in kept if path.is_file()]


async def test_a_body_over_the_limit(desk, monkeypatch):
    monkeypatch.setattr("pult.api.wire.BODY_LIMIT", 200_000)
    form = {"api_token": desk.token, "subject": "s", "message": "m"}
    before = await stored(desk)
    for request in (
        {"json": {**form, "message": "x" * 300_000}}, {"data": {**form, "message": "x" * 300_000}},
        {"data": form, "files": [("files[]", ("a", bytes(300_000)))]},
    ):  # fmt: skip
        answer = await desk.send("create/ticket", **request)
        assert (answer.status_code, answer.json()["code"]) == (200, 111)
        assert "200000" in answer.json()["error"] or "large" in answer.json()["error"]
    assert await stored(desk) == before
    assert (await desk.send("create/ticket", data=form)).json()["status"] == "success"


async def test_values_inside_structures(desk):
    """They are looked at as closely as those outside"""
    category, made = levels(desk)[0], await desk.create()
    state = [await stored(desk)]
    for value in VALUES.values():
        if value is MISSING:
            continue
        for lists in ([[{"id": category, "value": value}]], [[{"id": value, "value": "Bikes"}]], {"0": value}):
            parameters = {"ticket_id": made, "lists": lists}
            await tell(desk, "update/ticket", parameters, ("lists", value), {"lists"}, state)
        for pair in ({"assignee_id": value, "group_id": 1}, {"assignee_id": 1, "group_id": value}):
            await tell(desk, "tickets", {"fassigned": [pair]}, ("fassigned", value), {"fassigned"}, state)
        for pair in ({"id": value, "value": "x"}, {"id": category, "value": value}):
            await tell(desk, "tickets", {"fields": pair}, ("fields", value), {"fields"}, state)
