"""Takes out of recorded calls whatever says who somebody is or lets somebody in, and leaves their form to be seen.

What is taken out leaves its kind, its length and a number: "[hex 64 #2]". What was equal has the same number.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

TELLING: Final = frozenset(  # names of values that say what something is, never whose
    [
        "ack",
        "action",
        "active",
        "author_type",
        "category",
        "channel_type",
        "code",
        "content_type",
        "currency",
        "display_phone_number_status",
        "error_code",
        "errorcode",
        "event",
        "event_type",
        "events",
        "field",
        "format",
        "gateway_status",
        "groupname",
        "hook_type",
        "income",
        "integrationtype",
        "is_external",
        "kind",
        "lang",
        "language",
        "language_code",
        "message_status",
        "messaging_product",
        "method",
        "mime_type",
        "object",
        "ok",
        "operation",
        "provider",
        "quality_rating",
        "recipient_status",
        "result",
        "severity",
        "source",
        "state",
        "status",
        "status_message",
        "success",
        "template_language",
        "transport",
        "transports",
        "type",
    ]
)
FAULTS: Final = frozenset(  # ... and what is told of a fault
    [
        "base",
        "client",
        "description",
        "desc",
        "detail",
        "details",
        "error",
        "error_data",
        "error_msg",
        "error_text",
        "errors",
        "message",
        "name",
        "reason",
        "text",
        "title",
        "permanent",
    ]
)
OF_FAULTS: Final = frozenset({"status", "error", "errors", "serviceexception", "requesterror", "violations"})
HEADERS: Final = frozenset(
    [
        "accept",
        "accept-encoding",
        "allow",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "retry-after",
        "server",
        "transfer-encoding",
        "user-agent",
        "vary",
        "www-authenticate",
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
    ]
)
TIME: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?\S{0,12})?", re.ASCII)
STAMP: Final = re.compile(
    r"1(\d{9}|\d{12})", re.ASCII
)  # seconds or milliseconds; no phone with its country has this form
LONG_NUMBER: Final = re.compile(r"\+?\d[\d ()-]{5,}\d", re.ASCII)
MAIL: Final = re.compile(r"[^\s@<>\"']+@[^\s@<>\"']+\.\w+")
ADDRESS: Final = re.compile(r"https?://[^\s\"'<>]+")
ENDING: Final = re.compile(r"\.[A-Za-z0-9]{1,5}", re.ASCII)
SMALL: Final = 10**6  # numbers below are counts and codes
SHOWN_RAW: Final = 200  # characters of a body that is not understood


class Redactor:
    """One transcript's. `known`: values that must not be seen -> what stands for them. `plain`: texts that may be seen."""

    def __init__(self, known: Mapping[str, str], plain: frozenset[str] = frozenset()) -> None:
        self._known = sorted(known.items(), key=lambda pair: -len(pair[0]))
        self._plain = plain
        self._numbers: dict[str, int] = {}

    def text(self, text: str) -> str:
        """Free text, an error's words say: without what is known, without addresses and long numbers."""
        for value, name in self._known:
            text = text.replace(value, f"[{name}]")
        text = ADDRESS.sub(lambda found: self._address(found[0]), text)
        text = MAIL.sub(lambda found: self._mark("mail", found[0]), text)
        return LONG_NUMBER.sub(lambda found: self._long_number(found[0]), text)

    def value(self, value: Any, name: str = "", *, fault: bool = False) -> Any:
        """A JSON value; `name` is what it is called, `fault` whether it tells of one."""
        if isinstance(value, dict):
            told = fault or name.lower() in OF_FAULTS
            return {self.text(str(key)): self.value(held, str(key), fault=told) for key, held in value.items()}
        if isinstance(value, list):
            return [self.value(held, name, fault=fault or name.lower() in OF_FAULTS) for held in value]
        if isinstance(value, str):
            return self._string(value, name.lower(), fault=fault)
        if isinstance(value, bool) or value is None or abs(value) < SMALL:
            return value
        if math.isfinite(value) and STAMP.fullmatch(str(int(value))):
            return value
        return self._mark("number", str(value))

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """All names; values where they tell nothing, or the form of what they hold."""
        return {name: self._header(name.lower(), value) for name, value in headers.items()}

    def address(self, url: str) -> str:
        """Of a request: with its path, without what is known and without long numbers."""
        for value, name in self._known:
            url = url.replace(value, f"[{name}]")
        return LONG_NUMBER.sub(lambda found: self._long_number(found[0]), url)

    def body(self, raw: bytes, kind: str, *, fault: bool = False) -> Any:
        """JSON and forms by their values; of anything else the beginning, or its size."""
        if not raw:
            return None
        try:
            text = raw.decode()
            if "x-www-form-urlencoded" in kind:
                return [[name, self.value(value, name)] for name, value in parse_qsl(text, keep_blank_values=True)]
            return self.value(json.loads(text), fault=fault)
        except UnicodeDecodeError:
            return f"[{len(raw)} bytes]"
        except (ValueError, RecursionError):
            return self.text(text[:SHOWN_RAW]) if fault else f"[{len(raw)} bytes of text]"

    def _string(self, value: str, name: str, *, fault: bool) -> str:
        if value in self._plain or not value:
            return value
        if name in TELLING or (fault and name in FAULTS):
            return self.text(value)
        if TIME.fullmatch(value) or STAMP.fullmatch(value) or (value.isdecimal() and int(value) < SMALL):
            return value
        if ADDRESS.fullmatch(value):
            return self._address(value)
        hidden = self._without_known(value)
        return (
            hidden
            if hidden != value and not re.search(r"\w{4}", re.sub(r"\[.*?\]", "", hidden))
            else self._formed(value)
        )

    def _header(self, name: str, value: str) -> str:
        if name in HEADERS or value in self._plain:
            return self.text(value)
        hidden = self._without_known(value)
        return hidden if hidden != value else self._formed(value)

    def _without_known(self, value: str) -> str:
        for known, name in self._known:
            value = value.replace(known, f"[{name}]")
        return value

    def _address(self, url: str) -> str:
        """Whose address it is and what its path ends with: where files lie is worth knowing."""
        hidden = self._without_known(url)
        if hidden.startswith("["):
            return hidden.split("]", 1)[0] + "]" + self._mark("path", url)
        parts = urlsplit(url)
        ending = parts.path[parts.path.rfind(".") :] if "." in parts.path else ""
        shown = ending if ENDING.fullmatch(ending) else ""
        return f"{parts.scheme}://{parts.hostname}/{self._mark('path', url)}{shown}"

    def _long_number(self, text: str) -> str:
        digits = re.sub(r"\D", "", text)
        harmless = len(digits) < 7 or STAMP.fullmatch(text) or TIME.match(text)
        return text if harmless else self._mark("digits", digits)

    def _formed(self, value: str) -> str:
        kind = "digits" if value.isdecimal() else "hex" if re.fullmatch(r"[0-9a-fA-F]{16,}", value) else "text"
        return self._mark(kind, value)

    def _mark(self, kind: str, value: str) -> str:
        number = self._numbers.setdefault(value, len(self._numbers) + 1)
        return f"[{kind} {len(value)} #{number}]"
