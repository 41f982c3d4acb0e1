"""A real server on loopback with a database of its own for each module, and a company of its own for each test.

    async def test_something(desk):
        made = await desk.call("create/ticket", subject="Hi", message="there")
        one = await desk.ticket(made["ticket_id"])

The cast: Alice administers, Bob answers in group Support, Charlie must see nothing, Dana is the client.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest
import uvicorn

from pult import worker
from pult.app import Application
from pult.assembly import CHANNEL, house_of
from pult.channels import registry
from pult.deskfile.apply import apply
from pult.deskfile.parse import parse
from pult.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

DESK = """
[company]
key = "{key}"
name = "Northwind Bikes"
[[group]]
key = "support"
name = "Support"
[[group]]
key = "billing"
name = "Billing"
[[agent]]
key = "alice"
name = "Alice"
email = "alice@{key}.example"
role = "admin"
groups = ["support", "billing"]
default_group = "support"
password = "alice's own"
[[agent]]
key = "bob"
name = "Bob"
email = "bob@{key}.example"
role = "agent"
groups = ["support"]
default_group = "support"
rights = {{ api = "write", mail = "read" }}
password = "bob's own"
[[agent]]
key = "charlie"
name = "Charlie"
email = "charlie@{key}.example"
role = "agent"
groups = ["billing"]
default_group = "billing"
rights = {{ }}
password = "charlie's own"
[[channel]]
key = "api"
type = "api"
name = "Site form"
group = "support"
token = "{token}"
[[channel]]
key = "second"
type = "api"
name = "Second form"
[[channel]]
key = "mail"
type = "email"
name = "Support mail"
email = "support@{key}.example"
group = "support"
smtp = {{ host = "127.0.0.1", port = 2525 }}
imap = {{ host = "127.0.0.1", port = 1143, user = "support", password = "secret", tls = false }}
[[channel]]
key = "whatsapp"
type = "whatsapp_pact"
name = "WhatsApp"
settings = {{ base_url = "http://127.0.0.1:9101/p1/", token = "pact-token", company_id = 11, channel_id = 22 }}
[[field]]
key = "order"
name = "Order number"
type = "text"
[[field]]
key = "vip"
name = "VIP order"
type = "checkbox"
[[field]]
key = "reason"
name = "Reason"
type = "list"
options = ["Delivery", "Payment", "Quality"]
add_tag = true
[[field]]
key = "product"
name = "Product"
type = "nested_list"
levels = ["Category", "Model", "Part"]
options = {{ Bikes = {{ Road = ["Frame", "Wheels"], City = ["Frame", "Basket"] }}, Parts = {{ Chains = [], Lights = [] }} }}
[[client]]
key = "dana"
name = "Dana"
emails = ["dana@client.example"]
phones = [{{ phone = "79511234567", type = "mobile" }}]
messengers = [{{ type = "telegram", username = "dana_t" }}]
company = "Acme LLC"
[[trigger]]
key = "vip_first"
name = "VIP orders go first"
on = ["ticket_created"]
when = [{{ field = "vip", is = true }}]
then = [{{ set = "priority", to = "urgent" }}]
"""


@dataclass(slots=True)
class Server:
    base: str
    url: str
    application: Application
    client: httpx.AsyncClient


@dataclass(slots=True)
class Desk:
    """One company on the server. `ids`: what `pult apply --json` answers, `ids["agents"]["bob"]["id"]`."""

    server: Server
    ids: dict[str, Any]
    token: str
    conn: asyncpg.Connection = field(repr=False)

    async def send(self, method: str, verb: str = "POST", path: str = "/uapi/", **request: Any) -> httpx.Response:
        """The raw answer to a request made with httpx's own arguments; no token is added."""
        return await self.server.client.request(verb, f"{self.server.base}{path}{method}", **request)

    async def call(self, method: str, /, **parameters: Any) -> Any:
        """The answer to a JSON call with this desk's token."""
        answer = await self.send(method, json={"api_token": self.token, **parameters})
        assert answer.headers["content-type"] == "application/json"
        assert answer.status_code in {200, 429}, answer.text
        return answer.json()

    async def create(self, **parameters: Any) -> int:
        """A new ticket's id; subject and message are given unless they are among the parameters."""
        answer = await self.call("create/ticket", **{"subject": "First msg", "message": "Hello", **parameters})
        assert answer.get("status") == "success", answer
        return answer["ticket_id"]

    async def update(self, ticket_id: int, **parameters: Any) -> None:
        answer = await self.call("update/ticket", ticket_id=ticket_id, **parameters)
        assert answer == {"status": "success"}, answer

    async def ticket(self, ticket_id: int, **parameters: Any) -> Any:
        answer = await self.call("ticket", ticket_id=ticket_id, **parameters)
        assert "ticket" in answer, answer
        return answer

    async def listed(self, **parameters: Any) -> list[int]:
        """The ids of the list's page, in order."""
        answer = await self.call("tickets", **parameters)
        assert isinstance(answer, list), answer
        return [row["id"] for row in answer]

    async def until(self, look: Callable[[], Awaitable[Any]], within: float = 15) -> Any:
        """What `look` answers as soon as that is something."""
        async with asyncio.timeout(within):
            while not (found := await look()):
                await asyncio.sleep(0.02)
        return found

    async def refused(self, method: str, /, **parameters: Any) -> dict[str, Any]:
        """The error of a call that must fail, after seeing that it stored nothing at all."""
        before = await self.rows()
        answer = await self.call(method, **parameters)
        assert answer.get("status") == "failed", answer
        assert set(answer) <= {"status", "error", "code", "parameter", "request_id"}
        assert await self.rows() == before
        return answer

    async def rows(self) -> dict[str, int]:
        """How many rows each table holds."""
        tables = (
            "tickets",
            "comments",
            "changes",
            "clients",
            "client_contacts",
            "client_companies",
            "client_addresses",
        )
        tables += ("files", "tags", "ticket_tags", "ticket_fields", "comment_mentions", "search_documents")
        return {
            t: await self.conn.fetchval(f"select count(*) from {t} where company_id = $1", self.company) for t in tables
        }

    @property
    def company(self) -> int:
        return self.ids["company"]["id"]

    def agent(self, key: str) -> int:
        return self.ids["agents"][key]["id"]

    def group(self, key: str) -> int:
        return self.ids["groups"][key]["id"]

    def channel(self, key: str) -> int:
        return self.ids["channels"][key]["id"]

    def field(self, key: str) -> int:
        return self.ids["fields"][key]["id"]

    def with_token(self, token: str) -> Desk:
        return replace(self, token=token)


