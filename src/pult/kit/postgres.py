"""The embedded PostgreSQL: started by whoever comes first, shared, healed after every kind of kill, stopped by the last.

Two locks in its home directory say who is there. The kernel drops them when a process dies, however it dies:
`owner.lock` is held by the one process that starts the server and starts it again; `users.lock` is shared by all who use it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import weakref
from pathlib import Path
from typing import Any

from pult.kit import locks, postgres_socket
from pult.kit import postgres_cluster as cluster
from pult.kit.postgres_cluster import Account, EmbeddedError

__all__ = ["Embedded", "EmbeddedError", "attach"]

LOG_LIMIT = 20_000_000  # bytes; one older file is kept beside it
STOP_SECONDS = 60


class Embedded:
    """The server whose files are in `home`. One object per process; `stop` belongs to every `start`.

    `pg_bin`: a directory with PostgreSQL's programs, before any that would be found.
    """

    def __init__(self, home: Path, pg_bin: Path | None = None) -> None:
        self.home = home.absolute()
        self.data = self.home / "data"
        self.pg_bin = pg_bin
        self._server: subprocess.Popen[Any] | None = None
        self._owner: int | None = None  # file descriptors of the two locks, while held
        self._user: int | None = None
        self._home_fd: int | None = None  # where the server's account cannot reach home by name
        self._programs: cluster.Programs | None = None
        self._turn = threading.Lock()
        _living.add(self)

    def start(self, wait: float = 60) -> str:
        """The server's address, ready for queries; EmbeddedError when it is not ready within `wait` seconds."""
        with self._turn:
            self._make_home()
            end = time.monotonic() + wait
            try:
                self._join(end)
                self._until_ready(end)
            except BaseException:
                self._leave()
                raise
            return postgres_socket.address(self.home)

    def watch(self, wait: float = 60) -> bool:
        """Starts the server again if it died; True when it had to. Call it every second or so, from a thread of its own.

        Whoever shares a server becomes its owner when the owner has gone. EmbeddedError when the server does not come back
        within `wait` seconds; the next call tries again.
        """
        with self._turn:
            if self._user is None or (self._owner is not None and self._alive()):
                self._shorten_log()
                return False
            if self._owner is None and not self._become_owner():
                return False
            died = not self._alive()
            self._until_ready(time.monotonic() + wait)
            return died

    def stop(self) -> None:
        """Leaves the server; the last to leave stops it, so that nobody loses it in the middle of something."""
        with self._turn:
            if self._user is None:
                return
            try:
                if locks.is_last(self._user) and (self._owner is not None or self._become_owner()):
                    self._stop_server()
            finally:
                self._leave()

    def _join(self, end: float) -> None:
        while self._user is None:
            self._user = locks.share(self.home / "users.lock", self._owner_of_files())
            if self._user is None:  # the last user before us is stopping the server just now
                _sleep_until(end, "the server before this one is still stopping")

    def _until_ready(self, end: float) -> None:
        while True:
            if self._owner is None:
                self._become_owner()
            if _accepts(self._any_programs(), self.home):
                return
            if self._owner is not None and (self._server is None or self._server.poll() is not None):
                # While children of a killed postmaster still hold its shared memory, a new one gives up at once: try again.
                self._launch()
            _sleep_until(end, _last_words(self.home))

    def _become_owner(self) -> bool:
        self._owner = locks.take(self.home / "owner.lock", self._owner_of_files())
        return self._owner is not None

    def _launch(self) -> None:
        account = Account.for_cluster(self.data)
        found = self._any_programs()
        if account:
            os.chown(self.home, account.uid, account.gid, follow_symlinks=False)
        home, words = self._seen_by(account)
        if not self.data.exists():
            cluster.make(found, home / "data", **words)
        _forget_the_dead(self.data)
        self._configure(found.major, account)
        sockets = postgres_socket.make_directory(self.home, account, reachable=home == self.home)
        options = ["-c", "listen_addresses=", "-c", f"config_file={home}/postgres.conf"]
        command: list[str | Path] = [found.directory / "postgres", "-D", home / "data", "-k", sockets, *options]
        log = cluster.open_file(self._log(), os.O_WRONLY | os.O_APPEND, account)
        try:  # a session of its own: Ctrl-C reaches Pult first, which stops it
            server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **words)  # noqa: S603  # our own words
        finally:
            os.close(log)
        self._server = server
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(0.2)  # a refusal shows within this time; readiness takes about as long

    def _seen_by(self, account: Account | None) -> tuple[Path, dict[str, Any]]:
        """Home as the server's account can name it, and how to run programs as that account.

        Below a closed directory, as root's own home is, the account can name nothing. It gets an open descriptor of home
        then, and reaches its files through that: nobody's directories have to be opened for it.
        """
        words = cluster.running_as(account)
        if account is None or account.may("test", "-x", self.home):
            return self.home, words
        if not Path("/proc/self/fd").is_dir():
            raise EmbeddedError(
                f"the account {account.name}, which runs PostgreSQL because root may not, cannot reach {self.home}"
            )
        if self._home_fd is None:
            self._home_fd = os.open(self.home, os.O_RDONLY | os.O_DIRECTORY)
        return Path(f"/proc/self/fd/{self._home_fd}"), words | {"pass_fds": (self._home_fd,)}

    def _any_programs(self) -> cluster.Programs:
        if self._programs is None:
            account = Account.for_cluster(self.data)
            self._programs = cluster.programs(self.pg_bin, major=cluster.major_of(self.data), account=account)
        return self._programs

    def _alive(self) -> bool:
        if self._server is not None and self._server.poll() is None:
            return True
        return _postmaster(self.data) is not None  # an orphan of an owner that was killed

    def _stop_server(self) -> None:
        # "fast"; then, should it hang, "immediate", after which the next start recovers what was committed
        for word in (signal.SIGINT, signal.SIGQUIT):
            pid = _postmaster(self.data)
            if pid is None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, word)
            end = time.monotonic() + STOP_SECONDS
            while _postmaster(self.data) is not None and time.monotonic() < end:
                if self._server is not None:
                    self._server.poll()
                time.sleep(0.01)
        if self._server is not None:
            self._server.wait(STOP_SECONDS)
        postgres_socket.remove_directory(self.home)

    def _leave(self) -> None:
        self._close_locks()
        if self._home_fd is not None:
            os.close(self._home_fd)
        self._home_fd = self._server = None

    def _close_locks(self) -> None:
        for descriptor in (self._owner, self._user):
            if descriptor is not None:
                os.close(descriptor)
        self._owner = self._user = None

    def _make_home(self) -> None:
        if not self.home.exists():
            self.home.mkdir(parents=True, exist_ok=True)
            self.home.chmod(0o700)

    def _owner_of_files(self) -> tuple[int, int] | None:
        account = Account.for_cluster(self.data)
        return (account.uid, account.gid) if account else None

    def _configure(self, major: int, account: Account | None) -> None:
        conf = cluster.open_file(self.home / "postgres.conf", os.O_WRONLY | os.O_TRUNC, account)
        with os.fdopen(conf, "w") as file:
            file.write(cluster.configuration(major))

    def _log(self) -> Path:
        return self.home / "postgres.log"

    def _shorten_log(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            if self._owner is not None and self._log().stat().st_size > LOG_LIMIT:
                older = self.home / "postgres.log.1"
                older.unlink(missing_ok=True)
                copy = cluster.open_file(older, os.O_WRONLY | os.O_EXCL, Account.for_cluster(self.data))
                with self._log().open("rb") as log, os.fdopen(copy, "wb") as file:
                    shutil.copyfileobj(log, file)
                os.truncate(self._log(), 0)  # PostgreSQL appends: it goes on at the new end


def attach(home: Path, pg_bin: Path | None = None, wait: float = 60) -> str | None:
    """The address of the server that runs for `home` already, once it is ready; None when nobody runs it.

    The server may stop when its owner does. To keep it while it is used, or to start it if need be, use `Embedded`.
    """
    home = home.absolute()
    data = home / "data"
    if not data.exists():
        return None
    found = cluster.programs(pg_bin, major=cluster.major_of(data), account=None)
    end = time.monotonic() + wait
    while _postmaster(data) is not None or locks.is_taken(home / "owner.lock"):
        if _accepts(found, home):
            return postgres_socket.address(home)
        _sleep_until(end, _last_words(home))
    return None


# A child that was forked must not hold its parent's locks: it may outlive a parent that is killed.
_living: weakref.WeakSet[Embedded] = weakref.WeakSet()


def _let_go() -> None:
    for embedded in list(_living):
        embedded._turn = threading.Lock()  # noqa: SLF001  # our own class; a thread that is not here may have held it
        embedded._leave()  # noqa: SLF001


os.register_at_fork(after_in_child=_let_go)


def _sleep_until(end: float, why: str) -> None:
    if time.monotonic() > end:
        raise EmbeddedError(f"PostgreSQL did not become ready in time: {why}")
    time.sleep(0.05)


def _accepts(found: cluster.Programs, home: Path) -> bool:
    command: list[str | Path] = [found.directory / "pg_isready", "-q", "-t", "3", "-h", postgres_socket.directory(home)]
    return subprocess.run(command, check=False, **cluster.running_as(None)).returncode == 0  # noqa: S603  # our own words


def _postmaster(data: Path) -> int | None:
    """The process that serves `data`."""
    pid = _noted_process(data)
    return pid if pid is not None and _works_in(pid, data) else None


def _noted_process(data: Path) -> int | None:
    """The process whose number is in postmaster.pid. That may be another program by now, or a zombie."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ValueError, ProcessLookupError, PermissionError):
        return None
    return pid


def _works_in(pid: int, data: Path) -> bool | None:
    """Whether the process works in the data directory, as a postmaster does; None: cannot be told."""
    if not Path("/proc/self/cwd").exists():
        return True  # no /proc, as on macOS: trust the number, as PostgreSQL does
    try:
        return Path(f"/proc/{pid}/cwd").samefile(data)
    except PermissionError:
        return None
    except OSError:  # gone, or a zombie
        return False


def _forget_the_dead(data: Path) -> None:
    """Removes a postmaster.pid whose number belongs to a zombie or, after a restart of the machine, to another program.

    PostgreSQL would wait for that one for ever. Whether old children still hold the shared memory it checks by itself.
    """
    pid = _noted_process(data)
    if pid is not None and _works_in(pid, data) is False:
        (data / "postmaster.pid").unlink(missing_ok=True)


def _last_words(home: Path) -> str:
    """The end of the server's log, which says why it does not start."""
    try:
        lines = (home / "postgres.log").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return f"it wrote no log in {home}"
    wrong = [line for line in lines[-40:] if re.search(r"FATAL|PANIC|ERROR", line)]
    return f"{(wrong or lines or ['no words'])[-1]} (see {home}/postgres.log)"
