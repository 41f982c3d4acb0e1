"""E-mail in: from a real IMAP server into a real desk, whatever happens in between."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from fakes.dovecot import Dovecot
from fakes.smtp_server import StrictSmtp
from mail_desk import delivering, mail_desk, opened_house, until

from pult.assembly import house_of
from pult.channels import mail_imap, mail_in, mail_inbox
from pult.channels.mail_settings import MailboxServer
from pult.channels.mail_tokens import Tokens
from pult.kit.connecting import DatabaseAway
from pult.mail import actions
from pult.messaging.contract import SendError

MAIL = Path(__file__).parent / "mail"
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")


@pytest.fixture(scope="module")
def dovecot():
    server = Dovecot()
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
async def house(module_database_url, tmp_path_factory):
    async with opened_house(module_database_url, tmp_path_factory.mktemp("desk")) as house:
        yield house


@pytest.fixture
async def smtp():
    server = StrictSmtp(user=None)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def conn(module_database_url):
    conn = await asyncpg.connect(module_database_url)
    yield conn
    await conn.close()


@pytest.fixture
async def desk(house, conn, dovecot, smtp):
    return await mail_desk(house, conn, dovecot, smtp)


def raw(
    text="Hello", *, sender="dana@client.example", subject="Order 5", message_id="m1@client.example", extra=""
) -> bytes:
    head = f"From: Dana <{sender}>\nTo: support@desk.example\nSubject: {subject}\n"
    head += f"Message-ID: <{message_id}>\n" if message_id else ""
    return f"{head}{extra}Content-Type: text/plain; charset=utf-8\n\n{text}\n".replace("\n", "\r\n").encode()


def tokens(desk) -> Tokens:
    return Tokens(desk.house.desk.secret, desk.company, desk.channel, desk.address)


async def test_a_message_opens_a_ticket(desk):
    desk.deliver(raw("Где мой заказ?", extra="Cc: boss@client.example\n"))
    async with desk.listening():
        [row] = await desk.settled(1)
    [ticket], [comment] = await desk.tickets(), await desk.comments()
    assert (ticket["subject"], ticket["email"]) == ("Order 5", "dana@client.example")
    assert (comment["message"], comment["author"]) == ("Где мой заказ?", "client")
    assert (row["state"], row["message_id"], row["comment_id"]) == ("parsed", "m1@client.example", comment["id"])
    stored = b"".join([chunk async for chunk in await desk.house.desk.files.read(row["key"])])
    assert stored == raw("Где мой заказ?", extra="Cc: boss@client.example\n")
    assert desk.dovecot.flags(desk.account) == ["S"]


async def test_the_counters_agree(desk):
    for number in range(3):
        desk.deliver(raw(message_id=f"{number}@client.example"))
    async with desk.listening():
        await desk.settled(3)
        desk.deliver(raw(message_id="3@client.example"))
        expected = {"on_server": 4, "missing": 0, "stored": 4, "parsed": 4, "ignored": 0, "needs_attention": 0}
        await until(lambda: _counters(desk, expected))
    [row] = await desk.rows("select healthy, report from delivery_targets where company_id = $1")
    assert (row["healthy"], row["report"]) == (True, "reading INBOX")


async def _counters(desk, expected):
    rows = await desk.rows("select counters from delivery_targets where company_id = $1")
    return rows and json.loads(rows[0]["counters"]) == expected


async def test_what_is_missing_is_fetched_again_and_is_no_second_comment(desk, conn, monkeypatch):
    monkeypatch.setattr(mail_inbox, "COMPARED_EVERY", 0)
    for number in range(3):
        desk.deliver(raw(message_id=f"{number}@client.example"))
    async with desk.listening():
        await desk.settled(3)
    await conn.execute(
        "delete from mail_messages where company_id = $1 and message_id = '1@client.example'", desk.company
    )
    await conn.execute("update mail_folders set first_uid = 1 where company_id = $1", desk.company)
    async with desk.listening():
        await desk.settled(3)
    assert len(await desk.comments()) == 3


async def test_new_mail_is_announced(desk):
    async with desk.listening():
        await until(lambda: desk.rows("select 1 from delivery_targets where company_id = $1"))
        desk.deliver(raw())
        await desk.settled(1)
    assert len(await desk.tickets()) == 1


async def test_a_server_that_announces_nothing_is_asked(house, conn, smtp):
    silent = Dovecot(idle=False)
    silent.start()
    try:
        desk = await mail_desk(house, conn, silent, smtp)
        async with desk.listening():
            await until(lambda: desk.rows("select 1 from delivery_targets where company_id = $1"))
            desk.deliver(raw())
            await desk.settled(1)
    finally:
        silent.remove()


async def test_what_was_read_before_the_channel_was_is_left_alone(desk, dovecot):
    desk.deliver(raw(message_id="old@client.example"))
    server = (await desk.adapter())._settings.imap
    box = await asyncio.to_thread(mail_imap.Mailbox, server, "127.0.0.1")
    await asyncio.to_thread(box.mark_seen, box.unread_uids())
    await asyncio.to_thread(box.close)
    desk.deliver(raw(message_id="new@client.example"))
    async with desk.listening():
        rows = await desk.settled(1)
    assert [row["message_id"] for row in rows] == ["new@client.example"]


async def test_mail_that_somebody_reads_elsewhere_comes_all_the_same(desk):
    async with desk.listening():
        await until(lambda: desk.rows("select 1 from mail_folders where company_id = $1"))
    desk.deliver(raw())
    box = await asyncio.to_thread(mail_imap.Mailbox, (await desk.adapter())._settings.imap, "127.0.0.1")
    await asyncio.to_thread(lambda: box.mark_seen(box.unread_uids()))
    await asyncio.to_thread(box.close)
    async with desk.listening():
        await desk.settled(1)


# Never lost, never twice ---------------------------------------------------------------------------------------------------


async def test_the_mailbox_is_not_touched_before_the_message_is_kept(desk, monkeypatch):
    desk.deliver(raw())

    async def lost(*_):
        raise DatabaseAway

    with monkeypatch.context() as patched:
        patched.setattr(actions.Mailroom, "keep", lost)
        with pytest.raises(DatabaseAway):
            await desk.listen_once()
    assert "S" not in desk.dovecot.flags(desk.account)
    async with desk.listening():
        await desk.settled(1)
    assert desk.dovecot.flags(desk.account) == ["S"]


async def test_ending_between_keeping_and_reading_loses_nothing(desk, monkeypatch):
    for number in range(3):
        desk.deliver(raw(message_id=f"{number}@client.example"))
    with monkeypatch.context() as patched:
        patched.setattr(mail_inbox.MailInbox, "_read", _ends)
        with pytest.raises(asyncio.CancelledError):
            await desk.listen_once()
    assert await desk.tickets() == []
    async with desk.listening():
        await desk.settled(3)
    assert len(await desk.tickets()) == 3


async def _ends(*_, **__):
    raise asyncio.CancelledError


async def test_ending_between_the_ticket_and_its_mark_makes_no_second(desk, monkeypatch):
    desk.deliver(raw())
    with monkeypatch.context() as patched:
        patched.setattr(actions.Mailroom, "settle", _ends)
        with pytest.raises(asyncio.CancelledError):
            await desk.listen_once()
    assert len(await desk.tickets()) == 1
    async with desk.listening():
        [row] = await desk.settled(1)
    assert len(await desk.comments()) == 1
    assert row["comment_id"] is not None


async def test_ending_before_the_server_was_told_tells_it_later(desk, monkeypatch):
    desk.deliver(raw())
    with monkeypatch.context() as patched:
        patched.setattr(mail_imap.Mailbox, "mark_seen", lambda *_: (_ for _ in ()).throw(OSError("cut")))
        with pytest.raises(OSError, match="cut"):
            await desk.listen_once()
    async with desk.listening():
        await desk.settled(1)
        await until(lambda: _flags(desk, ["S"]))
    assert len(await desk.comments()) == 1


async def _flags(desk, expected):
    return desk.dovecot.flags(desk.account) == expected


async def test_copies_of_a_message_are_one_comment(desk):
    desk.deliver(raw())
    desk.deliver(b"Received: from a by b\r\n" + raw())
    async with desk.listening():
        rows = await desk.settled(2)
    assert [row["state"] for row in rows] == ["parsed", "ignored"]
    assert len(await desk.comments()) == 1


async def test_an_id_used_twice_hides_no_message(desk):
    for text in ("First", "Second"):
        desk.deliver(raw(text))
        desk.deliver(raw(text, message_id=""))
    async with desk.listening():
        await desk.settled(4)
    assert sorted(row["message"] for row in await desk.comments()) == ["First", "First", "Second", "Second"]


async def test_a_mailbox_that_is_numbered_anew_is_not_taken_twice(desk):
    for number in range(3):
        desk.deliver(raw(message_id=f"{number}@client.example"))
    async with desk.listening():
        await desk.settled(3)
    desk.dovecot.renumber(desk.account)
    desk.deliver(raw("After", message_id="after@client.example"))
    async with desk.listening():
        rows = await desk.settled(7)
    assert len({row["uidvalidity"] for row in rows}) == 2
    assert [row["state"] for row in rows[3:]].count("ignored") == 3
    assert len(await desk.comments()) == 4


async def test_a_message_that_cannot_be_read_is_shown_and_stops_nobody(desk, monkeypatch):
    real = mail_in.read

    def read(content):
        if b"bad@client.example" in content:
            raise RuntimeError("a bug of ours")
        return real(content)

    monkeypatch.setattr(mail_in, "read", read)
    desk.deliver(raw(message_id="1@client.example"))
    desk.deliver(raw("Secret text", sender="boris@client.example", message_id="bad@client.example"))
    desk.deliver(raw(message_id="3@client.example"))
    async with desk.listening():
        rows = await desk.settled(3)
    assert [row["state"] for row in rows] == ["parsed", "needs_attention", "parsed"]
    ticket = (await desk.tickets())[1]
    assert ticket["subject"].startswith("Needs attention")
    assert ticket["email"] == "boris@client.example"
    files = await desk.rows("select f.* from files f where company_id = $1")
    assert [(file["name"], file["type"], file["key"]) for file in files] == [
        ("message.eml", "message/rfc822", rows[1]["key"])
    ]


async def test_a_message_that_ends_its_reader_again_and_again_is_given_up(desk, conn, monkeypatch):
    desk.deliver(raw())
    with monkeypatch.context() as patched:
        patched.setattr(mail_in, "read", lambda _: (_ for _ in ()).throw(asyncio.CancelledError))
        for _ in range(4):
            with pytest.raises(asyncio.CancelledError):
                await desk.listen_once()
    async with desk.listening():
        [row] = await desk.settled(1)
    assert (row["state"], row["attempts"]) == ("needs_attention", 5)
    assert len(await desk.tickets()) == 1


async def test_what_is_too_large_is_shown_by_its_head(desk, monkeypatch):
    monkeypatch.setattr(mail_inbox, "LARGEST", 1000)
    desk.deliver(raw("x" * 2000))
    async with desk.listening():
        [row] = await desk.settled(1)
    assert row["state"] == "needs_attention"
    assert "long" in row["reason"]
    assert len(await desk.tickets()) == 1


async def test_every_strange_message_ends_somewhere(desk):
    """All messages of the folder through the whole way: a comment, a report, or a reason; and none twice."""
    names = sorted(path for path in MAIL.glob("*.eml") if path.stat().st_size)
    for path in names:
        desk.deliver(path.read_bytes())
    async with desk.listening():
        rows = await desk.settled(len(names), within=60)
    assert {row["state"] for row in rows} <= {"parsed", "ignored"}
    assert all(row["reason"] for row in rows if row["state"] == "ignored")
    comments = await desk.comments()
    assert len({row["comment_id"] for row in rows if row["comment_id"]}) == len(comments)


@pytest.mark.parametrize("wrong", ["password", "host", "port", "folder"])
async def test_a_mailbox_that_cannot_be_read_says_why(desk, house, conn, wrong):
    value = {"password": '"nope"', "host": '"nowhere.invalid"', "port": "1", "folder": '"Nowhere"'}[wrong]
    await conn.execute(
        "update channels set settings = jsonb_set(settings, $2, $3::jsonb) where id = $1",
        desk.channel,
        ["adapter", "imap", wrong],
        value,
    )
    with pytest.raises(SendError) as error:
        await asyncio.wait_for(desk.listen_once(), 20)
    assert "nope" not in str(error.value)
    assert error.value.code in {"mailbox", "unreachable"}
    assert not (await (await desk.adapter()).check())[-1].ok


async def test_our_own_network_is_not_dialled(desk, module_database_url, tmp_path):
    settings = replace(desk.house.desk.settings, data_dir=tmp_path, allow_private="")
    async with house_of(settings) as guarded:
        with pytest.raises(SendError) as error:
            await replace(desk, house=guarded).listen_once()
    assert "PULT_ALLOW_PRIVATE" in error.value.text


@pytest.mark.parametrize("implicit", [False, True])
async def test_encrypted_for_the_hosts_name(certificate, monkeypatch, implicit):
    """The address is dialled, the name is what the certificate has to say."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    server = Dovecot(certificate=certificate)
    server.start()
    try:
        port = server.tls_port if implicit else server.port
        if implicit:
            monkeypatch.setattr(mail_imap, "IMPLICIT_PORT", port)
        wanted = MailboxServer(host="localhost", port=port, user="support", password="secret")
        box = await asyncio.to_thread(mail_imap.Mailbox, wanted, "127.0.0.1")
        assert box.opened.messages == 0
        await asyncio.to_thread(box.close)
        named = MailboxServer(host="other.example", port=port, user="support", password="secret")
        with pytest.raises(mail_imap.MailboxError, match="certificate"):
            await asyncio.to_thread(mail_imap.Mailbox, named, "127.0.0.1")
    finally:
        server.remove()


