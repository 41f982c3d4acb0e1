"""Logs: one JSON object a line on standard error, an event's name and its fields, never a secret.

    log = get_logger()
    log.info("ticket.opened", ticket_id=17, files=2)

Secrets are taken out of every line, whoever wrote it: whole values of fields named like one, and inside texts what follows
such a name. Values of SQL statements are never logged; PostgreSQL's own words are cut where they quote one.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import msgspec
import structlog

if TYPE_CHECKING:
    from collections.abc import MutableMapping

HIDDEN = "***"
LONGEST = 20_000  # characters of one field; a traceback says most at its ends
# The request that this task works for; errors carry it to the client too. Empty outside of requests.
request_id: ContextVar[str] = ContextVar("request_id", default="")

_NAME = r"(?:token|password|passwd|secret|authorization|cookie|api[_-]?key)"
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
# name=value, name: value, "name":"value" (escaped within another text or not), 'name': 'value', name%3Dvalue, and a
# multipart body's name="name", empty line, value. Every repetition has a bound, so that no text costs the square of its length.
_SECRET_IN_TEXT = re.compile(
    rf"(?P<name>{_NAME}[\w-]{{0,40}}+(?:\[[^\]\s]{{0,40}}\]){{0,3}})"
    r"(?P<sign>\\{0,9}[\"']?\]?\s{0,9}(?:[=:]|%3[ad]|\r?\n\r?\n)\s{0,9}(?:Bearer\s{1,9}|Basic\s{1,9})?)"
    r"(?P<value>(?P<quote>\\{0,9}[\"']).{0,4000}?(?P=quote)|(?:(?<=ookie: )|(?<=tion: ))[^\r\n\"']+|[^\s&\"'<>]+)",
    re.IGNORECASE | re.DOTALL,
)
_CREDENTIALS = re.compile(r"\b(Bearer|Basic)\s{1,9}[\w.~+/=-]{4,}", re.IGNORECASE)
# A long random part of an address is the secret of a link: an invitation, a download, a provider's way in.
_SECRET_PATH = re.compile(r"/(?=[a-zA-Z_-]*[0-9])[\w-]{32,}")
_URL_PASSWORD = re.compile(r"(://[^\s/@:]*):[^\s/@]+@")
_QUOTED_VALUE = re.compile(r"(DETAIL: |query argument \$\d+: |syntax for type [\w ]+: ).*")
_SIGNS = (
    *(
        b"token",
        b"passw",
        b"secret",
        b"authorization",
        b"cookie",
        b"api_key",
        b"api-key",
        b"apikey",
        b"bearer",
        b"basic ",
    ),
    *(b"detail: ", b"query argument", b"syntax for type", b"://"),
)
_STAMP = structlog.processors.TimeStamper(fmt="iso", utc=True, key="at")
_LONG_PART = re.compile(rb"/[\w-]{32}")


def _suspicious(line: bytes) -> bool:
    """Whether anything at all may have to be masked: most lines hold nothing, and must cost next to nothing."""
    small = line.lower()
    for sign in _SIGNS:  # a loop over `in` takes a sixth of the time of the regular expression that says the same
        if sign in small:
            return True
    return _LONG_PART.search(line) is not None


def masked(text: str) -> str:
    """`text` with everything that looks like a secret replaced by ***, and without its middle where it is very long."""
    if _suspicious(text.encode(errors="replace")):
        text = _SECRET_IN_TEXT.sub(rf"\g<name>\g<sign>{HIDDEN}", text)
        text = _CREDENTIALS.sub(rf"\1 {HIDDEN}", text)
        text = _SECRET_PATH.sub(f"/{HIDDEN}", text)
        text = _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
        text = _QUOTED_VALUE.sub(rf"\1{HIDDEN}", text)
    if len(text) > LONGEST:
        half = LONGEST // 2
        return f"{text[:half]} ... {len(text) - LONGEST} characters ... {text[-half:]}"
    return text


def masked_field(name: str, value: Any) -> Any:
    """A field's value without secrets, containers searched through; what is no JSON becomes text."""
    if _SECRET_NAME.search(name):
        return None if value is None else HIDDEN
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {str(key): masked_field(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked_field("", inner) for inner in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    return masked(value if isinstance(value, str) else str(value))


def get_logger(**fields: Any) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry `fields` too."""
    return cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(**fields))


def new_request_id() -> str:
    """A name for one request, bound to every line that its task writes from now on."""
    name = secrets.token_hex(8)
    request_id.set(name)
    return name


def configure(level: str, stream: BinaryIO | None = None) -> None:
    """Send every line of `level` and above to `stream` (standard error), from the libraries too."""
    number = logging.getLevelNamesMapping()[level.upper()]
    _OUTPUT.stream = stream or sys.stderr.buffer
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            _STAMP,
            structlog.processors.format_exc_info,
            _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_output,
        cache_logger_on_first_use=True,
    )
    bridge = _Bridge()
    root = logging.getLogger()
    root.handlers[:] = [bridge]
    root.setLevel(number)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
    # asyncpg and asyncio tell statements and objects with their values when they may say everything.
    logging.getLogger("asyncpg").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(max(number, logging.WARNING))


class _Output:
    """Where the lines go. One for the process: loggers keep it, so it can be turned elsewhere under them."""

    def __init__(self) -> None:
        self.stream: BinaryIO | None = None

    def write(self, line: bytes) -> None:
        stream = self.stream or sys.stderr.buffer
        stream.write(line + b"\n")  # in one piece: other processes write there too
        stream.flush()

    debug = info = warning = error = critical = write  # structlog calls the level's name


_OUTPUT = _Output()


def _output(*_: Any) -> _Output:
    return _OUTPUT


def _line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> bytes:
    """The line, in the order in which people read it."""
    line = {"at": event.pop("at", None), "level": event.pop("level", None), "event": event.pop("event", "")}
    if request := request_id.get():
        line["request_id"] = request
    line.update(event)
    try:
        encoded = msgspec.json.encode(line)
        if len(encoded) <= LONGEST and not _suspicious(encoded):
            return encoded
    except (UnicodeEncodeError, OverflowError, ValueError, TypeError):
        pass  # lone surrogates, numbers beyond 64 bits, objects that are no JSON
    return json.dumps({name: masked_field(name, value) for name, value in line.items()}, default=str).encode()


class _Bridge(logging.Handler):
    """Lines of the standard library's logging, uvicorn's among them, in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            event: MutableMapping[str, Any] = {
                "event": record.getMessage(),
                "level": record.levelname.lower(),
                "logger": record.name,
            }
            if record.exc_info:
                event["exc_info"] = record.exc_info
            event = structlog.processors.format_exc_info(None, "", _STAMP(None, "", event))
            _OUTPUT.write(_line(None, "", event))
        except Exception:  # noqa: BLE001 - a line that cannot be written must not stop the work that it tells of
            self.handleError(record)
