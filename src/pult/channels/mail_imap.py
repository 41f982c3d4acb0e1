"""A folder of a mailbox over IMAP. Everything here blocks: it runs in the thread of its channel (pult.channels.mail_inbox)."""

from __future__ import annotations

import contextlib
import imaplib
import re
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from imap_tools import BaseMailBox
from imap_tools.errors import ImapToolsError

if TYPE_CHECKING:
    from datetime import date

    from pult.channels.mail_settings import MailboxServer

ANSWER_WITHIN: Final = 60.0  # seconds
IMPLICIT_PORT: Final = 993
SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)")
UNREACHABLE: Final = (imaplib.IMAP4.error, ImapToolsError, OSError, ValueError)


class MailboxError(Exception):
    """The mailbox cannot be read; the text says why. `refused`: the server refuses us, and will go on doing so."""

    def __init__(self, text: str, *, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder as it was opened. `next_uid`: what the next message will be numbered, at least."""

    uidvalidity: int
    next_uid: int
    messages: int


class Mailbox:
    """A signed-in connection with an open folder. `address`: the one to dial; the host's name is the certificate's."""

    def __init__(self, server: MailboxServer, address: str) -> None:
        self._server = server
        try:
            self._box = _Box(server, address)
        except UNREACHABLE as error:
            raise _told(error) from error
        try:
            self._sign_in()
            self.opened = self._open()
        except (*UNREACHABLE, MailboxError, KeyError) as error:  # KeyError: a server that does not number its messages
            self.close()
            raise _told(error) from error

    def close(self) -> None:
        """Say goodbye and hang up."""
        with contextlib.suppress(*UNREACHABLE):
            self._box.client.sock.settimeout(5)
            self._box.client.logout()

    def hang_up(self) -> None:
        """From another thread: whoever waits for the server stops waiting."""
        with contextlib.suppress(OSError):
            self._box.client.sock.shutdown(socket.SHUT_RDWR)

    def uids_from(self, first: int) -> list[int]:
        """The numbers of all messages from `first` on."""
        found = self._uids(f"UID {first}:*")
        return [uid for uid in found if uid >= first]  # "5:*" is the last message even where its number is less

    def unread_uids(self) -> list[int]:
        return self._uids("UNSEEN")

    def uids_since(self, day: date) -> list[int]:
        """The numbers of messages that came on this day or later, by the server's clock."""
        return self._uids(f"SINCE {day.day}-{MONTHS[day.month - 1]}-{day.year}")

    def size(self, uid: int) -> int | None:
        """How long a message is, in bytes; None where it is gone."""
        for part in self._fetch(uid, "(RFC822.SIZE)"):
            found = SIZE.search(part if isinstance(part, bytes) else part[0])
            if found:
                return int(found[1])
        return None

    def whole(self, uid: int) -> bytes | None:
        """A message, byte by byte; None where it is gone. It stays unread."""
        return self._part(uid, "(BODY.PEEK[])")

    def head(self, uid: int) -> bytes | None:
        return self._part(uid, "(BODY.PEEK[HEADER])")

    def mark_seen(self, uids: list[int]) -> None:
        try:
            if uids:
                self._box.flag([str(uid) for uid in uids], "\\Seen", True)  # noqa: FBT003  # the library's signature
        except UNREACHABLE as error:
            raise _told(error) from error

    @property
    def idles(self) -> bool:
        return self._server.idle and "IDLE" in self._box.client.capabilities

    def idle(self, seconds: float) -> None:
        """Wait until the server announces something, at most so long."""
        try:
            self._box.idle.wait(timeout=seconds)
        except UNREACHABLE as error:
            raise _told(error) from error

    def _sign_in(self) -> None:
        server, client = self._server, self._box.client
        encrypted = isinstance(client, imaplib.IMAP4_SSL)
        if not encrypted and server.tls is not False:
            if "STARTTLS" in client.capabilities:
                client.starttls(ssl.create_default_context())
            else:
                raise MailboxError(
                    "the server offers no encryption for the password; `tls = false` sends it all the same",
                    refused=True,
                )
        user, password = server.user or "", server.password or ""
        try:
            if (user + password).isascii():
                self._box.login(user, password, initial_folder=None)
            else:
                self._box.login_utf8(user, password, initial_folder=None)
        except (imaplib.IMAP4.abort, OSError):
            raise
        except UNREACHABLE as error:
            raise MailboxError(f"user or password refused: {_words(error)}", refused=True) from error
        kind, found = client.capability()
        if kind == "OK" and found and found[0]:
            client.capabilities = tuple(found[0].decode("ascii", "replace").upper().split())

    def _open(self) -> Opened:
        status = self._box.folder.status(self._server.folder, ["MESSAGES", "UIDNEXT", "UIDVALIDITY"])
        self._box.folder.set(self._server.folder)
        return Opened(status["UIDVALIDITY"], status["UIDNEXT"], status["MESSAGES"])

    def _uids(self, criteria: str) -> list[int]:
        try:
            return sorted(int(uid) for uid in self._box.uids(criteria))
        except UNREACHABLE as error:
            raise _told(error) from error

    def _part(self, uid: int, what: str) -> bytes | None:
        for part in self._fetch(uid, what):
            if isinstance(part, tuple) and len(part) == 2:
                return bytes(part[1])
        return None

    def _fetch(self, uid: int, what: str) -> list[Any]:
        try:
            kind, found = self._box.client.uid("FETCH", str(uid), what)
        except UNREACHABLE as error:
            raise _told(error) from error
        if kind != "OK":
            raise MailboxError(f"the server did not hand out a message: {found!r}"[:200])
        return [part for part in found if part is not None]


MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class _Box(BaseMailBox):
    """The library's mailbox over a connection that we dialled."""

    def __init__(self, server: MailboxServer, address: str) -> None:
        self._server, self._address = server, address
        super().__init__()

    def _get_mailbox_client(self) -> imaplib.IMAP4:
        server = self._server
        if server.port == IMPLICIT_PORT and server.tls is not False:
            return _Encrypted(server.host, server.port, self._address)
        return _Open(server.host, server.port, self._address)


class _Open(imaplib.IMAP4):
    def __init__(self, host: str, port: int, address: str) -> None:
        self._address = address
        super().__init__(host, port, timeout=ANSWER_WITHIN)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        return socket.create_connection((self._address, self.port), timeout)


class _Encrypted(imaplib.IMAP4_SSL):
    def __init__(self, host: str, port: int, address: str) -> None:
        self._address = address
        super().__init__(host, port, ssl_context=ssl.create_default_context(), timeout=ANSWER_WITHIN)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = socket.create_connection((self._address, self.port), timeout)
        encrypted: socket.socket = self.ssl_context.wrap_socket(plain, server_hostname=self.host)
        return encrypted


def _told(error: BaseException) -> MailboxError:
    """The same in our words."""
    if isinstance(error, MailboxError):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        return MailboxError(f"the certificate is not good: {error.verify_message}")
    if isinstance(error, TimeoutError):
        return MailboxError("the server did not answer in time")
    return MailboxError(f"cannot be read: {_words(error)}")


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
