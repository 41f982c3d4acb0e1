"""The bench runs, on a small desk and for a moment, and its figures are those of right answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bench import report
from bench.bare import Statement, Tape, renewed
from bench.jobs import Figures
from bench.machine import Cpu, Group, descendants
from bench.wire import MARK, Feed, call, number

ROOT = Path(__file__).parents[2]


def figures(count: int, *, window: float = 1.0) -> Figures:
    return Figures([n / 1e3 for n in range(1, count + 1)], [], window, Cpu(0.5, 0.25), 0.1)


def test_a_run_measures_product_and_limit_and_says_where_it_wrote(tmp_path: Path):
    only = "memory,ticket,create_new,search_rare"
    options = [
        "--tickets",
        "400",
        "--rounds",
        "1",
        "--seconds",
        "0.5",
        "--warm",
        "0.3",
        "--connections",
        "2",
        "--settle",
        "0.2",
        "--only",
        only,
    ]
    command = [
        sys.executable,
        "-m",
        "bench",
        *options,
        "--data-dir",
        str(tmp_path / "desk"),
        "--output",
        str(tmp_path / "out"),
    ]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]
    (path,) = (tmp_path / "out").glob("*.json")
    assert str(path) in ended.stdout
    result = json.loads(path.read_text())
    assert result["desk"]["tickets"] == 400
    assert 20 < result["memory"]["proportional"] < result["memory"]["resident"]
    rows = {row["operation"]: row for row in result["operations"]}
    assert set(rows) == {"health", "refusal", *only.split(",")[1:]}
    for name, row in rows.items():
        assert row["wrong"] == [], name
        assert row["rate"] > 5, name
        assert 0 < row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"], name
        if name not in {"health", "refusal"}:
            assert row["bare_rate"] > 5, name
            assert 0 < row["of_bare"] < 3, name
            assert 0 < row["of_health"] < 1.5, name
            assert 1 <= row["round_trips"] < 15, name
    assert rows["create_new"]["round_trips"] > rows["ticket"]["round_trips"]


def test_a_wrong_answer_is_counted_as_one(tmp_path: Path):
    """Against a server that answers something else."""
    import asyncio

    from bench.wire import Window, connect

    async def go() -> Window:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"}")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 18\r\n\r\n" + b'{"error":"oh dear"')
            await writer.drain()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            window = Window(0, float("inf"), 1)
            (caller,) = await connect(
                server.sockets[0].getsockname()[1], Feed([call("ticket", '{"ticket"', ticket_id=1)], 0), 1, window
            )
            caller.start()
            await caller.over
        return window

    window = asyncio.run(go())
    assert len(window.wrong) == 1
    assert "oh dear" in window.wrong[0]


def test_marked_requests_are_never_the_same_twice():
    feed = Feed([call("create/ticket", "{", subject=MARK), call("ticket", "{", ticket_id=1)], 7)
    first, plain, second = (feed.next()[1] for _ in range(3))
    assert number(7).encode() in first
    assert number(8).encode() in second
    assert len(first) == len(second)
    assert b"ticket_id" in plain


def test_a_tape_is_renewed_where_it_is_marked():
    mark = number(3)
    tape = Tape((Statement("BEGIN;", None), Statement("select $1, $2, $3", (f"a {mark}", [mark, "b"], 5))), mark)
    begin, select = renewed(tape, "new")
    assert begin.args is None
    assert select.args == ("a new", ["new", "b"], 5)


def test_the_ratio_is_the_median_of_the_rounds():
    row = report.Row(
        "list", 8, 2.0, 8, [figures(100), figures(10), figures(60)], [figures(200), figures(100), figures(100)]
    )
    summary = row.summary()
    assert summary["of_bare"] == pytest.approx(0.5)
    assert summary["rate"] == 60
    assert summary["server_cpu_ms"] == pytest.approx(500 / 60)
    assert report.line(summary).split()[0] == "list"


def test_percentiles_of_known_figures():
    assert figures(100).percentile(0.5) == pytest.approx(51)
    assert figures(100).percentile(0.99) == pytest.approx(100)
    assert figures(0).percentile(0.5) == 0


def test_cpu_and_memory_are_those_of_a_process_and_its_children():
    burn = "import subprocess, sys, time\nt = time.time()\nwhile time.time() - t < 0.4: pass\nprint('done', flush=True)\ntime.sleep(60)"
    spawn = f"import subprocess, sys\np = subprocess.Popen([sys.executable, '-c', {burn!r}])\np.wait()"
    parent = subprocess.Popen([sys.executable, "-c", spawn], stdout=subprocess.PIPE)
    try:
        assert parent.stdout is not None
        parent.stdout.readline()
        (child,) = (pid for pid in descendants(parent.pid) if pid != parent.pid)
        group = Group(parent.pid, child)
        assert group.cpu().postgres > 0.05
        assert group.memory().processes == 2
        assert 5 < group.memory().proportional <= group.memory().resident
        before = group.cpu()
        time.sleep(0.05)
        assert (group.cpu() - before).postgres < 0.05
    finally:
        for pid in descendants(parent.pid)[1:]:
            os.kill(pid, 9)
        parent.wait(10)
