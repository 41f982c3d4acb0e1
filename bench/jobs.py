"""What a load process is asked and what it answers.

    job -> "ready" -> "<begin> <end>" (monotonic seconds) -> figures

Jobs come pickled on standard input, figures go out the same way. Load starts at once and is counted from `begin` on: what
comes before warms up.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.bare import Tape
    from bench.machine import Cpu, Group
    from bench.wire import Request


@dataclass(frozen=True, slots=True)
class HttpJob:
    port: int
    requests: list[Request]
    connections: int
    first_number: int = 0


@dataclass(frozen=True, slots=True)
class BareJob:
    dsn: str
    tapes: list[Tape]
    connections: int
    first_number: int = 0
    settings: dict[str, str] = field(default_factory=dict)


Job = HttpJob | BareJob


@dataclass(frozen=True, slots=True)
class Figures:
    """What one window showed: the seconds of each call, in order; CPU seconds of server, PostgreSQL and load."""

    seconds: list[float]
    wrong: list[str]
    window: float
    cpu: Cpu
    load_cpu: float

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.window

    def percentile(self, share: float) -> float:
        """Milliseconds; 0 when nothing was answered."""
        if not self.seconds:
            return 0.0
        return self.seconds[min(len(self.seconds) - 1, int(len(self.seconds) * share))] * 1e3

    def cpu_ms(self, seconds: float) -> float:
        """Of one call."""
        return seconds * 1e3 / max(len(self.seconds), 1)


def measure(jobs: Sequence[Job], group: Group, *, warm: float, seconds: float) -> list[Figures]:
    """Run all jobs at once in processes of their own; the figures of each, over the same window."""
    processes = [_start(job) for job in jobs]
    try:
        begin = time.monotonic() + warm
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(f"{begin} {begin + seconds}\n".encode())
            process.stdin.flush()
        time.sleep(max(begin - time.monotonic(), 0))
        before = group.cpu()
        time.sleep(max(begin + seconds - time.monotonic(), 0))
        cpu = group.cpu() - before
        return [_figures(process, seconds, cpu) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def together(parts: Sequence[Figures]) -> Figures:
    """The figures of several processes that did the same."""
    seconds = sorted(second for part in parts for second in part.seconds)
    wrong = [text for part in parts for text in part.wrong]
    return Figures(seconds, wrong, parts[0].window, parts[0].cpu, sum(part.load_cpu for part in parts))


def _start(job: Job) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.driver"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: PT018
    pickle.dump(job, process.stdin)
    process.stdin.flush()
    if process.stdout.readline() != b"ready\n":
        process.kill()
        raise RuntimeError("a load process could not start")
    return process


def _figures(process: subprocess.Popen[bytes], seconds: float, cpu: Cpu) -> Figures:
    assert process.stdout is not None
    window, load_cpu = pickle.load(process.stdout)
    return Figures(sorted(window.seconds), window.wrong, seconds, cpu, load_cpu)
