"""Who carries deliveries of one kind out of the house, and what is said between the carrier and the dispatcher."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process holds until its lease ends. `attempt`: the number of the one that begins now, from 1."""

    company_id: int
    id: int
    channel_id: int
    kind: str
    event: str
    ticket_id: int | None
    comment_id: int | None
    change_id: int | None
    cause_id: int | None
    event_id: UUID
    sequence: int | None
    conversation_id: int | None
    details: Mapping[str, Any]
    body: str | None
    progress: Mapping[str, str]
    attempt: int
    made_at: datetime
    age: float  # seconds since it was made, by the database's clock


Result = Literal["done", "retry", "refused", "maybe_sent"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt.

    `result`: done (`state` says how far), retry (certainly not done, later again), refused (never again), maybe_sent
    (nobody knows). `code` and `text` are the other side's words. `target_failed`: it was the target's fault and not this
    delivery's, so that the breaker counts it. `names`: what the provider calls the message. `body`: what was rendered
    for this attempt and is kept for all later ones.
    """

    claimed: Claimed
    result: Result
    state: str = "delivered"
    http_status: int | None = None
    code: str = ""
    text: str = ""
    retry_after: float | None = None
    target_failed: bool = False
    names: Sequence[str] = ()
    body: str | None = None
    began: bool = field(default=True)  # whether a request left at all


class Carrier(Protocol):
    """One kind of delivery."""

    @property
    def kind(self) -> str:
        """As in deliveries.kind."""

    async def prepare(self, claimed: Sequence[Claimed]) -> Sequence[Claimed]:
        """The same deliveries in the same order, with what many can be given at once (a rendered body)."""

    async def carry(self, claimed: Claimed) -> Outcome:
        """One attempt, outside of any transaction. Raises nothing but for a fault of ours (then: retry)."""

    async def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Record what became of attempts, each once."""

    async def resume(self, claimed: Claimed, *, began: bool) -> Outcome:
        """Of a delivery whose holder died: what to do with it. `began`: its request may have left."""
