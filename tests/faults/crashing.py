"""Clients that create and update while processes are killed, and the books they keep: what was acknowledged, refused, unknown."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import asyncpg
import httpx
from served import TOKEN

from pult import worker
from pult.kit.files import Directory
from pult.kit.postgres import attach

if TYPE_CHECKING:
    from pathlib import Path

CLIENTS = 16


@dataclass
class Attempt:
    """One create, as the client knows it. `ticket_id`: it was acknowledged. `refused`: answered with 503."""

    subject: str
    files: dict[str, bytes]
    ticket_id: int | None = None
    refused: bool = False


@dataclass
class Books:
    """Everything that was tried."""

    creates: dict[str, Attempt] = field(default_factory=dict)
    updates: dict[str, int] = field(default_factory=dict)  # acknowledged: value -> ticket
    refused_updates: set[str] = field(default_factory=set)
    answers: dict[str, int] = field(default_factory=dict)
    slowest: float = 0.0

    def note(self, answer: str) -> None:
        self.answers[answer] = self.answers.get(answer, 0) + 1


class Crowd:
    """CLIENTS clients at work from `async with` on; `base` is where the desk answers just now, None while it is down."""

    def __init__(self, seed: int) -> None:
        self.books, self.base = Books(), None
        self._seed, self._over = seed, False
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._client(number)) for number in range(CLIENTS)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over = True
        await asyncio.gather(*self._tasks)

    async def _client(self, number: int) -> None:
        chance, mine = random.Random(f"{self._seed}/{number}"), []
        async with httpx.AsyncClient(timeout=30) as http:
            for step in itertools.count():
                if self._over:
                    return
                if self.base is None:
                    await asyncio.sleep(0.05)
                elif not mine or chance.random() < 0.5:
                    await self._create(http, chance, f"{self._seed}x{number}x{step}", mine)
                else:
                    await self._update(http, chance.choice(mine), f"{self._seed}y{number}y{step}")

    async def _create(self, http: httpx.AsyncClient, chance: random.Random, name: str, mine: list[int]) -> None:
        sizes = [chance.choice((0, 10, 3_000, 90_000)) for _ in range(chance.randrange(3))]
        files = {f"{name}-{place}.bin": chance.randbytes(size) for place, size in enumerate(sizes)}
        attempt = self.books.creates[name] = Attempt(f"crash {name}", files)
        form = {
            "api_token": TOKEN,
            "subject": attempt.subject,
            "message": f"message of {name}",
            "tag": f"crash,{name}",
            "client_email": f"dana{chance.randrange(40)}@client.example",
        } | self._fields(name)
        parts = [("files[]", (n, content, "application/octet-stream")) for n, content in files.items()]
        answer = await self._call(http, "create/ticket", data=form, files=parts or None)
        if answer.get("status") == "success":
            attempt.ticket_id = answer["ticket_id"]
            mine.append(attempt.ticket_id)
        attempt.refused = answer.get("http") == 503

    def _fields(self, value: str) -> dict[str, str]:
        return {"field_id": f"{self.serial};{self.reason}", "field_value": f"{value};Payment"}

    serial = reason = 0  # the ids of two additional fields

    async def _update(self, http: httpx.AsyncClient, ticket_id: int, value: str) -> None:
        form = {"api_token": TOKEN, "ticket_id": ticket_id, "field_id": self.serial, "field_value": value}
        answer = await self._call(http, "update/ticket", json=form)
        if answer.get("status") == "success":
            self.books.updates[value] = ticket_id
        if answer.get("http") == 503:
            self.books.refused_updates.add(value)

    async def _call(self, http: httpx.AsyncClient, method: str, **request: Any) -> dict[str, Any]:
        """The answer; {} where there is none, with "http" where it is 503."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            got = await http.post(f"{self.base}/uapi/{method}", **request)
        except httpx.HTTPError as error:
            self.books.note(type(error).__name__)
            await asyncio.sleep(0.05)
            return {}
        finally:
            self.books.slowest = max(self.books.slowest, loop.time() - began)
        assert got.status_code in {200, 503}, got.text
        answer = got.json()
        self.books.note(str(answer.get("code", "ok")) if got.status_code == 200 else "503")
        # Bad news of a restart is told in words; an "internal error" would be a fault of ours.
        assert "code" not in answer or "database" in answer["error"], answer
        return answer | {"http": got.status_code}


