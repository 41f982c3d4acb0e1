"""From SQL to typed functions: generated, formatted, type-checked and run against a real PostgreSQL."""

from __future__ import annotations

import importlib.util
import inspect
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
QUERIES = Path(__file__).with_name("scratch_queries.sql")
AT = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


def run(root: Path, dsn: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools/generate.py"), "--root", str(root), "--database-url", dsn, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def repository(root: Path, text: str) -> Path:
    shutil.copytree(ROOT / "migrations", root / "migrations")
    queries = root / "src/pult/scratch/queries.sql"
    queries.parent.mkdir(parents=True)
    queries.write_text(text)
    return queries.with_name("store.py")


@pytest.fixture(scope="module")
def store_path(tmp_path_factory, postgres_dsn) -> Path:
    path = repository(tmp_path_factory.mktemp("generated"), QUERIES.read_text())
    done = run(path.parents[3], postgres_dsn)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def store(store_path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("scratch_store", store_path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fields(struct: type) -> dict[str, str]:
    return {name: str(kind) for name, kind in struct.__annotations__.items()}


def test_formatted_and_typed(store_path):
    ruff, mypy = Path(sys.executable).with_name("ruff"), Path(sys.executable).with_name("mypy")
    subprocess.run([ruff, "format", "--isolated", "--line-length=120", "--check", store_path], check=True)
    done = subprocess.run(
        [mypy, "--strict", "--cache-dir", store_path.parent / "cache", store_path],
        capture_output=True, text=True, check=False, cwd=ROOT, env={"MYPYPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_nulls_of_columns(store):
    assert fields(store.AssigneesRow) == {
        "id": "int",
        "assignee": "str | None",
        "assignee_text": "str | None",  # a cast does not take the null away
        "last_message": "str | None",
        "id_text": "str",
    }
    assert fields(store.FindOrMakeClientRow) == {"client_id": "int", "made": "bool", "phone_type": "str | None"}
    assert fields(store.TicketJsonRow) == {
        "body": "str",
        "comments": "int",
        "newest": "datetime | None",
        "anything": "list[str | None] | None",
        "spoken": "str",
    }
    assert fields(store.TurnRow) == {"allowed": "bool", "retry_after": "timedelta | None"}
    assert fields(store.SaveFieldsRow) == {"field_id": "int | None", "value": "str | None", "seconds": "float | None"}


def test_signatures(store):
    assert str(inspect.signature(store.set_assignee)) == (
        "(conn: 'Conn', *, assignee_id: 'int | None', company_id: 'int', ids: 'Collection[int]') -> 'int'"
    )
    assert (
        str(inspect.signature(store.lock_ticket))
        == "(conn: 'Conn', *, company_id: 'int', id: 'int') -> 'Ticket | None'"
    )
    assert (
        str(inspect.signature(store.ticket)) == "(conn: 'Reader', *, company_id: 'int', id: 'int') -> 'Ticket | None'"
    )
    assert str(inspect.signature(store.secret)) == "(conn: 'Reader') -> 'bytes'"
    assert inspect.signature(store.turn).parameters["conn"].annotation == "Conn"
    assert store.lock_ticket.__doc__ == "The ticket, locked until the transaction ends."
    assert "newest comment" not in store.ASSIGNEES


async def test_against_postgres(store, module_database_url):
    conn = await asyncpg.connect(module_database_url)
    try:
        company = await store.make_company(conn, key="one", name="One")
        agents = await store.make_agents(
            conn, company_id=company, names=["Alice", "Bob"], emails=["a@x.test", "b@x.test"]
        )
        contact = {
            "company_id": company,
            "name": "Dana",
            "kind": "phone",
            "value": "79160000000",
            "phone_type": "mobile",
        }
        client = await store.find_or_make_client(conn, **contact)
        assert (client.made, client.phone_type) == (True, "mobile")
        assert await store.find_or_make_client(conn, **contact) is None
        made = {"company_id": company, "subject": "Заявка", "status": 8, "client_id": client.client_id, "at": AT}
        tickets = [await store.make_ticket(conn, assignee_id=agent, **made) for agent in (agents[0], None)]
        assert await store.lock_ticket(conn, company_id=company, id=tickets[0]) == store.Ticket(
            id=tickets[0], subject="Заявка", assignee_id=agents[0], created_at=AT
        )
        assert await store.ticket(conn, company_id=company, id=0) is None
        assert [(row.assignee, row.last_message) for row in await store.assignees(conn, company_id=company)] == [
            ("Alice", None),
            (None, None),
        ]
        assert await store.set_assignee(conn, company_id=company, assignee_id=None, ids=(*tickets, 0)) == 2
        await rows_and_json(store, conn, company, tickets[0])
    finally:
        await conn.close()


async def rows_and_json(store, conn, company, ticket):
    assert [row.name for row in await store.add_tags(conn, company_id=company, names=["b", "a"])] == ["a", "b"]
    assert len(await store.add_tags(conn, company_id=company, names={"a", "c"})) == 2
    given = json.dumps([{"field_id": 2, "value": None, "seconds": 0.5}, {"field_id": 1, "value": "x"}])
    assert await store.save_fields(conn, fields=given) == [
        store.SaveFieldsRow(field_id=1, value="x", seconds=None),
        store.SaveFieldsRow(field_id=2, value=None, seconds=0.5),
    ]
    page = await store.ticket_json(conn, company_id=company, id=ticket)
    assert json.loads(page.body) == {"id": str(ticket), "tags": ["a", "b", "c"]}
    assert (page.comments, page.newest, page.anything, page.spoken) == (0, None, ["Заявка"], "ЗАЯВКА")
    with pytest.raises(LookupError):
        await store.ticket_json(conn, company_id=company, id=0)
    minute = timedelta(minutes=1)
    assert (await store.turn(conn, key="k", turns=1, per=minute)).allowed
    refused = await store.turn(conn, key="k", turns=1, per=minute)
    assert not refused.allowed
    assert timedelta(0) < refused.retry_after <= minute
    assert len(await store.secret(conn)) == 32
    assert await store.forget_client(conn, company_id=company, id=0) is None


def test_check_writes_nothing(tmp_path, postgres_dsn):
    store = repository(tmp_path, "-- name: one :value\nselect id from companies where key = sqlc.arg('key');\n")
    assert run(tmp_path, postgres_dsn).returncode == 0
    assert run(tmp_path, postgres_dsn, "--check").returncode == 0
    store.write_text(store.read_text() + "# by hand\n")
    before = store.read_text()
    done = run(tmp_path, postgres_dsn, "--check")
    assert done.returncode == 1
    assert "src/pult/scratch/store.py is not up to date" in done.stdout
    assert store.read_text() == before


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (":many\nselect nonsense from companies", "queries.sql:2:8"),
        (":many\nselect id, id from companies", "two result columns are named id"),
        (":many\nselect 1 + 1, 2 from companies", "result column 1 has no usable name"),
        (":many\nselect c.id, g.id as gid from companies c right join groups g on true", "write right and full joins"),
        (":one\ndelete from companies", "without containing a RETURNING clause"),
        (":many\n-- null: nothing\nselect id, key from companies", "a null note names no result column: nothing"),
        (":many\nselect point(1, 2) as p, id from companies", "p has type point"),
    ],
)
def test_what_is_refused(tmp_path, postgres_dsn, statement, said):
    store = repository(tmp_path, f"-- name: bad {statement};\n")
    done = run(tmp_path, postgres_dsn)
    assert done.returncode == 1
    assert said in done.stderr
    assert not store.exists()
