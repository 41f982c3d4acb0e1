"""Incoming mail as it is read: our own messages with what they are to be read as, foreign ones that must not stop the reader."""

from __future__ import annotations

import email
import os
import tomllib
from pathlib import Path

import pytest
import test
from hypothesis import given, settings
from hypothesis import strategies as st

from pult.channels import mail_in
from pult.channels.mail_automatic import nature
from pult.channels.mail_bounces import report
from pult.channels.mail_reading import _folded, _writer
from pult.channels.mail_text import decoded, header_text, text_of_html
from pult.channels.mail_tokens import Tokens
from pult.kit.html import clean

HERE = Path(__file__).parent / "mail"
EXPECTED = tomllib.loads((HERE / "expected.toml").read_text())
TOKENS = Tokens(b"s" * 32, 1, 2, "support@desk.example")
UNSAID = object()


def read(name):
    return mail_in.read((HERE / f"{name}.eml").read_bytes())


def none(value):
    """A dash stands for nothing: TOML has no word for it."""
    return None if value == "-" else value


def test_every_message_is_expected_and_there():
    assert {path.stem for path in HERE.glob("*.eml")} == set(EXPECTED)
    assert len(EXPECTED) >= 60


@pytest.mark.parametrize("name", EXPECTED)
def test_is_read_as(name):
    expected, mail = EXPECTED[name], read(name)
    text, html, whole = _folded(mail.parts.text, mail.parts.html)
    found = {
        "subject": mail.subject,
        "message_id": mail.message_id,
        "sender": mail.sender and mail.sender.address,
        "name": mail.sender and mail.sender.name,
        "writer": (one := _writer(mail, TOKENS)) and one.address,
        "at": mail.at,
        "text": text.strip(),
        "files": [file.name for file in mail.parts.files],
        "html": html is not None,
        "folded": whole is not None,
        "answers": mail.answers,
        "nature": nature(mail, own=False).name,
    }
    asked = {key: none(value) for key, value in expected.items() if key in found}
    assert {key: found[key] for key in asked} == asked
    assert text.strip().startswith(expected.get("starts", ""))
    assert expected.get("has", "") in text
    if "lacks" in expected:
        assert expected["lacks"] not in text
        assert expected["lacks"] not in (html or "")
        assert expected["lacks"] in whole


@pytest.mark.parametrize("name", EXPECTED)
def test_is_reported_as(name):
    expected, told = EXPECTED[name], report(read(name), TOKENS)
    if "report" not in expected:
        assert told is None
        return
    assert told is not None
    assert told.state == none(expected["report"])
    assert told.own_id == none(expected.get("own_id", told.own_id))
    assert told.code == expected.get("code", told.code)
    assert list(told.message_ids) == expected.get("message_ids", list(told.message_ids))


def whole(raw: bytes) -> None:
    """Everything that is ever done with a message while it is read."""
    mail = mail_in.read(raw)
    assert mail.message_id != ""
    assert mail_in.message_id_of(raw) != ""
    assert len(mail_in.hash_of(raw)) == 64
    report(mail, TOKENS)
    nature(mail, own=False)
    text, html, _ = _folded(mail.parts.text, mail.parts.html)
    people = [one for one in (mail.sender, mail.reply_to, *mail.to, *mail.cc) if one is not None]
    said = [mail.subject, text, html or "", *mail.answers, *mail.recipients, mail.message_id or ""]
    for one in (*said, *(file.name for file in mail.parts.files), *(f"{p.name} {p.address}" for p in people)):
        one.encode()  # no half characters: no database would take them
        assert "\x00" not in one
    clean(html or text)


def corpora():
    """Messages of other projects, as far as they are installed: CPython's own, and folders that PULT_TEST_CORPORA names."""
    found = sorted((Path(test.__file__).parent / "test_email" / "data").glob("msg_*.txt"))
    for folder in filter(None, os.environ.get("PULT_TEST_CORPORA", "").split(os.pathsep)):
        found += sorted(
            path for path in Path(folder).rglob("*") if path.is_file() and path.suffix in {".eml", ".txt", ""}
        )
    return found


@pytest.mark.parametrize("path", corpora(), ids=lambda path: path.name)
def test_foreign_messages_do_not_stop_the_reader(path):
    whole(path.read_bytes())


