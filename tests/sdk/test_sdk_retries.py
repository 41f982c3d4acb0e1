"""What is tried again, and what never is: a write that may have been stored."""

from __future__ import annotations

import json
import socket

import httpx
import pytest
from scripted import CUT, Scripted, answer

from pult_client import PultError, TooFast, Unavailable
from pult_client.exchange import exchange
from pult_client.request import Request

AWAY = {"status": "failed", "error": "the database is away; nothing was stored", "code": 111, "request_id": "r1"}
FAST = {"status": "failed", "error": "more than 10 calls a minute", "code": 121, "parameter": "query"}
MADE = {"status": "success", "ticket_id": "2154861"}
READ = Request("tickets", writes=False, values={})
WRITE = Request("create/ticket", writes=True, values={})


async def test_a_write_is_sent_again_where_the_desk_says_that_nothing_was_stored(connect):
    async with Scripted(answer(503, AWAY), answer(503, AWAY, retry_after=0), answer(200, MADE)) as desk:
        files = [("a.txt", b"abc")]
        made = await connect(desk.base).create_ticket(subject="s", message="m", files=files, new_address=False)
    assert made.ticket_id == 2154861
    assert len(desk.asked) == 3
    for asked in desk.asked:
        assert asked.line == "POST /create/ticket HTTP/1.1"
        assert asked.headers["authorization"] == "Bearer t0ken"
        assert b'name="files[]"; filename="a.txt"' in asked.body
        assert b"abc" in asked.body
        assert b"new_address" not in asked.body


async def test_the_desk_stays_away(connect):
    async with Scripted(*[answer(503, AWAY)] * 3) as desk:
        with pytest.raises(Unavailable) as away:
            await connect(desk.base, retries=2).update_ticket(7, subject="s")
    error = away.value
    assert (error.code, error.text, error.request_id, error.outcome_unknown) == (111, AWAY["error"], "r1", False)
    assert len(desk.asked) == 3


async def test_a_write_whose_answer_was_lost_is_not_sent_again(connect):
    async with Scripted(CUT, answer(200, MADE)) as desk:
        with pytest.raises(Unavailable) as lost:
            await connect(desk.base).create_ticket(subject="s", message="m")
        assert lost.value.outcome_unknown
        assert len(desk.asked) == 1
        with pytest.raises(PultError, match="no list"):
            await connect(desk.base).tickets()


async def test_a_read_whose_answer_was_lost_is_sent_again(connect):
    async with Scripted(CUT, answer(502, b"<html>"), answer(200, [])) as desk:
        assert await connect(desk.base).tickets() == []
    assert len(desk.asked) == 3
    assert "t0ken" not in desk.asked[0].line


async def test_a_proxy_that_lost_the_desk_leaves_a_write_unknown(connect):
    async with Scripted(answer(504, b"<html>")) as desk:
        with pytest.raises(Unavailable) as lost:
            await connect(desk.base).update_ticket(7, subject="s")
    assert lost.value.outcome_unknown


async def test_nobody_listens(connect):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        client = connect(f"http://127.0.0.1:{taken.getsockname()[1]}", retries=1)
        with pytest.raises(Unavailable) as refused:
            await client.create_ticket(subject="s", message="m")
    assert not refused.value.outcome_unknown


async def test_too_fast_waits_as_long_as_the_desk_says_but_no_longer_than_the_timeout(connect):
    async with Scripted(answer(429, FAST, retry_after=0), answer(200, [])) as desk:
        assert await connect(desk.base).tickets(query="x") == []
    async with Scripted(answer(429, FAST, retry_after=31)) as desk:
        with pytest.raises(TooFast) as fast:
            await connect(desk.base).tickets(query="x")
    assert (fast.value.retry_after, fast.value.parameter) == (31, "query")
    async with Scripted(answer(200, FAST)) as desk:  # the vendor's way
        with pytest.raises(TooFast) as fast:
            await connect(desk.base).tickets(query="x")
    assert fast.value.retry_after is None


@pytest.mark.parametrize(
    "step", [answer(200, b"<html>hello"), answer(301, b"", location="http://127.0.0.1:1/"), answer(500, b"oops")]
)
async def test_an_answer_that_is_none_is_an_error(connect, step):
    async with Scripted(step) as desk:
        with pytest.raises(PultError, match="base_url") as astray:
            await connect(desk.base).create_ticket(subject="s", message="m")
    assert astray.value.code is None
    assert json.loads(desk.asked[0].body)["api_token"] == "t0ken"
    assert "t0ken" not in str(astray.value)


def pauses(request, outcome, *, retries=3, timeout=30):
    """The pauses before each try while the outcome stays the same."""
    course = exchange(request, retries=retries, timeout=timeout)
    found = [next(course)]
    with pytest.raises(PultError):
        while True:
            found.append(course.send(outcome))
    return found


@pytest.mark.parametrize(
    ("outcome", "read", "write"),
    [
        (httpx.ConnectError("refused"), 3, 3),
        (httpx.ConnectTimeout("late"), 3, 3),
        (httpx.ReadTimeout("late"), 3, 0),
        (httpx.WriteError("gone"), 3, 0),
        (httpx.RemoteProtocolError("cut"), 3, 0),
        (httpx.Response(503, json=AWAY), 3, 3),
        (httpx.Response(502), 3, 0),
        (httpx.Response(429, json=FAST, headers={"retry-after": "7"}), 3, 3),
        (httpx.Response(429, json=FAST, headers={"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}), 3, 3),
        (httpx.Response(429, json=FAST), 0, 0),
        (httpx.Response(503, json=AWAY, headers={"retry-after": "31"}), 0, 0),
        (httpx.Response(500), 0, 0),
        (httpx.Response(200, json=AWAY), 0, 0),
        (httpx.Response(404, json={"error": "there is no such method", "code": 115}), 0, 0),
    ],
)
def test_how_often_each_outcome_is_tried_again(outcome, read, write):
    assert len(pauses(READ, outcome)) == 1 + read
    assert len(pauses(WRITE, outcome)) == 1 + write


def test_pauses_grow_and_heed_the_desk():
    first, *growing = pauses(READ, httpx.ReadError("gone"), retries=8)
    assert first == 0
    for tries, pause in enumerate(growing):
        assert 0.75 <= pause / min(8, 0.25 * 2**tries) <= 1.25
    assert pauses(WRITE, httpx.Response(429, json=FAST, headers={"retry-after": "7"}), retries=2) == [0, 7, 7]
    assert min(pauses(READ, httpx.Response(503, json=AWAY, headers={"retry-after": "9"}), retries=2)[1:]) == 9
