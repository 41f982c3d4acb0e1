"""What mail servers say of a message of ours: that it could not be delivered, that it was, that somebody opened it.

Which message they mean is known from the address that they wrote to (signed, one for each message), else from what they
return of it; what they mean by it from the machine-readable report (RFC 3464, 3798), else from what flufl.bounce recognises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from typing import TYPE_CHECKING, Final

from flufl.bounce import all_failures

from pult.channels.mail_automatic import by_daemon, null_sender
from pult.channels.mail_in import ID
from pult.channels.mail_parts import content_of
from pult.channels.mail_text import decoded, header_text
from pult.messaging.contract import State

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from pult.channels.mail_in import ReadMail
    from pult.channels.mail_tokens import Tokens

LONGEST_RETURNED: Final = 200_000  # characters of what is looked through for ids of ours
RETURNED: Final = frozenset({"message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/partial"})
STATUS: Final = re.compile(r"\b([245])\.\d{1,3}\.\d{1,3}\b")
SUBJECTS: Final = re.compile(
    r"undeliver|delivery.{0,20}(fail|problem|status|notification)|(mail|message).{0,20}(fail|returned|not delivered)|returned mail"
    r"|failure notice|не ?доставлен|недоставлен|не удалось доставить|ошибка доставки|возврат",
    re.IGNORECASE,
)
STATES: Final = {"failed": State.FAILED, "delivered": State.DELIVERED, "relayed": State.SENT, "expanded": State.SENT}


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a message. `state` None: nothing yet, the servers go on trying.

    `own_id`: what we call the message, `message_ids` what it may be called otherwise. `address`: who did not get it.
    """

    state: State | None
    own_id: str | None
    message_ids: Sequence[str]
    code: str
    text: str
    address: str | None = None


def report(mail: ReadMail, tokens: Tokens) -> Report | None:
    """What the message reports; None where it is no report."""
    kind = mail.message.get_content_type()
    of_kind = str(mail.message.get_param("report-type", "") or "").lower()
    own_id = next((own for one in mail.recipients if (own := tokens.own_id_of(one))), None)
    ids = _returned_ids(mail, tokens)
    if kind == "multipart/report" and of_kind == "disposition-notification":
        return _opened(mail, ids)
    if kind == "multipart/report" and of_kind == "feedback-report":
        return Report(None, own_id, ids, "complaint", "the receiver calls the message unwanted")
    found = _status(mail)
    if found is not None:
        state, code, text, address = found
        return Report(state, own_id, ids, code, text, address)
    if not (by_daemon(mail) or null_sender(mail) or kind == "multipart/report"):
        return None
    temporary, permanent = _recognised(mail.message)
    if not permanent and not temporary and not (SUBJECTS.search(mail.subject) and (own_id or ids)):
        return None
    failed = bool(permanent) or not temporary
    code = found_code[0] if (found_code := STATUS.search(mail.parts.text)) else "bounced"
    address = next(iter(sorted(permanent or temporary)), None)
    return Report(State.FAILED if failed else None, own_id, ids, code, _reason(mail), address)


def _status(mail: ReadMail) -> tuple[State | None, str, str, str | None] | None:
    """The first delivery-status that says something, the worst first."""
    found = []
    for group in _status_groups(mail.message):
        action = _field(group, "action").split(" ")[0].lower()
        if not action:
            continue
        code = status[0] if (status := STATUS.search(_field(group, "status"))) else ""
        words = _after_semicolon(_field(group, "diagnostic-code"))
        address = _after_semicolon(_field(group, "final-recipient") or _field(group, "original-recipient"))
        found.append((STATES.get(action), code or action, words or action, address.strip("<> ").lower() or None))
    found.sort(key=lambda one: one[0] is not State.FAILED)
    return found[0] if found else None


def _status_groups(message: Message) -> Iterator[Message]:
    """The groups of fields of every delivery-status in the message."""
    for part in message.walk():
        if part.get_content_type() not in {"message/delivery-status", "message/global-delivery-status"}:
            continue
        payload = part.get_payload()
        if isinstance(payload, list):
            yield from (group for group in payload if isinstance(group, Message))


def _field(group: Message, name: str) -> str:
    value = group.get(name)
    return header_text(str(value)) if value is not None else ""


def _after_semicolon(value: str) -> str:
    """`rfc822; dana@…`, `smtp; 550 …` without the kind."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and " " not in kind.strip() else value.strip()


def _opened(mail: ReadMail, ids: list[str]) -> Report | None:
    """A receipt that somebody's program sends when a message is opened."""
    for part in mail.message.walk():
        if part.get_content_type() != "message/disposition-notification":
            continue
        text = decoded(content_of(part), None)
        if isinstance(part.get_payload(), list):
            text = "\n".join(str(group) for group in part.get_payload())
        original = re.search(r"(?im)^original-message-id:\s*<([^<>\s]+)>", text)
        shown = re.search(r"(?im)^disposition:.*;\s*displayed", text)
        known = [original[1]] if original else ids
        return Report(State.READ if shown else None, None, known, "opened", "the receiver's program says so")
    return None


def _returned_ids(mail: ReadMail, tokens: Tokens) -> list[str]:
    """The ids of returned messages, those that bear our signature first."""
    ours, others = list(tokens.own_in(" ".join(mail.answers))), list[str]()
    for part in mail.message.walk():
        if part is mail.message or (part.is_multipart() and not part.get_content_type().startswith("message/")):
            continue
        text = _returned_text(part)[:LONGEST_RETURNED]
        ours += tokens.own_in(text)
        if part.get_content_type() in RETURNED:
            found = re.search(r"(?im)^message-id:\s*(?:\r?\n[ \t]+)?" + ID.pattern, text)
            others += [found[1]] if found else []
    if not mail.message.is_multipart():
        ours += tokens.own_in(mail.parts.text[:LONGEST_RETURNED])
    return list(dict.fromkeys([*ours, *others]))


def _returned_text(part: Message) -> str:
    payload = part.get_payload()
    if isinstance(payload, list):
        headers = [child.items() for child in payload if isinstance(child, Message)]
        return "\n".join(f"{name}: {value}" for items in headers for name, value in items)
    return decoded(content_of(part), None) if part.get_content_maintype() in {"text", "message"} else ""


def _recognised(message: Message) -> tuple[set[str], set[str]]:
    """The addresses that flufl.bounce finds: for now, for good. Ordinary broken messages were seen to bring it down."""
    try:
        temporary, permanent = all_failures(message)
    except Exception:  # noqa: BLE001  # see above: whatever it raises, it recognises nothing
        return set(), set()
    return _addresses(temporary), _addresses(permanent)


def _addresses(found: Collection[bytes]) -> set[str]:
    return {one.decode("ascii", "replace").lower() for one in found}


def _reason(mail: ReadMail) -> str:
    """The line that says why, as well as can be told."""
    lines = [line.strip() for line in mail.parts.text.split("\n") if line.strip()]
    told = next((line for line in lines if re.search(r"\b[45]\d\d[ -]|\b[45]\.\d{1,3}\.\d{1,3}\b", line)), None)
    return (told or mail.subject or "the message came back")[:300]
