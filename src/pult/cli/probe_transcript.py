"""What is printed of a probe: requests, answers and calls, without anything that says who somebody is or lets somebody in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pult.kit.redacting import Redactor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pult.kit.http_record import Exchange
    from pult.messaging.contract import ChannelRecord
    from pult.messaging.overheard import Heard

NO_SECRETS: Final = frozenset(
    {"base_url", "opt_in_url", "transport", "signature", "signature_header", "timestamp_header", "signature_key"}
)  # settings whose value everybody may know
SHORTEST: Final = 4  # characters of what is looked for everywhere


def redactor(record: ChannelRecord, address: str, texts: Iterable[str], others: Mapping[str | None, str]) -> Redactor:
    """For the transcript of this channel. `texts`: our own words, which may be seen; `others`: more that may not."""
    known = dict(_secrets(msgspec.to_builtins(record.settings)))
    known |= {record.inbound_secret: "inbound secret", address.rstrip("/"): "desk"}
    known |= dict.fromkeys(record.signing_secrets, "signing secret")
    for value, name in others.items():
        known |= {form: name for form in _forms(value or "") if len(form) >= SHORTEST}
    return Redactor(known, frozenset(texts))


def exchange_told(told: Redactor, exchange: Exchange) -> dict[str, Any]:
    """A request and what was answered."""
    kind = next((value for name, value in exchange.headers.items() if name.lower() == "content-type"), "")
    request = {
        "method": exchange.method,
        "address": told.address(exchange.url),
        "query": [[name, told.value(value, name)] for name, value in exchange.params.items()],
        "headers": told.headers(exchange.headers),
        "body": _body(told, exchange.data, kind),
    }
    answer: dict[str, Any] = {"seconds": round(exchange.took, 3)}
    if exchange.answered is None:
        return {"request": request, "answer": {**answer, "error": told.text(exchange.error)}}
    status, headers, body = exchange.answered.status, exchange.answered.headers, exchange.answered.body
    fault = status >= 400 or _tells_of_fault(body)
    shown = told.body(body, headers.get("content-type", ""), fault=fault)
    return {"request": request, "answer": {**answer, "status": status, "headers": told.headers(headers), "body": shown}}


def call_told(told: Redactor, call: Heard) -> dict[str, Any]:
    """A provider's call, and how the desk answered it."""
    query = [[name, told.value(value, name)] for name, value in call.query.items()]
    body = told.body(call.body, call.headers.get("content-type", ""))
    return {
        "method": call.method,
        "query": query,
        "headers": told.headers(call.headers),
        "body": body,
        "desk": call.status,
    }


def _secrets(settings: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text among the settings that is not everybody's, with the setting's name."""
    if isinstance(settings, dict):
        for key, value in settings.items():
            if key not in NO_SECRETS:
                yield from _secrets(value, str(key))
    elif isinstance(settings, str) and len(settings) >= SHORTEST:
        yield settings, name


def _forms(value: str) -> set[str]:
    """As it was typed, and as providers are told it."""
    return {value, value.removeprefix("@"), re.sub(r"[^0-9]", "", value) if value.startswith("+") else value}


def _body(told: Redactor, data: Any, kind: str) -> Any:
    if data is None or isinstance(data, bytes):
        return told.body(data or b"", kind)
    return "[a form with a file]"


def _tells_of_fault(body: bytes) -> bool:
    """Whether an answer of status 200 is an error after all, as some providers have it."""
    try:
        data = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return True
    if not isinstance(data, dict):
        return False
    status = data.get("status")
    wrong = status in ("error", "fail", "failed") or (isinstance(status, int) and status != 0)
    return (
        wrong
        or data.get("ok") is False
        or data.get("success") is False
        or bool(data.get("errors") or data.get("error"))
    )
