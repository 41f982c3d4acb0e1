"""Carries webhooks: renders bodies in batches, posts each with its signature, and says what came of it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pult.deliveries import ledger
from pult.deliveries.carrier import Claimed, Outcome
from pult.kit.errors import BadValue
from pult.kit.http_out import HttpOutError, NotSent, PrivateAddress
from pult.webhooks import model, store

if TYPE_CHECKING:
    from pult.desk import Desk
    from pult.kit.db import Conn, Reader
    from pult.kit.http_out import Answered, HttpOut

Render = Callable[["Reader", int, Sequence[int]], Awaitable[Mapping[int, str]]]
"""Bodies as JSON text of these deliveries of a company, by id; none for one whose cause is gone."""

WITHIN: Final = 15.0  # seconds, for the whole exchange
READ_AT_MOST: Final = 64 * 1024  # bytes of an answer
KEPT: Final = 500  # characters of it
GONE: Final = 410
NOT_THE_TARGETS_FAULT: Final = frozenset(
    {400, 406, 409, 411, 413, 415, 422}
)  # it dislikes this event, and may like the next
TYPES: Final = {"json": "application/json; charset=utf-8", "form": "application/x-www-form-urlencoded; charset=utf-8"}
AGENT: Final = f"Pult/{version('pult')}"

_signing_secrets = msgspec.json.Decoder(list[str])
_values = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where the events of an API channel go. `url` None: nowhere any more. `format`: json or form."""

    url: str | None
    format: str
    signing_secrets: Sequence[str]
    application_id: str = ""
    never_answered: bool = False


async def receivers(conn: Reader, targets: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Receiver]:
    """The receivers of these channels (company id, channel id), as their settings say now."""
    rows = await store.receivers(
        conn, company_ids=[target[0] for target in targets], channel_ids=[target[1] for target in targets]
    )
    return {
        (row.company_id, row.channel_id): Receiver(
            row.url, row.format, _signing_secrets.decode(row.signing_secrets), row.application_id, row.never_answered
        )
        for row in rows
    }


async def post(http: HttpOut, receiver: Receiver, event_id: str, body: str, sequence: int | None = None) -> Answered:
    """One signed POST of `body` (JSON text) in the receiver's format. HttpOutError; BadValue for a secret that is none."""
    assert receiver.url is not None
    data = body.encode() if receiver.format == "json" else model.form(_values.decode(body))
    timestamp = int(time.time())  # clock: receivers compare it with theirs at the moment of each attempt
    headers = {
        "Content-Type": TYPES[receiver.format],
        "User-Agent": AGENT,
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": model.signature(event_id, timestamp, data, receiver.signing_secrets),
    }
    if sequence is not None:
        headers["webhook-sequence"] = str(sequence)
    return await http.request(
        "POST", receiver.url, headers=headers, data=data, within=WITHIN, limit=READ_AT_MOST, follow=True
    )


def said(answer: Answered) -> str:
    """The beginning of an answer's text, on one line."""
    return " ".join(answer.text[:KEPT].split())


