"""Starting, stopping and dying of a desk's processes."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from killing import whole_again
from served import TOKEN, alive, kill, pult, tell, until

from pult.kit.postgres import Embedded

PIECES = 15


def multipart(subject: str, size: int) -> bytes:
    """A create call with one file."""
    parts = {"api_token": TOKEN, "subject": subject, "message": "slow"}
    text = "".join(f'--x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in parts.items())
    file = '--x\r\nContent-Disposition: form-data; name="files[]"; filename="a.bin"\r\n\r\n'
    return text.encode() + file.encode() + b"\0" * size + b"\r\n--x--\r\n"


async def slow_upload(base: str, subject: str, begun: asyncio.Event) -> bytes:
    """The answer to a create call that takes about three seconds to send."""
    where = urlsplit(base)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    body = multipart(subject, 300_000)
    head = f"POST /uapi/create/ticket HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode())
    step = len(body) // PIECES + 1
    for piece in range(PIECES):
        writer.write(body[piece * step : (piece + 1) * step])
        await writer.drain()
        if piece == 2:
            begun.set()
        await asyncio.sleep(0.2)
    answer = await reader.read()  # to the end: a server that stops closes
    writer.close()
    return answer


async def create(base: str, subject: str) -> int | None:
    """A ticket's id, by a connection of its own; None where there was no answer."""
    form = {"api_token": TOKEN, "subject": subject, "message": "quick"}
    try:
        async with httpx.AsyncClient(timeout=40) as http:
            answer = (await http.post(f"{base}/uapi/create/ticket", json=form)).json()
    except httpx.HTTPError:
        return None
    assert answer.get("status") == "success", answer
    return answer["ticket_id"]


async def keep_creating(base: str, name: str, over: asyncio.Event, made: dict[str, int | None]) -> None:
    for step in range(100_000):
        if over.is_set():
            return
        made[f"{name}-{step}"] = await create(base, f"{name}-{step}")
        if made[f"{name}-{step}"] is None:
            await asyncio.sleep(0.05)


async def subjects(data_dir: Path) -> list[str]:
    """What a desk that has stopped has stored."""
    embedded = Embedded(data_dir / "postgres")
    dsn = await asyncio.to_thread(embedded.start)
    try:
        conn = await asyncpg.connect(dsn)
        rows = await conn.fetch("select subject from tickets")
        await conn.close()
    finally:
        await asyncio.to_thread(embedded.stop)
    return [row["subject"] for row in rows]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_clean_stop_finishes_what_was_accepted(serve, desk_dir, number):
    desk = await asyncio.to_thread(serve)
    postmaster, port = desk.postmaster(), urlsplit(desk.base).port
    begun, over, made = [asyncio.Event() for _ in range(6)], asyncio.Event(), {}
    slow = [asyncio.create_task(slow_upload(desk.base, f"slow-{n}", begun[n])) for n in range(6)]
    quick = [asyncio.create_task(keep_creating(desk.base, f"quick{n}", over, made)) for n in range(6)]
    await asyncio.gather(*(one.wait() for one in begun))
    assert await asyncio.to_thread(desk.stop, number) == 0
    over.set()
    await asyncio.gather(*quick)
    for answer in await asyncio.gather(*slow):
        assert answer.startswith(b"HTTP/1.1 200"), answer
        assert b'"status":"success"' in answer
    assert not alive(postmaster)
    assert desk.children_ended()
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that ended linger
        free.bind(("127.0.0.1", port))
    stored = await subjects(desk_dir)
    assert set(stored) == {f"slow-{n}" for n in range(6)} | {name for name, made_id in made.items() if made_id}
    assert len(stored) == len(set(stored)) > 6


async def test_a_dead_web_process_is_replaced_and_the_other_serves(serve):
    desk = await asyncio.to_thread(serve)
    before = desk.webs()
    kill(before[0])
    until(lambda: not alive(before[0]), "dead")
    slowest, end = 0.0, time.monotonic() + 60
    while len(after := desk.webs()) < 2 or before[0] in after:
        assert time.monotonic() < end
        began = time.monotonic()
        assert await create(desk.base, "while one is dead")
        slowest = max(slowest, time.monotonic() - began)
    await whole_again(desk)
    tell(f"slowest call while one of two was dead: {slowest:.2f} s")
    assert slowest < 10
    assert before[1] in desk.webs()
    assert any(line["event"] == "process.died" and line["code"] == -9 for line in desk.log())
    assert await asyncio.to_thread(desk.stop) == 0


