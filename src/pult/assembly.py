"""How the parts of one process fit together: settings -> pools, files, adapters, carriers, reactions."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pult.api.webhook_bodies import renderer
from pult.channels.registry import TYPES
from pult.deliveries.dispatch import Dispatcher
from pult.deliveries.ledger import PER_TARGET
from pult.desk import Desk
from pult.kit import db
from pult.kit.files import open_store
from pult.kit.http_out import HttpOut
from pult.kit.waking import Waker
from pult.messaging.carrier import MessageCarrier
from pult.messaging.contract import Outside
from pult.messaging.now import Messages
from pult.messaging.outlets import Outlets
from pult.messaging.receiving import Receiving
from pult.reactions import reacting
from pult.tickets import store
from pult.tickets.companies import Companies
from pult.webhooks.carrier import WebhookCarrier

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pult.deliveries.carrier import Carrier
    from pult.settings import Settings

CHANNEL: Final = "pult_deliveries"  # of NOTIFY
STOP_WITHIN: Final = 20.0  # seconds; a message whose answer is awaited longer is taken up by another process


@dataclass(slots=True)
class House:
    """One process's whole."""

    desk: Desk
    waker: Waker
    provider_http: HttpOut
    webhook_http: HttpOut
    outlets: Outlets
    dispatcher: Dispatcher
    messages: Messages
    receiving: Receiving
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


async def open_house(settings: Settings, *, pool_size: int = 8, tidy: bool = False) -> House:
    """Everything that a process needs, as `settings` say. `close_house` ends it."""
    assert settings.database_url is not None
    pools = await db.open_pools(settings.database_url, lists_url=settings.read_database_url, size=pool_size, tidy=tidy)
    async with pools.reading() as conn:
        secret = await store.installation_secret(conn)
    assert secret is not None
    waker = Waker(pools.main, CHANNEL)
    files = open_store(settings.files or settings.data_dir / "files")
    desk = Desk(settings, pools, files, secret, reacting(waker.wake))
    provider_http = HttpOut(settings.allow_private)
    webhook_http = HttpOut(settings.allow_private, keep_alive=True, per_host=PER_TARGET)
    outlets = Outlets(pools.main, TYPES, Outside(provider_http, settings.address, secret, desk))
    companies = Companies(pools.main)
    carriers: dict[str, Carrier] = {
        "message": MessageCarrier(desk, outlets, companies),
        "webhook": WebhookCarrier(desk, webhook_http, renderer(desk)),
    }
    dispatcher = Dispatcher(pools.main, carriers)
    messages = Messages(desk, outlets, dispatcher)
    receiving = Receiving(desk, outlets, companies)
    house = House(desk, waker, provider_http, webhook_http, outlets, dispatcher, messages, receiving)
    house.tasks.append(asyncio.create_task(waker.run()))
    return house


async def close_house(house: House) -> None:
    """Finish what is running, for a while."""
    house.desk.closing = True
    try:
        async with asyncio.timeout(STOP_WITHIN):
            await house.messages.finish()
            for task in house.tasks:
                task.cancel()
            await asyncio.gather(*house.tasks, return_exceptions=True)
            await house.provider_http.close()
            await house.webhook_http.close()
            await house.desk.pools.close()
    except TimeoutError:
        house.desk.pools.terminate()


@contextlib.asynccontextmanager
async def house_of(settings: Settings, *, pool_size: int = 8, tidy: bool = False) -> AsyncIterator[House]:
    """The same, as a block."""
    house = await open_house(settings, pool_size=pool_size, tidy=tidy)
    try:
        yield house
    finally:
        await close_house(house)
