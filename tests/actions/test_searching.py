"""Both ways of searching find the same tickets, in every order, with filters, on every page."""

from __future__ import annotations

import asyncpg
import pytest

from pult.kit.db import CUSTOM_PLANS
from pult.tickets import searching
from pult.tickets.listing import PAGE, Filters
from pult.tickets.searching import Words

DESK = """
insert into companies (key, name) values ('main', 'Northwind'), ('other', 'Other');
insert into channels (company_id, type, name, application_id) values (1, 'api', 'Form', ''), (2, 'api', 'Form', '');
insert into clients (company_id, name) values (1, 'Dana'), (2, 'Eve');
insert into tickets (company_id, subject, status, type, priority, client_id, channel_id, created_at, updated_at)
select 1, '', 1 + n % 3, 1, 2, 1, 1, now() - n * interval '1 minute', now() - n * 7919 % 1000 * interval '1 minute'
  from generate_series(1, 1000) n;
insert into tickets (company_id, subject, status, type, priority, client_id, channel_id, created_at, updated_at)
values (2, '', 1, 1, 2, 2, 2, now(), now());
insert into search_documents (company_id, ticket_id, comment_id, words)
select company_id, id, 0, to_tsvector('russian', case when id % 2 = 0 then 'Bicycle wheel' else 'Тормоз' end) from tickets;
insert into search_documents (company_id, ticket_id, comment_id, words)
select company_id, id, id, to_tsvector('russian', case when id % 10 = 0 then 'Заявка о колесе, wheels again' else 'nothing' end)
  from tickets;
analyze;
"""


@pytest.fixture(scope="module")
async def conn(module_database_url):
    conn = await asyncpg.connect(module_database_url, server_settings={**CUSTOM_PLANS, "jit": "off"})
    await conn.execute(DESK)
    yield conn
    await conn.close()


QUESTIONS = [
    Filters(),
    Filters(page=1),
    Filters(page=4),
    Filters(descending=False),
    Filters(sort="updated"),
    Filters(sort="status", descending=False, page=2),
    Filters(sort="assignee"),
    Filters(statuses=[2]),
    Filters(statuses=[1, 3], sort="client"),
]


@pytest.mark.parametrize("asked", QUESTIONS, ids=str)
@pytest.mark.parametrize("text", ["wheel", "тормоза", "bicyc"])
async def test_walking_finds_what_gathering_finds(conn, asked, text):
    gathered = await searching._gather(conn, asked, Words(text), 1, alone=False)
    assert await searching._gather(conn, asked, Words(text), 1, alone=True) == gathered
    walked = await searching._walk(conn, asked, Words(text), 1, 100_000)
    assert (walked if len(gathered) == PAGE else gathered) == gathered
    assert walked == (gathered if len(gathered) == PAGE else None)
    assert await searching.found_keys(conn, asked, Words(text), 1) == gathered


async def test_a_walk_that_is_too_short_says_so(conn):
    assert await searching._walk(conn, Filters(), Words("wheel"), 1, 150) is None


async def test_the_shorter_way_is_taken(conn, monkeypatch):
    taken = []

    async def walk(*arguments):
        taken.append("walk")
        return await original(*arguments)

    original = searching._walk
    monkeypatch.setattr(searching, "_walk", walk)
    monkeypatch.setattr(searching, "COMMON", 200)
    await searching.found_keys(conn, Filters(), Words("wheel"), 1)
    assert taken == ["walk"]
    await searching.found_keys(conn, Filters(), Words("колесо"), 1)
    assert taken == ["walk"]


async def test_another_companys_tickets_are_not_found(conn):
    assert await searching.found_keys(conn, Filters(), Words("тормоз"), 2) == [1001]
    assert 1001 not in await searching._gather(conn, Filters(page=0), Words("тормоз"), 1, alone=True)


@pytest.mark.parametrize("text", ["и", "the", "!!!", '"', "a & | !", "'; drop table tickets; --", "\\", ":*"])
async def test_what_is_no_word_finds_nothing(conn, text):
    assert await searching.found_keys(conn, Filters(), Words(text), 1) == []
