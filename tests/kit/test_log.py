"""Lines of the log: what they hold, and what they never hold."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import time

import asyncpg
import pytest

from pult.kit import log

SECRET = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"


def fail(text):
    raise ValueError(text)


@pytest.fixture
def lines():
    """Every line so far, as objects; the log of the process is turned elsewhere for the time of one test."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    out = io.BytesIO()
    log.configure("debug", out)
    token = log.request_id.set("")
    yield lambda: [json.loads(line) for line in out.getvalue().splitlines()]
    log.request_id.reset(token)
    log._OUTPUT.stream = None
    root.handlers[:], root.level = before[0], before[1]


def test_a_line_is_an_event_with_fields(lines):
    log.get_logger(channel=3).info("ticket.opened", ticket_id=17, subject="Заявка", none=None)
    (line,) = lines()
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "info",
        "event": "ticket.opened",
        "channel": 3,
        "ticket_id": 17,
        "subject": "Заявка",
        "none": None,
    }


async def test_each_task_writes_its_own_request(lines):
    async def serve(number):
        name = log.new_request_id()
        await asyncio.sleep(0)
        log.get_logger().info("request", number=number)
        return number, name

    named = dict(await asyncio.gather(*(serve(number) for number in range(5))))
    assert {line["number"]: line["request_id"] for line in lines()} == named
    assert len(set(named.values())) == 5
    assert log.request_id.get() == ""


@pytest.mark.parametrize(
    "text",
    [
        f"api_token={SECRET}",
        f"POST /create/ticket?subject=x&api_token={SECRET}&message=y",
        f'{{"api_token":"{SECRET}","subject":"x"}}',
        f'{{"api_token" : "{SECRET}"}}',
        json.dumps(json.dumps({"api_token": SECRET})),
        f"{{'api_token': '{SECRET}'}}",
        f"api_token%3D{SECRET}",
        f"api_token[0]={SECRET}",
        f'Content-Disposition: form-data; name="api_token"\r\n\r\n{SECRET}\r\n--x',
        f"Authorization: Bearer {SECRET}",
        f"Authorization: Basic {SECRET}==",
        f"authorization=Bearer {SECRET}",
        f"sent bearer {SECRET} to us",
        f"Cookie: session={SECRET}; theme=dark",
        f"Set-Cookie: desk={SECRET}; Path=/",
        f"new_password={SECRET}",
        f'"password": "two words {SECRET}"',
        f"client-secret: {SECRET}",
        f"X-Api-Key: {SECRET}",
        f"postgresql://pult:{SECRET}@db.example:5432/pult",
        f"GET /inbound/7/{SECRET} HTTP/1.1",
        f"/files/1/17/0/{SECRET[:32]}/a.pdf",
        f"/desk/welcome/{SECRET}?x=1",
        f"invalid input for query argument $2: '{SECRET}' (expected int)",
        f'invalid input syntax for type integer: "{SECRET}"',
        f"duplicate key\nDETAIL:  Key (email)=({SECRET}) already exists.",
    ],
)
def test_secrets_in_texts(lines, text):
    logger = log.get_logger()
    logger.info(text)
    logger.info("event", field=text, inner={"list": [text], "text": text})
    try:
        fail(text)
    except ValueError:
        logger.exception("failed")
    logging.getLogger("uvicorn.error").warning("%s", text)
    written = json.dumps(lines())
    assert len(lines()) == 4
    assert SECRET not in written
    assert SECRET[:32] not in written
    assert log.HIDDEN in written


@pytest.mark.parametrize(
    "name", ["api_token", "token", "Password", "secret", "Authorization", "cookie", "client_secret", "x-api-key"]
)
@pytest.mark.parametrize("value", [SECRET, 12345678, [SECRET], {"x": SECRET}, SECRET.encode()])
def test_secret_fields(lines, name, value):
    log.get_logger().info("event", **{name: value}, headers={name: value})
    (line,) = lines()
    assert line[name] == log.HIDDEN
    assert line["headers"] == {name: log.HIDDEN}


