"""Who hears of an event, how a call is signed (Standard Webhooks), and how it is spelled as a form. Pure."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus

from pult.kit.errors import BadValue

if TYPE_CHECKING:
    from pult.staff.model import Channel, Hook

PREFIX: Final = "whsec_"
ALWAYS_TOLD: Final = frozenset(
    {"DELIVERED", "NOT DELIVERED"}
)  # of a message's way; other words where a hook asks for them
SIGNIFICANT: Final = 14  # digits of a fraction, as PHP writes it


def listeners(channels: Mapping[int, Channel], event: str, channel_id: int, word: str | None = None) -> list[int]:
    """The ids of the channels that hear of this event of a ticket of `channel_id`; `word`: of event "delivery"."""
    return [one.id for one in channels.values() if one.hook is not None and wants(one.hook, event, channel_id, word)]


def wants(hook: Hook, event: str, channel_id: int, word: str | None = None) -> bool:
    """Whether this receiver asked for the event; one that says nothing of events or of channels asks for all."""
    if hook.events is not None and event not in hook.events:
        return False
    if hook.watch is not None and channel_id not in hook.watch:
        return False
    return event != "delivery" or word in ALWAYS_TOLD or word in hook.statuses


def signature(event_id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> str:
    """The header `webhook-signature`: one signature for each live secret, so that a receiver may know either.

    `timestamp`: unix seconds. BadValue for a secret that is none.
    """
    signed = f"{event_id}.{timestamp}.".encode() + body
    made = (hmac.digest(secret_bytes(secret), signed, "sha256") for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(one).decode()}" for one in made)


def secret_bytes(secret: str) -> bytes:
    """The key inside `whsec_<base64>`."""
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        raise BadValue("a signing secret is no whsec_ followed by base64", parameter="signing_secrets") from None


def form(values: Mapping[str, Any]) -> bytes:
    """`values` (as JSON has them) as PHP's http_build_query spells them: nested by brackets, null and empty lists left out."""
    return "&".join(f"{_quoted(name)}={_quoted(text)}" for name, text in _flat(values, "")).encode()


def _flat(value: Any, name: str) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        parts = [(str(key), part) for key, part in value.items()]
    elif isinstance(value, list | tuple):
        parts = [(str(place), part) for place, part in enumerate(value)]
    else:
        return [] if value is None else [(name, _scalar(value))]
    return [pair for key, part in parts for pair in _flat(part, f"{name}[{key}]" if name else key)]


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return _fraction(value) if isinstance(value, float) else str(value)


def _quoted(text: str) -> str:
    """As PHP's urlencode: the tilde too."""
    return quote_plus(text, safe="", errors="replace").replace("~", "%7E")


def _fraction(value: float) -> str:
    """PHP's own spelling: 0.1, 1, 1.0E+25."""
    text = format(value, f".{SIGNIFICANT}G")
    digits, exponent, power = text.partition("E")
    if not exponent:
        return text
    return f"{digits if '.' in digits else digits + '.0'}E{power[0]}{power[1:].lstrip('0')}"
