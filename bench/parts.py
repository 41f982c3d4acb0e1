"""The parts of a run: each measures one thing, prints it, and answers what goes into the JSON."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

import asyncpg

from bench import report, wire
from bench.filters import questions
from bench.jobs import BareJob, Figures, HttpJob, measure, together
from bench.operations import EMPTY, OPERATIONS, Operation
from bench.recording import WrongAnswer, recorder
from pult.kit.db import CUSTOM_PLANS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.recording import Recorded
    from bench.sample import Sample
    from bench.server import Server

BARE_PROCESSES = 2
# The server has no more connections than this for one kind of work, however many clients call.
SERVER_CONNECTIONS = 16
NUMBERS = itertools.count(int(time.time()) * 1_000_000, 100_000)  # no run's new clients are another run's known ones


@dataclass(slots=True)
class Run:
    """What all parts share."""

    server: Server
    sample: Sample
    seconds: float
    warm: float
    rounds: int
    connections: list[int]
    turn: int = field(default_factory=lambda: int(time.time()))  # of the values that updates set


def memory(run: Run, when: str) -> dict[str, Any]:
    """Of the server with its PostgreSQL, when nobody asks anything."""
    found = run.server.group.memory()
    print(
        f"{when}: {found.processes} processes, {found.proportional:.0f} MiB resident with shared pages counted once, "
        f"{found.resident:.0f} MiB with them counted in each process"
    )
    return asdict(found)


def operations(run: Run, wanted: list[Operation]) -> list[dict[str, Any]]:
    """Each operation at each number of connections, in turns with the bare limit."""
    empty = {connections: _empty(run, connections) for connections in run.connections}
    print(report.header())
    for one in empty.values():
        for summary in one.values():
            print(report.line(summary))
    done = [summary for one in empty.values() for summary in one.values()]
    for operation in wanted:
        try:
            recorded = asyncio.run(record(run, operation))
        except WrongAnswer as error:
            done.append({"operation": operation.name, "wrong": [str(error)]})
            _complain(done[-1])
            continue
        for connections in run.connections:
            row = _row(run, operation, recorded, connections)
            row.health = empty[connections]["health"]["rate"]
            row.refusal = empty[connections]["refusal"]["rate"]
            done.append(row.summary())
            print(report.line(done[-1]), flush=True)
            _complain(done[-1])
    return done


def _empty(run: Run, connections: int) -> dict[str, dict[str, Any]]:
    found = {}
    for operation in EMPTY:
        row = report.Row(operation.name, connections, 0)
        row.product = [product(run, operation, connections) for _ in range(run.rounds)]
        found[operation.name] = row.summary()
    return found


async def record(run: Run, operation: Operation) -> Recorded:
    """The bare limit's tapes for the operation; what records it changes the desk as any call does."""
    requests = operation.make(run.sample, run.server.tokens, run.turn)
    run.turn += 1
    async with recorder(run.server.dsn, run.server.data_dir, run.server.tokens) as ear:
        return await ear.record(list(itertools.islice(itertools.cycle(requests), operation.tapes)), next(NUMBERS))


def _row(run: Run, operation: Operation, recorded: Recorded, connections: int) -> report.Row:
    row = report.Row(operation.name, connections, recorded.round_trips, min(connections, SERVER_CONNECTIONS))
    for _ in range(run.rounds):
        row.product.append(product(run, operation, connections))
        row.bare.append(_bare(run, operation, recorded, row.bare_connections))
    return row


def product(run: Run, operation: Operation, connections: int) -> Figures:
    """One window of the operation, over so many connections."""
    with _turns_renewed(run):
        return measure([_http_job(run, operation, connections)], run.server.group, warm=run.warm, seconds=run.seconds)[
            0
        ]


def _http_job(run: Run, operation: Operation, connections: int) -> HttpJob:
    requests = operation.make(run.sample, run.server.tokens, run.turn)
    run.turn += 1
    return HttpJob(run.server.port, requests, connections, next(NUMBERS))


def _bare(run: Run, operation: Operation, recorded: Recorded, connections: int) -> Figures:
    """The tapes shared among the processes, so that they never meet at a row that the server's calls would not meet at."""
    processes = min(BARE_PROCESSES, connections)
    settings = CUSTOM_PLANS if operation.custom_plans else {}
    jobs = [
        BareJob(run.server.dsn, recorded.tapes[place::processes], connections // processes, next(NUMBERS), settings)
        for place in range(processes)
    ]
    with _turns_renewed(run):
        return together(measure(jobs, run.server.group, warm=run.warm, seconds=run.seconds))


def filters(run: Run) -> dict[str, Any]:
    """95th percentile of every shape of the list for one client; the worst are shown."""
    found: list[dict[str, Any]] = []
    asked = questions(run.sample, run.server.tokens)
    for question in asked:
        window = asyncio.run(_one_after_another(run.server.port, question.requests))
        seconds = sorted(window.seconds)
        middle, late = seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.95)]
        found.append(
            {"question": question.name, "p50_ms": middle * 1e3, "p95_ms": late * 1e3, "wrong": window.wrong[:1]}
        )
        _complain({"operation": question.name, "wrong": window.wrong})
    found.sort(key=lambda one: -one["p95_ms"])
    print(f"\n{len(found)} shapes of the list, one client, {len(asked[0].requests)} calls each: the ten worst")
    for one in found[:10]:
        print(f"  p95 {one['p95_ms']:8.1f} ms   p50 {one['p50_ms']:8.1f} ms   {one['question']}")
    return {"shapes": len(found), "slower_than_300_ms": sum(one["p95_ms"] > 300 for one in found), "all": found}


async def _one_after_another(port: int, requests: list[wire.Request]) -> wire.Window:
    """Each request once, over one connection."""
    window = wire.Window(0, float("inf"), len(requests))
    (caller,) = await wire.connect(port, wire.Feed(requests, 0), 1, window)
    caller.start()
    await caller.over
    return window


def beside(run: Run) -> dict[str, Any]:
    """Updates alone and with as many searches for the common word as the server takes, in turns."""
    update = next(one for one in OPERATIONS if one.name == "update")
    search = next(one for one in OPERATIONS if one.name == "search_common")
    alone, loaded, searches = [], [], []
    for _ in range(run.rounds):
        alone.append(product(run, update, 8).rate)
        jobs = [_http_job(run, update, 8), _http_job(run, search, 8)]
        with _turns_renewed(run):
            first, second = measure(jobs, run.server.group, warm=run.warm, seconds=run.seconds)
        _complain({"operation": "beside", "wrong": first.wrong + second.wrong})
        loaded.append(first.rate)
        searches.append(second.rate)
    ratio = median(b / a for a, b in zip(alone, loaded, strict=True))
    print(
        f"\nupdates at 8 connections: {median(alone):,.0f}/s alone, {median(loaded):,.0f}/s beside {median(searches):,.0f} searches/s: {ratio:.0%}"
    )
    return {"alone": alone, "beside_search": loaded, "searches": searches, "ratio": ratio}


def _complain(summary: dict[str, Any]) -> None:
    for text in summary["wrong"][:2]:
        print(f"  WRONG {summary['operation']}: {text[:400]}")


@contextlib.contextmanager
def _turns_renewed(run: Run) -> Iterator[None]:
    """Searches are limited to ten a minute and token: their count is forgotten every half second."""
    over = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_forget(run.server.dsn, over)))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


async def _forget(dsn: str, over: threading.Event) -> None:
    conn = await asyncpg.connect(dsn)
    try:
        while not over.is_set():
            await conn.execute("delete from rate_hits")
            await asyncio.sleep(0.5)
    finally:
        await conn.close()