class WebhookCarrier:
    """The carrier of kind "webhook". Receivers get each event at least once, under one id: a repetition does no harm."""

    kind: Final = "webhook"

    def __init__(self, desk: Desk, http: HttpOut, render: Render) -> None:
        self._desk, self._http, self._render = desk, http, render
        self._receivers: dict[tuple[int, int], Receiver] = {}

    async def prepare(self, claimed: Sequence[Claimed]) -> Sequence[Claimed]:
        """Bodies for those that have none yet; one whose cause is gone stays without.

        A body is kept before it is sent for the first time: whatever happens then, it stays the same under its event id.
        """
        targets = sorted({(one.company_id, one.channel_id) for one in claimed})
        missing = [one for one in claimed if one.body is None]
        if not missing:
            async with self._desk.pools.reading() as conn:
                self._receivers.update(await receivers(conn, targets))
            return claimed
        async with self._desk.work(None) as work:
            self._receivers.update(await receivers(work.conn, targets))
            bodies = await self._rendered(work.conn, missing)
            made = [replace(one, body=bodies[_key(one)]) for one in missing if _key(one) in bodies]
            await ledger.keep_bodies(work.conn, made)
        return [replace(one, body=bodies.get(_key(one), one.body)) for one in claimed]

    async def _rendered(self, conn: Conn, missing: Sequence[Claimed]) -> dict[tuple[int, int], str]:
        bodies: dict[tuple[int, int], str] = {}
        for company_id in sorted({one.company_id for one in missing}):
            made = await self._render(conn, company_id, [one.id for one in missing if one.company_id == company_id])
            bodies.update({(company_id, number): body for number, body in made.items()})
        return bodies

    async def carry(self, claimed: Claimed) -> Outcome:
        """One POST: any 2xx is delivery, 410 is refusal for good, everything else is tried again."""
        receiver = self._receivers.get((claimed.company_id, claimed.channel_id))
        if receiver is None or receiver.url is None:
            return Outcome(
                claimed, "refused", code="no_address", text="the channel has no webhook address any more", began=False
            )
        if claimed.body is None:
            return Outcome(
                claimed, "refused", code="gone", text="what it should tell of does not exist any more", began=False
            )
        try:
            answer = await post(self._http, receiver, str(claimed.event_id), claimed.body, claimed.sequence)
        except HttpOutError as error:
            return _not_answered(claimed, error)
        except BadValue as error:  # whoever puts the channel's secrets right wants its events to come
            return Outcome(claimed, "retry", code="signing_secret", text=error.text, target_failed=True, began=False)
        return outcome(claimed, answer)

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Record what became of attempts; a receiver that answers for the first time is no longer shown as silent."""
        async with self._desk.work(None) as work:
            await ledger.settle(work.conn, outcomes, repeatable=True)
            answered = {(one.claimed.company_id, one.claimed.channel_id) for one in outcomes if one.result == "done"}
            for target in sorted(answered):
                receiver = self._receivers.get(target)
                if receiver is not None and receiver.never_answered:
                    await store.report(work.conn, company_id=target[0], channel_id=target[1], report=None)
                    self._receivers[target] = replace(receiver, never_answered=False)

    async def resume(self, claimed: Claimed, *, began: bool) -> Outcome:  # noqa: ARG002  # a repetition does no harm
        """Its holder died: it is sent again, under the same id. What that says of the receiver is nothing: it did not begin."""
        return Outcome(claimed, "retry", code="lost", text="the process that was sending it ended", began=False)


def _key(claimed: Claimed) -> tuple[int, int]:
    return claimed.company_id, claimed.id


def outcome(claimed: Claimed, answer: Answered) -> Outcome:
    """What an answer means for the delivery."""
    status, text = answer.status, said(answer)
    if 200 <= status < 300:
        return Outcome(claimed, "done", state="delivered", http_status=status, text=text)
    if status == GONE:
        told = f"the receiver is gone (410) {text}".rstrip()
        return Outcome(claimed, "refused", http_status=status, code=str(status), text=told)
    if 300 <= status < 400:
        text = f"redirects ({status}) in a way that is not followed: give the final address; 307 and 308 are followed"
    return Outcome(
        claimed,
        "retry",
        http_status=status,
        code=str(status),
        text=text or f"answered {status}",
        retry_after=_seconds(answer.headers.get("retry-after", "")),
        target_failed=status not in NOT_THE_TARGETS_FAULT,
    )


def failure_code(error: HttpOutError) -> str:
    """One word for why there is no answer."""
    if isinstance(error, PrivateAddress):
        return "private_address"
    return "not_sent" if isinstance(error, NotSent) else "no_answer"


def _not_answered(claimed: Claimed, error: HttpOutError) -> Outcome:
    return Outcome(claimed, "retry", code=failure_code(error), text=str(error), target_failed=True)


def _seconds(said_so: str) -> float | None:
    return float(said_so) if said_so.isascii() and said_so.isdigit() and len(said_so) < 7 else None
