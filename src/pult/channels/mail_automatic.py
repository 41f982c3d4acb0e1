"""Who wrote a message: a person, a program that answers by itself, or one that tells many people something (RFC 3834).

No single sign is enough: of a thousand automatic messages each is missing in most.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pult.channels.mail_in import ReadMail

DAEMON: Final = re.compile(
    r"(mailer-daemon|mailerdaemon|postmaster|mail-daemon|double-bounce|mdaemon|bounces?)([+-].*)?@"
)
NO_REPLY: Final = re.compile(
    r"(no|do-?not|dont|not?)[._-]?(reply|respond|answer)|(^|[._-])(ne-?otvechat|noanswer)", re.IGNORECASE
)
AWAY: Final = re.compile(
    r"^\s*(auto(matic)?[ -]?(reply|response|answer)|out of (the )?office|автоответ|автоматический ответ"
    r"|вне офиса|нет на (рабочем )?месте|abwesenheits)",
    re.IGNORECASE,
)
MANY: Final = ("list-id", "list-unsubscribe", "feedback-id", "x-mailing-list", "list-post")
ANSWERED_BY_ITSELF: Final = ("x-autoreply", "x-autorespond", "x-autoreply-from", "x-mail-autoreply")


class Nature(Enum):
    """What kind of writer a message has."""

    PERSON = "person"
    ANSWER = "automatic answer"  # a program's answer to one message: out of office, we have got your mail
    NOTICE = "automatic"  # anything else that no person wrote for this one reader


def nature(mail: ReadMail, *, own: bool) -> Nature:
    """Whether a person wrote it. `own`: it says that it comes from an address of ours."""
    submitted = re.split(r"[;\s(]", mail.first("auto-submitted").strip().lower())[0]
    precedence = mail.first("precedence").strip().lower()
    if submitted == "auto-replied" or precedence == "auto_reply" or _said(mail, ANSWERED_BY_ITSELF):
        return Nature.ANSWER
    if AWAY.search(mail.subject):
        return Nature.ANSWER
    suppressed = mail.first("x-auto-response-suppress").strip().lower() not in {"", "none"}
    signs = (
        submitted not in {"", "no"},
        precedence in {"bulk", "junk", "list"},
        any(name in mail.fields for name in MANY),
        suppressed,
        null_sender(mail),
        mail.message.get_content_type() == "multipart/report",
        own or by_daemon(mail) or by_nobody(mail),
    )
    return Nature.NOTICE if any(signs) else Nature.PERSON


def null_sender(mail: ReadMail) -> bool:
    """Whether its envelope named nobody to answer to."""
    return mail.first("return-path").replace(" ", "") == "<>"


def by_daemon(mail: ReadMail) -> bool:
    """Whether a mail server wrote it."""
    return mail.sender is not None and DAEMON.match(mail.sender.address) is not None


def by_nobody(mail: ReadMail) -> bool:
    """Whether it comes from an address that reads nothing."""
    return mail.sender is not None and reads_nothing(mail.sender.address)


def reads_nothing(address: str) -> bool:
    """Whether an address says of itself that nobody reads what is sent there."""
    return NO_REPLY.search(address.partition("@")[0]) is not None


def _said(mail: ReadMail, names: tuple[str, ...]) -> bool:
    return any(mail.first(name).strip().lower() not in {"", "no", "false"} for name in names)
