"""The demo desk is whole, skewed as life is, and leaves the database's shape as it was."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
import pytest_asyncio

from pult.cli import demo
from pult.cli.demo import indexes, vocabulary
from pult.kit.files import Directory

if TYPE_CHECKING:
    import io
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pult.cli.demo import DemoReport

TICKETS = 2_000
SHAPE = """
    select c.conrelid::regclass::text, c.conname, pg_get_constraintdef(c.oid), c.convalidated
      from pg_constraint c where c.connamespace = 'public'::regnamespace
    union all
    select indrelid::regclass::text, indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisvalid and indisready
      from pg_index x join pg_class t on t.oid = x.indrelid where t.relnamespace = 'public'::regnamespace
    order by 1, 2, 3
"""


@dataclass
class Desk:
    conn: asyncpg.Connection
    url: str
    report: DemoReport
    files: Path
    shape_before: list[tuple[Any, ...]]

    async def one(self, query: str, *values: Any) -> Any:
        return await self.conn.fetchval(query, *values)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    conn = await asyncpg.connect(module_database_url)
    before = [tuple(row) for row in await conn.fetch(SHAPE)]
    files = tmp_path_factory.mktemp("files")
    said: list[str] = []
    report = await demo.fill(module_database_url, tickets=TICKETS, files=Directory(files), progress=said.append)
    assert said
    yield Desk(conn, module_database_url, report, files, before)
    await conn.close()


async def test_holds_as_many_as_it_says(desk: Desk):
    assert desk.report.tickets == TICKETS == await desk.one("select count(*) from tickets")
    assert desk.report.comments == await desk.one("select count(*) from comments")
    assert desk.report.clients == TICKETS // 5 == await desk.one("select count(*) from clients")
    assert 4.6 < desk.report.comments / TICKETS < 5.4
    assert await desk.one("select count(*) from search_documents") == TICKETS + desk.report.comments
    assert await desk.one("select count(*) from changes") > 2 * TICKETS
    assert desk.report.seconds > 0
    assert set(indexes.BIG) <= set(desk.report.sizes)


async def test_every_index_and_constraint_is_back_and_valid(desk: Desk):
    after = [tuple(row) for row in await desk.conn.fetch(SHAPE)]
    assert after == desk.shape_before
    assert all(valid for *_, valid in after)
    assert any("gin" in definition for _, _, definition, _ in after)


async def test_what_refers_to_something_finds_it(desk: Desk):
    """Validated foreign keys say the same; this asks the rows themselves, and what no key can say."""
    for table, column, other in (
        ("tickets", "client_id", "clients"),
        ("tickets", "channel_id", "channels"),
        ("tickets", "assignee_id", "agents"),
        ("comments", "ticket_id", "tickets"),
        ("comments", "client_id", "clients"),
        ("comments", "agent_id", "agents"),
        ("changes", "ticket_id", "tickets"),
        ("ticket_tags", "tag_id", "tags"),
        ("ticket_fields", "field_id", "fields"),
        ("client_contacts", "client_id", "clients"),
    ):
        lost = f"select count(*) from {table} a where a.{column} is not null and not exists (select from {other} b where b.id = a.{column})"
        assert await desk.one(lost) == 0, (table, column)
    assert await desk.one("select count(*) from comments where (author = 'user') <> (agent_id is not null)") == 0
    assert await desk.one("select count(*) from comments where (author = 'client') <> (client_id is not null)") == 0
    assert await desk.one("select count(*) from tickets where updated_at < created_at or updated_at > now()") == 0
    firsts = await desk.conn.fetch(
        "select ticket_id, count(*) filter (where is_first) as firsts from comments group by 1"
    )
    assert len(firsts) == TICKETS
    assert {row["firsts"] for row in firsts} == {1}


async def test_agents_hold_tickets_in_groups_where_they_work(desk: Desk):
    outside = """select count(*) from tickets t where t.assignee_id is not null and t.group_id is not null and not exists (
                     select from group_members m where m.group_id = t.group_id and m.agent_id = t.assignee_id)"""
    assert await desk.one(outside) == 0
    assert await desk.one("select count(*) from agents") == 25


async def test_chosen_options_stand_below_their_parents(desk: Desk):
    wrong = """
        select count(*) from ticket_fields v
          join fields f on f.id = v.field_id and f.kind = 'nested_list' and f.parent_field_id is not null
          join field_options o on o.id::text = v.value and o.field_id = f.id
         where not exists (select from ticket_fields u
                            where u.ticket_id = v.ticket_id and u.field_id = f.parent_field_id and u.value = o.parent_option_id::text)"""
    assert await desk.one(wrong) == 0
    unknown = """select count(*) from ticket_fields v join fields f on f.id = v.field_id and f.kind like '%list'
                  where not exists (select from field_options o where o.field_id = f.id and o.id::text = v.value)"""
    assert await desk.one(unknown) == 0
    assert await desk.one("select count(distinct field_id) from ticket_fields") == 10
    assert await desk.one("select max(n) from (select count(*) as n from ticket_fields group by ticket_id) x") == 5


async def test_automatic_tags_follow_their_field(desk: Desk):
    tagged = """select count(*) from ticket_tags x join tags g on g.id = x.tag_id
                  join ticket_fields v on v.ticket_id = x.ticket_id and v.field_id = x.field_id
                  join field_options o on o.id::text = v.value
                 where g.name = 'Reason:' || o.value"""
    reasons = "select count(*) from ticket_fields v join fields f on f.id = v.field_id where f.name = 'Reason'"
    assert await desk.one(tagged) == await desk.one(reasons) > TICKETS / 3
    assert await desk.one("select count(*) from ticket_tags where field_id is not null") == await desk.one(reasons)


async def test_it_is_skewed_as_life_is(desk: Desk):
    share = "select (count(*) filter (where {}))::float8 / count(*) from tickets"
    for condition, least, most in (
        ("status = 3", 0.93, 0.97),
        ("priority = 2", 0.82, 0.88),
        ("type = 1", 0.77, 0.83),
        ("assignee_id is null", 0.035, 0.07),
        ("channel_id = (select channel_id from tickets group by 1 order by count(*) desc limit 1)", 0.56, 0.64),
        (
            "assignee_id = (select assignee_id from tickets where assignee_id > 0 group by 1 order by count(*) desc limit 1)",
            0.2,
            0.3,
        ),
    ):
        assert least < await desk.one(share.format(condition)) < most, condition
    newest = "select (count(*) filter (where status <> 3))::float8 / count(*) from (select * from tickets order by id desc limit 100) t"
    assert await desk.one(newest) > 0.3
    assert await desk.one("select count(*) from (select distinct channel_id from tickets) c") == 7
    assert await desk.one("select max(n) from (select count(*) as n from comments group by ticket_id) x") <= 60
    assert await desk.one("select max(n) from (select count(*) as n from comments group by ticket_id) x") >= 20
    assert 230 < await desk.one("select avg(length(message)) from comments") < 330
    russian = "select (count(*) filter (where message ~ '[а-я]'))::float8 / count(*) from comments"
    assert 0.45 < await desk.one(russian) < 0.55


async def test_search_documents_are_what_to_tsvector_says_of_the_text(desk: Desk):
    """Every one of them: a joined vector must have the very positions of the joined text."""
    text = "replace(replace(replace(c.message, '</p><p>', ' '), '<p>', ''), '</p>', '')"
    wrong = f"""select count(*) from comments c
                  join search_documents d on d.company_id = c.company_id and d.ticket_id = c.ticket_id and d.comment_id = c.id
                 where d.words is distinct from to_tsvector('russian', {text})"""
    assert await desk.one(wrong) == 0
    wrong = """select count(*) from tickets t
                 join search_documents d on d.company_id = t.company_id and d.ticket_id = t.id and d.comment_id = 0
                where d.words is distinct from to_tsvector('russian', t.subject)"""
    assert await desk.one(wrong) == 0


async def test_the_words_to_search_for_are_as_frequent_as_promised(desk: Desk):
    hits = "select count(*) from search_documents where words @@ plainto_tsquery('russian', $1)"
    assert set(desk.report.words) == {vocabulary.COMMON, vocabulary.MEDIUM, vocabulary.RARE}
    assert 0.035 < await desk.one(hits, vocabulary.COMMON) / desk.report.comments < 0.065
    assert 0 < await desk.one(hits, vocabulary.MEDIUM) / desk.report.comments < 0.003
    assert await desk.one(hits, vocabulary.RARE) == 1


async def test_new_ids_follow_those_of_the_story(desk: Desk):
    for table in ("tickets", "comments", "changes", "clients", "client_contacts", "ticket_fields"):
        last = await desk.one(f"select max(id) from {table}")
        assert await desk.one(f"select nextval(pg_get_serial_sequence('{table}', 'id'))") > last, table


async def test_files_have_their_bytes(desk: Desk):
    rows = await desk.conn.fetch("select company_id, name, size, key from files")
    assert len(rows) == 200
    for row in rows:
        assert (desk.files / row["key"]).stat().st_size == row["size"] > 0
    picture = next(row for row in rows if row["name"].endswith(".png"))
    chunks = [chunk async for chunk in await Directory(desk.files).read(picture["key"])]
    assert b"".join(chunks).startswith(b"\x89PNG\r\n\x1a\n")


async def test_the_pages_are_known_to_be_visible(desk: Desk):
    """Index-only scans need it: a list would read the table for each row otherwise."""
    for table in indexes.BIG:
        share = "select relallvisible::float8 / greatest(relpages, 1) from pg_class where oid = $1::regclass"
        assert await desk.one(share, table) > 0.95, table


async def test_a_company_with_tickets_is_refused_and_left_alone(desk: Desk):
    before = await desk.one("select count(*) from tickets")
    with pytest.raises(demo.DeskNotEmpty, match="main has tickets already"):
        await demo.fill(desk.url, tickets=10, progress=print)
    assert await desk.one("select count(*) from tickets") == before


async def test_another_company_may_be_filled_beside_it(desk: Desk):
    """Its ids are its own; the first company keeps every row, and the indexes stay in place meanwhile."""
    sums = "select company_id, count(*), sum(hashtext(t::text)) from tickets t group by 1 order by 1"
    before = await desk.conn.fetch(sums)
    report = await demo.fill(desk.url, tickets=50, company_key="second", progress=lambda _said: None)
    after = await desk.conn.fetch(sums)
    assert after[:1] == before
    assert (after[1]["company_id"], after[1]["count"]) == (report.company_id, 50)
    assert [tuple(row) for row in await desk.conn.fetch(SHAPE)] == desk.shape_before


async def test_a_failure_on_the_way_changes_nothing(database_url: str, tmp_path: Path):
    class FullDisk(Directory):
        async def put(self, key: str, file: io.IOBase) -> None:
            raise OSError("no space left on device")

    conn = await asyncpg.connect(database_url)
    try:
        before = await conn.fetch(SHAPE)
        with pytest.raises(OSError, match="no space"):
            await demo.fill(database_url, tickets=20, files=FullDisk(tmp_path), progress=lambda _said: None)
        assert await conn.fetch(SHAPE) == before
        assert await conn.fetchval("select count(*) from companies") == 0
        assert await conn.fetchval("select count(*) from tickets") == 0
    finally:
        await conn.close()


@pytest.mark.parametrize("side", ["both", "teller", "writer"])
async def test_a_database_that_goes_away_ends_the_load_at_once(database_url: str, side: str):
    """Neither of the two sessions may wait for the other for ever."""
    which = {"both": "true", "teller": "query not like '%FROM STDIN%'", "writer": "query like '%FROM STDIN%'"}[side]
    end = f"select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pult demo' and datname = current_database() and {which}"
    conn = await asyncpg.connect(database_url)
    ending: list[asyncio.Task[Any]] = []

    def progress(said: str) -> None:
        if said == "loading comments":
            ending.append(asyncio.get_running_loop().create_task(_soon(conn, end)))

    try:
        with pytest.raises((ConnectionError, asyncpg.PostgresError)):
            async with asyncio.timeout(60):
                await demo.fill(database_url, tickets=TICKETS, progress=progress)
        await asyncio.gather(*ending)
        assert await conn.fetchval("select count(*) from tickets") == 0
        assert await conn.fetchval("select count(*) from pg_indexes where schemaname = 'public'") > 30
    finally:
        await conn.close()


async def _soon(conn: asyncpg.Connection, end: str) -> None:
    """As soon as it finds somebody; the COPY may not have begun when it is first asked."""
    async with asyncio.timeout(30):
        while not await conn.fetch(end):
            await asyncio.sleep(0.001)


async def test_two_desks_of_a_size_say_the_same(desk: Desk, database_url: str):
    await demo.fill(database_url, tickets=TICKETS, progress=lambda _said: None)
    conn = await asyncpg.connect(database_url)
    told = "select subject, status, priority, updated_at - created_at as age from tickets order by id"
    said = "select message, author, visibility from comments order by id"
    try:
        assert await conn.fetch(told) == await desk.conn.fetch(f"{told} limit {TICKETS}")
        assert await conn.fetch(said) == await desk.conn.fetch(f"{said} limit {desk.report.comments}")
    finally:
        await conn.close()


@pytest.mark.parametrize("tickets", [0, 9, 100_000_001])
async def test_a_senseless_size_is_refused(tickets: int):
    with pytest.raises(ValueError, match="from 10 to"):
        await demo.fill("postgresql://nowhere.invalid", tickets=tickets, progress=print)


async def test_the_bits_of_a_ticket_say_which_fields_are_filled(desk: Desk):
    wrong = await desk.conn.fetchval(
        """
        select count(*) from tickets t
         where t.filled <> (
               select coalesce(bit_or(1::bigint << (v.field_id % 63)), 0)
                 from ticket_fields v join fields f on f.company_id = v.company_id and f.id = v.field_id
                where v.company_id = t.company_id and v.ticket_id = t.id and not (f.kind = 'checkbox' and v.value = '0'))"""
    )
    assert wrong == 0
    assert await desk.conn.fetchval("select count(*) from tickets where filled <> 0") > 1000
