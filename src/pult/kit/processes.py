"""Child processes that are kept alive: started, seen ready, started again when they die, stopped together."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
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
LOOK_FOR_PARENT: Final = 1.0


class Stop:
    """Whether the process should end. A signal handler may set it, which threading.Event does not bear: it would
    wait for a lock that the very code holds which the signal interrupted.
    """

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)

    def on_signals(self, *numbers: signal.Signals) -> None:
        for number in numbers:
            signal.signal(number, lambda *_: self.set())

    def set(self) -> None:
        with contextlib.suppress(BlockingIOError):  # full: it was set many times
            os.write(self._writing, b"s")

    def is_set(self) -> bool:
        return self.wait(0)

    def wait(self, seconds: float) -> bool:
        """Whether it is set by then."""
        return bool(select.select([self._reading], [], [], seconds)[0])


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

    def wait_to_start(self, now: float) -> None:
        """Longer each time, until it has been ready once."""
        self.failures += 1
        self.next_start = now + min(0.1 * 2**self.failures, SLOWEST_RESTART)

    def is_ready(self) -> bool:
        """Whether it has said so, and lives as far as is known."""
        if not self.ready and self.ready_pipe >= 0:
            try:
                self.ready = os.read(self.ready_pipe, 1) == b"r"
            except BlockingIOError:
                self.ready = False
        if self.ready:
            self.failures = 0
        return self.ready


class Children:
    """Several children as one. `ended` is called with the number of a process that died."""

    def __init__(self, children: Sequence[Child], ended: Callable[[int], None]) -> None:
        self.children, self._ended = children, ended

    def start(self) -> None:
        for child in self.children:
            child.start()

    def all_ready(self) -> bool:
        ready = [child.is_ready() for child in self.children]
        return all(ready)

    def tend(self) -> None:
        """Start again what has died, at growing intervals while it dies at once. Call it several times a second."""
        now = time.monotonic()
        for child in self.children:
            child.is_ready()
            if child.process is not None and child.process.poll() is not None:
                self._bury(child, child.process, now)
            if child.process is None and now >= child.next_start:
                try:
                    child.start()
                except OSError as error:  # no memory or too many processes, for now
                    log.error("process.not_started", name=child.name, reason=str(error))  # noqa: TRY400
                    child.wait_to_start(now)

    def _bury(self, child: Child, process: subprocess.Popen[bytes], now: float) -> None:
        log.error("process.died", name=child.name, pid=process.pid, code=process.returncode)
        self._ended(process.pid)
        child.process, child.ready = None, False
        child.wait_to_start(now)

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


def die_with_parent(parent: int) -> None:
    """In a child of `parent`: be told to stop when that dies, however it dies and however early."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    else:
        threading.Thread(target=stop_when_orphaned, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it died before it could be said
        raise SystemExit(0)


def stop_when_orphaned(parent: int) -> None:
    """Wait until this process is no longer the child of `parent`, then tell it to stop. For a thread."""
    while os.getppid() == parent:
        time.sleep(LOOK_FOR_PARENT)
    os.kill(os.getpid(), signal.SIGTERM)


def say_ready() -> None:
    """In a child: tell the parent, if there is one that listens."""
    if fd := os.environ.pop(READY_FD, ""):
        os.write(int(fd), b"r")
        os.close(int(fd))
