"""Messages that were sent and of which a provider then said nothing: it is asked, where it can be."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec

from pult.kit.log import get_logger
from pult.messaging import store
from pult.messaging.carrier import own_id
from pult.messaging.contract import Cap, Event, Receipt, SendError
from pult.messaging.outlets import BadChannelSettings, ChannelGone

if TYPE_CHECKING:
    from pult.messaging.receiving import Receiving
    from pult.messaging.store import SilentRow

log = get_logger()

AT_ONCE: Final = 50
WITHIN: Final = 15.0  # seconds for each
_names = msgspec.json.Decoder(list[str])


async def ask_about_silent(receiving: Receiving) -> int:
    """Ask what became of each, and take the answers as reports; how many there were."""
    answers = 0
    for row in await store.silent(receiving.desk.pools.main, most=AT_ONCE):
        try:
            async with asyncio.timeout(WITHIN):
                answers += await _ask(receiving, row)
        except (SendError, TimeoutError, ChannelGone, BadChannelSettings) as error:
            log.info("message.not_asked_about", reason=type(error).__name__)
    return answers


async def _ask(receiving: Receiving, row: SilentRow) -> int:
    record, adapter = await receiving.outlets.of(row.channel_id)
    if Cap.STATUS not in adapter.caps:
        return 0
    names = _names.decode(row.names)
    jobs = [name.removeprefix("job:") for name in names if name.startswith("job:")]
    messages = [name.removeprefix("message:") for name in names if name.startswith("message:")]
    told = await adapter.look_up(Receipt(message_ids=messages, job_id=jobs[0] if jobs else None))
    if told is None:
        return 0
    return await receiving.take(record, [Event(replace(told, own_id=own_id(row.company_id, row.id)))])
