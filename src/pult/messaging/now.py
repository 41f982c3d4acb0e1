"""What a caller waits for: a message sent at once, and which templates the provider has."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pult.deliveries import ledger
from pult.kit.connecting import lost
from pult.kit.log import get_logger
from pult.messaging import store
from pult.messaging.contract import Cap, KnownTemplate, SendError
from pult.messaging.outlets import BadChannelSettings, ChannelGone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pult.deliveries.dispatch import Dispatcher
    from pult.desk import Desk
    from pult.messaging.outlets import Outlets

log = get_logger()

FIRST_LOOK: Final = 0.02  # seconds
SLOWEST_LOOK: Final = 0.2
FRESH: Final = 300.0  # seconds for which a list of templates is taken for true
MISSING: Final = 10.0  # ... and for which what is not in it is not asked for again
ASKED_WITHIN: Final = 4.0
ENDS: Final = frozenset({"delivered", "read", "failed", "cancelled", "maybe_sent"})


@dataclass(frozen=True, slots=True)
class Said:
    """What is known of a message when its caller is answered."""

    delivery_id: int
    conversation_id: int | None
    state: str
    code: str
    text: str


WAITS: Final = Said(0, None, "queued", "", "")  # all that can be said while the database is away


class Messages:
    """One process's way to say something at once."""

    def __init__(self, desk: Desk, outlets: Outlets, dispatcher: Dispatcher) -> None:
        self._desk, self._outlets, self._dispatcher = desk, outlets, dispatcher
        self._templates: dict[int, tuple[float, Sequence[KnownTemplate] | None]] = {}
        self._sending: set[asyncio.Task[None]] = set()

    async def say(self, company_id: int, comment_id: int, within: float) -> Said | None:
        """Send a comment's message now and wait at most `within` seconds for the provider's word; None: nothing to send.

        Sending goes on when the wait is over, and in another process if this one dies. Raises nothing: the comment is stored,
        and whoever is told of an error instead would write it once more.
        """
        try:
            return await self._say(company_id, comment_id, within)
        except Exception as error:  # whatever it is, the ledger has the message, and it will be sent
            if lost(error):
                log.warning("message.not_watched", reason=type(error).__name__)
            else:
                log.exception("message.not_watched")
            return WAITS

    async def _say(self, company_id: int, comment_id: int, within: float) -> Said | None:
        end = time.monotonic() + within
        found = await self._look(company_id, comment_id)
        if found is None or found.state in ENDS:
            return found
        async with self._desk.work(None) as work:
            claimed = await ledger.claim_one(work.conn, company_id, found.delivery_id)
        if claimed is not None:
            task = asyncio.create_task(self._dispatcher.deliver(claimed))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        tells = await self._tells_delivery(company_id, comment_id)
        pause = FIRST_LOOK
        while found.state not in ENDS and (tells or found.state != "sent") and time.monotonic() < end:
            await asyncio.sleep(min(pause, max(0.0, end - time.monotonic())))
            pause = min(pause * 1.5, SLOWEST_LOOK)
            found = await self._look(company_id, comment_id) or found
        return found

    async def has_templates(self, channel_id: int) -> bool:
        """Whether templates can be sent in the channel."""
        try:
            _, adapter = await self._outlets.of(channel_id)
        except (ChannelGone, BadChannelSettings):
            return False
        return Cap.TEMPLATE in adapter.caps

    async def template(self, channel_id: int, key: str, language: str) -> tuple[bool, KnownTemplate | None]:
        """Whether the provider's list of templates is known, and the template if it is in it.

        One that it has in other languages only is answered with all of these.
        """
        known = await self._known(channel_id, FRESH)
        if known is not None and not any(one.key == key for one in known):
            known = await self._known(channel_id, MISSING)  # perhaps it is new
        if known is None:
            return False, None
        found = [one for one in known if one.key == key]
        fitting = next((one for one in found if language in one.languages or not one.languages), None)
        if fitting is not None or not found:
            return True, fitting
        return True, replace(found[0], languages=[spoken for one in found for spoken in one.languages])

    async def finish(self) -> None:
        """Wait for what is being sent."""
        await asyncio.gather(*self._sending, return_exceptions=True)
        await self._dispatcher.finish()

    async def _known(self, channel_id: int, fresh: float) -> Sequence[KnownTemplate] | None:
        seen = self._templates.get(channel_id)
        if seen is not None and time.monotonic() - seen[0] < fresh:
            return seen[1]
        known: Sequence[KnownTemplate] | None = None
        try:
            _, adapter = await self._outlets.of(channel_id)
            if Cap.TEMPLATE in adapter.caps:
                async with asyncio.timeout(ASKED_WITHIN):
                    known = await adapter.templates()
        except (SendError, TimeoutError, ChannelGone, BadChannelSettings) as error:
            log.info("templates.not_known", reason=type(error).__name__)
        self._templates[channel_id] = (time.monotonic(), known)
        return known

    async def _look(self, company_id: int, comment_id: int) -> Said | None:
        async with self._desk.pools.reading() as conn:
            row = await store.message_of_comment(conn, company_id=company_id, comment_id=comment_id)
        if row is None:
            return None
        return Said(row.id, row.conversation_id, row.state, row.error_code or "", row.error_text or "")

    async def _tells_delivery(self, company_id: int, comment_id: int) -> bool:
        async with self._desk.pools.reading() as conn:
            row = await store.message_of_comment(conn, company_id=company_id, comment_id=comment_id)
        try:
            _, adapter = await self._outlets.of(row.channel_id if row is not None else 0)
        except (ChannelGone, BadChannelSettings):
            return False
        return Cap.STATUS in adapter.caps
