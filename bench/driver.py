"""A process that makes load; see bench/jobs.py for what it is told."""

from __future__ import annotations

import asyncio
import pickle
import sys
import time

import uvloop

from bench import bare, wire
from bench.jobs import HttpJob, Job
from bench.machine import own_cpu


async def _work(job: Job) -> None:
    window = wire.Window(0, 0)
    loop = asyncio.get_running_loop()
    if isinstance(job, HttpJob):
        callers = await wire.connect(job.port, wire.Feed(job.requests, job.first_number), job.connections, window)
        connections = []
    else:
        connections = await bare.connect(job.dsn, job.connections, job.settings)
    print("ready", flush=True)
    line = await loop.run_in_executor(None, sys.stdin.buffer.readline)
    window.begin, window.end = map(float, line.split())
    used = loop.create_future()
    loop.call_later(window.begin - time.monotonic(), lambda: used.set_result(own_cpu()))
    if isinstance(job, HttpJob):
        for caller in callers:
            caller.start()
        await asyncio.gather(*(caller.over for caller in callers))
    else:
        await bare.replay(connections, job.tapes, job.first_number, window)
    sys.stdout.buffer.write(pickle.dumps((window, own_cpu() - await used)))
    sys.stdout.buffer.flush()


def _main() -> None:
    job = pickle.load(sys.stdin.buffer)
    uvloop.run(_work(job))


if __name__ == "__main__":
    _main()
