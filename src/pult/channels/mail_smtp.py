"""One message over SMTP, with the one moment in view after which nobody can say that it was not sent: the final dot."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import TYPE_CHECKING, Final

import aiosmtplib

from pult.kit.http_out import NotSent, PrivateAddress
from pult.messaging.contract import SendError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from pult.channels.mail_out import Draft
    from pult.channels.mail_settings import MailServer
    from pult.kit.http_out import PrivateNetworks
    from pult.messaging.contract import Sending

CONNECT_WITHIN: Final = 15.0  # seconds
ANSWER_WITHIN: Final = 60.0
TAKEN_WITHIN: Final = 120.0  # from the final dot to the answer: servers look for viruses in between
IMPLICIT: Final = frozenset({465, 993})  # ports on which everything is encrypted from the first byte
BUSY: Final = 421
SHOWN: Final = 500


class Smtp:
    """A channel's way to its server. `domain`: how we introduce ourselves."""

    def __init__(self, server: MailServer, networks: PrivateNetworks, domain: str) -> None:
        self._server, self._networks, self._domain = server, networks, domain
        self._plain_only = False  # the server refused another sender than the channel's own

    async def send(self, draft: Draft, sending: Sending) -> list[str]:
        """Send it; what people should know although it was sent, one line for each copy that was refused. SendError."""
        async with self.connected() as smtp:
            _check_size(smtp, draft)
            refused = await self._envelope(smtp, draft)
            await _content(smtp, draft)
            await sending.begin()
            await _final_dot(smtp)
            await sending.sent("text", draft.message_id)
        return refused

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """A connection, encrypted and signed in as the settings say. SendError."""
        smtp = await self._connect()
        try:
            await self._sign_in(smtp)
            yield smtp
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await smtp.quit(timeout=5)
        finally:
            smtp.close()

    async def accepts(self, smtp: aiosmtplib.SMTP, sender: str, recipient: str) -> bool:
        """Whether the server would take mail for the recipient; nothing is sent."""
        try:
            await smtp.mail(sender)
            await smtp.rcpt(recipient)
            await smtp.rset()
        except aiosmtplib.SMTPResponseException:
            return False
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _unsent(error) from error
        return True

    async def _connect(self) -> aiosmtplib.SMTP:
        server = self._server
        implicit = server.tls is not False and server.port in IMPLICIT
        starttls = False if implicit or server.tls is False else server.tls
        try:
            smtp = aiosmtplib.SMTP(
                hostname=server.host,  # whom the certificate has to name; what is dialled is the socket's address
                sock=await dialled(self._networks, server.host, server.port),
                local_hostname=self._domain,
                use_tls=implicit,
                start_tls=starttls,
                timeout=ANSWER_WITHIN,
            )
            await smtp.connect(timeout=CONNECT_WITHIN)
        except PrivateAddress as error:
            raise SendError("private_address", str(error)) from error
        except (NotSent, aiosmtplib.SMTPException, OSError) as error:
            raise _unsent(error) from error
        return smtp

    async def _sign_in(self, smtp: aiosmtplib.SMTP) -> None:
        if self._server.user is None:
            return
        if self._server.tls is None and smtp.get_transport_info("sslcontext") is None:
            raise SendError(
                "not_encrypted", "the server offers no encryption for the password; `tls = false` sends it all the same"
            )
        try:
            await smtp.login(self._server.user, self._server.password or "")
        except aiosmtplib.SMTPAuthenticationError as error:
            raise _refused(error.code, f"user or password refused: {error.message}") from error
        except (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError) as error:
            raise _unsent(error) from error
        except aiosmtplib.SMTPException as error:
            raise SendError("no_login", str(error)[:SHOWN]) from error

    async def _envelope(self, smtp: aiosmtplib.SMTP, draft: Draft) -> list[str]:
        """Sender and recipients; which copies were refused."""
        try:
            await self._sender(smtp, draft)
            await smtp.rcpt(draft.recipients[0])
            refused = await _copies(smtp, draft.recipients[1:])
            data = await smtp.execute_command(b"DATA")
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(error.code, error.message) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _unsent(error) from error
        if data.code != 354:
            raise _refused(data.code, data.message)
        return refused

    async def _sender(self, smtp: aiosmtplib.SMTP, draft: Draft) -> None:
        """Mail servers of the public kind take only the account's own address, not even none: then bounces come there."""
        special = draft.sender != draft.plain_sender
        if special and not self._plain_only:
            try:
                await smtp.mail(draft.sender)
            except aiosmtplib.SMTPSenderRefused as error:
                if error.code < 500:
                    raise
                self._plain_only = True
                await smtp.rset()
            else:
                return
        await smtp.mail(draft.plain_sender)


