"""What the methods of the delivery log are asked with, and the JSON schema of a delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pult.api import readers
from pult.api.parameters import Parameter
from pult.api.ticket_answer import ID, ID_OR_NULL, TEXT_OR_NULL, TIME, exactly
from pult.kit.errors import BadValue, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pult.api.readers import Reader

STATES: Final = ("queued", "maybe_sent", "sent", "delivered", "read", "failed", "cancelled")
KINDS: Final = ("message", "webhook")
WEBHOOK_EVENTS: Final = ("ticket", "comment", "change", "rating", "chat", "delivery")
EVENTS: Final = ("message", *WEBHOOK_EVENTS, "ping")
INT64: Final = 2**63 - 1

BIG_ID: Final = {"type": "integer", "minimum": 1, "maximum": INT64}
MOMENT: Final = {"type": "string", "description": "`YYYY-MM-DD HH:MM[:SS]` in UTC"}
TIME_OR_NULL: Final = {"anyOf": [TIME, {"type": "null"}]}

SHOWN: Final[dict[str, Any]] = {
    "id": ID,
    "kind": {"type": "string", "enum": list(KINDS)},
    "event": {"type": "string", "enum": list(EVENTS)},
    "state": {"type": "string", "enum": list(STATES)},
    "channel_id": ID,
    "ticket_id": ID_OR_NULL,
    "comment_id": ID_OR_NULL,
    "event_id": {"type": "string", "format": "uuid"},
    "sequence": ID_OR_NULL,
    "attempts": ID,
    "resend_of": ID_OR_NULL,
    "error_code": TEXT_OR_NULL,
    "error_text": TEXT_OR_NULL,
    "created_at": TIME,
    "next_attempt_at": TIME_OR_NULL,
    "sent_at": TIME_OR_NULL,
    "delivered_at": TIME_OR_NULL,
    "read_at": TIME_OR_NULL,
    "ended_at": TIME_OR_NULL,
}
SUCCESS: Final = exactly({"status": {"const": "success"}})
NEW_DELIVERY: Final = exactly({"status": {"const": "success"}, "delivery_id": ID})


def big_ident(raw: Any, name: str) -> int:
    """An id of what a desk has very many of: a 64-bit number above 0."""
    value = readers.number(raw, name)
    if not 0 < value <= INT64:
        raise NotFound(f"{name}: there is no {value}", parameter=name)
    return value


def some_of(known: tuple[str, ...]) -> Reader:
    """Documented words: a list, or text with commas."""

    def read(raw: Any, name: str) -> list[str]:
        found = [word.lower() for word in readers.words(raw, name) if word]
        if not found or not set(found) <= set(known):
            raise BadValue(f"{name}: should be some of {', '.join(known)}", parameter=name)
        return found

    return read


def several(name: str, known: tuple[str, ...], doc: str, example: str) -> Parameter:
    """A filter by words."""
    schema = {"type": "array", "items": {"type": "string", "enum": list(known)}}
    return Parameter(name, some_of(known), schema, doc, many=True, example=[example])


DELIVERY_ID: Final = Parameter("delivery_id", big_ident, BIG_ID, "Delivery id.", required=True, example=1)


def wanted_delivery(given: Mapping[str, Any]) -> int:
    """The delivery that a call is about; NotFound where it names none."""
    if "delivery_id" not in given:
        raise NotFound("delivery_id is missing", parameter="delivery_id")
    number: int = given["delivery_id"]
    return number
