"""Deliveries: how many webhooks a second leave, what they cost a ticket's writes, and what a message costs over its provider."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import asyncpg

from bench import sink
from bench.jobs import HttpJob, measure
from bench.machine import descendants
from bench.operations import OPERATIONS, Operation
from bench.parts import NUMBERS, product
from bench.wire import MARK, Request, call

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.jobs import Figures
    from bench.parts import Run
    from bench.sample import Sample

ROOT = Path(__file__).parent.parent
ENOUGH = 3_000  # webhooks
DRAINED_WITHIN = 120.0  # seconds
MODES = ("off", "queued", "delivered")  # webhooks off; on while nobody delivers; on while they are delivered
WRITES = ("update", "create_known")
AT = (1, 8)  # connections
DESK = """
[company]
key = "{company}"
name = "{name}"
[[channel]]
key = "bench-sink"
type = "api"
name = "Bench: where webhooks go"
webhook_url = "http://127.0.0.1:{port}/hook"
[[channel]]
key = "bench-messenger"
type = "whatsapp_infobip"
name = "Bench: a provider"
settings = {{ base_url = "http://127.0.0.1:{port}", api_key = "key", sender = "79990000000" }}
"""
SET = """
with told as (update companies c set config_version = config_version + 1 from channels h
               where h.key = 'bench-sink' and c.id = h.company_id)
update channels set active = $1 where key = 'bench-sink'
"""
DROP = "update deliveries set state = 'cancelled', ended_at = now() where state = 'queued' and leased_until is null"
WAITING = "select count(*) from deliveries where state = 'queued'"
SPAN = """
select count(*) as webhooks, count(distinct d.ticket_id) as tickets, max(d.attempts) as attempts,
       extract(epoch from max(a.ended_at) - min(a.began_at))::float8 as seconds
  from deliveries d join delivery_attempts a on a.company_id = d.company_id and a.delivery_id = d.id
 where d.id > $1 and d.state = 'delivered'
"""


def deliveries(run: Run) -> dict[str, Any]:
    """All three parts, on channels of their own that are switched off again."""
    with _sink() as port:
        channel = _set_up(run, port)
        try:
            found: dict[str, Any] = {"throughput": [_throughput(run, port) for _ in range(run.rounds)]}
            found |= {"writes": _writes(run), "message": _message(run, channel)}
        finally:
            _execute(run, SET, False)  # noqa: FBT003  # a statement's argument
    return found


@contextlib.contextmanager
def _sink() -> Iterator[int]:
    """The port of a sink in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.sink"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.communicate(timeout=20)


def _set_up(run: Run, port: int) -> int:
    """The channels, by the same command as any; the id of the messenger's."""
    company = _fetch(run, "select key, name from companies where id = (select company_id from tickets limit 1)")[0]
    file = run.server.data_dir / "bench-deliveries.toml"
    file.write_text(DESK.format(company=company["key"], name=company["name"], port=port))
    subprocess.run(
        [sys.executable, "-m", "pult", "apply", str(file), "--json", "--data-dir", str(run.server.data_dir)],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PULT_ALLOW_PRIVATE": "127.0.0.1"},
    )
    _execute(run, SET, True)  # noqa: FBT003  # a statement's argument
    return int(_fetch(run, "select id from channels where key = 'bench-messenger'")[0]["id"])


def _throughput(run: Run, port: int) -> dict[str, Any]:
    """Webhooks of real updates pile up while the worker stands still; then it goes on."""
    _drop(run)
    last = _fetch(run, "select coalesce(max(id), 0) as id from deliveries")[0]["id"]
    before = _count(port)
    short = replace(run, seconds=1.0, warm=0.1)
    with _still(run):
        while _fetch(run, WAITING)[0]["count"] < ENOUGH:
            short.turn += 1
            product(short, _operation("update"), 8)
        waiting = _fetch(run, WAITING)[0]["count"]
    began = time.monotonic()
    while _fetch(run, WAITING)[0]["count"]:
        if time.monotonic() - began > DRAINED_WITHIN:
            raise RuntimeError("the webhooks were not delivered in time")
        time.sleep(0.1)
    span = dict(_fetch(run, SPAN, last)[0])
    rate = span["webhooks"] / span["seconds"]
    print(
        f"\n{span['webhooks']:,} webhooks of {span['tickets']:,} tickets in {span['seconds']:.1f} s: {rate:,.0f}/s; "
        f"{_count(port) - before:,} came, {span['attempts']} attempt each at most"
    )
    return {**span, "rate": rate, "waiting": waiting, "came": _count(port) - before}


