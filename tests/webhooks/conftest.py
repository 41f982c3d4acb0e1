"""A desk without reactions: tests tell receivers of events by hand, and see each step that the dispatcher would take."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hook_receiver import Receiver

from pult.api.token import Callers
from pult.api.webhook_bodies import renderer
from pult.channels import registry
from pult.clients import model as clients
from pult.clients.model import ClientWish
from pult.deliveries import ledger
from pult.desk import Desk
from pult.deskfile.apply import apply
from pult.deskfile.parse import parse
from pult.kit import db
from pult.kit.files import open_store
from pult.kit.http_out import HttpOut
from pult.settings import Settings
from pult.tickets.model import Wish
from pult.tickets.open import NewComment, NewTicket, open_ticket
from pult.tickets.store import installation_secret
from pult.webhooks import actions as webhooks
from pult.webhooks.carrier import WebhookCarrier

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from pult.deliveries.carrier import Outcome
    from pult.tickets.caller import Caller

LOOPBACK = "127.0.0.0/8"
FILE = """
[company]
key = "{key}"
name = "Northwind Bikes"
[[group]]
key = "support"
name = "Support"
[[agent]]
key = "bob"
name = "Bob"
email = "bob@{key}.example"
role = "agent"
groups = ["support"]
default_group = "support"
password = "bob's own"
[[channel]]
key = "site"
type = "api"
name = "Site form"
group = "support"
token = "{token}"
[[field]]
key = "order"
name = "Order number"
type = "text"
[[field]]
key = "vip"
name = "VIP order"
type = "checkbox"
"""
HOOK = """
[[channel]]
key = "{key}"
type = "api"
name = "{key}"
webhook_url = "{url}"
webhook_format = "{format}"
"""


@dataclass(slots=True)
class House:
    """One company on a desk, its caller, and the carrier that its dispatcher would drive."""

    desk: Desk
    caller: Caller
    ids: dict[str, Any]
    carrier: WebhookCarrier
    http: HttpOut = field(repr=False)

    @property
    def company(self) -> int:
        return self.caller.company_id

    def channel(self, key: str) -> int:
        return self.ids["channels"][key]["id"]

    async def open(self, **given: Any) -> Any:
        """A ticket of the site's form with one comment of Dana's; `files`, `wish` and `message` may differ."""
        message = given.get("message", "Hello <b>there</b>")
        contacts = (clients.email("dana@client.example"), clients.phone("79511234567", "mobile"))
        new = NewTicket(
            given.get("wish", Wish(subject="First msg")),
            self.caller.configuration.channels[self.channel("site")],
            NewComment(message, message, files=given.get("files", ())),
            ClientWish(name="Dana", contacts=contacts),
        )
        async with self.desk.work(self.caller) as work:
            return await open_ticket(work, new)

    async def notice(self, event: str, ticket_id: int, **given: Any) -> None:
        async with self.desk.work(self.caller) as work:
            await webhooks.notice(work, event, ticket_id, **{"channel_id": self.channel("site"), **given})

    async def round(self) -> list[Outcome]:
        """What is due is claimed, carried one after the other, and settled; pauses of earlier failures are over."""
        async with self.desk.work(None) as work:
            await work.conn.execute(
                "update deliveries set due_at = now() where company_id = $1 and state = 'queued'", self.company
            )
            await work.conn.execute("update delivery_targets set open_until = null where company_id = $1", self.company)
        async with self.desk.work(None) as work:
            claimed = await ledger.claim(work.conn, 100)
        outcomes = [await self.carrier.carry(one) for one in await self.carrier.prepare(claimed)]
        await self.carrier.settle(outcomes)
        return outcomes

    async def rows(self, columns: str = "*") -> list[Any]:
        async with self.desk.pools.reading() as conn:
            return list(
                await conn.fetch(f"select {columns} from deliveries where company_id = $1 order by id", self.company)
            )

    async def states(self) -> list[str]:
        return [row["state"] for row in await self.rows("state, id")]

    async def target(self, key: str = "hook") -> Any:
        async with self.desk.pools.reading() as conn:
            found = "select * from delivery_targets where company_id = $1 and channel_id = $2"
            return await conn.fetchrow(found, self.company, self.channel(key))


@pytest.fixture(scope="module")
async def open_house(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    directory: Path = tmp_path_factory.mktemp("desk")
    settings = Settings(database_url=module_database_url, data_dir=directory, public_url="https://desk.example")
    pools = await db.open_pools(module_database_url, size=12)
    async with pools.reading() as conn:
        secret = await installation_secret(conn)
    assert secret is not None
    yield Desk(settings, pools, open_store(directory / "files"), secret)
    await pools.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def new_house(open_house: Desk) -> AsyncIterator[Callable[..., Awaitable[House]]]:
    """Makes companies: `await new_house(hook=url, …)`; keyword: a receiver's key and address, or more TOML as `extra`."""
    made: list[House] = []

    async def make(
        *, extra: str = "", spelled: str = "json", allowed: str = LOOPBACK, trusted: Any = None, **hooks: str
    ) -> House:
        key, token = f"house{uuid.uuid4().hex[:10]}", uuid.uuid4().hex
        text = FILE.format(key=key, token=token)
        text += "".join(HOOK.format(key=name, url=url, format=spelled) for name, url in hooks.items()) + extra
        async with open_house.work(None) as work:
            applied = await apply(work.conn, parse(text.encode(), registry.TYPES), address="https://desk.example")
        caller = await Callers(open_house.pools).who(token)
        http = HttpOut(allowed, keep_alive=True, trusted=trusted)
        carrier = WebhookCarrier(open_house, http, renderer(open_house))
        made.append(House(open_house, caller, applied.answer(), carrier, http))
        return made[-1]

    yield make
    for house in made:
        await house.http.close()
        async with house.desk.work(None) as work:
            ended = "update deliveries set state = 'cancelled', leased_until = null where company_id = $1"
            await work.conn.execute(ended, house.company)


@pytest.fixture
async def house(new_house: Callable[..., Awaitable[House]], receiver: Receiver) -> House:
    return await new_house(hook=receiver.url)
