"""What Landbot tells when a message moves through a channel, as messages of clients."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pult.channels import lenient
from pult.channels.linked_file import linked_file
from pult.messaging.contract import Incoming

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pult.messaging.contract import Hook


def messages(hook: Hook) -> Iterator[Incoming]:
    """Those that a customer wrote. Landbot sends one with each call, and what its bot and its agents write as well."""
    listed = lenient.mappings(lenient.mapping(lenient.decoded(hook.body)).get("messages"))
    for place, message in enumerate(listed):
        if lenient.mapping(message.get("sender")).get("type") != "customer":
            continue
        if found := _incoming(message, _message_id(message, hook, place)):
            yield found


def _incoming(message: Mapping[str, Any], message_id: str) -> Incoming | None:
    customer, data = lenient.mapping(message.get("customer")), lenient.mapping(message.get("data"))
    conversation, kind = lenient.name_of(customer.get("id")), lenient.text(message.get("type"))
    if not conversation or not kind:
        return None
    file = linked_file(data.get("url"), lenient.first_text(data, "filename"))  # (C): both fields
    text = lenient.first_text(data, "body", "caption", "message", "title") or _place(data)  # (C): all but `body`
    return Incoming(
        message_id=message_id,
        at=lenient.moment(message.get("timestamp")),
        text=text if text or file else f"[{kind}]",  # a sticker, say: better seen than lost
        conversation=conversation,
        phone=lenient.phone(customer.get("phone")),
        name=lenient.text(customer.get("name")),
        files=(file,) if file else (),
    )


def _place(data: Mapping[str, Any]) -> str:
    found = [data.get("latitude"), data.get("longitude")]
    return ", ".join(str(part) for part in found) if all(isinstance(part, int | float) for part in found) else ""


def _message_id(message: Mapping[str, Any], hook: Hook, place: int) -> str:
    """The same when Landbot repeats a call: the message's own id, else that of the call, else a digest of what it says."""
    own = lenient.name_of(lenient.mapping(message.get("_raw")).get("uuid"))
    call = lenient.name_of(hook.headers.get("sentry-trace")) or hashlib.sha256(hook.body).hexdigest()
    return own or (f"{call}-{place}" if place else call)