async def test_children_end_with_a_killed_parent_and_the_next_start_finds_everything(serve):
    desk = await asyncio.to_thread(serve)
    ticket_id = await create(desk.base, "before")
    port = urlsplit(desk.base).port
    desk.kill()
    until(desk.children_ended, "the children end by themselves", 10)
    again = await asyncio.to_thread(serve, port=port)  # the same port is free at once
    async with httpx.AsyncClient() as http:
        shown = await http.post(f"{again.base}/ticket", json={"api_token": TOKEN, "ticket_id": ticket_id})
    assert shown.json()["ticket"]["subject"] == "before"
    postmaster = again.postmaster()
    assert await asyncio.to_thread(again.stop) == 0
    assert not alive(postmaster), "an orphan that was taken over is stopped too"


async def test_a_parent_killed_while_its_children_start(serve):
    desk = await asyncio.to_thread(serve, ready=False)
    until(lambda: len(desk.children()) == 3, "children")
    desk.kill()
    until(desk.children_ended, "the children end by themselves", 20)


ORPHAN = """
import os, subprocess, sys
from pult.kit.processes import stop_when_orphaned
if sys.argv[1:]:
    stop_when_orphaned(int(sys.argv[1]))
subprocess.Popen([sys.executable, "-c", sys.orig_argv[2], str(os.getpid())])
sys.stdin.read()
"""


def test_where_the_system_does_not_tell_children_they_look_for_themselves():
    """As on systems other than Linux: the child asks for its parent's number."""
    with subprocess.Popen([sys.executable, "-c", ORPHAN], stdin=subprocess.PIPE) as one:
        children = Path(f"/proc/{one.pid}/task/{one.pid}/children")
        child = int(until(children.read_text, "a child"))
        time.sleep(1.5)  # it has looked once, and stays
        assert alive(child)
        one.kill()
    until(lambda: not alive(child), "it ends by itself", 15)


async def read_and_write(base: str, ticket_id: int, over: asyncio.Event, seen: list[tuple[int, dict, float]]) -> None:
    async with httpx.AsyncClient(timeout=30) as http:
        while not over.is_set():
            for method, more in (
                ("ticket", {"ticket_id": ticket_id}),
                ("create/ticket", {"subject": "s", "message": "m"}),
            ):
                began = time.monotonic()
                got = await http.post(f"{base}/uapi/{method}", json={"api_token": TOKEN, **more})
                seen.append((got.status_code, got.json(), time.monotonic() - began))


async def test_postgresql_killed_alone_heals_and_nobody_hangs(serve):
    desk = await asyncio.to_thread(serve)
    ticket_id, over, seen = await create(desk.base, "before"), asyncio.Event(), []
    clients = [asyncio.create_task(read_and_write(desk.base, ticket_id, over, seen)) for _ in range(8)]
    for _ in range(2):
        await asyncio.sleep(0.5)
        postmaster = desk.postmaster()
        kill(postmaster)
        await asyncio.to_thread(until, lambda p=postmaster: desk.postmaster() != p, "another PostgreSQL")
        await whole_again(desk)
    after = len(seen)
    await asyncio.sleep(1)
    over.set()
    await asyncio.gather(*clients)
    bad = [(status, answer) for status, answer, _ in seen if "error" in answer]
    slowest = max(took for *_, took in seen)
    tell(f"{len(seen)} calls, {len(bad)} with an error, slowest {slowest:.2f} s")
    assert slowest < 10
    assert {status for status, _ in bad} <= {200, 503}
    assert all("database" in answer["error"] for _, answer in bad), bad
    assert len(seen) > after, "calls are answered afterwards"
    assert not [answer for _, answer, _ in seen[after + 8 :] if "error" in answer]


