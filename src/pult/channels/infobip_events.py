"""What Infobip says: errors in two styles, reports on messages of ours, and what clients write."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pult.channels.lenient import first_text, mapping, mappings, moment, name_of, phone, text
from pult.channels.whatsapp import contacts_text, name_for, place_text
from pult.messaging.contract import Event, FileIn, Incoming, State, StatusReport

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUPS: Final = {
    "ACCEPTED": State.SENT,
    "PENDING": State.SENT,
    "DELIVERED": State.DELIVERED,
    "UNDELIVERABLE": State.FAILED,
    "EXPIRED": State.FAILED,
    "REJECTED": State.FAILED,
}
ON_ITS_WAY: Final = "DELIVERED_TO_OPERATOR"  # of the group DELIVERED, but not the last word
# Grade ?: the status is documented, that /whatsapp/1 answers with it is not. It says that an earlier attempt was taken.
TAKEN_BEFORE: Final = "REJECTED_DUPLICATE_MESSAGE_ID"
LINK: Final = re.compile(r"https?://[A-Za-z0-9.:-]+/[!-~]*")
FILES: Final = frozenset({"IMAGE", "DOCUMENT", "VIDEO", "VOICE", "AUDIO", "STICKER"})

CLEARER: Final = {
    "UNAUTHORIZED": "Infobip does not accept the API key: it is wrong, expired or revoked",
    "E401": "Infobip does not accept the API key: it is wrong, expired or revoked",
    "FORBIDDEN": "the API key may not do this: look at its scopes and at the addresses it is limited to",
    "E403": "the API key may not do this: look at its scopes and at the addresses it is limited to",
    "REJECTED_NOT_ENOUGH_CREDITS": "the Infobip account has no credit left",
    "REJECTED_SENDER": "Infobip does not know the sender's number",
}


def events(result: dict[str, Any]) -> Iterator[Event]:
    """What one entry tells: a client's message, a read receipt, or a report on a message of ours."""
    message_id = name_of(result.get("messageId"))
    if not message_id:
        return
    if isinstance(result.get("message"), dict):
        yield from _incoming(message_id, result)
    elif result.get("seenAt"):
        yield Event(StatusReport(State.READ, moment(result.get("seenAt")), message_id))
    else:
        yield from _report(message_id, result)


def _report(message_id: str, result: dict[str, Any]) -> Iterator[Event]:
    status, error = mapping(result.get("status")), mapping(result.get("error"))
    name = text(status.get("name"))
    state = State.SENT if name == ON_ITS_WAY else GROUPS.get(text(status.get("groupName")))
    if state is None or name == TAKEN_BEFORE:  # of a repetition: the first attempt has reports of its own
        return
    at = moment(result.get("doneAt") or result.get("sentAt"))
    own_id = name_of(result.get("callbackData"))
    code = words = ""
    if state is State.FAILED:
        source = status if text(error.get("name")) in {"", "NO_ERROR"} else error
        code, words = _told(text(source.get("name")), text(source.get("description")), 0)
    yield Event(StatusReport(state, at, message_id, own_id=own_id, code=code, text=words))


def _incoming(message_id: str, result: dict[str, Any]) -> Iterator[Event]:
    sender, contact, message = (
        name_of(result.get("from")),
        mapping(result.get("contact")),
        mapping(result.get("message")),
    )
    if not sender:
        return
    files, words = _file(message), _words(message)
    if files and files[0].name == words:
        words = ""
    said = Incoming(
        message_id,
        moment(result.get("receivedAt")),
        text=words or ("" if files else f"[{text(message.get('type')) or 'message'}]"),
        conversation=phone(sender) or sender,
        phone=phone(sender) or phone(contact.get("phoneNumber")),
        name=text(contact.get("name")),
        files=files,
    )
    yield Event(said, channel_ref=phone(result.get("to")))


def _file(message: dict[str, Any]) -> list[FileIn]:
    """Grade C: a document's name comes as its caption."""
    kind, url, caption = text(message.get("type")).upper(), text(message.get("url")), text(message.get("caption"))
    if kind not in FILES or not LINK.fullmatch(url):
        return []
    named = caption if kind == "DOCUMENT" and "." in caption and "\n" not in caption else ""
    return [FileIn(url, name_for(named, kind.lower(), ""))]


def _words(message: dict[str, Any]) -> str:
    """What a message says, of whatever type."""
    kind = text(message.get("type")).upper()
    if kind == "LOCATION":
        return place_text(message)
    if kind == "CONTACT":
        return contacts_text(message)
    return first_text(message, "text", "caption", "title", "emoji")


def explain(status: int, data: Any) -> tuple[str, str] | None:
    """(code, text) of an error in either of Infobip's styles, or of a message that was refused in an answer of 200."""
    found = mapping(data)
    if status < 300:
        return _refused(found, status)
    if "errorCode" in found:
        wrong = [first_text(item, "violation", "property") for item in mappings(found.get("violations"))]
        return _told(
            text(found.get("errorCode")), "; ".join(filter(None, (text(found.get("description")), *wrong))), status
        )
    old = mapping(mapping(found.get("requestError")).get("serviceException"))
    wrong = [f"{field}: {_listed(said)}" for field, said in mapping(old.get("validationErrors")).items()]
    words = "; ".join(filter(None, (text(old.get("text")), *wrong)))
    return _told(text(old.get("messageId")), words, status) if old else None


def _refused(found: dict[str, Any], status: int) -> tuple[str, str] | None:
    for state in statuses(found):
        name = text(state.get("name"))
        if GROUPS.get(text(state.get("groupName"))) is State.FAILED and name != TAKEN_BEFORE:
            return _told(name, text(state.get("description")), status)
    return None


def _told(code: str, words: str, status: int) -> tuple[str, str]:
    clearer = CLEARER.get(code) or (CLEARER["UNAUTHORIZED"] if status == 401 else "")
    return code or str(status), f"{clearer} ({words})" if clearer and words else clearer or words or code


def _listed(said: Any) -> str:
    return ", ".join(map(str, said)) if isinstance(said, list) else str(said)


def statuses(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The status of each message in an answer: templates are answered as a list, the others one by one."""
    messages = mappings(found.get("messages")) if "messages" in found else [found]
    return [status for message in messages if (status := mapping(message.get("status")))]
