"""What a running desk says about itself: health, figures, names of requests, and what its log must not say."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from killing import whole_again
from served import TOKEN, kill

from pult.kit.postgres import attach

SECRETS = (TOKEN, "dana@client.example", "79511234567", "dana_t", "alice's own", "a wrong token of somebody")
FIGURES = (
    ("http_requests_total", "counter"),
    ("http_request_seconds", "histogram"),
    ("database_pool_connections", "gauge"),
    ("periodic_age_seconds", "gauge"),
)


@contextlib.contextmanager
def frozen(*pids: int):
    """Processes that answer nothing for a while, as on a machine that swaps."""
    for pid in pids:
        kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            kill(pid, signal.SIGCONT)


def postgresql(postmaster: int) -> list[int]:
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return [postmaster, *map(int, children)]


async def ready(base: str) -> tuple[int, Any]:
    """By a connection of its own, so that either process may be asked."""
    async with httpx.AsyncClient(timeout=10) as http:
        got = await http.get(f"{base}/health/ready")
    return got.status_code, got.json()


async def test_ready_says_why_not_while_postgresql_is_frozen(serve):
    desk = await asyncio.to_thread(serve)
    assert await ready(desk.base) == (200, {"status": "ok"})
    with frozen(*postgresql(desk.postmaster())):
        began = time.monotonic()
        status, said = await ready(desk.base)
        assert (status, said) == (
            503,
            {"status": "not ready", "reasons": ["the database does not answer within 3 s"]},
        )
        assert time.monotonic() - began < 8
        async with httpx.AsyncClient(timeout=5) as http:
            assert (await http.get(f"{desk.base}/health/live")).json() == {"status": "ok"}
    await whole_again(desk)
    assert await asyncio.to_thread(desk.stop) == 0


async def test_ready_says_why_not_while_postgresql_is_gone(serve):
    desk = await asyncio.to_thread(serve)
    with frozen(desk.pid):  # it would start another one
        kill(desk.postmaster())
        async with asyncio.timeout(10):
            while (answer := await ready(desk.base))[0] == 200:  # a connection may live on for a moment
                await asyncio.sleep(0.05)
        assert answer[0] == 503
        assert answer[1]["reasons"][0].startswith("the database does not answer")
        async with httpx.AsyncClient(timeout=10) as http:
            began = time.monotonic()
            refused = await http.post(f"{desk.base}/tickets", json={"api_token": TOKEN})
            assert time.monotonic() - began < 10
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert refused.json()["error"] == "the database is away; nothing was stored"
    await whole_again(desk)
    assert await asyncio.to_thread(desk.stop) == 0


async def test_ready_says_that_the_schema_is_another(serve):
    desk = await asyncio.to_thread(serve)
    conn = await asyncpg.connect(await asyncio.to_thread(attach, desk.data_dir / "postgres"))
    await conn.execute("insert into schema_migrations (version, name, checksum) values (9000, '9000_later', 'x')")
    status, said = await ready(desk.base)
    assert status == 503
    assert said["reasons"][0].startswith("the database is newer than this Pult: it has 9000_later")
    await conn.execute("delete from schema_migrations where version = 9000")
    await conn.close()
    assert (await ready(desk.base))[0] == 200


async def test_figures_are_those_of_both_processes(serve):
    desk = await asyncio.to_thread(serve)
    for _ in range(20):  # connections of their own: dealt to both processes
        async with httpx.AsyncClient() as http:
            await http.post(f"{desk.base}/tickets", json={"api_token": TOKEN})
            await http.post(f"{desk.base}/ticket", json={"api_token": TOKEN, "ticket_id": 999})
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{desk.base}/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    figures = answer.text
    for name, kind in FIGURES:
        assert f"# TYPE {name.removesuffix('_total') if f'# TYPE {name} ' not in figures else name} {kind}" in figures
    assert 'http_requests_total{method="tickets",outcome="ok"} 20.0' in figures
    assert 'http_requests_total{method="ticket",outcome="refused"} 20.0' in figures
    assert 'http_request_seconds_count{method="tickets"} 20.0' in figures
    assert len(list((desk.data_dir / "run" / "metrics").glob("counter_*.db"))) == 2, "both have counted"
    assert not any(secret in figures for secret in SECRETS)


async def test_every_answer_has_a_name_that_stands_in_the_log(serve):
    desk = await asyncio.to_thread(serve)
    names = []
    async with httpx.AsyncClient() as http:
        asked = [
            ("POST", "/uapi/tickets", {"json": {"api_token": TOKEN}}),
            ("POST", "/uapi/ticket", {"json": {"api_token": TOKEN, "ticket_id": 999}}),
            ("POST", "/create/ticket", {"json": {"api_token": "a wrong token of somebody"}}),
            ("POST", "/create/ticket", {"content": b"\xff{", "headers": {"content-type": "application/json"}}),
            ("DELETE", "/uapi/tickets", {}),
            ("GET", "/uapi/no/such/method", {}),
            *(("GET", path, {}) for path in ("/docs", "/openapi.json", "/files/1/1/0/abc/a.txt", "/files/nothing")),
            *(("GET", path, {}) for path in ("/health/live", "/health/ready", "/metrics", "/static/nothing.css")),
        ]
        for verb, path, more in asked:
            answer = await http.request(verb, desk.base + path, **more)
            name = answer.headers["x-request-id"]
            assert re.fullmatch("[0-9a-f]{16}", name)
            if answer.headers["content-type"] == "application/json" and "error" in answer.json():
                assert answer.json()["request_id"] == name, path
            if path.split("/")[1] not in {"health", "metrics", "static"}:
                names.append(name)
    assert len(set(names)) == len(names)
    assert await asyncio.to_thread(desk.stop) == 0
    assert {line["request_id"] for line in desk.log() if line["event"] in {"call", "page"}} == set(names)


@pytest.mark.parametrize("level", ["info", "debug"])
async def test_a_whole_story_leaves_no_secret_in_the_logs(serve, desk_dir, level):
    desk = await asyncio.to_thread(serve, environ={"PULT_LOG_LEVEL": level})
    story = {
        "subject": "Wheel of dana@client.example",
        "message": "Call 79511234567",
        "client_email": "dana@client.example",
        "client_phone": "79511234567",
        "client_name": "dana_t",
    }
    async with httpx.AsyncClient(headers={"user-agent": "somebody"}) as http:

        async def call(path: str, **request: Any) -> Any:
            return (await http.post(desk.base + path, **request)).json()

        made = await call("/create/ticket", json={"api_token": TOKEN, **story})
        ticket_id = made["ticket_id"]
        await call("/uapi/create/ticket", data={"api_token": TOKEN, **story}, files=[("files[]", ("a.txt", b"dana_t"))])
        await call(
            "/update/ticket", json={"api_token": TOKEN, "ticket_id": ticket_id, "subject": "dana@client.example"}
        )
        await call(f"/tickets?api_token={TOKEN}", data={"query": "dana@client.example"})
        await http.get(f"{desk.base}/tickets", params={"api_token": TOKEN, "query": "79511234567"})
        await call("/ticket", json={"ticket_id": ticket_id}, headers={"authorization": f"Bearer {TOKEN}"})
        await call("/ticket", json={"api_token": "a wrong token of somebody"})
        await call("/create/ticket", json={"api_token": TOKEN, **story, "client_email": "dana@client.example\0"})
        kill(desk.postmaster())
        await asyncio.gather(*(call("/create/ticket", json={"api_token": TOKEN, **story}) for _ in range(8)))
    await whole_again(desk)
    assert await asyncio.to_thread(desk.stop) == 0
    written = desk.err.read_text() + desk.said() + (desk_dir / "postgres" / "postgres.log").read_text()
    assert sum(line["event"] == "call" for line in desk.log()) >= 16
    assert not [secret for secret in SECRETS if secret in written]
    assert os.linesep in written
