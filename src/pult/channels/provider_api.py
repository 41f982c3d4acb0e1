"""Calls to a provider's HTTP API, and what their failures mean for a message (which may be tried again, which may not)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pult.kit.http_out import ANSWER_WITHIN, Cut, HttpOutError, NotSent, PrivateAddress
from pult.messaging.contract import SendError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pult.kit.http_out import Answered, HttpOut

UPLOAD_WITHIN: Final = 120.0  # seconds; a large file over a slow line
UNSURE: Final = frozenset({500, 502, 504, 520, 522, 524})  # perhaps it was done before this was answered
SHOWN: Final = 500  # characters of what a provider says


@dataclass(frozen=True, slots=True)
class Said:
    """A provider's answer: `data` is its JSON."""

    status: int
    headers: Mapping[str, str]
    data: Any


class ProviderApi:
    """One account's API. `explain` finds (code, text) of an error in an answer, of any status; None: it is none."""

    def __init__(
        self,
        http: HttpOut,
        base_url: str,
        *,
        headers: Mapping[str, str],
        explain: Callable[[int, Any], tuple[str, str] | None],
        idempotent: bool = False,
    ) -> None:
        self._http, self._base, self._headers = http, base_url.rstrip("/") + "/", headers
        self._explain, self._idempotent = explain, idempotent

    async def ask(self, method: str, path: str, **request: Any) -> Said:
        """A call that may be made twice: a question, an upload, a setting. SendError; never `maybe_sent`."""
        return await self._call(method, path, repeatable=True, **request)

    async def send(self, method: str, path: str, **request: Any) -> Said:
        """A call that sends a message. SendError; `maybe_sent` where nobody knows and the provider cannot tell repeats."""
        return await self._call(method, path, repeatable=self._idempotent, **request)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool,
        json: Any = None,
        data: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        within: float = ANSWER_WITHIN,
    ) -> Said:
        sent = dict(self._headers) | dict(headers or {})
        if json is not None:
            data = msgspec.json.encode(json)
            sent["Content-Type"] = "application/json"
        url = path if path.startswith(("http://", "https://")) else self._base + path.lstrip("/")
        try:
            answer = await self._http.request(method, url, headers=sent, params=params, data=data, within=within)
        except HttpOutError as error:
            raise _unanswered(error, repeatable=repeatable) from error
        return self._understood(answer, repeatable=repeatable)

    def _understood(self, answer: Answered, *, repeatable: bool) -> Said:
        try:
            data = msgspec.json.decode(answer.body) if answer.body else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise _no_json(answer, repeatable=repeatable) from None
        found = self._explain(answer.status, data)
        if found is None and answer.status < 300:
            return Said(answer.status, answer.headers, data)
        code, text = found or (str(answer.status), answer.text[:SHOWN])
        raise _refused(answer, code, text[:SHOWN], repeatable=repeatable)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, where the answer says it in seconds."""
    said = headers.get("retry-after", "").strip()
    return float(said) if said.isascii() and said.isdigit() else None


def _unanswered(error: HttpOutError, *, repeatable: bool) -> SendError:
    if isinstance(error, PrivateAddress):
        return SendError("private_address", str(error))
    if isinstance(error, NotSent):
        return SendError("unreachable", str(error), retry=True)
    assert isinstance(error, Cut)
    return SendError("no_answer", str(error), retry=repeatable, maybe_sent=not repeatable)


def _refused(answer: Answered, code: str, text: str, *, repeatable: bool) -> SendError:
    if answer.status in {429, 503}:
        return SendError(code, text, retry=True, retry_after=retry_after(answer.headers))
    if answer.status in UNSURE:
        return SendError(code, text, retry=repeatable, maybe_sent=not repeatable)
    return SendError(code, text)


def _no_json(answer: Answered, *, repeatable: bool) -> SendError:
    text = f"answered {answer.status} with something that is not JSON: {answer.text[:80]!r}"
    if answer.status < 300:  # it may well have done what was asked
        return SendError("not_json", text, retry=repeatable, maybe_sent=not repeatable)
    return _refused(answer, str(answer.status), text, repeatable=repeatable)
