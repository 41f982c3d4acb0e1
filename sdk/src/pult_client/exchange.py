"""The course of a call without the sending: what to do after each try, and what the last one's outcome means."""

from __future__ import annotations

import random
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from pult_client.errors import NotFound, PultError, TooFast, Unavailable, WrongToken
from pult_client.request import Request

Outcome = httpx.Response | httpx.RequestError

# Whatever else httpx raises, an address that is none for example, is a mistake of the caller's and not an outcome.
LOST: Final = (
    httpx.NetworkError,
    httpx.TimeoutException,
    httpx.RemoteProtocolError,
    httpx.ProxyError,
    httpx.DecodingError,
)
NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

AWAY: Final = 503  # the desk says so where nothing was stored
AWAY_OR_LATE: Final = (502, 503, 504)  # a proxy's; behind the other two the call may have been stored
TOO_FAST: Final = 121
FAILURES: Final = {112: WrongToken, 113: NotFound, 117: NotFound, 118: NotFound, 119: NotFound, TOO_FAST: TooFast}

FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 8.0


def exchange(request: Request, *, retries: int, timeout: float) -> Generator[float, Outcome, Any]:
    """Yields how many seconds to pause before each try, is sent what came of it, returns the answer's JSON.

    Raises PultError. Nothing is tried again that could be stored twice.
    """
    pause, tries = 0.0, 0
    while True:
        outcome = yield pause
        tries += 1
        again = _pause(outcome, request, tries, timeout) if tries <= retries else None
        if again is None:
            return _answer(outcome, request)
        pause = again


def _pause(outcome: Outcome, request: Request, tries: int, timeout: float) -> float | None:
    """Seconds until the next try, or None: there is none."""
    growing = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1))
    growing *= random.uniform(0.75, 1.25)  # noqa: S311  # only so that many clients do not come back at once
    if isinstance(outcome, httpx.RequestError):
        return growing if isinstance(outcome, NOT_SENT) or not request.writes else None
    said = _retry_after(outcome)
    if _too_fast(outcome):
        return said if said is not None and said <= timeout else None
    if outcome.status_code == AWAY or (outcome.status_code in AWAY_OR_LATE and not request.writes):
        return max(growing, said or 0.0) if (said or 0.0) <= timeout else None
    return None


def _answer(outcome: Outcome, request: Request) -> Any:
    if isinstance(outcome, httpx.RequestError):
        unknown = request.writes and not isinstance(outcome, NOT_SENT)
        text = f"{request.method}: {type(outcome).__name__}: {outcome}"
        raise _unavailable(None, text, unknown=unknown) from outcome
    answer = _json(outcome)
    if outcome.status_code == 200 and isinstance(answer, list | dict) and not _failed(answer):
        return answer
    raise _error(outcome, answer if isinstance(answer, dict) else {}, request)


def _failed(answer: Any) -> bool:
    """An error comes with HTTP 200 as well. A ticket that was made is no failure, even if its message was not delivered."""
    if not isinstance(answer, Mapping):
        return False
    return "error" in answer or (answer.get("status") in ("failed", False) and "ticket_id" not in answer)


def _error(response: httpx.Response, answer: Mapping[str, Any], request: Request) -> PultError:
    code = _code(answer)
    text = answer.get("error") or answer.get("message") or _unreadable(response, request)
    parameter, request_id = answer.get("parameter"), answer.get("request_id") or response.headers.get("x-request-id")
    known = (str(text), parameter, request_id)
    if _too_fast(response):
        error = TooFast(code if code is not None else TOO_FAST, *known)
        error.retry_after = _retry_after(response)
        return error
    if response.status_code in AWAY_OR_LATE:
        return _unavailable(code, *known, unknown=request.writes and response.status_code != AWAY)
    return FAILURES.get(code or 0, PultError)(code, *known)


def _unavailable(
    code: int | None, text: str, parameter: str | None = None, request_id: str | None = None, *, unknown: bool
) -> Unavailable:
    error = Unavailable(code, text, parameter, request_id)
    error.outcome_unknown = unknown
    return error


def _unreadable(response: httpx.Response, request: Request) -> str:
    where = f", leads to {response.headers['location']}" if response.has_redirect_location else ""
    return f"{request.method}: HTTP {response.status_code}{where}, not an answer of the API; is base_url right?"


def _too_fast(response: httpx.Response) -> bool:
    if response.status_code == 429:
        return True
    answer = _json(response)
    return isinstance(answer, dict) and _failed(answer) and _code(answer) == TOO_FAST


def _code(answer: Mapping[str, Any]) -> int | None:
    try:
        return int(answer["code"])
    except (KeyError, TypeError, ValueError):
        return None


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds, from a number of them or from a date."""
    said = response.headers.get("retry-after", "")
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        until = parsedate_to_datetime(said)
    except ValueError:
        return None
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
