"""A message as it came, taken apart. Nothing in it is trusted to be what it says: what is broken is read as far as it goes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import compat32
from email.utils import getaddresses, parsedate_to_datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from pult.channels.mail_parts import Parts, taken_apart
from pult.channels.mail_text import header_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from email.message import Message

HEAD_END: Final = re.compile(rb"\r?\n\r?\n|\r\r")
ID: Final = re.compile(r"<\s*([^<>\s]{1,500})\s*>")
BARE_ID: Final = re.compile(r"[^<>\s,;]{1,250}@[^<>\s,;]{1,250}")
_ATOM: Final = '[^\\s<>@,;:"()\\[\\]\\\\\ud800-\udfff\x00-\x1f\x7f]'
ADDRESS: Final = re.compile(f"{_ATOM}{{1,64}}@{_ATOM}{{1,253}}")
WRITTEN: Final = (b"from", b"subject", b"date")  # what copies of a message have in common, whichever way they came
ENVELOPE: Final = ("to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-delivered-to", "x-envelope-to")
LONGEST_SUBJECT: Final = 500


@dataclass(frozen=True, slots=True)
class Person:
    """An address in lower case, and the name beside it."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A message that was read. Ids stand without brackets, `references` oldest first; `at` None where no date is to be had.

    `fields`: all header fields by their names in lower case, readable.
    """

    message_id: str | None
    in_reply_to: Sequence[str]
    references: Sequence[str]
    sender: Person | None
    reply_to: Person | None
    to: Sequence[Person]
    cc: Sequence[Person]
    recipients: Sequence[str]
    subject: str
    at: datetime | None
    parts: Parts
    message: Message
    fields: dict[str, list[str]] = field(default_factory=dict)

    def first(self, name: str) -> str:
        """The first header field of that name; "" where there is none."""
        return next(iter(self.fields.get(name, ())), "")

    @property
    def answers(self) -> list[str]:
        """The ids that it answers, the nearest first."""
        return list(dict.fromkeys([*self.in_reply_to, *reversed(self.references)]))


def read(raw: bytes) -> ReadMail:
    """The message in these bytes."""
    message = message_from_bytes(raw, policy=compat32)
    raw_fields: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        raw_fields.setdefault(name.lower(), []).append(str(value))
    fields = {name: [header_text(value) for value in values] for name, values in raw_fields.items()}
    people = {name: _people(raw_fields.get(name, ())) for name in ("from", "sender", "reply-to", *ENVELOPE)}
    senders = people["from"] or people["sender"]
    ids = _ids(fields.get("message-id", ()))
    return ReadMail(
        message_id=ids[0] if ids else None,
        in_reply_to=_ids(fields.get("in-reply-to", ())),
        references=_ids(fields.get("references", ())),
        sender=senders[0] if senders else None,
        reply_to=next(iter(people["reply-to"]), None),
        to=people["to"],
        cc=people["cc"],
        recipients=[one.address for name in ENVELOPE for one in people[name]],
        subject=next(iter(fields.get("subject", ())), "")[:LONGEST_SUBJECT],
        at=_date(next(iter(fields.get("date", ())), "")),
        parts=taken_apart(message),
        message=message,
        fields=fields,
    )


def message_id_of(raw: bytes) -> str | None:
    """The id of a message, found without taking it apart."""
    found = _ids([header_text(_field(raw, b"message-id").decode("ascii", "surrogateescape"))])
    return found[0] if found else None


def hash_of(raw: bytes) -> str:
    """What tells two messages apart that have the same id, or none: a digest of what somebody wrote."""
    digest = sha256()
    for name in WRITTEN:
        digest.update(b" ".join(_field(raw, name).split()) + b"\n")
    end = HEAD_END.search(raw)
    body = raw[end.end() :] if end else b""
    digest.update(body.replace(b"\r\n", b"\n").rstrip())
    return digest.hexdigest()


def guessed_sender(raw: bytes) -> str | None:
    """An address out of the From field of a message that could not be read."""
    found = ADDRESS.search(_field(raw, b"from").decode("ascii", "replace"))
    return found[0].lower() if found else None


def _field(raw: bytes, name: bytes) -> bytes:
    """The value of a header field, folded as it is."""
    end = HEAD_END.search(raw)
    head = raw[: end.start()] if end else raw[:65536]
    found = re.search(rb"(?im)^" + name + rb"[ \t]*:((?:.*(?:\r?\n|\r)[ \t])*.*)", head)
    return found[1].strip() if found else b""


def _ids(values: Sequence[str]) -> list[str]:
    """Message ids in order; those without brackets too, which some programs write. Never an empty one."""
    found = []
    for value in values:
        found += [one for one in ID.findall(value) if one != "@"] or BARE_ID.findall(value)
    return list(dict.fromkeys(one[:250] for one in found))


def _people(values: Sequence[str]) -> list[Person]:
    """The addresses of fields as they came: an encoded name may hold what would end it."""
    found = []
    for value in values:
        try:
            pairs = getaddresses([" ".join(value.split())])
        except (ValueError, IndexError, AttributeError, TypeError):
            pairs = []
        sound = [Person(address.lower(), _name(name)) for name, address in pairs if ADDRESS.fullmatch(address)]
        found += sound or [Person(one.lower()) for one in ADDRESS.findall(value)]
    return list({one.address: one for one in reversed(found)}.values())[::-1]


def _name(name: str) -> str:
    return header_text(name).strip(" '\"")[:128]


def _date(value: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(value)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if 1980 < found.year < 2200 else None