async def test_a_password_is_not_said_in_the_open_unless_that_is_wanted(dovecot):
    wanted = MailboxServer(host="127.0.0.1", port=dovecot.port, user="support", password="secret")
    with pytest.raises(mail_imap.MailboxError, match="no encryption"):
        await asyncio.to_thread(mail_imap.Mailbox, wanted, "127.0.0.1")


# Which ticket --------------------------------------------------------------------------------------------------------------


async def test_a_conversation_stays_in_its_ticket(desk, smtp):
    """The client writes, we answer, the client answers that: by our signed id, and by the id that the client gave."""
    desk.deliver(raw("First", message_id="first@client.example"))
    async with desk.listening():
        await desk.settled(1)
        [ticket] = await desk.tickets()
        assert await desk.answer(ticket["id"], "We look into it") == "sent"
        sent = smtp.mails[-1].message
        assert str(sent["in-reply-to"]) == "<first@client.example>"
        assert str(sent["references"]) == "<first@client.example>"
        assert str(sent["subject"]) == "Re: Order 5"
        ours = str(sent["message-id"]).strip("<>")
        desk.deliver(
            raw(
                "Second",
                sender="secretary@client.example",
                message_id="s@client.example",
                extra=f"In-Reply-To: <{ours}>\n",
            )
        )
        desk.deliver(raw("Third", message_id="t@client.example", extra="References: <first@client.example>\n"))
        await desk.settled(3)
        assert await desk.answer(ticket["id"], "Done") == "sent"
    assert len(await desk.tickets()) == 1
    assert [row["message"] for row in await desk.comments()] == ["First", "We look into it", "Second", "Third", "Done"]
    references = str(smtp.mails[-1].message["references"]).split()
    assert references == ["<first@client.example>", f"<{ours}>", "<s@client.example>", "<t@client.example>"]


