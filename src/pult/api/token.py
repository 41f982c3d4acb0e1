"""api_token -> who is calling, through which channel."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pult.api.errors import WrongToken
from pult.tickets import configuration, store
from pult.tickets.caller import Caller
from pult.tickets.model import Staff

if TYPE_CHECKING:
    from pult.kit.db import Pools
    from pult.tickets.configuration import Configuration

MOST_REMEMBERED = 10_000


class Callers:
    """The callers that this process has seen. What it remembers is checked by each statement that does work."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools
        self._callers: dict[bytes, Caller] = {}
        self._configurations: dict[int, tuple[Configuration, Staff]] = {}

    async def who(self, token: str | None) -> Caller:
        """Who bears the token; WrongToken where nobody does."""
        if not token:
            raise WrongToken("api_token is missing", parameter="api_token")
        token_hash = hashlib.sha256(token.encode()).digest()
        return self._callers.get(token_hash) or await self._look_up(token_hash)

    def forget(self, caller: Caller) -> None:
        """Look this one up again next time."""
        if caller.token_hash is not None:
            self._callers.pop(caller.token_hash, None)

    async def _look_up(self, token_hash: bytes) -> Caller:
        async with self._pools.main.acquire() as conn:
            found = await store.caller(conn, hash=token_hash)
            if found is None:
                raise WrongToken("api_token is not known", parameter="api_token")
            known = self._configurations.get(found.company_id)
            if known is None or known[0].version != found.config_version:
                loaded = await configuration.load(conn, found.company_id)
                assert loaded is not None
                known = (loaded, Staff(loaded.agents, loaded.groups))
                self._configurations[found.company_id] = known
        company, staff = known
        channel = company.channels.get(found.channel_id)
        if channel is None:
            raise WrongToken("the token's channel is switched off", parameter="api_token")
        if len(self._callers) >= MOST_REMEMBERED:
            self._callers.clear()
        caller = Caller(token_hash, channel, company, staff)
        self._callers[token_hash] = caller
        return caller
