"""Clients that make work for the desk's deliveries while processes are killed, and what must hold of it afterwards."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import asyncpg
import httpx
from served import DESK, TOKEN, pult

from pult.kit.postgres import attach

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping
    from pathlib import Path

    from fakes.infobip import InfobipFake
    from fakes.pact import PactFake
    from hearing import Hearing

CLIENTS = 6
PAUSE = 0.06  # seconds between two calls of a client
PRIVATE = {"PULT_ALLOW_PRIVATE": "127.0.0.1"}
LISTENING = """
[[channel]]
key = "{key}"
type = "api"
name = "{key}"
webhook_url = "{url}"
"""
PACT = """
[[channel]]
key = "pact"
type = "whatsapp_pact"
name = "WhatsApp by Pact"
settings = {{ base_url = "{url}/p1/", token = "pact-token", company_id = 11, channel_id = 22, delivered_within = 0.2 }}
"""
INFOBIP = """
[[channel]]
key = "infobip"
type = "whatsapp_infobip"
name = "WhatsApp by Infobip"
settings = {{ base_url = "{url}", api_key = "infobip-key", sender = "79990000000", delivered_within = 0.2 }}
"""


async def connect(data_dir: Path) -> asyncpg.Connection:
    dsn = await asyncio.to_thread(attach, data_dir / "postgres")
    assert dsn is not None
    return await asyncpg.connect(dsn)


async def set_up(
    data_dir: Path, hearings: Iterable[Hearing], pact: PactFake | None = None, infobip: InfobipFake | None = None
) -> dict[str, int]:
    """Give the running desk these receivers and providers; the ids of its channels by key."""
    text = DESK.format(token=TOKEN) + "".join(LISTENING.format(key=one.name, url=one.url) for one in hearings)
    text += PACT.format(url=pact.url) if pact is not None else ""
    text += INFOBIP.format(url=infobip.url) if infobip is not None else ""
    file = data_dir.parent / "deliveries.toml"
    file.write_text(text)
    done = await asyncio.to_thread(pult, "apply", str(file), "--json", "--data-dir", str(data_dir), environ=PRIVATE)
    assert done.returncode == 0, done.stderr
    conn = await connect(data_dir)
    try:
        return dict(await conn.fetch("select key, id from channels"))
    finally:
        await conn.close()


@dataclass
class Books:
    """What was asked for. `messages`: text -> the channel's key; `acknowledged` and `refused`: texts of creates."""

    messages: dict[str, str] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)  # answered 503: nothing was stored
    answers: Counter[str] = field(default_factory=Counter)


class Load:
    """CLIENTS clients that open tickets, change them and write to clients; `base` is where the desk answers, None: nowhere."""

    def __init__(
        self, seed: int, channels: Mapping[str, int], messengers: tuple[str, ...] = ("pact", "infobip")
    ) -> None:
        self.books, self.base = Books(), None
        self._seed, self._channels, self._messengers, self._over = seed, channels, messengers, False
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._client(number)) for number in range(CLIENTS)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over = True
        await asyncio.gather(*self._tasks)

    async def _client(self, number: int) -> None:
        chance, mine = random.Random(f"{self._seed}/{number}"), list[int]()
        async with httpx.AsyncClient(timeout=30) as http:
            for step in itertools.count():
                if self._over:
                    return
                await asyncio.sleep(PAUSE)
                if self.base is None:
                    continue
                drawn = chance.random()
                if drawn < 0.25 and self._messengers:
                    await self._write(http, self._messengers[step % len(self._messengers)], number, step)
                elif drawn < 0.4 or not mine:
                    await self._open(http, f"{self._seed} opens {number}.{step}", mine)
                else:
                    await self._change(http, chance.choice(mine), step)

    async def _open(self, http: httpx.AsyncClient, text: str, mine: list[int]) -> None:
        answer = await self._create(http, text, client_email="dana@client.example")
        if "ticket_id" in answer:
            mine.append(answer["ticket_id"])

    async def _write(self, http: httpx.AsyncClient, channel: str, number: int, step: int) -> None:
        """To a phone of its own each time."""
        text = f"{self._seed} writes {number}.{step}"
        self.books.messages[text] = channel
        phone = f"7916{number:02}{step:05}"
        given = {"channel_id": self._channels[channel], "from": "user", "client_phone": phone}
        await self._create(http, text, **given)

    async def _create(self, http: httpx.AsyncClient, text: str, **given: Any) -> dict[str, Any]:
        answer = await self._call(http, "create/ticket", subject=text, message=text, **given)
        if "ticket_id" in answer:
            self.books.acknowledged.add(text)
        if answer.get("http") == 503:
            self.books.refused.add(text)
        return answer

    async def _change(self, http: httpx.AsyncClient, ticket_id: int, step: int) -> None:
        priority = ("low", "medium", "urgent")[step % 3]
        await self._call(http, "update/ticket", ticket_id=ticket_id, priority=priority, subject=f"changed {step}")

    async def _call(self, http: httpx.AsyncClient, method: str, **form: Any) -> dict[str, Any]:
        try:
            got = await http.post(f"{self.base}/uapi/{method}", json={"api_token": TOKEN, **form})
        except httpx.HTTPError as error:
            self.books.answers[type(error).__name__] += 1
            return {}
        assert got.status_code in {200, 503}, got.text
        answer = got.json()
        self.books.answers[str(answer.get("code", "ok")) if got.status_code == 200 else "503"] += 1
        assert "code" not in answer or "database" in answer["error"], answer
        return answer | {"http": got.status_code}


