"""What nobody knows for certain of a provider, as calls that somebody with an account can make (`pult contract-probe`).

Each stands among the open questions of docs/channels/<provider>.md. What an adapter does anyway is not repeated here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pult.channels.chat2desk import Chat2DeskSettings
from pult.channels.landbot import LandbotSettings
from pult.channels.pact import PactSettings
from pult.channels.whatsapp_cloud import WhatsAppCloudSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pult.messaging.contract import ChannelRecord, Recipient


@dataclass(frozen=True, slots=True)
class Question:
    """One call. `sends`: a client may see it, or the account changes. `form` is sent as a form, `json` as JSON."""

    name: str
    asks: str
    method: str
    url: str
    headers: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: list[tuple[str, str]] | None = None
    sends: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """To whom, with which words, and a public picture's address where there is one."""

    to: Recipient
    text: str
    picture: str | None = None


def questions(channel: ChannelRecord, attempt: Attempt | None) -> list[Question]:
    """Those of the channel's provider; without an `attempt` only those that send nothing and need nobody."""
    make = QUESTIONS.get(type(channel.settings))
    return [] if make is None else make(channel.settings, attempt)


def _pact(settings: PactSettings, attempt: Attempt | None) -> list[Question]:
    base = f"{settings.base_url.rstrip('/')}/companies/{settings.company_id}/channels/{settings.channel_id}"
    headers = {"X-Private-Api-Token": settings.token}
    if attempt is None or not attempt.to.phone:
        return []
    phone = attempt.to.phone
    exists = Question(
        "phone exists",
        "how is it told whether a phone is known",
        "GET",
        f"{base}/user_exists",
        headers,
        {"phone": phone},
    )
    return [exists] + [
        Question(
            f"first message in `{name}`",
            f"is the text of a first message taken from `{name}` alone",
            "POST",
            f"{base}/conversations",
            headers,
            form=[("phone", phone), (name, f"{attempt.text}, {name}")],
            sends=True,
        )
        for name in ("text", "message")
    ]


def _landbot(settings: LandbotSettings, attempt: Attempt | None) -> list[Question]:
    if attempt is None or not attempt.to.conversation or not attempt.picture:
        return []
    url = f"{settings.base_url.rstrip('/')}/customers/{attempt.to.conversation}/send_image/"
    return [
        Question(
            name,
            "may a picture's caption be empty, or be missing",
            "POST",
            url,
            {"Authorization": f"Token {settings.token}"},
            json={"url": attempt.picture, **caption},
            sends=True,
        )
        for name, caption in (("picture without caption", {}), ("picture with an empty caption", {"caption": ""}))
    ]


def _chat2desk(settings: Chat2DeskSettings, attempt: Attempt | None) -> list[Question]:
    base, headers = settings.base_url.rstrip("/"), {"Authorization": settings.token}
    words = "which words do recipient_status and the like hold in the last messages"
    found = [
        Question("transports", "which transports are there", "GET", f"{base}/help/transports", headers),
        Question("last messages", words, "GET", f"{base}/messages", headers, {"limit": "20"}),
    ]
    if attempt is not None and attempt.to.phone:
        client = {"phone": attempt.to.phone, "transport": settings.transport, "channel_id": settings.channel_id}
        asks = "how is a client refused who exists already"
        found.append(Question("client who exists", asks, "POST", f"{base}/clients", headers, json=client, sends=True))
    return found


def _cloud(settings: WhatsAppCloudSettings, attempt: Attempt | None) -> list[Question]:
    base, headers = settings.base_url.rstrip("/"), {"Authorization": f"Bearer {settings.token}"}
    found = []
    if settings.waba_id:
        asks = "which applications are told of this account's messages"
        found.append(Question("subscribed", asks, "GET", f"{base}/{settings.waba_id}/subscribed_apps", headers))
    if attempt is not None and attempt.to.phone:
        message = {
            "messaging_product": "whatsapp",
            "to": attempt.to.phone,
            "type": "text",
            "text": {"body": attempt.text},
        }
        asks = "may recipient_type be left out"
        url = f"{base}/{settings.phone_number_id}/messages"
        found.append(Question("no recipient_type", asks, "POST", url, headers, json=message, sends=True))
    return found


QUESTIONS: Final[dict[type, Callable[[Any, Attempt | None], list[Question]]]] = {
    PactSettings: _pact,
    LandbotSettings: _landbot,
    Chat2DeskSettings: _chat2desk,
    WhatsAppCloudSettings: _cloud,
}
