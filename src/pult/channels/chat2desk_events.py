"""What Chat2Desk tells: clients' messages, and what became of ours; and whether it was Chat2Desk that told it.

(C) rests on one public program, (?) on nothing but likelihood: docs/channels/chat2desk.md.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any, Final, Literal

from pult.channels import lenient
from pult.channels.linked_file import linked_file
from pult.kit.html import clean, text_of
from pult.messaging.contract import Event, Incoming, State, StatusReport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pult.messaging.contract import FileIn, Hook

KeyForm = Literal["either", "hex", "raw"]

TELLING: Final = ("inbox", "imported_message", "outbox_status")  # the events that say something to a desk
SECONDS: Final = (10, 13)  # digits of a time in seconds or in milliseconds, for the next 260 years
FILES: Final = ("photo", "audio", "video", "pdf")

# (?) None of these words is documented; what stands here can mean only one thing. Whatever else comes changes nothing.
WORDS: Final = {
    "sent": State.SENT,
    "accepted": State.SENT,
    "delivered": State.DELIVERED,
    "read": State.READ,
    "seen": State.READ,
    "viewed": State.READ,
    "failed": State.FAILED,
    "failure": State.FAILED,
    "error": State.FAILED,
    "rejected": State.FAILED,
    "expired": State.FAILED,
    "undelivered": State.FAILED,
    "undeliverable": State.FAILED,
    "not delivered": State.FAILED,
}


def signed_by(token: str, form: KeyForm, *, body: bytes, timestamp: str, signature: str) -> bool:
    """Whether `signature` is the hex HMAC-SHA256 of body and timestamp under the MD5 of the API token.

    The vendor does not say which form of the MD5 is meant. It picked MD5; nothing here rests on its strength.
    """
    digest = hashlib.md5(token.encode(), usedforsecurity=False)
    keys = {"hex": digest.hexdigest().encode(), "raw": digest.digest()}
    wanted = [signature_of(key, body, timestamp) for name, key in keys.items() if form in {name, "either"}]
    said = signature.strip().lower().encode(errors="replace")
    return any([hmac.compare_digest(said, found.encode()) for found in wanted])  # noqa: C419  # all, in the same time


def signature_of(key: bytes, body: bytes, timestamp: str) -> str:
    return hmac.new(key, body + timestamp.encode(errors="replace"), hashlib.sha256).hexdigest()


def timestamps(hook: Hook, header: str) -> Iterator[str]:
    """What may be the call's timestamp: the header of that name; (?) as the name is not known, any that looks like one."""
    if told := hook.headers.get(header.lower()):
        yield told
    for name, value in hook.headers.items():
        if "timestamp" in name or (value.isdigit() and len(value) in SECONDS):
            yield value


def events(hook: Hook, transport: str) -> Iterator[Event]:
    """Clients' messages in this transport's family (viber, viber_public …), and reports; of all the company's channels."""
    told = lenient.mapping(lenient.decoded(hook.body))
    what = told.get("hook_type")
    if what in {"inbox", "imported_message"}:
        by_client = lenient.text(told.get("type")) in {"", "from_client"}
        if by_client and _family(told.get("transport") or transport) == _family(transport):
            yield from _message(told)
    elif what == "outbox_status":
        yield from _report(told)


def state_of(word: Any) -> State | None:
    return WORDS.get(lenient.text(word).lower().replace("_", " ").replace("-", " "))


def _family(transport: Any) -> str:
    return lenient.text(transport).partition("_")[0]


def _message(told: Mapping[str, Any]) -> Iterator[Event]:
    client = lenient.mapping(told.get("client"))
    message_id = lenient.name_of(told.get("message_id"))
    conversation = lenient.name_of(told.get("client_id")) or lenient.name_of(client.get("id"))
    if not message_id or not conversation:
        return
    files = _files(told)
    text = text_of(clean(lenient.text(told.get("text")))) or _place(told.get("coordinates"))
    message = Incoming(
        message_id=message_id,
        at=lenient.moment(told.get("event_time")),
        text=text if text or files else "[…]",  # a sticker, say: better seen than lost
        conversation=conversation,
        phone=_phone(client),
        name=lenient.first_text(client, "assigned_name", "name"),
        files=files,
    )
    yield Event(message, lenient.name_of(told.get("channel_id")))


def _phone(client: Mapping[str, Any]) -> str | None:
    """Where a messenger hides phones, "phone" is its own id in brackets; the one that people entered stands beside it."""
    names = ["phone", *sorted(name for name in client if name.endswith("_phone"))]
    return next((found for name in names if (found := lenient.phone(client.get(name)))), None)


def _files(told: Mapping[str, Any]) -> tuple[FileIn, ...]:
    """Each once: a picture stands among the attachments too."""
    attached = [
        (item.get("link"), lenient.text(item.get("name"))) for item in lenient.mappings(told.get("attachments"))
    ]
    found = [linked_file(link, name) for link, name in [*attached, *((told.get(kind), "") for kind in FILES)]]
    return tuple({file.ref: file for file in reversed(found) if file}.values())[::-1]


def _place(coordinates: Any) -> str:
    """(?) their form: whatever they are, as text."""
    if isinstance(coordinates, dict):
        return ", ".join(str(value) for value in coordinates.values() if isinstance(value, int | float | str))
    return lenient.text(coordinates)


def _report(told: Mapping[str, Any]) -> Iterator[Event]:
    """(C) the fields."""
    data = lenient.mapping(told.get("data")) or told
    message_id = lenient.name_of(data.get("id")) or lenient.name_of(data.get("message_id"))
    state = state_of(data.get("gateway_status"))
    if message_id and state:
        text = lenient.first_text(data, "error", "error_message", "message", "reason")
        code = lenient.text(data.get("gateway_status")) if state is State.FAILED else ""
        yield Event(StatusReport(state, lenient.moment(told.get("event_time")), message_id, code=code, text=text))
