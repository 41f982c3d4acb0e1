"""What a transcript shows: the form of everything, and nobody's name, number or secret."""

from __future__ import annotations

import json

import pytest

from pult.kit.redacting import Redactor


@pytest.fixture
def told():
    return Redactor(
        {"79161234567": "recipient", "key-123456": "token", "https://desk.example": "desk"}, frozenset({"Our own"})
    )


def test_values_keep_their_form_and_equal_ones_stay_equal(told):
    found = told.value(
        {"a": "Dana", "b": "Dana", "c": "Anna", "d": "0123456789abcdef", "e": "89161234567", "f": 89161234567}
    )
    assert found == {
        "a": "[text 4 #1]",
        "b": "[text 4 #1]",
        "c": "[text 4 #2]",
        "d": "[hex 16 #3]",
        "e": "[digits 11 #4]",
        "f": "[number 11 #4]",
    }


@pytest.mark.parametrize(
    "value",
    [
        {"status": "delivered", "type": "text", "gateway_status": "odd word", "language": "ru", "error_code": "E400"},
        {
            "count": 17,
            "ok": True,
            "none": None,
            "at": "2026-11-22T01:30:52.123+0300",
            "timestamp": 1763769600,
            "ms": "1763769600123",
        },
        {"list": [1, 2.5, "12", ""]},
        {"text": "Our own"},
        {"status": {"name": "PENDING_ENROUTE", "description": "Message sent to next instance", "id": 7}},
        {"error": {"message": "(#131030) Recipient phone number not in allowed list", "code": 131030}},
    ],
)
def test_what_tells_nothing_of_anybody_is_seen(told, value):
    assert told.value(value) == value


def test_what_is_known_is_named_wherever_it_stands(told):
    assert told.value({"to": "79161234567", "url": "https://desk.example/inbound/7/secret"}) == {
        "to": "[recipient]",
        "url": "[desk][path 37 #1]",
    }
    assert told.headers(
        {"Authorization": "App key-123456", "X-Sig": "key-123456abcdef", "Content-Type": "text/html"}
    ) == {
        "Authorization": "App [token]",
        "X-Sig": "[token]abcdef",
        "Content-Type": "text/html",
    }
    assert (
        told.address("https://api.example/botkey-123456/send/89161234567")
        == "https://api.example/bot[token]/send/[digits 11 #2]"
    )


def test_an_unknown_word_beside_a_known_one_is_not_seen(told):
    assert told.value("Dana is 79161234567") == "[text 19 #1]"


def test_errors_are_told_in_words_without_persons(told):
    words = "no such number +7 916 765-43-21 of dana@client.example, see https://files.example/a/Dana.pdf"
    shown = told.value({"message": words}, fault=True)["message"]
    assert shown == "no such number [digits 11 #3] of [mail 19 #2], see https://files.example/[path 32 #1].pdf"
    assert told.value({"message": "Where is my order?"}) == {"message": "[text 18 #4]"}


def test_addresses_show_whose_they_are_and_their_ending(told):
    assert told.value("https://media.example/u/Dana/photo.jpeg?sig=1") == "https://media.example/[path 45 #1].jpeg"


def test_bodies(told):
    assert told.body(b"", "application/json") is None
    assert told.body(json.dumps({"phone": "89161234567"}).encode(), "application/json") == {"phone": "[digits 11 #1]"}
    assert told.body(b"phone=79161234567&text=Our+own&x=Dana", "application/x-www-form-urlencoded") == [
        ["phone", "[recipient]"],
        ["text", "Our own"],
        ["x", "[text 4 #2]"],
    ]
    assert told.body(b"\xff\xfe\x00", "image/png") == "[3 bytes]"
    assert told.body(b"<html>Dana</html>", "text/html") == "[17 bytes of text]"
    assert told.body(b"<html>Bad gateway</html>", "text/html", fault=True) == "<html>Bad gateway</html>"


@pytest.mark.parametrize("raw", [b"{", b"[1", b"null", b'"x"', b"NaN", b"1e400", b"{}" * 5, b"[" * 100_000])
def test_odd_bodies_are_no_error(told, raw):
    told.body(raw, "application/json")
