"""`python -m bench`: see docs/bench.md for what the figures mean."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import parts, sample
from bench.deliveries import deliveries
from bench.operations import OPERATIONS
from bench.server import serving

ROOT = Path(__file__).parent.parent
OTHER_PARTS = ("filters", "beside", "deliveries", "memory")


def main() -> None:
    options = _options()
    data_dir = options.data_dir or ROOT / "desk-data" / f"bench-{options.tickets}"
    names = [operation.name for operation in OPERATIONS]
    wanted = options.only.split(",") if options.only else [*names, *OTHER_PARTS]
    if unknown := set(wanted) - {*names, *OTHER_PARTS}:
        raise SystemExit(f"unknown parts: {', '.join(sorted(unknown))}; known: {', '.join([*names, *OTHER_PARTS])}")
    began = datetime.now(UTC)
    with serving(data_dir, tickets=options.tickets, workers=options.workers) as server:
        connections = [int(number) for number in options.connections.split(",")]
        run = parts.Run(
            server, asyncio.run(sample.take(server.dsn)), options.seconds, options.warm, options.rounds, connections
        )
        print(
            f"{run.sample.tickets:,} tickets, {run.sample.comments:,} comments; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
        )
        result = {
            "began": began.isoformat(),
            "machine": _machine(),
            "options": vars(options),
            "desk": _desk(run),
        } | _measured(run, wanted, options.settle)
    print(f"written to {_write(result, options.output / f'{began:%Y-%m-%dT%H%M%S}.json')}")


def _measured(run: parts.Run, wanted: list[str], settle: float) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "memory" in wanted:
        time.sleep(settle)
        found["memory"] = parts.memory(run, "idle, after the start")
    chosen = [operation for operation in OPERATIONS if operation.name in wanted]
    if chosen:
        found["operations"] = parts.operations(run, chosen)
    if "filters" in wanted:
        found["filters"] = parts.filters(run)
    if "beside" in wanted:
        found["beside"] = parts.beside(run)
    if "deliveries" in wanted:
        found["deliveries"] = deliveries(run)
    if "memory" in wanted and len(found) > 1:
        time.sleep(settle)
        found["memory_afterwards"] = parts.memory(run, "idle, after the load")
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--tickets", type=int, default=1_000_000, help="size of the demo desk (1,000,000)")
    parser.add_argument("--data-dir", type=Path, help="its directory (desk-data/bench-<tickets>)")
    parser.add_argument("--only", help="parts to run, by comma")
    parser.add_argument("--seconds", type=float, default=5.0, help="that each window is counted (5)")
    parser.add_argument("--warm", type=float, default=1.5, help="seconds of load before each window (1.5)")
    parser.add_argument("--rounds", type=int, default=3, help="of product and limit in turns (3)")
    parser.add_argument(
        "--settle", type=float, default=8.0, help="seconds that the server is left alone before its memory is read (8)"
    )
    parser.add_argument("--connections", default="1,8,32", help="by comma (1,8,32)")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "bench" / "results", help="directory of the JSON (bench/results)"
    )
    parser.add_argument("--workers", type=int, default=2, help="HTTP processes of the server (2)")
    return parser.parse_args()


def _machine() -> dict[str, Any]:
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cores": os.cpu_count(),
        "cpu": models[0] if models else "",
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }


def _desk(run: parts.Run) -> dict[str, int]:
    return {"tickets": run.sample.tickets, "comments": run.sample.comments}


def _write(result: dict[str, Any], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, ensure_ascii=False, indent=1, default=str) + "\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    main()
