"""What WhatsApp's own Cloud API says: errors by number, reports on messages of ours, and what clients write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pult.channels.lenient import first_text, mapping, mappings, moment, name_of, phone, text, whole
from pult.channels.whatsapp import contacts_text, name_for, place_text
from pult.messaging.contract import Event, FileIn, Incoming, State, StatusReport

if TYPE_CHECKING:
    from collections.abc import Iterator

STATES: Final = {
    "sent": State.SENT,
    "delivered": State.DELIVERED,
    "read": State.READ,
    "played": State.READ,  # a voice message was heard
    "failed": State.FAILED,
}
FILES: Final = frozenset({"image", "video", "audio", "document", "sticker"})
SILENT: Final = frozenset({"system", "request_welcome", "revoke"})  # nothing was written
BUSY: Final = frozenset({"4", "80007", "130429", "131056", "131057"})  # not sent for now, whatever the HTTP status

NOT_ACCEPTED: Final = "the access token is not valid: it is wrong, expired or revoked"
NO_RIGHT: Final = "the access token lacks the right for this (whatsapp_business_messaging and _management)"
CLEARER: Final = {
    0: NOT_ACCEPTED,
    190: NOT_ACCEPTED,
    3: NO_RIGHT,
    10: NO_RIGHT,
    4: "too many calls of this application for now",
    80007: "too many messages of this business account for now",
    368: "the account is blocked for a while for breaking WhatsApp's policy",
    130429: "too many messages from this number for now",
    130472: "WhatsApp did not deliver it: the client's number is part of an experiment",
    130497: "the account may not write to clients of this country",
    131026: "the number cannot be reached: it has no WhatsApp, an old version, or has not accepted the terms",
    131030: "the number is not on the list that a test number may write to",
    131031: "the account is locked",
    131042: "the account's payment method does not work",
    131047: "more than 24 hours since the client last wrote: WhatsApp now takes only a template",
    131048: "the number may not send for now: clients marked too many of its messages as spam",
    131049: "WhatsApp did not deliver it, to spare the client too many messages",
    131050: "the client does not want marketing messages from this number",
    131051: "WhatsApp does not take messages of this type",
    131053: "WhatsApp does not take this file: its type or its size",
    131056: "too many messages to this client for now",
    131057: "the account is under maintenance for now",
    132000: "the template has another number of variables",
    132001: "there is no approved template of this name in this language",
    132005: "the template's text is too long with these variables",
    132007: "the template breaks WhatsApp's rules",
    132012: "the template's variables have another form",
    132015: "the template is paused for its low quality",
    132016: "the template is switched off for its low quality",
    133010: "the sender's number is not registered",
}


def explain(_status: int, data: Any) -> tuple[str, str] | None:
    """(code, text) of the error in an answer, ours before theirs."""
    error = mapping(mapping(data).get("error"))
    return told(error) if error else None


def told(error: dict[str, Any]) -> tuple[str, str]:
    """(code, text) of an error object, of an answer or of a report."""
    code = whole(error.get("code"))
    words = text(mapping(error.get("error_data")).get("details")) or first_text(error, "message", "title")
    clearer = NO_RIGHT if code is not None and 200 <= code < 300 else CLEARER.get(-1 if code is None else code)
    return "error" if code is None else str(code), f"{clearer} ({words})" if clearer and words else clearer or words


def events(body: dict[str, Any]) -> Iterator[Event]:
    """All that one call tells; `channel_ref` is the number that it is about."""
    for entry in mappings(body.get("entry")):
        for change in mappings(entry.get("changes")):
            value = mapping(change.get("value"))
            number = name_of(mapping(value.get("metadata")).get("phone_number_id"))
            yield from (Event(found, number) for found in _found(text(change.get("field")), value))


def _found(field: str, value: dict[str, Any]) -> Iterator[Incoming | StatusReport]:
    if field == "messages":
        yield from filter(None, (_report(status) for status in mappings(value.get("statuses"))))
        yield from filter(None, (_incoming(message, _names(value)) for message in mappings(value.get("messages"))))
    elif field == "smb_message_echoes":  # written in the WhatsApp Business application on a phone
        yield from filter(None, (_echo(message) for message in mappings(value.get("message_echoes"))))


def _names(value: dict[str, Any]) -> dict[str, str]:
    """Whoever wrote -> their name."""
    found: dict[str, str] = {}
    for contact in mappings(value.get("contacts")):
        name = text(mapping(contact.get("profile")).get("name"))
        ids = (name_of(contact.get("wa_id")), name_of(contact.get("user_id")))
        found |= {key: name for key in ids if key}
    return found


def _report(status: dict[str, Any]) -> StatusReport | None:
    message_id, state = name_of(status.get("id")), STATES.get(text(status.get("status")))
    if message_id is None or state is None:
        return None
    errors = mappings(status.get("errors"))
    code, words = told(errors[0]) if errors and state is State.FAILED else ("", "")
    return StatusReport(
        state,
        moment(whole(status.get("timestamp"))),
        message_id,
        own_id=name_of(status.get("biz_opaque_callback_data")),
        code=code,
        text=words,
        conversation=name_of(status.get("recipient_id")),
    )


def _incoming(message: dict[str, Any], names: dict[str, str]) -> Incoming | None:
    # A client with a user name and a hidden phone has an id instead of it (grade B).
    sender = name_of(message.get("from")) or name_of(message.get("from_user_id"))
    return _message(message, sender, names.get(sender or "", ""), written_by_us=False)


def _echo(message: dict[str, Any]) -> Incoming | None:
    return _message(message, name_of(message.get("to")), "", written_by_us=True)


def _message(message: dict[str, Any], whose: str | None, name: str, *, written_by_us: bool) -> Incoming | None:
    message_id, kind = name_of(message.get("id")), text(message.get("type"))
    if message_id is None or whose is None or kind in SILENT:
        return None
    files = _files(kind, mapping(message.get(kind))) if kind in FILES else []
    return Incoming(
        message_id,
        moment(whole(message.get("timestamp"))),
        text=_words(kind, message) or ("" if files else f"[{kind or 'message'}]"),
        conversation=whose,
        phone=phone(whose),
        name=name,
        files=files,
        written_by_us=written_by_us,
    )


def _files(kind: str, found: dict[str, Any]) -> list[FileIn]:
    media = name_of(found.get("id"))
    mime = text(found.get("mime_type")) or "application/octet-stream"
    return [FileIn(media, name_for(text(found.get("filename")), kind, mime), mime)] if media else []


def _words(kind: str, message: dict[str, Any]) -> str:
    """What a message says, of whatever type."""
    found = mapping(message.get(kind))
    if kind == "location":
        return place_text(found)
    if kind == "contacts":
        return contacts_text(message)
    if kind == "edit":  # grade B
        edited = mapping(found.get("message"))
        return "" if text(edited.get("type")) == kind else _words(text(edited.get("type")), edited)
    if kind == "interactive":
        found = mapping(found.get(text(found.get("type"))))
    return first_text(found, "body", "caption", "text", "title", "emoji")
