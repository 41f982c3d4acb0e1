"""What processes cost, from /proc: CPU time and memory of a server with all its children, and of its PostgreSQL."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds used so far."""

    server: float
    postgres: float

    def __sub__(self, earlier: Cpu) -> Cpu:
        return Cpu(self.server - earlier.server, self.postgres - earlier.postgres)


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB of all processes. Resident counts shared pages once for each process that has them; proportional counts them once."""

    processes: int
    resident: float
    proportional: float


class Group:
    """The processes of one `pult serve`: `root` with its children, and the postmaster with its."""

    def __init__(self, root: int, postmaster: int) -> None:
        self.root = root
        self.postmaster = postmaster

    def cpu(self) -> Cpu:
        everything = descendants(self.root)
        postgres = descendants(self.postmaster)
        server = [pid for pid in everything if pid not in set(postgres)]
        ended = _seconds(self.postmaster, children=True)
        return Cpu(sum(map(_seconds, server)), sum(map(_seconds, postgres)) + ended)

    def memory(self) -> Memory:
        pids = sorted({*descendants(self.root), *descendants(self.postmaster)})
        sums = [_rollup(pid) for pid in pids]
        return Memory(len(pids), sum(rss for rss, _ in sums) / 1024, sum(pss for _, pss in sums) / 1024)


def descendants(pid: int) -> list[int]:
    """The process and all that came from it and still run.

    By each process's parent: the kernel's own lists of children miss some while others end.
    """
    children: dict[int, list[int]] = {}
    for path in PROC.iterdir():
        if path.name.isdigit() and (fields := _stat(int(path.name))):
            children.setdefault(int(fields[1]), []).append(int(path.name))
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += children.get(one, [])
    return found


def own_cpu() -> float:
    """CPU seconds of this process."""
    times = os.times()
    return times.user + times.system


def busy() -> float:
    """CPU seconds that the whole machine has been busy."""
    fields = list(map(int, (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]))
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / TICK


def _seconds(pid: int, *, children: bool = False) -> float:
    """User and system time of the process, or of its children that have ended."""
    fields = _stat(pid)
    return sum(map(int, fields[13:15] if children else fields[11:13])) / TICK


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the state on; none when it has gone."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _rollup(pid: int) -> tuple[int, int]:
    """KiB: resident, proportional."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return 0, 0
    sizes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return sizes.get("Rss", 0), sizes.get("Pss", 0)
