"""A real `pult serve` in processes of its own, as an operator starts it, and what it says."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PATIENCE = 60  # seconds; nothing takes as long, but machines are shared

DESK = """
[company]
key = "main"
name = "Northwind Bikes"
[[group]]
key = "support"
name = "Support"
[[agent]]
key = "alice"
name = "Alice"
email = "alice@northwind.example"
role = "admin"
groups = ["support"]
default_group = "support"
password = "alice's own"
[[channel]]
key = "api"
type = "api"
name = "Site form"
group = "support"
token = "{token}"
[[field]]
key = "serial"
name = "Serial number"
type = "text"
[[field]]
key = "reason"
name = "Reason"
type = "list"
options = ["Delivery", "Payment"]
add_tag = true
"""
TOKEN = "7c1e5a90f3b24d68a1e0c9d7f2b3a4c5d6e7f809"


def until(true: Any, what: str, patience: float = PATIENCE) -> Any:
    """The first true answer of `true()`."""
    end = time.monotonic() + patience
    while not (answer := true()):
        assert time.monotonic() < end, f"{what}: not within {patience} s"
        time.sleep(0.02)
    return answer


def tell(figure: str) -> None:
    """A measured figure, for whoever runs the tests with -s."""
    sys.stdout.write(f"\n{figure}\n")


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _sockets(pid: int) -> set[str]:
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(link.readlink()))
    return found


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def pult(*options: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command that ends."""
    command = [sys.executable, "-m", "pult", *options]
    return subprocess.run(
        command, env=environment(environ), capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def environment(environ: dict[str, str] | None = None) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PULT_", "OTEL_", "PROMETHEUS"))}
    return clean | (environ or {})


class Served:
    """`pult serve` on a free port, or `pult work`. `base` is where it answers, once it is ready."""

    def __init__(
        self,
        data_dir: Path,
        *options: str,
        environ: dict[str, str] | None = None,
        port: int = 0,
        command: str = "serve",
    ) -> None:
        self.data_dir, self.number = data_dir, len(list(data_dir.parent.glob("served-*.out"))) + 1
        self.out = data_dir.parent / f"served-{self.number}.out"
        self.err = data_dir.parent / f"served-{self.number}.err"
        self.began = time.monotonic()
        where = ["--data-dir", str(data_dir), *(["--port", str(port)] if command == "serve" else []), *options]
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pult", command, *where],
                stdout=out,
                stderr=err,
                env=environment(environ),
                start_new_session=True,
            )
        self.pid = self.process.pid
        self.base = ""
        self.known: set[int] = set()

    def until_ready(self) -> Served:
        ready = re.compile(r"\n(ready (http\S+)|working)\n")
        until(lambda: ready.search(self.said()) or self.process.poll() is not None, "ready")
        assert self.process.poll() is None, self.err.read_text()
        found = ready.search(self.said())
        assert found is not None
        self.base = found[2] or ""
        self.startup = time.monotonic() - self.began
        self.known |= set(self.children().values())
        return self

    def said(self) -> str:
        return "\n" + self.out.read_text()

    def log(self) -> list[dict[str, Any]]:
        """The complete lines of the log."""
        text = self.err.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines() if line.startswith("{")]

    def children(self) -> dict[str, int]:
        """The living child processes: web-process-1 …, work-process; PostgreSQL is not among them."""
        found: dict[str, int] = {}
        pids = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        for pid in sorted(int(pid) for pid in pids):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                name = next((word.decode() for word in words if word in {b"web-process", b"work-process"}), None)
                if name and alive(pid):
                    found[f"{name}-{len(found) + 1}" if name == "web-process" else name] = pid
        return found

    def webs(self) -> list[int]:
        return [pid for name, pid in self.children().items() if name.startswith("web")]

    def connections(self) -> list[int]:
        """How many TCP connections each of the web processes has open."""
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        established = {f"socket:[{row[9]}]" for row in rows if row[3] == "01"}
        return [len(_sockets(pid) & established) for pid in self.webs()]

    def postmaster(self) -> int:
        return int((self.data_dir / "postgres" / "data" / "postmaster.pid").read_text().split("\n", 1)[0])

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit code."""
        self.known |= set(self.children().values())
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """The parent alone, by kill -9; its children end by themselves."""
        self.known |= set(self.children().values())
        self.process.kill()
        self.process.wait()

    def children_ended(self) -> bool:
        return not any(alive(pid) for pid in self.known)

    def clear_up(self) -> None:
        """Ends whatever is left, however the test went."""
        if self.process.poll() is None:
            self.known |= set(self.children().values())
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        for pid in self.known:
            kill(pid)
        with contextlib.suppress(FileNotFoundError, ValueError):
            postmaster = self.postmaster()
            if Path(f"/proc/{postmaster}/cwd").resolve() == (self.data_dir / "postgres" / "data").resolve():
                kill(postmaster, signal.SIGCONT)
                kill(postmaster, signal.SIGQUIT)
                until(lambda: not alive(postmaster), "PostgreSQL ends")