@pytest.mark.parametrize(
    "text",
    [
        "The user forgot her password again",
        "/uapi/create/ticket",
        "tokens and cookies",
        "https://example.com/a/b?c=d",
        "a: b",
    ],
)
def test_ordinary_words_stay(text):
    assert log.masked(text) == text


def test_anything_can_be_written(lines):
    class Odd:
        def __str__(self):
            return f"odd api_token={SECRET}"

    log.get_logger().info(
        "odd", surrogate="\ud800", big=2**80, odd=Odd(), keys={1: 2}, raw=b"\xff\x00", many={3}, nan=float("nan")
    )
    line = lines()[0]
    assert line["odd"] == "odd api_token=***"
    assert line["big"] == 2**80
    assert line["raw"] == "<2 bytes>"


def test_an_exception_is_one_field(lines):
    try:
        try:
            fail("inner")
        except ValueError as error:
            raise RuntimeError("outer") from error
    except RuntimeError:
        log.get_logger().exception("failed", ticket_id=1)
    (line,) = lines()
    assert line["exception"].startswith("Traceback")
    assert "ValueError: inner" in line["exception"]
    assert line["exception"].endswith("RuntimeError: outer")


async def test_values_of_statements_stay_out(lines, database_url):
    conn = await asyncpg.connect(database_url)
    failing = [
        ("select $1::integer", [SECRET]),
        ("select $1::text::integer", [SECRET]),
        ("insert into companies (key, name) values ($1, 'a'), ($1, 'b')", [SECRET]),
        ("insert into agents (company_id, name, email, role) values (1, $1, $1, $1)", [SECRET]),
    ]
    try:
        for query, values in failing:
            try:
                await conn.execute(query, *values)
            except (asyncpg.PostgresError, asyncpg.InterfaceError):
                log.get_logger().exception("failed")
    finally:
        await conn.close()
    assert len(lines()) == len(failing)
    assert SECRET not in json.dumps(lines())


def test_the_level_holds_for_everyone(lines):
    out = io.BytesIO()
    log.configure("warning", out)
    logging.getLogger("uvicorn.access").info("GET")
    logging.getLogger("uvicorn.error").warning("late")
    logging.getLogger("some.library").debug("chatter")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["late"]


def test_uvicorn_keeps_no_handlers_of_its_own(lines):
    logging.getLogger("uvicorn.access").addHandler(logging.StreamHandler(sys.stderr))
    log.configure("info", out := io.BytesIO())
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "127.0.0.1:5", "GET", f"/tickets?api_token={SECRET}", "1.1", 200
    )
    (line,) = map(json.loads, out.getvalue().splitlines())
    assert line["logger"] == "uvicorn.access"
    assert line["event"] == '127.0.0.1:5 - "GET /tickets?api_token=*** HTTP/1.1" 200'
    assert logging.getLogger("uvicorn.access").handlers == []


def test_a_long_hostile_line_takes_no_time():
    for text in (
        "token=" * 20_000,
        "token" * 20_000,
        "a" * 100_000 + "token",
        "-" * 100_000 + "secret",
        'token":"' * 15_000,
        "token:'" + "\\" * 100_000,
        "cookie\r\n" * 12_000,
        "token" + "\n" * 100_000,
        "token[" * 20_000,
        "Bearer" + " " * 100_000,
        "://" * 30_000 + "token",
        "/" + "a" * 100_000 + "token",
    ):
        start = time.thread_time()
        log.masked(text)
        assert time.thread_time() - start < 1.0, text[:20]


def test_a_line_costs_little(lines):
    """About 15 to 35 µs of computing; the limit leaves room for a slow core."""
    log.configure("info", io.BytesIO())
    logger = log.get_logger()
    log.new_request_id()
    best = 1.0
    for _ in range(5):
        start = time.thread_time()
        for number in range(500):
            logger.info(
                "http.request",
                method="create/ticket",
                status=200,
                outcome="success",
                ms=12.3,
                company_id=1,
                bytes=number,
            )
        best = min(best, (time.thread_time() - start) / 500)
    assert best < 200e-6