async def test_the_reply_address_is_enough(desk, smtp):
    ticket_id, state = await desk.write("dana@client.example", "Order 5", "Hello")
    assert state == "sent"
    reply = smtp.mails[-1].message["reply-to"].addresses[0].addr_spec
    desk.deliver(raw("Answer", subject="something else"), recipient=reply)
    async with desk.listening():
        await desk.settled(1)
    assert [row["ticket_id"] for row in await desk.comments()] == [ticket_id] * 2


async def test_a_tag_in_the_subject_counts_for_those_who_take_part(desk):
    ticket_id, _ = await desk.write("dana@client.example", "Order 5", "Hello")
    desk.deliver(raw("Mine", subject=f"Re: Order 5 [#{ticket_id}]", message_id="1@client.example"))
    desk.deliver(raw("Not mine", sender="eve@evil.example", subject=f"[#{ticket_id}]", message_id="2@evil.example"))
    desk.deliver(raw("Same subject", subject="Re: Order 5", message_id="3@client.example"))
    async with desk.listening():
        await desk.settled(3)
    comments = await desk.comments()
    assert [row["ticket_id"] == ticket_id for row in comments] == [True, True, False, False]
    assert len({row["ticket_id"] for row in comments}) == 3


async def test_forged_and_foreign_tokens_find_nothing(desk, house, conn, dovecot, smtp):
    ticket_id, _ = await desk.write("dana@client.example", "Order 5", "Hello")
    own = tokens(desk)
    other = await mail_desk(house, conn, dovecot, smtp)
    good = own.message_id(ticket_id, 1, "pult-1-1", automatic=False)
    forged = good[:-20].replace(str(ticket_id), str(ticket_id + 1)) + good[-20:]
    for number, answered in enumerate((forged, tokens(other).message_id(ticket_id, 1, "x", automatic=False), "")):
        desk.deliver(raw(str(number), message_id=f"{number}@evil.example", extra=f"In-Reply-To: <{answered}>\n"))
    reply = own.reply_address(ticket_id).replace("-", "-0", 1)
    desk.deliver(raw("3", message_id="3@evil.example"), recipient=reply)
    async with desk.listening():
        await desk.settled(4)
    assert [row["ticket_id"] == ticket_id for row in await desk.comments()] == [True, False, False, False, False]


