"""What a channel of e-mail wants to be told."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from pult.channels.adapting import Host, Number, Port, Text  # noqa: TC001  # msgspec reads the annotations

Seconds = Annotated[float, Meta(ge=1, le=1740)]  # a server may hang up on whoever idles longer (RFC 2177)


class MailServer(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`tls`: encrypted or not; where it is not said, what the port and the server's own offer ask for."""

    host: Host
    port: Port
    user: Text | None = None
    password: Text | None = None
    tls: bool | None = None


class MailboxServer(MailServer, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where mail is fetched. `poll`: seconds after which it is looked at, whether or not the server announced anything.

    `idle`: let the server announce new mail, where it can.
    """

    folder: Text = "INBOX"
    idle: bool = True
    poll: Seconds = 60.0


class EmailSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Without `smtp` the channel cannot send, without `imap` it receives nothing.

    `plus_addressing`: mail to support+anything@… arrives in the mailbox of support@…: replies and bounces get addresses
    of their own. `subject_tag`: write `[#17]` behind the subject. `automatic_per_hour`: messages that no person wrote, to
    one address, from one address and in one ticket.
    """

    default_agent: Text | Number | None = None  # a key in a desk file, an id once stored
    smtp: MailServer | None = None
    imap: MailboxServer | None = None
    sender_name: Text | None = None
    plus_addressing: bool = True
    subject_tag: bool = False
    automatic_per_hour: Annotated[int, Meta(ge=0, le=1000)] = 10
