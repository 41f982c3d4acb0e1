"""Child processes that are kept alive: started, seen ready, started again when they die, stopped together."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pult.kit.log import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

log = get_logger()

READY_FD: Final = "PULT_READY_FD"
PR_SET_PDEATHSIG: Final = 1
SLOWEST_RESTART: Final = 10.0  # seconds


@dataclass(slots=True)
class Child:
    """One process that should always be there."""

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    fds: Sequence[int] = ()
    process: subprocess.Popen[bytes] | None = None
    ready_pipe: int = -1
    failures: int = 0
    next_start: float = 0.0
    ready: bool = field(default=False)

    def start(self) -> None:
        """Start it; it says that it is ready by a byte on the pipe that READY_FD names."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        environ = {**os.environ, **self.environ, READY_FD: str(writing)}
        self.process = subprocess.Popen(  # noqa: S603  # our own program
            self.command, env=environ, pass_fds=[*self.fds, writing], start_new_session=True
        )
        os.close(writing)
        if self.ready_pipe >= 0:
            os.close(self.ready_pipe)
        self.ready_pipe, self.ready = reading, False

    def is_ready(self) -> bool:
        """Whether it has said so."""
        if not self.ready and self.ready_pipe >= 0:
            try:
                self.ready = os.read(self.ready_pipe, 1) == b"r"
            except BlockingIOError:
                self.ready = False
        if self.ready:
            self.failures = 0
        return self.ready


class Children:
    """Several children as one."""

    def __init__(self, children: Sequence[Child], ended: Callable[[int], None]) -> None:
        self.children, self._ended = children, ended

    def start(self) -> None:
        for child in self.children:
            child.start()

    def all_ready(self) -> bool:
        ready = [child.is_ready() for child in self.children]
        return all(ready)

    def tend(self) -> None:
        """Start again what has died, at growing intervals while it dies at once. Call it about twice a second."""
        now = time.monotonic()
        for child in self.children:
            child.is_ready()
            if child.process is not None and child.process.poll() is not None:
                log.error("process.died", name=child.name, code=child.process.returncode)
                self._ended(child.process.pid)
                child.process = None
                child.failures += 1
                child.next_start = now + min(0.1 * 2**child.failures, SLOWEST_RESTART)
            if child.process is None and now >= child.next_start:
                child.start()

    def stop(self, within: float) -> None:
        """Ask all to finish what they have accepted; after `within` seconds they are killed."""
        living = [child.process for child in self.children if child.process is not None]
        for process in living:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        end = time.monotonic() + within
        for process in living:
            try:
                process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.error("process.killed", pid=process.pid)  # noqa: TRY400  # no fault of ours to trace
                process.kill()
                process.wait()


def die_with_parent() -> None:
    """In a child: be told to stop when the parent dies, however it dies (Linux; elsewhere `parent_is` is asked)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def say_ready() -> None:
    """In a child: tell the parent, if there is one that listens."""
    if fd := os.environ.pop(READY_FD, ""):
        os.write(int(fd), b"r")
        os.close(int(fd))