async def test_what_is_quoted_is_folded_and_the_whole_is_kept(desk):
    text = 'Спасибо!\n\n12.01.2026, 10:15, "Support" <support@desk.example>:\n> Здравствуйте!'
    desk.deliver(raw(text))
    desk.deliver((MAIL / "gmail-ru.eml").read_bytes())
    async with desk.listening():
        await desk.settled(2)
    plain, html = await desk.comments()
    assert plain["message"] == "Спасибо!"
    assert "Здравствуйте!" in plain["original"]
    assert "gmail_quote" not in html["message"]
    assert "Здравствуйте, Дана!" not in html["message"]
    assert "Здравствуйте, Дана!" in html["original"]


async def test_a_picture_is_stored_once(desk):
    for number in range(2):
        content = (MAIL / "inline-picture.eml").read_bytes().replace(b"m1@", b"%d@" % number)
        desk.deliver(content.replace(b"Order 5", b"Order %d" % number))
    async with desk.listening():
        await desk.settled(2)
    files = await desk.rows("select * from files where company_id = $1 order by id")
    assert len(files) == 2
    assert len({file["key"] for file in files}) == 1
    [picture] = await desk.rows("select * from mail_pictures where company_id = $1")
    for row in await desk.comments():
        assert re.findall(r'src="cid:([^"]+)"', row["message"]) == [picture["hash"]]


