"""The adapters of one process: made from a channel's settings when first needed, and again when these have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pult.kit.errors import NotFound
from pult.messaging import store
from pult.messaging.contract import ChannelRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncpg

    from pult.messaging.contract import Adapter, Outside
    from pult.staff.channel_types import ChannelType


class ChannelGone(NotFound):
    """There is no such channel, it is switched off, or its type has no provider."""


class BadChannelSettings(Exception):
    """What is stored of a channel is not what its type declares; the text says where."""


class Outlets:
    """Adapters by channel. `types`: what the registry knows."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], types: Mapping[str, ChannelType], outside: Outside) -> None:
        self._pool, self._types, self._outside = pool, types, outside
        self._made: dict[int, tuple[tuple[Any, ...], ChannelRecord, Adapter]] = {}

    async def of(self, channel_id: int) -> tuple[ChannelRecord, Adapter]:
        """The channel and its adapter. ChannelGone, BadChannelSettings."""
        row = await store.channel(self._pool, id=channel_id)
        if row is None or not row.active:
            raise ChannelGone("there is no such channel")
        return self._of(row)

    async def siblings(self, company_id: int) -> list[tuple[ChannelRecord, Adapter]]:
        """All channels of a company that have a provider and are set up well enough to be spoken to."""
        found = []
        for row in await store.channels_of_company(self._pool, company_id=company_id):
            try:
                found.append(self._of(row))
            except (ChannelGone, BadChannelSettings):
                continue
        return found

    async def all(self) -> list[tuple[ChannelRecord, Adapter]]:
        """Those of every company."""
        found = []
        for row in await store.all_channels(self._pool):
            try:
                found.append(self._of(row))
            except (ChannelGone, BadChannelSettings):
                continue
        return found

    def _of(self, row: Any) -> tuple[ChannelRecord, Adapter]:
        seen = (row.settings, row.name, row.email)
        known = self._made.get(row.id)
        if known is None or known[0] != seen:
            record = record_of(row, self._types)
            known = self._made[row.id] = (seen, record, self._types[row.type].adapter(record, self._outside))
        return known[1], known[2]


def record_of(row: Any, types: Mapping[str, ChannelType]) -> ChannelRecord:
    """A channel's row as its adapter is told. ChannelGone for a type without a provider, BadChannelSettings."""
    found = types.get(row.type)
    if found is None or found.adapter is None:
        raise ChannelGone("the channel has no provider")
    stored = msgspec.json.decode(row.settings)
    try:
        settings = msgspec.convert(stored.get("adapter", {}), found.settings)
    except msgspec.ValidationError as error:
        raise BadChannelSettings(str(error)) from error
    return ChannelRecord(
        company_id=row.company_id,
        id=row.id,
        type=row.type,
        name=row.name,
        email=row.email,
        settings=settings,
        inbound_secret=stored["inbound_secret"],
        signing_secrets=stored["signing_secrets"],
    )