async def test_starts_and_neighbours(serve, desk_dir):
    first = await asyncio.to_thread(serve)
    tell(f"start-up of a desk that is set up: {first.startup:.2f} s")
    second = await asyncio.to_thread(serve)  # the same data directory, another port
    ticket_id = await create(first.base, "made by the first")
    async with httpx.AsyncClient() as http:
        shown = await http.post(f"{second.base}/ticket", json={"api_token": TOKEN, "ticket_id": ticket_id})
    assert shown.json()["ticket"]["subject"] == "made by the first"
    taken = pult("serve", "--port", str(urlsplit(first.base).port), "--data-dir", str(desk_dir))
    assert taken.returncode == 1
    assert taken.stderr.startswith(f"pult: cannot listen on {urlsplit(first.base).netloc}: Address already in use")
    assert await asyncio.to_thread(first.stop) == 0
    assert await create(second.base, "the second keeps PostgreSQL")
    assert await asyncio.to_thread(second.stop) == 0


async def test_an_external_database(serve, database_url, tmp_path):
    desk = await asyncio.to_thread(serve, tmp_path / "external", environ={"PULT_DATABASE_URL": database_url})
    token = desk.said().partition("API token: ")[2].split()[0]
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{desk.base}/tickets", json={"api_token": token})
    assert answer.json() == []
    assert not (tmp_path / "external" / "postgres").exists()
    assert await asyncio.to_thread(desk.stop) == 0


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("postgresql://desk:hidden@127.0.0.1:1/x", 1, "the database postgresql://127.0.0.1:1/x cannot be reached:"),
        ("postgresql://desk:hidden@127.0.0.1:port/x", 1, "the address of the database is not understood:"),
        ("mysql://desk:hidden@127.0.0.1/x", 2, "database_url: should start with postgresql://"),
    ],
)
def test_a_database_that_cannot_be_had_is_told_in_a_sentence(tmp_path, url, code, words):
    said = pult("serve", "--port", "0", "--data-dir", str(tmp_path / "desk"), environ={"PULT_DATABASE_URL": url})
    assert (said.returncode, said.stdout) == (code, "")
    assert words in said.stderr
    assert "hidden" not in said.stderr
    assert "Traceback" not in said.stderr


async def test_a_database_newer_than_the_code(database_url, tmp_path):
    conn = await asyncpg.connect(database_url)
    await conn.execute("insert into schema_migrations (version, name, checksum) values (9000, '9000_later', 'x')")
    await conn.close()
    environ = {"PULT_DATABASE_URL": database_url}
    said = await asyncio.to_thread(pult, "serve", "--port", "0", "--data-dir", str(tmp_path / "desk"), environ=environ)
    assert said.returncode == 1
    assert said.stderr.startswith("pult: the database is newer than this Pult: it has 9000_later")
    assert "Traceback" not in said.stderr


async def test_a_web_process_that_cannot_start_says_why(database_url, tmp_path):
    (tmp_path / "files").write_text("a file stands where the directory should be")
    environ = {"PULT_DATABASE_URL": database_url, "PULT_FILES": str(tmp_path / "files")}
    said = await asyncio.to_thread(pult, "web", "--port", "0", "--data-dir", str(tmp_path / "desk"), environ=environ)
    assert said.returncode == 1
    assert "the desk cannot be opened: [Errno 17] File exists" in said.stderr
    assert "pult: a process ended while starting" in said.stderr
    assert "Traceback" not in said.stderr


async def test_eight_connections_at_once_are_shared_by_two_processes(serve):
    """With one listening socket for both, the first to wake was seen to take all eight."""
    desk = await asyncio.to_thread(serve)
    where = urlsplit(desk.base)
    loads = []
    for _ in range(5):
        connections = [await asyncio.open_connection(where.hostname, where.port) for _ in range(8)]
        for reader, writer in connections:
            writer.write(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"}")
        loads.append(sorted(desk.connections()))
        for _, writer in connections:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        until(lambda: not any(desk.connections()), "connections end")
    tell(f"connections of the two processes: {loads}")
    assert sum(few for few, _ in loads) >= 10, "at least a quarter goes to the less loaded one"