# What comes back -------------------------------------------------------------------------------------------------------------


def bounce(desk, mail, *, to=None, returned=None, status="5.1.1", action="failed", sender="MAILER-DAEMON@mx.example"):
    """What a mail server sends for a message of ours; `to`: its envelope's sender, unless that is said otherwise."""
    text = (MAIL / "bounce-postfix.eml").read_bytes().decode()
    found = re.search(r"Message-ID: <([^>]+)>\r\nSubject: x", text)[1]
    text = text.replace(found, returned or str(mail.message["message-id"]).strip("<>")).replace("5.1.1", status)
    text = text.replace("Action: failed", f"Action: {action}").replace("MAILER-DAEMON@mx.example", sender)
    desk.deliver(text.encode(), sender="", recipient=to or mail.sender)


async def test_a_bounce_fails_its_message_and_makes_no_ticket(desk, smtp):
    _, state = await desk.write("dana@client.example", "Order 5", "Hello")
    assert state == "sent"
    bounce(desk, smtp.mails[-1])
    async with desk.listening():
        [row] = await desk.settled(1)
        states = await until(lambda: _failed(desk))
    assert row["state"] == "parsed"
    assert states[0][1].startswith("dana@client.example: 550 5.1.1")
    assert len(await desk.tickets()) == 1


