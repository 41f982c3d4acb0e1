"""A probe of one channel: its steps, one after the other, and what the provider called meanwhile."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import msgspec

from pult.channels.probing import Attempt, questions
from pult.cli.probe_transcript import call_told, exchange_told
from pult.kit.http_out import HttpOutError
from pult.messaging import overheard
from pult.messaging.contract import Cap, FileOut, Outgoing, SendError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from pult.channels.probing import Question
    from pult.kit.http_record import RecordingHttp
    from pult.kit.redacting import Redactor
    from pult.messaging.contract import Adapter, ChannelRecord, Recipient
    from pult.messaging.overheard import Heard

STEP_WITHIN: Final = 60.0  # seconds
PICTURE_LIMIT: Final = 5 * 1024 * 1024  # bytes


@dataclass(slots=True)
class Step:
    """`exchanges`: which of the recorded requests are its own, from and to."""

    name: str
    asks: str
    outcome: dict[str, Any]
    exchanges: tuple[int, int]


@dataclass(slots=True)
class _Noted:
    """What the ledger would be told while a message is sent."""

    done: dict[str, str] = field(default_factory=dict)
    conversation: str | None = None

    async def begin(self) -> None:
        pass

    async def sent(self, part: str, message_id: str = "") -> None:
        self.done[part] = message_id

    async def talking_to(self, conversation: str) -> None:
        self.conversation = conversation


class Probe:
    """`texts`: what was written, which may be seen in a transcript. `well`: nothing that should work has failed.

    `progress` is told of each step, in words for whoever runs the probe.
    """

    def __init__(
        self, record: ChannelRecord, adapter: Adapter, http: RecordingHttp, progress: Callable[[str], None]
    ) -> None:
        self._record, self._adapter, self._http, self._progress = record, adapter, http, progress
        self._steps: list[Step] = []
        self._name = f"probe-{secrets.token_hex(6)}"
        self.texts: list[str] = []
        self.well = True

    async def ask(self, to: Recipient | None) -> None:
        """Everything that can be asked without sending."""
        await self._step("check", "does the channel work", self._check, needed=True)
        if Cap.TEMPLATE in self._adapter.caps:
            await self._step("templates", "what does the list of templates hold", self._templates)
        attempt = None if to is None else Attempt(to, "")
        await self._questions(attempt, sends=False)

    async def send(self, to: Recipient, picture: str | None) -> None:
        """Test messages, each of which the recipient sees."""
        noted = _Noted()
        first = self._message(to)
        await self._step("text", "how is a first message answered", lambda: self._say(first, noted), needed=True)
        if self._adapter.idempotent:
            again = "is the same message under the same id of ours known again"
            await self._step("same id again", again, lambda: self._say(first, _Noted()))
        if to.conversation is None:
            second, afresh = self._message(to), _Noted()
            asks = "does a message to somebody known differ when their number there is not given"
            await self._step("first contact again", asks, lambda: self._say(second, afresh))
        to = replace(to, conversation=noted.conversation or to.conversation)
        third = self._message(to)
        await self._step(
            "text in the conversation", "how is a further message answered", lambda: self._say(third, _Noted())
        )
        if picture:
            await self._step("picture", "how is a file answered", lambda: self._picture(to, picture))
        await self._questions(Attempt(to, self._message(to).text, picture), sends=True)

    async def listen(self, data_dir: Path, seconds: float) -> list[Heard]:
        """What the provider calls meanwhile; everything that it called since the probe began."""
        if seconds:
            self._progress(f"waiting {seconds:.0f} s for the provider's calls: answer the messages meanwhile")
            await asyncio.sleep(seconds)
        return overheard.heard(overheard.place(data_dir, self._record.id))

    def transcript(self, told: Redactor, heard: list[Heard]) -> dict[str, Any]:
        """All of it, redacted."""
        steps = []
        for step in self._steps:
            first, after = step.exchanges
            requests = [exchange_told(told, exchange) for exchange in self._http.exchanges[first:after]]
            steps.append({"step": step.name, "asks": step.asks, **_shown(told, step.outcome), "requests": requests})
        return {"steps": steps, "calls": [call_told(told, call) for call in heard]}

    async def _questions(self, attempt: Attempt | None, *, sends: bool) -> None:
        for one in questions(self._record, attempt):
            if one.sends == sends:
                await self._step(one.name, one.asks, lambda one=one: self._put(one))  # type: ignore[misc]

    async def _step(
        self, name: str, asks: str, work: Callable[[], Awaitable[dict[str, Any]]], *, needed: bool = False
    ) -> None:
        """Do it and note how it went. `needed`: the probe is not well without it."""
        before = len(self._http.exchanges)
        try:
            async with asyncio.timeout(STEP_WITHIN):
                outcome = await work()
        except SendError as error:
            certainty = "retry" if error.retry else "maybe_sent" if error.maybe_sent else "refused"
            outcome = {"outcome": certainty, "code": error.code, "error": error.text, "well": False}
        except (HttpOutError, TimeoutError) as error:
            outcome = {"outcome": "no answer", "error": str(error) or "no answer in time", "well": False}
        except Exception as error:  # noqa: BLE001  # a provider that answers oddly is what a probe is for
            outcome = {"outcome": "fault", "error": type(error).__name__, "well": False}
        well = outcome.pop("well", True)
        self._progress(": ".join([name, outcome["outcome"], *filter(None, [outcome.get("error")])]))
        self.well = self.well and (well or not needed)
        self._steps.append(Step(name, asks, outcome, (before, len(self._http.exchanges))))

    async def _check(self) -> dict[str, Any]:
        """The words of the findings hold names: they are shown, and not in the transcript."""
        found = await self._adapter.check()
        for one in found:
            self._progress(f"check: {'ok' if one.ok else 'wrong'}: {one.text}")
        return {"outcome": "asked", "findings": [one.ok for one in found], "well": all(one.ok for one in found)}

    async def _templates(self) -> dict[str, Any]:
        known = await self._adapter.templates()
        if known is None:
            return {"outcome": "not known"}
        counted = sum(template.variables is not None for template in known)
        return {"outcome": "known", "number": len(known), "with_number_of_variables": counted}

    def _message(self, to: Recipient) -> Outgoing:
        """One with words of its own."""
        number = len(self.texts) + 1
        self.texts.append(f"Pult test message {number}")
        return Outgoing(f"{self._name}-{number}", to, self.texts[-1])

    async def _say(self, message: Outgoing, noted: _Noted) -> dict[str, Any]:
        receipt = await self._adapter.send(message, noted)
        noted.conversation = receipt.conversation or noted.conversation
        return {"outcome": receipt.state.value, "message_ids": list(receipt.message_ids), "job_id": receipt.job_id}

    async def _picture(self, to: Recipient, url: str) -> dict[str, Any]:
        content = b"".join([chunk async for chunk in self._http.stream(url, limit=PICTURE_LIMIT)])
        mime = "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"

        async def read() -> AsyncIterator[bytes]:
            async def chunks() -> AsyncIterator[bytes]:
                yield content

            return chunks()

        name = f"pult-test.{mime.rpartition('/')[2]}"
        file = FileOut(name, mime, len(content), read, url)
        return await self._say(Outgoing(f"{self._name}-picture", to, files=[file]), _Noted())

    async def _put(self, one: Question) -> dict[str, Any]:
        headers, data = dict(one.headers), None
        if one.json is not None:
            headers["Content-Type"], data = "application/json", msgspec.json.encode(one.json)
        elif one.form is not None:
            headers["Content-Type"], data = "application/x-www-form-urlencoded", urlencode(one.form).encode()
        answer = await self._http.request(one.method, one.url, headers=headers, params=one.params, data=data)
        return {"outcome": f"answered {answer.status}"}


def _shown(told: Redactor, outcome: dict[str, Any]) -> dict[str, Any]:
    return {name: told.value(held, name, fault=True) if name != "outcome" else held for name, held in outcome.items()}
