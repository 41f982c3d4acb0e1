"""The ladder of states, the pauses between attempts, and the breaker. Pure."""

from __future__ import annotations

from typing import Final

LADDER: Final = ("queued", "maybe_sent", "sent", "delivered", "read")
ENDS: Final = frozenset({"failed", "cancelled"})

PAUSES: Final = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)  # seconds; the last from then on
LASTING: Final = {"webhook": 72 * 3600.0, "message": 24 * 3600.0}  # seconds during which a delivery is tried
BREAKS_AT: Final = 5  # failures of a target in a row
BREAKER_PAUSES: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)


def climb(old: str, new: str) -> str:
    """The state after a report: it only climbs. What has failed or was cancelled stays so, and what was delivered too.

    A message that nobody knew of, or that was only taken, can still fail.
    """
    if old in ENDS:
        return old
    if new == "failed":
        return old if old in {"delivered", "read"} else new
    if new == "cancelled":
        return new if old == "queued" else old
    return max(old, new, key=LADDER.index)


def pause_after(attempt: int, retry_after: float | None, chance: float) -> float:
    """Seconds until the next attempt; `chance` (0 to 1) spreads those that failed together. A target's own word counts."""
    if retry_after is not None:
        return min(max(retry_after, 0.5), 3600.0) + chance
    pause = PAUSES[min(attempt, len(PAUSES)) - 1]
    return pause * (1 + 0.2 * chance)


def given_up(kind: str, age: float) -> bool:
    """Whether a delivery that just failed is too old to be tried again; it was tried at least once."""
    return age > LASTING[kind]


def breaker_pause(failures: int) -> float:
    """Seconds during which nobody tries the target; 0 while it has not failed often enough in a row."""
    over = failures - BREAKS_AT
    return 0.0 if over < 0 else BREAKER_PAUSES[min(over, len(BREAKER_PAUSES) - 1)]