async def _failed(desk):
    states = await desk.states()
    return states if states[-1][0] == "failed" else None


async def test_a_bounce_is_known_by_what_it_returns(desk, smtp):
    await desk.write("dana@client.example", "Order 5", "Hello")
    bounce(desk, smtp.mails[-1], to=desk.address)
    async with desk.listening():
        await desk.settled(1)
    assert [state for state, _ in await desk.states()] == ["failed"]


async def test_a_delay_a_copys_bounce_and_a_strangers_change_nothing(desk, smtp):
    await desk.write("boss@client.example", "Order 5", "Hello")
    ticket = (await desk.tickets())[0]["id"]
    await desk.answer(ticket, "Copy", cc=("dana@client.example",))
    bounce(desk, smtp.mails[0], action="delayed", status="4.4.1")
    bounce(desk, smtp.mails[1], sender="mailer-daemon@other.example")  # of dana@client.example, who got a copy
    bounce(desk, smtp.mails[0], to=desk.address, returned="stranger@elsewhere.example", sender="postmaster@x.example")
    async with desk.listening():
        rows = await desk.settled(3)
    assert [row["state"] for row in rows] == ["ignored"] * 3
    assert "copy" in rows[1]["reason"]
    assert [state for state, _ in await desk.states()] == ["sent", "sent"]
    assert len(await desk.tickets()) == 1


async def test_a_receipt_says_that_it_was_read(desk, smtp):
    await desk.write("dana@client.example", "Order 5", "Hello")
    text = (MAIL / "receipt-opened.eml").read_bytes().decode()
    own = str(smtp.mails[-1].message["message-id"]).strip("<>")
    desk.deliver(re.sub(r"Original-Message-ID: <[^>]+>", f"Original-Message-ID: <{own}>", text).encode())
    async with desk.listening():
        await desk.settled(1)
    assert [state for state, _ in await desk.states()] == ["read"]


async def test_an_automatic_answer_is_kept_in_its_ticket_or_left_out(desk, smtp):
    ticket_id, _ = await desk.write("dana@client.example", "Order 5", "Hello")
    await desk.answer(ticket_id, "We have got it", author="trigger", agent_id=None)
    person, automatic = (str(mail.message["message-id"]) for mail in smtp.mails)
    assert smtp.mails[1].sender == ""
    for number, answered in enumerate((person, automatic, "<nobody@knows.example>")):
        extra = f"Auto-Submitted: auto-replied\nIn-Reply-To: {answered}\n"
        desk.deliver(raw(f"Away {number}", message_id=f"{number}@client.example", extra=extra))
    async with desk.listening():
        rows = await desk.settled(3)
    assert [row["state"] for row in rows] == ["parsed", "ignored", "ignored"]
    assert [row["message"] for row in await desk.comments()] == ["Hello", "We have got it", "Away 0"]
    assert len(await desk.tickets()) == 1


async def test_our_own_message_that_comes_back_is_no_ticket(desk, smtp):
    await desk.write("dana@client.example", "Order 5", "Hello")
    desk.deliver(smtp.mails[-1].raw)
    async with desk.listening():
        [row] = await desk.settled(1)
    assert (row["state"], row["reason"]) == ("ignored", "our own message")


async def test_our_own_message_with_another_id_is_still_ours(desk, smtp):
    await desk.write("dana@client.example", "Order 5", "Hello")
    desk.deliver(re.sub(rb"(?m)^Message-ID: .*\r$", b"Message-ID: <0100@relay.example>\r", smtp.mails[-1].raw))
    async with desk.listening():
        [row] = await desk.settled(1)
    assert (row["state"], row["reason"]) == ("ignored", "our own message")


