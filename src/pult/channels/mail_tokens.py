"""What we write into a message's addresses so that whatever comes back says what it is about, and nobody else can write it.

A message's id is `ticket.comment.random` with a signature, `support+r17-…@` the address for replies, `support+bd-1-17-…@` the
one for bounces. Signatures count for one channel: two desks, or two channels, that write to each other do not mix theirs up.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

MESSAGE_ID: Final = re.compile(r"([0-9]{1,10})\.([0-9]{1,19})\.([am])([0-9a-f]{12})([0-9a-f]{16})@", re.IGNORECASE)
REPLY: Final = re.compile(r"[+-]r([0-9]{1,10})-([0-9a-f]{16})\Z")
BOUNCE: Final = re.compile(r"[+-]b([a-z0-9-]{1,50})-([0-9a-f]{12})\Z")
TAG: Final = re.compile(r"\[#([0-9]{1,10})\]")
LONGEST_LOCAL: Final = 64  # characters before the @ (RFC 5321)


@dataclass(frozen=True, slots=True)
class Token:
    """What the id of a message of ours says. `automatic`: no person wrote it."""

    ticket_id: int
    comment_id: int
    automatic: bool


class Tokens:
    """Makes and reads them for one channel. `address`: the channel's own, its domain already in ASCII."""

    def __init__(self, secret: bytes, company_id: int, channel_id: int, address: str) -> None:
        self._secret, self._scope = secret, f"mail:{company_id}:{channel_id}"
        self.address = address
        self.local, _, self.domain = address.rpartition("@")
        self.instance = hmac.new(secret, b"mail instance", sha256).hexdigest()[:16]

    def message_id(self, ticket_id: int, comment_id: int, own_id: str, *, automatic: bool) -> str:
        """The id, without brackets, of the message that the desk calls `own_id`: the same in each attempt."""
        body = f"{ticket_id}.{comment_id}.{'a' if automatic else 'm'}{self._sign('random', own_id, 12)}"
        return f"{body}{self._sign('message', body, 16)}@{self.domain}"

    def of_message_id(self, message_id: str) -> Token | None:
        """What an id of ours says; None where it is none."""
        found = MESSAGE_ID.match(message_id)
        if found is None:
            return None
        ticket, comment, kind, random, tag = (part.lower() for part in found.groups())
        if not hmac.compare_digest(self._sign("message", f"{ticket}.{comment}.{kind}{random}", 16), tag):
            return None
        return Token(int(ticket), int(comment), automatic=kind == "a")

    def own_in(self, text: str) -> list[str]:
        """The ids of ours that stand anywhere in a text, without brackets."""
        found = (match.group() + self.domain for match in MESSAGE_ID.finditer(text))
        return list(dict.fromkeys(one for one in found if self.of_message_id(one)))

    def reply_address(self, ticket_id: int) -> str | None:
        """Where answers to this ticket may go; None where it would be too long."""
        return self._extended(f"r{ticket_id}-{self._sign('reply', str(ticket_id), 16)}")

    def ticket_of(self, address: str) -> int | None:
        """The ticket of a reply address of ours."""
        found = REPLY.search(address.rpartition("@")[0].lower())
        if found is None or not hmac.compare_digest(self._sign("reply", found[1], 16), found[2]):
            return None
        return int(found[1])

    def bounce_address(self, own_id: str) -> str | None:
        """Where it is said that this message could not be delivered; None where it would be too long."""
        return self._extended(f"b{own_id.lower()}-{self._sign('bounce', own_id.lower(), 12)}")

    def own_id_of(self, address: str) -> str | None:
        """The message that a bounce address of ours is about."""
        found = BOUNCE.search(address.rpartition("@")[0].lower())
        if found is None or not hmac.compare_digest(self._sign("bounce", found[1], 12), found[2]):
            return None
        return found[1]

    def is_ours(self, address: str) -> bool:
        """Whether mail to this address comes to this channel by our own doing."""
        plain = address.lower() == self.address.lower()
        return plain or self.ticket_of(address) is not None or self.own_id_of(address) is not None

    def _extended(self, extension: str) -> str | None:
        local = f"{self.local}{'-' if '+' in self.local else '+'}{extension}"
        return f"{local}@{self.domain}" if len(local) <= LONGEST_LOCAL else None

    def _sign(self, kind: str, text: str, length: int) -> str:
        return hmac.new(self._secret, f"{self._scope}:{kind}:{text}".encode(), sha256).hexdigest()[:length]