@asynccontextmanager
async def looking(data_dir: Path) -> AsyncIterator[asyncpg.Connection]:
    conn = await connect(data_dir)
    try:
        yield conn
    finally:
        await conn.close()


async def until_none_waits(data_dir: Path, within: float) -> None:
    """Wait until every delivery has come to an end, over connections that may break meanwhile."""
    async with asyncio.timeout(within), looking(data_dir) as conn:
        while left := await conn.fetch(
            "select channel_id, kind, count(*) from deliveries where state = 'queued' group by 1, 2"
        ):
            assert left
            await asyncio.sleep(0.2)


WEBHOOKS = """
select event_id::text as event, ticket_id, sequence, state, attempts from deliveries
 where channel_id = $1 and kind = 'webhook' and event <> 'ping'
"""
MESSAGES = """
select d.id, d.state, d.attempts, c.message as text,
       array(select a.outcome || case when a.ended_at is null then ' and never ended' else '' end from delivery_attempts a
              where a.company_id = d.company_id and a.delivery_id = d.id order by a.number) as outcomes
  from deliveries d join comments c on c.company_id = d.company_id and c.id = d.comment_id
 where d.channel_id = $1 and d.kind = 'message'
"""
STORED = "select message as text, count(*) from comments where is_first group by 1"
HISTORY = """
select d.id from deliveries d
 where d.attempts <> (select count(*) from delivery_attempts a where a.company_id = d.company_id and a.delivery_id = d.id)
    or exists (select from delivery_attempts a where a.delivery_id = d.id and a.ended_at is null)
    or d.state <> 'queued' and d.leased_until is not null
"""


async def whole_history(conn: asyncpg.Connection) -> None:
    """Every attempt is in the history, and has ended; nothing that is at its end is held."""
    assert [row["id"] for row in await conn.fetch(HISTORY)] == []


async def heard_in_order(conn: asyncpg.Connection, channel_id: int, hearing: Hearing) -> int:
    """Each event came, each ticket's in order and without a gap; how many events."""
    rows = {row["event"]: row for row in await conn.fetch(WEBHOOKS, channel_id)}
    assert {row["state"] for row in rows.values()} == {"delivered"}
    assert hearing.ids == set(rows), "what was queued and what was heard differ"
    by_ticket: dict[int, list[int]] = {}
    for event, sequence in hearing.first_times():
        assert rows[event]["sequence"] == sequence
        by_ticket.setdefault(rows[event]["ticket_id"], []).append(sequence)
    for ticket, heard in by_ticket.items():
        assert heard == list(range(1, len(heard) + 1)), f"{hearing.name} heard ticket {ticket} as {heard}"
    return len(rows)


async def stored_once(conn: asyncpg.Connection, books: Books) -> None:
    """What was acknowledged is there, what was refused is not, and nothing is there twice."""
    stored = dict(await conn.fetch(STORED))
    assert not {text for text, times in stored.items() if times > 1}, "stored twice"
    assert not books.acknowledged - set(stored), "acknowledged and lost"
    assert not books.refused & set(stored), "refused and stored"


async def sent_once(conn: asyncpg.Connection, channel_id: int, accepted: list[str]) -> Counter[str]:
    """Of a provider that takes every call for a new message: nothing was sent twice, and what is not known to be sent is
    shown so, with the attempt that began and did not end well. The states.
    """
    rows = await conn.fetch(MESSAGES, channel_id)
    assert len(accepted) == len(set(accepted)), [text for text, n in Counter(accepted).items() if n > 1]
    unsure = [row for row in rows if row["state"] == "maybe_sent"]
    sent = {row["text"] for row in rows if row["state"] in {"sent", "delivered", "read"}}
    assert {row["state"] for row in rows} <= {"sent", "delivered", "read", "maybe_sent"}, Counter(
        r["state"] for r in rows
    )
    assert sent <= set(accepted), "shown as sent and not sent"
    assert set(accepted) - sent <= {row["text"] for row in unsure}, "sent, and not shown"
    assert all(row["outcomes"][-1] == "maybe_sent" for row in unsure), [row["outcomes"] for row in unsure]
    return Counter(row["state"] for row in rows)


async def all_sent(conn: asyncpg.Connection, channel_id: int, accepted: list[str]) -> int:
    """Of a provider that recognises our own ids: everything was sent, once. How many."""
    rows = await conn.fetch(MESSAGES, channel_id)
    assert {row["state"] for row in rows} <= {"sent", "delivered", "read"}, Counter(row["state"] for row in rows)
    assert sorted(accepted) == sorted(row["text"] for row in rows)
    return len(rows)