@pytest.mark.parametrize("name", EXPECTED)
def test_a_message_cut_off_anywhere_does_not_stop_the_reader(name):
    raw = (HERE / f"{name}.eml").read_bytes()
    for part in range(1, 20):
        whole(raw[: len(raw) * part // 20])


def test_depth_and_number_of_parts_do_not_stop_the_reader():
    nested = b"From: a@b.c\r\n"
    for number in range(80):
        nested += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number)
    whole(nested + b"\r\ndeep\r\n")
    with pytest.raises(Exception, match="files"):
        many = b"--b\r\nContent-Type: image/png\r\n\r\nx\r\n" * 400
        mail_in.read(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + many + b"--b--\r\n")


def test_a_large_page_is_kept_as_a_file():
    mail = mail_in.read(b"Content-Type: text/html\r\n\r\n<p>" + b"x" * 2_100_000)
    assert mail.parts.html is None
    assert [file.name for file in mail.parts.files] == ["message.html"]


# Properties --------------------------------------------------------------------------------------------------------------

ANY = st.binary(max_size=400)
WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=120)
RUSSIAN = st.text("абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВГДЕ ,.!", min_size=1, max_size=80)


@settings(max_examples=150, deadline=None)
@given(ANY, ANY)
def test_any_bytes_are_a_message(head, body):
    whole(head + b"\r\n\r\n" + body)


@settings(max_examples=150, deadline=None)
@given(
    ANY,
    st.sampled_from(
        ["From", "To", "Subject", "Date", "Content-Type", "Content-Disposition", "References", "Content-ID"]
    ),
)
def test_any_header_field_is_read(value, name):
    whole(b"From: a@b.c\r\n" + name.encode() + b": " + value + b"\r\n\r\nx\r\n")


@settings(max_examples=100, deadline=None)
@given(WORDS, st.sampled_from(["utf-8", "utf-16", "koi8-r", "cp1251", "utf-7"]))
def test_what_can_be_written_in_a_charset_is_read(text, charset):
    text = text.encode(charset, "ignore").decode(charset)
    assert decoded(text.encode(charset), charset) == decoded(text.encode(), "utf-8")


@settings(max_examples=100, deadline=None)
@given(RUSSIAN, st.sampled_from(["utf-8", "koi8-r", "cp1251"]))
def test_an_encoded_header_is_read(text, charset):
    encoded = email.header.Header(text, charset).encode()
    assert header_text(encoded) == " ".join(text.split())


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_html_enough(text):
    text_of_html(text).encode()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["<a@b>", "<>", "a@b", "<c d@e>", "\n <f@g>", "(x)", "<@>", ","]), max_size=12))
def test_ids_are_never_empty(pieces):
    raw = "References: " + " ".join(pieces) + "\r\nIn-Reply-To: " + "".join(pieces) + "\r\n\r\n"
    assert all(one and one != "@" for one in mail_in.read(raw.replace("\n <", "\r\n <").encode()).answers)


# Telling messages apart --------------------------------------------------------------------------------------------------


def test_copies_have_the_same_hash_and_other_messages_another():
    raw = (HERE / "gmail-ru.eml").read_bytes()
    copy = b"Received: from x by y; Mon, 12 Jan 2026 10:21:00 +0300\r\nDelivered-To: support@desk.example\r\n" + raw
    assert mail_in.hash_of(copy) == mail_in.hash_of(raw)
    assert mail_in.message_id_of(copy) == mail_in.message_id_of(raw) == mail_in.read(raw).message_id
    assert mail_in.hash_of(raw.replace(b"Order", b"Ordre") + b"!") != mail_in.hash_of(raw)
    for name in EXPECTED:
        found = (HERE / f"{name}.eml").read_bytes()
        assert mail_in.message_id_of(found) == mail_in.read(found).message_id, name


def test_tokens_of_another_channel_or_company_are_not_ours():
    for company, channel, secret in ((1, 3, b"s" * 32), (2, 2, b"s" * 32), (1, 2, b"t" * 32)):
        other = Tokens(secret, company, channel, "support@desk.example")
        message_id = other.message_id(17, 42, "pult-1-17", automatic=False)
        assert other.of_message_id(message_id) is not None
        assert TOKENS.of_message_id(message_id) is None
        assert TOKENS.ticket_of(other.reply_address(17)) is None
        assert TOKENS.own_id_of(other.bounce_address("pult-1-17")) is None
