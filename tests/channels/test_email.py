"""E-mail out: what every adapter must do, what SMTP's answers mean, and what a message looks like to its reader."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from dataclasses import replace
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from email.utils import parseaddr
from typing import Any

import pytest
from conformance import Bench, Conformance, Ledger, file
from fakes.smtp_server import StrictSmtp, deviation
from fakes.strict import Fault
from hypothesis import given, settings
from hypothesis import strategies as st

from pult.channels.email import EmailAdapter
from pult.channels.mail_out import Habits, draft
from pult.channels.mail_settings import EmailSettings, MailServer
from pult.channels.mail_tokens import Tokens
from pult.kit.http_out import HttpOut
from pult.messaging.contract import Cap, ChannelRecord, FileOut, Mail, Outgoing, Outside, Recipient, SendError

SECRET = b"s" * 32
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")
MAIL = Mail(subject="Заявка №5", ticket_id=17, comment_id=42, sender_name="Анна")
DANA = Recipient(email="dana@client.example", name="Dana")


@pytest.fixture
async def http():
    out = HttpOut("127.0.0.0/8")
    yield out
    await out.close()


@pytest.fixture
async def server():
    made = StrictSmtp()
    await made.start()
    yield made
    await made.stop()


def adapter(http: HttpOut, server: StrictSmtp, **more: Any) -> EmailAdapter:
    smtp = more.pop("smtp", None) or MailServer(
        host="127.0.0.1", port=server.port, user=server.user, password="secret", tls=False
    )
    record = ChannelRecord(
        company_id=1,
        id=2,
        type="email",
        name="Support",
        email="support@desk.example",
        settings=EmailSettings(smtp=smtp, **more),
        inbound_secret="x",
    )
    return EmailAdapter(record, Outside(http, "https://desk.example", SECRET))


def outgoing(**changes: Any) -> Outgoing:
    """A message to Dana; `mail` and `to` by their own fields."""
    mail = replace(MAIL, **{name: changes.pop(name) for name in list(changes) if hasattr(MAIL, name)})
    return replace(Outgoing(own_id="pult-1-17", to=DANA, text="Привет, Дана", mail=mail), **changes)


async def sent(http: HttpOut, server: StrictSmtp, message: Outgoing, **more: Any):
    await adapter(http, server, **more).send(message, Ledger())
    return server.mails[-1]


def text_of(message) -> str:
    """The text, with the line ends of a program and not of the line."""
    return message.get_body(("plain",)).get_content().replace("\r\n", "\n").rstrip("\n")


class TestEmail(Conformance):
    @pytest.fixture
    async def bench(self, http, server):
        return Bench(server, lambda: adapter(http, server), DANA)

    async def send(self, bench, ledger, outgoing):
        return await super().send(bench, ledger, replace(outgoing, mail=MAIL))

    def judge(self, bench, fault, error):
        """SMTP says clearly what it did not take; only a silence or a babble after the final dot leaves it open."""
        unsure = {Fault.CUT_AFTER, Fault.BROKEN_AFTER, Fault.HTML}
        refused = {Fault.UNAUTHORISED, Fault.BROKEN_BEFORE, Fault.GATEWAY}
        assert error.maybe_sent == (fault in unsure)
        assert error.retry == (fault not in unsure | refused)
        if fault in refused | {Fault.TOO_MANY, Fault.TOO_MANY_WAIT, Fault.UNAVAILABLE}:
            assert error.code.isdigit()
            assert error.text


# The envelope ----------------------------------------------------------------------------------------------------------


async def test_bounces_come_back_to_an_address_of_the_message_alone(http, server):
    mail = await sent(http, server, outgoing())
    tokens = Tokens(SECRET, 1, 2, "support@desk.example")
    assert tokens.own_id_of(mail.sender) == "pult-1-17"
    assert tokens.own_id_of(mail.sender.upper()) == "pult-1-17"  # some servers keep no case
    assert Tokens(SECRET, 1, 3, "support@desk.example").own_id_of(mail.sender) is None
    assert tokens.own_id_of(mail.sender.replace("-17-", "-18-")) is None


async def test_a_server_that_lets_only_its_account_write_gets_that(http, server):
    server.only_sender = "support@desk.example"
    made = adapter(http, server)
    for number in (1, 2):
        await made.send(outgoing(own_id=f"pult-1-{number}"), Ledger())
    await adapter(http, server).send(outgoing(own_id="pult-1-3", automatic=True), Ledger())
    assert [mail.sender for mail in server.mails] == ["support@desk.example"] * 3


async def test_blind_copies_stand_in_the_envelope_alone(http, server):
    mail = await sent(http, server, outgoing(cc=["boss@client.example"], bcc=["hidden@client.example"]))
    assert mail.recipients == ["dana@client.example", "boss@client.example", "hidden@client.example"]
    assert b"hidden" not in mail.raw
    assert str(mail.message["cc"]) == "boss@client.example"


async def test_a_refused_copy_is_told_and_the_rest_is_sent(http, server):
    server.refused["boss@client.example"] = "550 5.1.1 no such user"
    receipt = await adapter(http, server).send(outgoing(cc=["boss@client.example", "c@client.example"]), Ledger())
    assert server.mails[0].recipients == ["dana@client.example", "c@client.example"]
    assert receipt.note == "the copy to boss@client.example was refused: 550 5.1.1 no such user"


async def test_a_copy_for_no_address_is_told_and_the_rest_is_sent(http, server):
    receipt = await adapter(http, server).send(outgoing(cc=["boss", "c@client.example\r\nRCPT TO:<e@v.il>"]), Ledger())
    assert server.mails[0].recipients == ["dana@client.example"]
    assert "no copy went to 'boss'" in receipt.note


@pytest.mark.parametrize(
    ("said", "retry"), [("550 5.1.1 no such user", False), ("450 4.2.0 mailbox busy", True), ("421 4.3.2 bye", True)]
)
async def test_a_refused_client_is_a_failure_with_the_servers_words(http, server, said, retry):
    server.refused[DANA.email] = said
    ledger = Ledger()
    with pytest.raises(SendError) as error:
        await adapter(http, server).send(outgoing(cc=["boss@client.example"]), ledger)
    assert (error.value.code, error.value.text, error.value.retry) == (said[:3], said[4:], retry)
    assert server.mails == []
    assert ledger.began == 0


@pytest.mark.parametrize(
    "to",
    ["", "dana", "dana@", "@client.example", "dana@client.example\r\nBcc: x@y.z", "dana@client example", "дана@x.y"],
)
async def test_an_address_that_is_none_is_refused_before_anything(http, server, to):
    with pytest.raises(SendError) as error:
        await adapter(http, server).send(outgoing(to=Recipient(email=to)), Ledger())
    assert not error.value.retry
    assert server.mails == []


async def test_a_russian_domain_is_dialled_in_ascii(http, server):
    mail = await sent(http, server, outgoing(to=Recipient(email="dana@пример.рф")))
    assert mail.recipients == ["dana@xn--e1afmkfd.xn--p1ai"]


async def test_what_is_too_large_for_the_server_is_not_begun(http, server):
    server.limit = 1000
    with pytest.raises(SendError) as error:
        await adapter(http, server).send(outgoing(files=[file(content=b"x" * 5000)]), Ledger())
    assert error.value.code == "too_large"


# The way -----------------------------------------------------------------------------------------------------------------


async def test_our_own_network_is_not_dialled(server):
    guarded = HttpOut()
    try:
        with pytest.raises(SendError) as error:
            await adapter(guarded, server).send(outgoing(), Ledger())
    finally:
        await guarded.close()
    assert error.value.code == "private_address"
    assert "PULT_ALLOW_PRIVATE" in error.value.text
    assert not error.value.retry


async def test_a_host_that_is_not_there_is_tried_again(http, server):
    smtp = MailServer(host="nowhere.invalid", port=25)
    with pytest.raises(SendError) as error:
        await adapter(http, server, smtp=smtp).send(outgoing(), Ledger())
    assert (error.value.code, error.value.retry) == ("unreachable", True)


async def test_a_server_that_says_nothing_is_left(http, server, monkeypatch):
    monkeypatch.setattr("pult.channels.mail_smtp.CONNECT_WITHIN", 0.2)
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, pytest.raises(SendError) as error:
        smtp = MailServer(host="127.0.0.1", port=silent.getsockname()[1])
        await adapter(http, server, smtp=smtp).send(outgoing(), Ledger())
    assert (error.value.code, error.value.retry) == ("unreachable", True)


async def test_a_password_is_not_said_in_the_open_unless_that_is_wanted(http, server):
    smtp = MailServer(host="127.0.0.1", port=server.port, user="support", password="secret")
    with pytest.raises(SendError) as error:
        await adapter(http, server, smtp=smtp).send(outgoing(), Ledger())
    assert error.value.code == "not_encrypted"


async def test_a_server_without_encryption_that_should_have_it(http, server):
    smtp = MailServer(host="127.0.0.1", port=server.port, user="support", password="secret", tls=True)
    with pytest.raises(SendError) as error:
        await adapter(http, server, smtp=smtp).send(outgoing(), Ledger())
    assert error.value.code == "not_encrypted"


def context(certificate) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*certificate)
    return made


@pytest.mark.parametrize(("implicit", "tls"), [(False, None), (False, True), (True, True)])
async def test_encrypted_for_the_hosts_name(http, certificate, monkeypatch, implicit, tls):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    server = StrictSmtp(tls=context(certificate), implicit=implicit)
    await server.start()
    if implicit:
        monkeypatch.setattr("pult.channels.mail_smtp.IMPLICIT", frozenset({server.port}))
    smtp = MailServer(host="localhost", port=server.port, user="support", password="secret", tls=tls)
    try:
        assert (await sent(http, server, outgoing(), smtp=smtp)).recipients == [DANA.email]
        named = replace_host(smtp, "127.0.0.1")  # the certificate names localhost, not the address
        with pytest.raises(SendError) as error:
            await adapter(http, server, smtp=named).send(outgoing(), Ledger())
    finally:
        await server.stop()
    assert "certificate" in error.value.text
    assert error.value.retry


async def test_a_certificate_that_nobody_vouches_for(http, certificate):
    server = StrictSmtp(tls=context(certificate))
    await server.start()
    smtp = MailServer(host="localhost", port=server.port, user="support", password="secret")
    try:
        with pytest.raises(SendError) as error:
            await adapter(http, server, smtp=smtp).send(outgoing(), Ledger())
    finally:
        await server.stop()
    assert "certificate" in error.value.text


def replace_host(server: MailServer, host: str) -> MailServer:
    return MailServer(host=host, port=server.port, user=server.user, password=server.password, tls=server.tls)


async def test_a_cut_while_the_message_leaves_is_tried_again(http, server):
    """The connection breaks before the final dot: the file cannot be read to its end."""

    async def read():
        async def chunks():
            yield b"x" * 100_000
            await server.hang_up()
            yield b"x" * 100_000

        return chunks()

    ledger = Ledger()
    with pytest.raises(SendError) as error:
        large = FileOut("a.bin", "application/octet-stream", 200_000, read, "")
        await adapter(http, server).send(outgoing(files=[large]), ledger)
    assert error.value.retry
    assert not error.value.maybe_sent
    assert server.mails == []


async def test_a_file_that_got_shorter_is_not_sent(http, server):
    shorter = replace(file(content=b"x" * 10), size=20)
    with pytest.raises(SendError) as error:
        await adapter(http, server).send(outgoing(files=[shorter]), Ledger())
    assert error.value.code == "file_changed"
    assert server.mails == []


async def test_the_desk_gives_up_waiting_only_after_the_dot_began(http, server, monkeypatch):
    monkeypatch.setattr("pult.channels.mail_smtp.TAKEN_WITHIN", 0.2)
    held = asyncio.Event()

    async def hang(*_):
        await held.wait()

    monkeypatch.setattr(StrictSmtp, "handle_DATA", hang)
    with pytest.raises(SendError) as error:
        await adapter(http, server).send(outgoing(), Ledger())
    held.set()
    assert error.value.maybe_sent


# The message -------------------------------------------------------------------------------------------------------------


async def test_a_reader_sees_what_was_written(http, server):
    files = [file("договор.pdf", "application/pdf", b"%PDF" + bytes(range(256)) * 300), file("a.png")]
    message = (await sent(http, server, outgoing(html="<p>Привет, <b>Дана</b></p>", files=files))).message
    assert str(message["subject"]) == "Заявка №5"
    assert str(message["from"]) == "Анна <support@desk.example>"
    assert str(message["to"]) == "Dana <dana@client.example>"
    assert text_of(message) == "Привет, Дана"
    assert "<p>Привет, <b>Дана</b></p>" in message.get_body(("html",)).get_content()
    found = [(part.get_filename(), part.get_content_type(), part.get_content()) for part in message.iter_attachments()]
    assert found == [
        ("договор.pdf", "application/pdf", b"%PDF" + bytes(range(256)) * 300),
        ("a.png", "image/png", b"\x89PNG\r\n\x1a\n0123"),
    ]


async def test_text_without_markup_is_no_html(http, server):
    message = (await sent(http, server, outgoing(html="Привет, Дана"))).message
    assert message.get_content_type() == "text/plain"


@pytest.mark.parametrize(
    "text", [".", "..\n.\n.a", "a\r\n.\r\nb", "x" * 3000, "From me\nto you", "\x00", "", "\udcff?"]
)
async def test_text_that_is_awkward_on_the_line(http, server, text):
    message = (
        await sent(http, server, outgoing(text=text, files=[file("d.txt", "text/plain", b".\r\n.\r\n")]))
    ).message
    expected = text.replace("\r\n", "\n").replace("\x00", "").replace("\udcff", "?")
    assert text_of(message) == expected.rstrip("\n")
    assert next(message.iter_attachments()).get_payload(decode=True) == b".\r\n.\r\n"


async def test_a_thread_is_kept_together(http, server):
    mail = await sent(http, server, outgoing(in_reply_to="second@client.example", references=["first@client.example"]))
    assert str(mail.message["in-reply-to"]) == "<second@client.example>"
    assert str(mail.message["references"]).split() == ["<first@client.example>", "<second@client.example>"]
    assert str(mail.message["subject"]) == "Re: Заявка №5"


async def test_a_long_thread_is_shortened_in_the_middle(http, server):
    ids = [f"{number}@client.example" for number in range(50)]
    mail = await sent(http, server, outgoing(references=ids, in_reply_to=ids[-1]))
    assert str(mail.message["references"]).split() == [f"<{one}>" for one in ["0@client.example", *ids[-10:]]]


async def test_the_id_is_signed_and_the_same_in_each_attempt(http, server):
    made = adapter(http, server)
    server.faults.append(Fault.UNAVAILABLE)
    with pytest.raises(SendError):
        await made.send(outgoing(), Ledger())
    first = await sent(http, server, outgoing())
    again = await sent(http, server, outgoing())
    other = await sent(http, server, outgoing(own_id="pult-1-18"))
    assert first.message["message-id"] == again.message["message-id"] != other.message["message-id"]
    tokens = Tokens(SECRET, 1, 2, "support@desk.example")
    token = tokens.of_message_id(str(first.message["message-id"]).strip("<>"))
    assert (token.ticket_id, token.comment_id, token.automatic) == (17, 42, False)
    assert tokens.ticket_of(first.message["reply-to"].addresses[0].addr_spec) == 17


async def test_without_plus_addressing_everything_comes_to_the_channels_own_address(http, server):
    mail = await sent(http, server, outgoing(), plus_addressing=False)
    assert mail.sender == "support@desk.example"
    assert mail.message["reply-to"] is None


async def test_a_message_that_nobody_wrote_says_so_and_wants_no_answer(http, server):
    mail = await sent(http, server, outgoing(automatic=True))
    assert mail.sender == ""
    assert str(mail.message["auto-submitted"]) == "auto-generated"
    assert str(mail.message["x-auto-response-suppress"]) == "All"
    answer = await sent(http, server, outgoing(automatic=True, in_reply_to="first@client.example"))
    assert str(answer.message["auto-submitted"]) == "auto-replied"
    person = await sent(http, server, outgoing())
    assert person.message["auto-submitted"] is None
    assert mail.message["x-pult-instance"] == person.message["x-pult-instance"]


async def test_the_ticket_in_the_subject_where_that_is_wanted(http, server):
    assert str((await sent(http, server, outgoing(), subject_tag=True)).message["subject"]) == "Заявка №5 [#17]"


@pytest.mark.parametrize(
    "evil", ["x\r\nBcc: evil@x.y", "x\nX-Evil: 1", "x\r\n\r\nbody", "x\x0bX-Evil: 1", "x\u2028X-Evil: 1"]
)
async def test_no_value_begins_a_header_field_of_its_own(http, server, evil):
    message = outgoing(
        subject=evil,
        sender_name=evil,
        in_reply_to=evil,
        references=[evil],
        to=replace(DANA, name=evil),
        files=[file(evil, evil, b"x")],
    )
    found = message_from_bytes((await sent(http, server, message)).raw, policy=default)
    assert found["bcc"] is None
    assert found["x-evil"] is None
    assert "evil" in str(found["subject"]).lower() or "body" in str(found["subject"])
    assert [part.get_content_type() for part in found.walk()][-1] == "application/octet-stream"


# Properties ----------------------------------------------------------------------------------------------------------------

ANY_TEXT = st.text(max_size=200)
THREAD = st.lists(st.tuples(st.text(max_size=30), st.booleans()), max_size=30)


def written(message: Outgoing, thread=(), **habits: Any) -> bytes:
    ready = draft(message, Tokens(SECRET, 1, 2, "support@desk.example"), Habits("Support", **habits), thread)

    async def whole() -> bytes:
        return b"".join([chunk async for chunk in ready.chunks()])

    return re.sub(rb"(?m)^\.\.", b".", asyncio.run(whole()))


def shown(text: str) -> str:
    """A text as a header field can show it: on one line, without half characters."""
    sound = text.encode("utf-8", "replace").decode()
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", sound).split())


@settings(max_examples=200, deadline=None)
@given(ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_anything_can_be_written(subject, name, sender, text):
    message = outgoing(
        subject=subject, to=replace(DANA, name=name), sender_name=sender, text=text, html=f"<p>{text}</p>"
    )
    raw = written(message)
    assert deviation(raw) == ""
    found = message_from_bytes(raw, policy=default)
    assert " ".join(str(found["subject"]).split()) == shown(subject)
    assert [to.addr_spec for to in found["to"].addresses] == [DANA.email]
    # The policy's parser puts a space between the words of an encoded name (RFC 2047 has none there); decode_header does not.
    told = str(make_header(decode_header(parseaddr(message_from_bytes(raw)["to"])[0])))
    assert " ".join(told.split()) == shown(name)[:128].strip()


@settings(max_examples=100, deadline=None)
@given(ANY_TEXT, st.text(max_size=40), st.binary(max_size=300))
def test_any_file_can_be_sent(name, mime, content):
    raw = written(outgoing(files=[file(name, mime, content)]))
    assert deviation(raw) == ""
    [found] = message_from_bytes(raw, policy=default).iter_attachments()
    assert found.get_payload(decode=True) == content


@settings(max_examples=100, deadline=None)
@given(THREAD, st.booleans())
def test_any_thread_can_be_answered(thread, automatic):
    raw = written(outgoing(automatic=automatic), thread)
    assert deviation(raw) == ""
    found = message_from_bytes(raw, policy=default)
    assert len(str(found["references"] or "").split()) <= 12
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))


def test_what_a_channel_can_do_depends_on_its_servers(http):
    record = ChannelRecord(1, 2, "email", "Support", "support@desk.example", EmailSettings(), "x")
    assert Cap.LISTEN not in EmailAdapter(record, Outside(http, "", SECRET)).caps


async def test_a_channel_without_a_server_cannot_send(http):
    record = ChannelRecord(1, 2, "email", "Support", "support@desk.example", EmailSettings(), "x")
    with pytest.raises(SendError) as error:
        await EmailAdapter(record, Outside(http, "", SECRET)).send(outgoing(), Ledger())
    assert error.value.code == "cannot_send"


async def test_checking_says_whether_plus_addresses_arrive(http, server):
    made = adapter(http, server)
    assert [finding.ok for finding in await made.check()] == [True, True, True]
    extended = Tokens(SECRET, 1, 2, "support@desk.example").bounce_address("check")
    server.refused[extended] = "550 5.1.1 no such user"
    findings = await made.check()
    assert [finding.ok for finding in findings] == [True, False, True]
    assert "plus_addressing = false" in findings[1].text
    await server.stop()
    assert not (await made.check())[0].ok
    assert server.mails == []