async def dialled(networks: PrivateNetworks, host: str, port: int) -> socket.socket:
    """A connection to an address of the host that may be dialled. NotSent, PrivateAddress, OSError."""
    address = await networks.resolve(host, port)
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setblocking(False)  # noqa: FBT003  # the standard library's signature
    try:
        async with asyncio.timeout(CONNECT_WITHIN):
            await loop.sock_connect(made, (address, port))
    except BaseException:
        made.close()
        raise
    return made


def _check_size(smtp: aiosmtplib.SMTP, draft: Draft) -> None:
    limit = smtp.esmtp_extensions.get("size", "")
    if limit.isdigit() and 0 < int(limit) < draft.size:
        raise SendError("too_large", f"the server takes messages of at most {int(limit) / 1e6:.1f} MB")


async def _copies(smtp: aiosmtplib.SMTP, recipients: Sequence[str]) -> list[str]:
    refused = []
    for recipient in recipients:
        try:
            await smtp.rcpt(recipient)
        except aiosmtplib.SMTPRecipientRefused as error:
            if error.code == BUSY:
                raise
            refused.append(f"the copy to {recipient} was refused: {error.code} {_shown(error.message)}")
    return refused


async def _content(smtp: aiosmtplib.SMTP, draft: Draft) -> None:
    """Everything but the final dot: a server that is cut off here forgets it all."""
    protocol = smtp.protocol
    assert protocol is not None
    try:
        async for chunk in draft.chunks():
            protocol.write(chunk)
            async with asyncio.timeout(ANSWER_WITHIN):
                await protocol._drain_helper()  # noqa: SLF001  # there is no public way to wait until it has left
    except SendError:
        raise
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _unsent(error) from error


async def _final_dot(smtp: aiosmtplib.SMTP) -> None:
    if not smtp.is_connected:
        raise SendError("unreachable", "the connection broke before the message was whole", retry=True)
    try:
        answer = await smtp.execute_command(b".", timeout=TAKEN_WITHIN)
    except aiosmtplib.SMTPServerDisconnected as error:
        raise SendError("no_answer", "the connection broke after the message", maybe_sent=True) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise SendError("no_answer", "no sensible answer came after the message", maybe_sent=True) from error
    if not 200 <= answer.code < 600 or 300 <= answer.code < 400:
        raise SendError("no_answer", f"the server said {answer.code}, which is no answer", maybe_sent=True)
    if answer.code >= 300:
        raise _refused(answer.code, answer.message)


def _refused(code: int, message: str) -> SendError:
    """The server's word: 4xx may be tried again, 5xx not. What is neither is no word at all."""
    return SendError(str(code), _shown(message), retry=not 500 <= code < 600)


def _unsent(error: Exception) -> SendError:
    """Nothing was sent, for certain. What the server said counts; everything else may be tried again."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _refused(error.code, error.message)
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return SendError("unreachable", f"the certificate is not good: {found.verify_message}", retry=True)
        found = found.__cause__ or found.__context__
    if isinstance(error, TimeoutError | aiosmtplib.SMTPTimeoutError):
        return SendError("unreachable", "the mail server did not answer in time", retry=True)
    if isinstance(error, aiosmtplib.SMTPException) and "STARTTLS" in str(error):
        return SendError("not_encrypted", "the server offers no encryption, which the settings ask for")
    return SendError("unreachable", _shown(str(error) or type(error).__name__), retry=True)


def _shown(message: str) -> str:
    return " ".join(message.encode("utf-8", "replace").decode().split())[:SHOWN]
