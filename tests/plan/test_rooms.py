"""Every line of src/pult stands in its room, and each rule is able to say no."""

from __future__ import annotations

from pathlib import Path

import pytest
import rooms

PACKAGE = Path(__file__).resolve().parents[2] / "src/pult"


@pytest.mark.parametrize("rule", rooms.RULES, ids=lambda rule: rule.__name__)
def test_rule(rule):
    found = rooms.sources(PACKAGE)
    assert len(found) > 20
    assert not (said := rooms.broken(rule, found)), "\n".join(said)


@pytest.mark.parametrize(
    ("rule", "path", "line"),
    [
        (rooms.pure_models, "tickets/model.py", "async def apply(): ..."),
        (rooms.pure_models, "tickets/model.py", "now = datetime.now(UTC)"),
        (rooms.pure_models, "sla/calendar.py", "start = time.monotonic()"),
        (rooms.pure_models, "staff/rights.py", "from pult.kit.db import Conn"),
        (rooms.pure_models, "staff/rights.py", "from pult.staff import store"),
        (rooms.pure_models, "tickets/model.py", "import asyncpg"),
        (rooms.sql_at_home, "tickets/open.py", "TEXT = 'select id from tickets'"),
        (rooms.sql_at_home, "tickets/open.py", "TEXT = f'select {columns}\\n from tickets'"),
        (rooms.sql_at_home, "cli/apply.py", "run('INSERT INTO tags values (1)')"),
        (rooms.sql_at_home, "web/inbox.py", "run('update tickets t set status = 1')"),
        (rooms.sql_at_home, "web/inbox.py", "run('delete from tags')"),
        (rooms.sql_at_home, "tickets/more.sql", "select 1"),
        (rooms.providers_at_home, "messaging/outgoing.py", "if channel.type == 'whatsapp_pact': ..."),
        (rooms.providers_at_home, "tickets/queries.sql", "-- as Infobip wants it"),
        (rooms.vendor_spellings_at_home, "tickets/listing.py", "fassigned = 1"),
        (rooms.vendor_spellings_at_home, "tickets/queries.sql", "select seen as readed from comments"),
        (rooms.outgoing_http_guarded, "channels/viber.py", "import aiohttp"),
        (rooms.outgoing_http_guarded, "channels/viber.py", "from urllib.request import urlopen"),
        (rooms.outgoing_http_guarded, "kit/log.py", "from opentelemetry import trace"),
        (rooms.clocks_at_home, "tickets/open.py", "now = datetime.now(UTC)"),
        (rooms.clocks_at_home, "worker.py", "time.sleep(1)"),
        (rooms.commits_at_home, "tickets/open.py", "tx = conn.transaction()"),
        (rooms.commits_at_home, "cli/apply.py", "conn.execute('COMMIT')"),
        (rooms.names_that_name, "kit/utils.py", ""),
        (rooms.names_that_name, "common/model.py", ""),
    ],
)
def test_rule_says_no(rule, path, line):
    [said] = rooms.broken(rule, [rooms.Source(path, f'"""Text."""\n{line}\n')])
    assert said.startswith(f"src/pult/{path}:")


@pytest.mark.parametrize(
    ("rule", "path", "line"),
    [
        (rooms.pure_models, "tickets/model.py", "from pult.fields import model as fields"),
        (rooms.pure_models, "tickets/model.py", "from pult.kit.errors import BadValue"),
        (rooms.pure_models, "tickets/open.py", "async def open_ticket(): ..."),
        (rooms.sql_at_home, "tickets/listing.py", "TEXT = 'select id from tickets'"),
        (rooms.sql_at_home, "tickets/open.py", "raise BadValue('choose one from the list')"),
        (rooms.sql_at_home, "tickets/open.py", "def f():\n    'Select a row from tickets.'"),
        (rooms.sql_at_home, "api/ticket.sql", "select 1"),
        (rooms.providers_at_home, "channels/registry.py", "NAME = 'whatsapp_pact'"),
        (rooms.providers_at_home, "kit/db.py", "# the impact of a compact page"),
        (rooms.vendor_spellings_at_home, "api/tickets_in.py", "NAME = 'fassigned'"),
        (rooms.outgoing_http_guarded, "kit/http_out.py", "import aiohttp"),
        (rooms.clocks_at_home, "api/ticket.py", "now = datetime.now(UTC)  # clock: a link's end needs no transaction"),
        (rooms.clocks_at_home, "kit/clock.py", "now = datetime.now(UTC)"),
        (rooms.commits_at_home, "kit/work.py", "tx = conn.transaction()"),
    ],
)
def test_rule_says_yes(rule, path, line):
    assert rooms.broken(rule, [rooms.Source(path, f'"""Text."""\n{line}\n')]) == []
