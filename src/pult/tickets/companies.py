"""Companies as a process knows them, for work that no token asks for: a provider's call, a message that was carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pult.kit.errors import NotFound
from pult.tickets import configuration, store
from pult.tickets.caller import Caller
from pult.tickets.model import Staff

if TYPE_CHECKING:
    import asyncpg

    from pult.tickets.configuration import Configuration


class Companies:
    """Configurations by company, each looked at anew before it is used."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool
        self._known: dict[int, tuple[Configuration, Staff]] = {}

    async def desk_of(self, company_id: int, channel_id: int) -> Caller:
        """The company's desk itself, acting through one of its channels. NotFound where the channel is switched off."""
        async with self._pool.acquire() as conn:
            version = await store.config_version(conn, company_id=company_id)
            known = self._known.get(company_id)
            if known is None or known[0].version != version:
                loaded = await configuration.load(conn, company_id)
                if loaded is None:
                    raise NotFound("there is no such company")
                known = self._known[company_id] = (loaded, Staff(loaded.agents, loaded.groups))
        company, staff = known
        channel = company.channels.get(channel_id)
        if channel is None:
            raise NotFound("the channel is switched off")
        return Caller(None, channel, company, staff)