async def test_a_machine_that_answers_all_the_time_is_cut_off(house, conn, dovecot, smtp):
    desk = await mail_desk(house, conn, dovecot, smtp, automatic=3)
    await desk.write("monitor@ops.example", "Disk", "What is it about?")
    answered = f"In-Reply-To: {smtp.mails[-1].message['message-id']}\nAuto-Submitted: auto-generated\n"
    for number in range(5):
        desk.deliver(raw(sender="monitor@ops.example", message_id=f"{number}@ops.example", extra=answered))
    async with desk.listening():
        rows = await desk.settled(5)
    assert [row["state"] for row in rows] == ["parsed"] * 3 + ["ignored"] * 2
    assert len(await desk.comments()) == 1 + 3


async def test_notices_that_answer_nothing_are_all_taken(house, conn, dovecot, smtp):
    """A shop's orders come by mail, a hundred an hour, and each is a ticket."""
    desk = await mail_desk(house, conn, dovecot, smtp, automatic=3)
    for number in range(5):
        extra = "Auto-Submitted: auto-generated\n"
        desk.deliver(raw(sender="orders@shop.example", message_id=f"{number}@shop.example", extra=extra))
    async with desk.listening():
        await desk.settled(5)
    assert len(await desk.tickets()) == 5


async def test_two_desks_that_answer_each_other_stop_by_themselves(house, conn, dovecot, smtp):
    """Each answers every message by a rule that asks nothing: the second automatic answer is recognised and left out."""
    one, two = [await mail_desk(house, conn, dovecot, smtp) for _ in range(2)]
    smtp.deliver = delivering(dovecot, {desk.account: desk.account for desk in (one, two)}.get)
    async with one.listening(), two.listening():
        await one.write(two.address, "Round and round", "Is anybody there?")
        answered: set[int] = set()
        await until(lambda: _ends_with(one, two, answered, "an automatic answer to an automatic message"))
    assert len(smtp.mails) == 3  # the message, its automatic answer, and the answer to that, which nobody answers
    assert [len(await desk.tickets()) for desk in (one, two)] == [1, 1]


async def _ends_with(one, two, answered, reason):
    for desk in (one, two):
        await _answer_all(desk, answered)
    rows = await two.rows("select reason from mail_messages where company_id = $1 and state = 'ignored'")
    return [row["reason"] for row in rows] == [reason]


async def test_a_loop_whose_other_side_says_nothing_of_itself_is_braked(house, conn, dovecot, smtp):
    """On the way all signs are taken away: what is left is how often it happens."""
    one, two = [await mail_desk(house, conn, dovecot, smtp, automatic=4) for _ in range(2)]
    into = delivering(dovecot, {desk.account: desk.account for desk in (one, two)}.get)
    signs = re.compile(rb"(?im)^(?:auto-submitted|x-auto-response-suppress|x-pult-instance):.*\r\n")
    smtp.deliver = lambda mail: into(replace(mail, raw=signs.sub(b"", mail.raw), sender="somebody@desk.example"))
    async with one.listening(), two.listening():
        await one.write(two.address, "Round and round", "Is anybody there?")
        answered: set[int] = set()
        await until(lambda: _refused(one, two, answered), within=90)
    assert len(smtp.mails) == 1 + 4 + 4
    assert [len(await desk.tickets()) for desk in (one, two)] == [1, 1]


async def _refused(one, two, answered):
    for desk in (one, two):
        if await _answer_all(desk, answered):
            assert (await desk.states())[-1] == ("failed", "more than 4 automatic messages in an hour")
            return True
    return False


async def _answer_all(desk, answered: set[int]) -> int:
    """A rule that answers whatever came, blind to who wrote it; how many of its answers were refused."""
    refused = 0
    for row in await desk.comments():
        if row["author"] == "client" and row["id"] not in answered:
            answered.add(row["id"])
            refused += (
                await desk.answer(row["ticket_id"], "We have got it", author="trigger", agent_id=None) == "failed"
            )
    return refused
