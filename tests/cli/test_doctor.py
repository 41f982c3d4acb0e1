from __future__ import annotations

import asyncio
import json
import shutil
from typing import NamedTuple

import asyncpg

from pult.cli import database, doctor
from pult.cli import migrate as cli_migrate
from pult.settings import Settings


async def execute(url, *statement):
    conn = await asyncpg.connect(url)
    try:
        return await conn.fetchval(*statement)
    finally:
        await conn.close()


def lines(capsys):
    return capsys.readouterr().out.splitlines()


async def test_all_is_well(database_url, tmp_path, capsys):
    assert await asyncio.to_thread(doctor.run, Settings(database_url=database_url, data_dir=tmp_path)) == 0
    said = lines(capsys)
    assert said[-1] == "all is well"
    assert all(line.startswith("ok ") for line in said[:-1])
    assert not list((tmp_path / "files").rglob("?" * 32))  # the small file that it stored is gone again


async def test_a_desk_that_was_never_started(tmp_path, capsys):
    assert await asyncio.to_thread(doctor.run, Settings(data_dir=tmp_path / "desk")) == 1
    assert any(
        line.startswith("wrong  database: there is no desk in") and "pult serve" in line for line in lines(capsys)
    )


async def test_a_server_that_cannot_be_reached(tmp_path, capsys):
    assert (
        await asyncio.to_thread(
            doctor.run, Settings(database_url="postgresql://nobody@127.0.0.1:1/x", data_dir=tmp_path)
        )
        == 1
    )
    assert any(line.startswith("wrong  database: it cannot be reached:") for line in lines(capsys))


async def test_a_schema_of_another_version(empty_database_url, tmp_path, capsys):
    assert await asyncio.to_thread(doctor.run, Settings(database_url=empty_database_url, data_dir=tmp_path)) == 1
    said = lines(capsys)
    assert any(line.startswith("wrong  schema:") and "run `pult migrate`" in line for line in said)
    assert said[-1] == "1 of 11 checks found something wrong"


async def test_a_place_that_keeps_no_files(database_url, tmp_path, capsys):
    (tmp_path / "files").write_text("a file stands where the directory should be")
    assert await asyncio.to_thread(doctor.run, Settings(database_url=database_url, data_dir=tmp_path)) == 1
    assert any(line.startswith("wrong  files:") for line in lines(capsys))


async def test_a_disk_that_is_nearly_full(database_url, tmp_path, capsys, monkeypatch):
    class Usage(NamedTuple):
        total: int
        used: int
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**10, 10**10 - 10**6, 10**6))
    assert await asyncio.to_thread(doctor.run, Settings(database_url=database_url, data_dir=tmp_path)) == 1
    assert any(line.startswith("wrong  disk: 1 MiB are left") for line in lines(capsys))


async def test_a_channel_without_a_setting_that_it_needs(database_url, tmp_path, capsys):
    await execute(database_url, "insert into companies (key, name) values ('main', 'Northwind Bikes')")
    for name, kind, settings in (
        ("WhatsApp", "whatsapp_pact", {"token": "t", "company_id": 11}),
        ("Telegram", "telegram_pact", {"token": "t", "company_id": 11, "channel_id": 22}),
        ("Pigeons", "carrier_pigeon", {}),
    ):
        insert = "insert into channels (company_id, type, name, settings, application_id) values (1, $1, $2, $3, '')"
        await execute(database_url, insert, kind, name, json.dumps({"adapter": settings}))
    assert await asyncio.to_thread(doctor.run, Settings(database_url=database_url, data_dir=tmp_path)) == 1
    said = lines(capsys)
    assert (
        "wrong  channels of type whatsapp_pact: WhatsApp lacks channel_id: add it to the desk file and `pult apply` it"
        in said
    )
    doubt = "experimental: its adapter was never tried against the live service"
    assert f"ok     channels of type telegram_pact: 1, each with all its settings; {doubt}" in said
    assert any("Pigeons lacks a type that this Pult knows" in line for line in said)


async def test_migrating_and_rehearsing(empty_database_url, capsys):
    settings = Settings(database_url=empty_database_url)
    assert await asyncio.to_thread(cli_migrate.run, settings, check=True) == 0
    said = lines(capsys)
    assert said[0].startswith("would apply 0001_start (")
    assert said[-1] == "nothing was changed"
    assert await asyncio.to_thread(cli_migrate.run, settings, check=False) == 0
    assert lines(capsys)[0] == "applied 0001_start"
    for check in (True, False):
        assert await asyncio.to_thread(cli_migrate.run, settings, check=check) == 0
        assert lines(capsys) == ["the schema is up to date"]


async def test_a_migration_that_is_refused_says_why(database_url, capsys):
    await execute(database_url, "update schema_migrations set checksum = 'another'")
    assert await asyncio.to_thread(cli_migrate.run, Settings(database_url=database_url), check=False) == 1
    assert "0001_start.sql is not what was applied" in capsys.readouterr().err


def test_a_command_starts_the_embedded_database_and_stops_it_again(tmp_path):
    settings = Settings(data_dir=tmp_path / "desk")
    count = "select count(*) from companies"
    with database.dsn_of(settings) as dsn:
        assert asyncio.run(execute(dsn, count)) == 0
        with database.dsn_of(settings) as shared:  # a second command beside the first
            assert shared == dsn
        assert asyncio.run(execute(dsn, count)) == 0
    assert not (database.embedded_home(settings) / "data" / "postmaster.pid").exists()
    assert doctor.run(settings) == 0  # starts it, looks, stops it
    assert not (database.embedded_home(settings) / "data" / "postmaster.pid").exists()
