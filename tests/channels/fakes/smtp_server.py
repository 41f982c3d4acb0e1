"""A mail server on loopback, aiosmtpd underneath, that takes only what every mail server takes and misbehaves on demand."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from .strict import Fault

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from email.message import EmailMessage

SAID = {
    Fault.TOO_MANY: "450 4.7.1 too many messages, try again later",
    Fault.TOO_MANY_WAIT: "451 4.7.1 greylisted, try again later",
    Fault.UNAVAILABLE: "421 4.3.2 shutting down",
    Fault.BROKEN_BEFORE: "554 5.3.0 cannot store the message",
    Fault.GATEWAY: "502 5.5.1 not implemented",
}


@dataclass(frozen=True)
class Mailed:
    """A message that the server took."""

    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=default)


@dataclass
class StrictSmtp:
    """`refused`: addresses that it does not know, with what it says; `only_sender`: the one address it lets write."""

    accepted: list[dict[str, Any]] = field(default_factory=list)
    mails: list[Mailed] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)
    refused: dict[str, str] = field(default_factory=dict)
    only_sender: str | None = None
    user: str | None = "support"
    password: str = "secret"
    limit: int = 30_000_000
    port: int = 0
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    deliver: Callable[[Mailed], None] | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _sessions: set[Any] = field(default_factory=set)

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._protocol, "127.0.0.1", self.port, ssl=self.tls if self.implicit else None
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Connections are refused from now on; `start` again takes the same port."""
        if self._server is not None:
            self._server.close()
            for session in list(self._sessions):
                if session.transport is not None:
                    session.transport.abort()
            self._server = None

    async def hang_up(self) -> None:
        """`stop`, and until every open connection is gone."""
        await self.stop()
        async with asyncio.timeout(10):
            while self._sessions:
                await asyncio.sleep(0.01)

    async def wait_for(self, count: int, within: float = 20.0) -> None:
        """Until so many messages were taken."""
        async with asyncio.timeout(within):
            while len(self.mails) < count:
                self.arrived.clear()
                await self.arrived.wait()

    def _protocol(self) -> SMTP:
        secured = {} if self.implicit or self.tls is None else {"tls_context": self.tls}
        made = _Session(
            self,
            hostname="mx.example",
            authenticator=self._authenticate,
            auth_required=self.user is not None,
            auth_require_tls=False,
            data_size_limit=self.limit,
            enable_SMTPUTF8=False,
            **secured,
        )
        made.fake = self
        self._sessions.add(made)
        return made

    def _authenticate(self, server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        if self.faults and self.faults[0] is Fault.UNAUTHORISED:
            self.faults.popleft()
            server.revoked = True  # by whatever way the client signs in
        if server.revoked:
            return AuthResult(success=False, handled=False)
        good = (data.login.decode(), data.password.decode()) == (self.user, self.password)
        return AuthResult(success=good, handled=False)

    async def handle_MAIL(self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]):  # noqa: N802  # aiosmtpd's name
        if self.only_sender is not None and address != self.only_sender:
            return "553 5.7.1 Sender address rejected: not owned by auth user"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ):
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        raw = envelope.original_content or b""
        wrong = deviation(raw)
        if wrong:
            return f"554 5.6.0 {wrong}"
        fault = self.faults.popleft() if self.faults else None
        if fault in SAID:
            return SAID[fault]
        mailed = Mailed((envelope.mail_from or "").strip("<>"), list(envelope.rcpt_tos), raw)
        self.mails.append(mailed)
        self.accepted.append({"to": mailed.recipients, "id": mailed.message["message-id"]})
        if self.deliver is not None:
            self.deliver(mailed)
        self.arrived.set()
        if fault is Fault.CUT_AFTER:
            server.transport.abort()
        return {Fault.BROKEN_AFTER: "!!! crashed", Fault.HTML: "<html><body>OK</body></html>"}.get(
            fault, "250 2.0.0 Ok"
        )


class _Session(SMTP):
    """One client's conversation."""

    fake: StrictSmtp
    revoked = False

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802  # aiosmtpd's name
        if self.fake.faults and self.fake.faults[0] is Fault.CUT_BEFORE:
            self.fake.faults.popleft()
            self.transport.abort()
            return
        await super().smtp_DATA(arg)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.fake._sessions.discard(self)


BROKEN_BYTES = {
    "eight-bit content without 8BITMIME": rb"[\x80-\xff]",
    "a line that does not end in CRLF": rb"(?<!\r)\n|\r(?!\n)",
    "a zero byte": rb"\x00",
    "a line longer than 998 characters": rb"[^\r\n]{999}",
}


def deviation(raw: bytes) -> str:
    """What is wrong with a message by RFC 5321 and 5322; "" where nothing is."""
    wrong = [what for what, pattern in BROKEN_BYTES.items() if re.search(pattern, raw)]
    message = message_from_bytes(raw, policy=default)
    wrong += [f"broken: {type(defect).__name__}" for part in message.walk() for defect in part.defects]
    for name in ("From", "To", "Date", "Message-ID", "Subject", "MIME-Version"):
        if (found := len(message.get_all(name, []))) != 1:
            wrong.append(f"{found} fields {name}")
    for name in ("From", "To", "Cc", "Reply-To"):
        if message[name] is not None and message[name].defects:
            wrong.append(f"broken {name}")
    if "Bcc" in message:
        wrong.append("everybody sees Bcc")
    return ", ".join(wrong)