def _writes(run: Run) -> list[dict[str, Any]]:
    """Updates and new tickets, the three modes in turns."""
    print(f"\n{'operation':<14} {'c':>2}  {'off/s':>7}  {'queued':>7}  {'delivered':>9}  rates with webhooks ÷ without")
    found = []
    for name, connections in itertools.product(WRITES, AT):
        rates: dict[str, list[float]] = {mode: [] for mode in MODES}
        wrong: list[str] = []
        for _, mode in itertools.product(range(run.rounds), MODES):
            figures = _window(run, _operation(name), connections, mode)
            rates[mode].append(figures.rate)
            wrong += figures.wrong
        ratios = {mode: median(a / b for a, b in zip(rates[mode], rates["off"], strict=True)) for mode in MODES}
        print(
            f"{name:<14} {connections:>2}  {median(rates['off']):>7,.0f}  {ratios['queued']:>7.0%}  {ratios['delivered']:>9.0%}"
            + (f"  WRONG {wrong[0][:200]}" if wrong else "")
        )
        found.append(
            {"operation": name, "connections": connections, "rates": rates, "ratios": ratios, "wrong": wrong[:3]}
        )
    return found


def _window(run: Run, operation: Operation, connections: int, mode: str) -> Figures:
    _drop(run)
    _execute(run, SET, mode != "off")
    with _still(run) if mode == "queued" else contextlib.nullcontext():
        return product(run, operation, connections)


def _message(run: Run, channel: int) -> dict[str, Any]:
    """create/ticket that sends and waits for the provider's word, in milliseconds over what the provider takes by itself."""
    _drop(run)
    _execute(run, SET, False)  # noqa: FBT003  # a statement's argument
    job = HttpJob(run.server.port, _messages(run.sample, run.server.tokens, channel), 1, next(NUMBERS))
    figures = measure([job], run.server.group, warm=run.warm, seconds=run.seconds)[0]
    own = 2 * sink.PROVIDER * 1e3
    shown = {f"p{share}_ms": figures.percentile(share / 100) - own for share in (50, 95, 99)}
    print(
        f"\ncreate/ticket through a provider that takes {own:.0f} ms to send and report, one client: "
        + ", ".join(f"{name.removesuffix('_ms')} {ms:.1f} ms" for name, ms in shown.items())
        + f" over that; {len(figures.seconds)} calls, {len(figures.wrong)} wrong"
    )
    return {**shown, "provider_ms": own, "calls": len(figures.seconds), "wrong": figures.wrong[:3]}


def _messages(_sample: Sample, tokens: Sequence[str], channel: int) -> list[Request]:
    given = {"channel_id": channel, "from": "user", "client_phone": "79161234567", "subject": "Your bicycle"}
    expect = '{"status":"success","ticket_id":'
    return [call("create/ticket", expect, **given, api_token=tokens[0], message=f"It is ready {MARK}")]


@contextlib.contextmanager
def _still(run: Run) -> Iterator[None]:
    """The worker is stopped, outside of any transaction."""
    pid = _worker(run)
    while True:
        os.kill(pid, signal.SIGSTOP)
        if not _fetch(run, OPEN)[0]["count"]:
            break
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.01)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


OPEN = """
select count(*) from pg_stat_activity a
 where a.state <> 'idle' and a.pid <> pg_backend_pid() and a.datname = current_database()
"""


def _worker(run: Run) -> int:
    for pid in descendants(run.server.group.root):
        with contextlib.suppress(OSError):
            if b"work-process" in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
    raise RuntimeError("the server has no worker")


def _operation(name: str) -> Operation:
    return next(one for one in OPERATIONS if one.name == name)


def _drop(run: Run) -> None:
    """Nothing waits any more."""
    _execute(run, DROP)
    while _fetch(run, WAITING)[0]["count"]:
        time.sleep(0.1)
        _execute(run, DROP)


def _count(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/count", timeout=10) as answer:
        return int(json.load(answer)["count"])


def _fetch(run: Run, statement: str, *arguments: Any) -> list[asyncpg.Record]:
    async def fetch() -> list[asyncpg.Record]:
        conn = await asyncpg.connect(run.server.dsn)
        try:
            return list(await conn.fetch(statement, *arguments))
        finally:
            await conn.close()

    return asyncio.run(fetch())


def _execute(run: Run, statement: str, *arguments: Any) -> None:
    _fetch(run, statement, *arguments)