@pytest.fixture(scope="module")
async def server(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    directory: Path = tmp_path_factory.mktemp("desk")
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio leaves Nagle on
    listening.bind(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    settings = Settings(port=port, data_dir=directory, database_url=module_database_url, allow_private="127.0.0.0/8")
    application = Application(settings)
    config = uvicorn.Config(application, http="httptools", lifespan="on", ws="none", log_config=None, access_log=False)
    running = uvicorn.Server(config)
    running.install_signal_handlers = lambda: None
    task = asyncio.create_task(running.serve(sockets=[listening]))
    while not running.started:
        assert not task.done(), "the server ended while starting"
        await asyncio.sleep(0.01)
    async with httpx.AsyncClient(timeout=30) as client:
        yield Server(f"http://127.0.0.1:{port}", module_database_url, application, client)
    running.should_exit = True
    await task


@pytest.fixture
async def working(server: Server) -> AsyncIterator[None]:
    """The background work of the server's desk, as `pult work` does it."""
    stop = asyncio.Event()
    async with house_of(server.application.settings, tidy=True) as house:
        task = asyncio.create_task(worker.work(house.desk, house.dispatcher, house.receiving, stop, CHANNEL))
        yield
        stop.set()
        await task


@pytest.fixture
async def new_desk(server: Server) -> AsyncIterator[Callable[..., Awaitable[Desk]]]:
    """Makes companies: `await new_desk()`; `await new_desk(extra="[[field]] …")` adds to the desk file."""
    conn = await asyncpg.connect(server.url)
    numbers = itertools.count(1)

    async def make(extra: str = "") -> Desk:
        key = f"desk{uuid.uuid4().hex[:8]}n{next(numbers)}"
        token = uuid.uuid4().hex + uuid.uuid4().hex[:8]
        text = DESK.format(key=key, token=token) + extra
        async with conn.transaction():
            applied = await apply(conn, parse(text.encode(), registry.TYPES), address=server.base)
        return Desk(server, applied.answer(), token, conn)

    yield make
    await conn.close()


@pytest.fixture
async def desk(new_desk: Callable[..., Awaitable[Desk]]) -> Desk:
    return await new_desk()