async def look_through(data_dir: Path, base: str, books: Books, *, downloads: int) -> None:
    """Everything that the books say is there, whole; nothing is half-made, nothing refused was stored."""
    dsn = await asyncio.to_thread(attach, data_dir / "postgres")
    assert dsn is not None
    conn = await asyncpg.connect(dsn)
    try:
        await _nothing_half_made(conn)
        stored = {row["subject"]: row for row in await conn.fetch(WHOLE)}
        assert await conn.fetchval("select count(*) from tickets") == len(stored), "a ticket was stored twice"
        _compare_creates(books, stored, data_dir / "files")
        await _compare_updates(conn, books)
        await _sweep(conn, data_dir / "files")
    finally:
        await conn.close()
    acknowledged = [one for one in books.creates.values() if one.ticket_id and one.files]
    await _download(base, acknowledged[:: max(1, len(acknowledged) // downloads)])


WHOLE = """
select t.id, t.subject, c.message,
       array(select f.name || ' ' || f.size || ' ' || f.key from files f where f.comment_id = c.id) as files,
       array(select g.name from ticket_tags x join tags g on g.id = x.tag_id where x.ticket_id = t.id order by 1) as tags,
       (select count(*) from ticket_fields v where v.ticket_id = t.id) as fields,
       (select count(*) from search_documents s where s.ticket_id = t.id and s.comment_id in (0, c.id)) as documents,
       (select data from changes h where h.ticket_id = t.id and h.old_status = 0 and h.new_status = 8) is not null as made
  from tickets t join comments c on c.ticket_id = t.id and c.is_first
"""

HALF_MADE = {
    "a ticket without its first comment": """
        select id from tickets t where not exists (select from comments c where c.ticket_id = t.id and c.is_first)""",
    "a ticket without its creation row": """
        select id from tickets t
         where not exists (select from changes h where h.ticket_id = t.id and h.old_status = 0 and h.new_status = 8)""",
    "a subject that cannot be found": """
        select id from tickets t
         where not exists (select from search_documents s where s.ticket_id = t.id and s.comment_id = 0)""",
    "a comment that cannot be found": """
        select id from comments c
         where not exists (select from search_documents s where s.ticket_id = c.ticket_id and s.comment_id = c.id)""",
    "a field that says another thing than the history's last row of it": """
        select v.ticket_id from ticket_fields v join fields f on f.id = v.field_id and f.key = 'serial'
          join lateral (select e ->> 'value' as value
                          from changes h cross join jsonb_array_elements(h.data) e
                         where h.ticket_id = v.ticket_id and e ->> 'target' = 'ticket_field'
                           and (e ->> 'ticket_field_id')::integer = f.id
                         order by h.id desc limit 1) last on true
         where last.value <> v.value""",
}


async def _nothing_half_made(conn: asyncpg.Connection) -> None:
    for what, query in HALF_MADE.items():
        found = await conn.fetch(query)
        assert not found, f"{what}: {found[:5]}"


def _compare_creates(books: Books, stored: dict[str, Any], files: Path) -> None:
    for name, attempt in books.creates.items():
        row = stored.get(attempt.subject)
        if row is None:
            assert attempt.ticket_id is None, f"{name} was acknowledged and is lost"
            continue
        assert not attempt.refused, f"{name} was refused with 503 and is stored"
        assert attempt.ticket_id in {None, row["id"]}
        assert row["message"] == f"message of {name}"
        assert row["tags"] == sorted(["Reason:Payment", "crash", name]), name
        assert (row["fields"], row["documents"], row["made"]) == (2, 2, True), name
        described = {line.split()[0]: line.split()[1:] for line in row["files"]}
        assert {n: int(size) for n, (size, _) in described.items()} == {n: len(c) for n, c in attempt.files.items()}
        for file, (_, key) in described.items():
            assert (files / key).read_bytes() == attempt.files[file], f"{file} has other bytes"


async def _compare_updates(conn: asyncpg.Connection, books: Books) -> None:
    rows = await conn.fetch("select h.ticket_id, e ->> 'value' as value from changes h, jsonb_array_elements(h.data) e")
    history = {row["value"]: row["ticket_id"] for row in rows}
    lost = {value for value, ticket_id in books.updates.items() if history.get(value) != ticket_id}
    assert not lost, f"acknowledged and lost: {lost}"
    assert not books.refused_updates & set(history), "refused with 503 and stored"
    values = [row["value"] for row in rows if row["value"] in books.updates]
    assert len(values) == len(set(values)), "an update was stored twice"


async def _sweep(conn: asyncpg.Connection, files: Path) -> None:
    """An hour later there is no file left without a row, and each with one."""
    later = datetime.now(UTC) + timedelta(hours=1, minutes=1)
    await worker.sweep_files(conn, Directory(files), later)
    known = {row["key"] for row in await conn.fetch("select key from files")}
    assert {str(path.relative_to(files)) for path in files.rglob("*") if path.is_file()} == known


async def _download(base: str, attempts: list[Attempt]) -> None:
    """As clients get them: by the links in the answer."""
    async with httpx.AsyncClient(timeout=30) as http:
        for attempt in attempts:
            form = {"api_token": TOKEN, "ticket_id": attempt.ticket_id}
            shown = (await http.post(f"{base}/uapi/ticket", json=form)).json()
            links = {file["name"]: file["file"] for comment in shown["comments"] for file in comment["files"]}
            assert set(links) == set(attempt.files)
            for name, content in attempt.files.items():
                got = await http.get(base + urlsplit(links[name]).path)
                assert hashlib.sha256(got.content).digest() == hashlib.sha256(content).digest(), name
