from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg

from pult.kit import checks
from pult.kit.postgres import Embedded


def by_name(findings):
    return {finding.name: finding for finding in findings}


async def test_all_is_well_with_our_own_database(database_url):
    conn = await asyncpg.connect(database_url)
    findings = await checks.server(conn)
    await conn.close()
    assert checks.wrong(findings) == []
    assert set(by_name(findings)) == {
        "version",
        "encoding",
        "letters",
        "search",
        "extension",
        "primary",
        "clock",
        "schema",
    }


async def wrong(url):
    conn = await asyncpg.connect(url)
    try:
        return by_name(checks.wrong(await checks.server(conn)))
    finally:
        await conn.close()


async def test_a_database_that_knows_ascii_only_is_refused(new_empty_database):
    with new_empty_database("locale_provider libc locale 'C'") as url:
        found = await wrong(url)
    assert {"letters", "search"} <= set(found)
    assert "C.UTF-8" in found["letters"].text
    assert "C.UTF-8" in found["search"].text


async def test_another_encoding_is_refused(new_empty_database):
    with new_empty_database("encoding 'SQL_ASCII' locale_provider libc locale 'C'") as url:
        found = await wrong(url)
    assert "encoded in SQL_ASCII" in found["encoding"].text


async def test_a_database_without_our_schema_is_refused(empty_database_url):
    found = await wrong(empty_database_url)
    assert set(found) == {"schema"}
    assert "run `pult migrate`" in found["schema"].text


async def test_a_replica_is_refused(tmp_path):
    server = Embedded(tmp_path / "postgres")
    try:
        server.start()
        server.stop()
        (tmp_path / "postgres" / "data" / "standby.signal").touch()
        found = await wrong(server.start())
        assert "takes no changes" in found["primary"].text
    finally:
        server.stop()


async def test_clocks_that_differ_are_found(database_url, monkeypatch):
    class Slow(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - timedelta(seconds=90)

    monkeypatch.setattr(checks, "datetime", Slow)
    found = await wrong(database_url)
    assert set(found) == {"clock"}
    assert "90 s apart: run NTP" in found["clock"].text
    assert abs(Slow.now(UTC) - datetime.now(UTC)) > timedelta(seconds=80)
