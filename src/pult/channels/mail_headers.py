"""Header fields of outgoing mail, written so that no value can end its line, in any alphabet."""

from __future__ import annotations

import re
from email.header import Header
from typing import TYPE_CHECKING, Final

from pult.messaging.contract import SendError

if TYPE_CHECKING:
    from collections.abc import Iterable

WIDTH: Final = 76
LONGEST_WORD: Final = 200  # ASCII characters without a space; longer ones are encoded, which can be folded anywhere
LONGEST_NAME: Final = 128
REFERENCES: Final = 10  # the newest of them, behind the first
CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+\Z")
SAFE_ID: Final = re.compile(r"[!-;=?-~]{1,240}\Z")  # visible ASCII without angle brackets
LOCAL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}\Z")
DOMAIN: Final = re.compile(r"[A-Za-z0-9._-]{1,253}\Z|\[[0-9A-Fa-f.:IPv]+\]\Z")


def text(name: str, value: str) -> str:
    """A header field of free text, folded, ending in CRLF."""
    return f"{name}: {_words(value, len(name) + 2)}\r\n"


def word(name: str, value: str) -> str:
    """A header field whose value we made ourselves out of ASCII."""
    assert value.isascii()
    assert not CONTROLS.search(value)
    return f"{name}: {value}\r\n"


def mailboxes(name: str, people: Iterable[tuple[str, str]]) -> str:
    """A header field of people, each (name, address) on a line of its own."""
    return f"{name}: " + ",\r\n ".join(_mailbox(*person) for person in people) + "\r\n"


def ids(name: str, message_ids: Iterable[str]) -> str:
    """A header field of message ids, each on a line of its own; those that cannot be written are left out."""
    safe = [f"<{one}>" for one in message_ids if SAFE_ID.match(one)]
    return f"{name}: " + "\r\n ".join(safe) + "\r\n" if safe else ""


def references(message_ids: Iterable[str]) -> list[str]:
    """The first and the newest of a thread's ids, oldest first: no server takes a line without end."""
    known = list(dict.fromkeys(message_ids))
    return known if len(known) <= REFERENCES + 1 else [known[0], *known[-REFERENCES:]]


def address(given: str) -> str:
    """An address as SMTP takes it, its domain in ASCII. SendError where there is no such address."""
    local, at, domain = given.strip().rpartition("@")
    try:
        ascii_domain = domain if domain.startswith("[") else domain.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_domain = ""
    if not at or not LOCAL.match(local) or not DOMAIN.match(ascii_domain):
        raise SendError("bad_address", "not an e-mail address that can be written to")
    return f"{local}@{ascii_domain}"


def _mailbox(name: str, at: str) -> str:
    name = " ".join(CONTROLS.sub(" ", name).split())[:LONGEST_NAME].strip()
    if not name:
        return at
    if PLAIN_NAME.match(name) and "=?" not in name:
        return f"{name} <{at}>" if len(name) < 60 else f"{name}\r\n <{at}>"
    if name.isascii() and "=?" not in name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"\r\n <{at}>'
    return f"{_encoded(name, 10)}\r\n <{at}>"


def _words(value: str, used: int) -> str:
    value = CONTROLS.sub(" ", value).strip()
    longest = max(map(len, value.split(" ")), default=0)
    if value.isascii() and "=?" not in value and longest <= LONGEST_WORD:
        return _wrapped(value, used)
    return _encoded(value, used)


def _wrapped(value: str, used: int) -> str:
    """Folded before a single space that stands between words, so that unfolding gives the same text."""
    lines, line = [], ""
    for piece in re.split(r"(?<=\S)(?= \S)", value):
        if line and len(line) + len(piece) + used > WIDTH:
            lines.append(line)
            line, used = "", 0
        line += piece
    return "\r\n".join([*lines, line])


def _encoded(value: str, used: int) -> str:
    """RFC 2047 words. No lone half of a character: what cannot be encoded is shown as a question mark."""
    sound = value.encode("utf-8", "replace").decode("utf-8")
    return Header(sound, "utf-8", maxlinelen=WIDTH, header_name="x" * (used - 2)).encode(linesep="\r\n")
