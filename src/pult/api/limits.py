"""How often a token may ask."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from pult.api.errors import TooFast
from pult.tickets import store

if TYPE_CHECKING:
    from pult.desk import Desk
    from pult.tickets.caller import Caller

SEARCHES: Final = 10  # "A limit of 10 queries per minute is set for queries, containing this parameter."
MINUTE: Final = timedelta(minutes=1)


async def search(desk: Desk, caller: Caller) -> None:
    """Count one search of the token's; TooFast when it had its ten in the last minute."""
    await _take(desk, f"search:{(caller.token_hash or b'').hex()}", SEARCHES, "query")


async def any_call(desk: Desk, caller: Caller) -> None:
    """Count one call, where the operator has set a limit."""
    if desk.settings.api_limit is not None:
        await _take(desk, f"call:{(caller.token_hash or b'').hex()}", desk.settings.api_limit, "api_token")


async def _take(desk: Desk, key: str, turns: int, parameter: str) -> None:
    async with desk.pools.main.acquire() as conn:
        turn = await store.take_turn(conn, key=key, turns=turns, per=MINUTE)
    assert turn is not None
    if not turn.allowed:
        text = f"more than {turns} calls a minute; try again in {turn.retry_after} s"
        raise TooFast(text, parameter=parameter, retry_after=max(1, turn.retry_after or 1))
