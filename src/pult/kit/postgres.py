"""The embedded PostgreSQL: started by whoever comes first, shared, healed after every kind of kill, stopped by the last.

Two locks in its home directory say who is there. The kernel drops them when a process dies, however it dies:
`owner.lock` is held by the one process that starts the server and starts it again; `users.lock` is shared by all who use it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pult.kit import postgres_cluster as cluster
from pult.kit.postgres_cluster import Account, EmbeddedError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Embedded", "EmbeddedError", "attach"]

SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 103  # bytes; 107 on Linux, 103 on macOS
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
        self._server: subprocess.Popen[bytes] | None = None
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
            if self._user is None:
                self._user = _lock(self.home / "users.lock", fcntl.LOCK_SH, wait=True)
            try:
                self._until_ready(wait)
            except BaseException:
                self._leave()
                raise
            return address(self.home)

    def watch(self, wait: float = 60) -> bool:
        """Starts the server again if it died; True when it had to. Call it every second or so, from a thread of its own.

        Whoever shares a server becomes its owner when the owner has gone.
        """
        with self._turn:
            if self._user is None or (self._owner is not None and self._alive()):
                self._shorten_log()
                return False
            if self._owner is None and not self._become_owner():
                return False
            died = not self._alive()
            self._until_ready(wait)
            return died

    def stop(self) -> None:
        """Leaves the server; the last to leave stops it, so that nobody loses it in the middle of something."""
        with self._turn:
            if self._user is None:
                return
            try:
                if _upgrade(self._user) and (self._owner is not None or self._become_owner()):
                    self._stop_server()
            finally:
                self._leave()

    def _until_ready(self, wait: float) -> None:
        end = time.monotonic() + wait
        while True:
            if self._owner is None:
                self._become_owner()
            if _accepts(self._any_programs(), self.home):
                return
            if self._owner is not None and (self._server is None or self._server.poll() is not None):
                # While children of a killed postmaster still hold its shared memory, a new one gives up at once: try again.
                self._launch()
            if time.monotonic() > end:
                raise EmbeddedError(f"PostgreSQL did not become ready in {wait:.0f} s: {_last_words(self.home)}")
            time.sleep(0.05)

    def _become_owner(self) -> bool:
        self._owner = _lock(self.home / "owner.lock", fcntl.LOCK_EX, wait=False)
        return self._owner is not None

    def _launch(self) -> None:
        account = Account.for_cluster(self.data)
        found = self._any_programs()
        home, words = self._seen_by(account)
        if not self.data.exists():
            if account:
                account.own(self.home)
            cluster.make(found, home / "data", **words)
        _forget_the_dead(self.data)
        self._write("postgres.conf", cluster.configuration(found.major))
        sockets = _socket_directory(self.home, account, private=home != self.home)
        command = [found.directory / "postgres", "-D", home / "data", "-k", sockets, "-c", "listen_addresses="]
        with self._log().open("ab") as log:
            self._server = subprocess.Popen(  # noqa: S603  # a session of its own: Ctrl-C reaches Pult first, which stops it
                [*command, "-c", f"config_file={home}/postgres.conf"],
                stdout=log,
                stderr=log,
                start_new_session=True,
                **words,
            )
        if account:
            account.own(self.home, self._log())
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._server.wait(0.2)  # a refusal shows within this time; readiness takes about as long

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
        for word in (
            signal.SIGINT,
            signal.SIGQUIT,
        ):  # "fast"; then, should it hang, "immediate", which recovers at the next start
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
        if (self.home / "run").is_symlink():  # nothing stays behind outside of home
            with contextlib.suppress(OSError):
                _sockets(self.home).rmdir()

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

    def _write(self, name: str, text: str) -> None:
        path = self.home / name
        path.write_text(text)
        if account := Account.for_cluster(self.data):
            account.own(path)

    def _log(self) -> Path:
        return self.home / "postgres.log"

    def _shorten_log(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            if self._owner is not None and self._log().stat().st_size > LOG_LIMIT:
                shutil.copyfile(self._log(), self.home / "postgres.log.1")
                os.truncate(self._log(), 0)  # PostgreSQL appends: it goes on at the new end


def attach(home: Path, pg_bin: Path | None = None, wait: float = 60) -> str | None:
    """The address of the server that runs for `home` already, once it is ready; None when nobody runs it.

    The server may stop when its owner does. To keep it while it is used, or to start it if need be, use `Embedded`.
    """
    data = home.absolute() / "data"
    if not data.exists():
        return None
    found = cluster.programs(pg_bin, major=cluster.major_of(data), account=None)
    end = time.monotonic() + wait
    while _postmaster(data) is not None or _held(home / "owner.lock"):
        if _accepts(found, home.absolute()):
            return address(home.absolute())
        if time.monotonic() > end:
            raise EmbeddedError(f"PostgreSQL did not become ready in {wait:.0f} s: {_last_words(home)}")
        time.sleep(0.05)
    return None


def address(home: Path) -> str:
    """What a driver connects to; the directory holds no character that an address would have to quote."""
    return f"postgresql://postgres@/postgres?host={_sockets(home)}"


# Several servers in one process are for tests; a forked child must not keep its parent's locks alive.
_living: weakref.WeakSet[Embedded] = weakref.WeakSet()


def _let_go(owners: Iterable[Embedded]) -> None:
    for owner in list(owners):
        owner._close_locks()  # noqa: SLF001  # our own class, in the child after a fork


os.register_at_fork(after_in_child=lambda: _let_go(_living))


def _lock(path: Path, kind: int, *, wait: bool) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if account := Account.for_cluster(path.parent / "data"):
        os.chown(descriptor, account.uid, account.gid)
    try:
        fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _upgrade(descriptor: int) -> bool:
    """Whether this process is the last with the lock. Of several that leave at once, the last to ask is."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _held(path: Path) -> bool:
    if not path.exists():
        return False
    descriptor = _lock(path, fcntl.LOCK_SH, wait=False)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def _accepts(found: cluster.Programs, home: Path) -> bool:
    command = [found.directory / "pg_isready", "-q", "-t", "3", "-h", _sockets(home)]
    return subprocess.run(command, check=False, **cluster.running_as(None)).returncode == 0  # noqa: S603  # our own words


def _postmaster(data: Path) -> int | None:
    """The process that serves `data`. The number in postmaster.pid may be a dead one's, and another program's by now."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ValueError, ProcessLookupError, PermissionError):
        return None
    return pid if _works_in(pid, data) else None


def _works_in(pid: int, data: Path) -> bool:
    if not Path("/proc/self/cwd").exists():
        return True  # no /proc, as on macOS: trust the number, as PostgreSQL does
    try:
        return Path(f"/proc/{pid}/cwd").samefile(data)
    except OSError:  # gone, a zombie, or another user's
        return False


def _forget_the_dead(data: Path) -> None:
    """Removes a postmaster.pid whose number belongs to a zombie or, after a restart of the machine, to another program.

    PostgreSQL would wait for that one for ever. Whether old children still hold the shared memory it checks by itself.
    """
    if (data / "postmaster.pid").exists() and _postmaster(data) is None:
        (data / "postmaster.pid").unlink(missing_ok=True)


def _sockets(home: Path) -> Path:
    """Where the socket is: `run` in home, unless that is a link to a shorter place."""
    link = home / "run"
    return link.readlink() if link.is_symlink() else link


def _socket_directory(home: Path, account: Account | None, *, private: bool) -> Path:
    """Makes the socket's directory, for its owner alone. A path that is too long for a socket or would need quoting, or
    that the server's account cannot reach, is replaced by one under /tmp, and `run` remembers which."""
    link = home / "run"
    plain = re.fullmatch(r"[\w./-]+", str(link), re.ASCII)
    if plain and len(f"{link}/{SOCKET_NAME}") <= SOCKET_PATH_LIMIT and not private:
        if link.is_symlink():
            link.unlink()
        directory = link
    else:
        uid = account.uid if account else os.geteuid()
        directory = Path(f"/tmp/pult-{uid}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}")  # noqa: S108  # checked below
        if not link.is_symlink() or link.readlink() != directory:
            with contextlib.suppress(FileNotFoundError):
                link.rmdir() if link.is_dir() and not link.is_symlink() else link.unlink()
            link.symlink_to(directory)
    directory.mkdir(mode=0o700, exist_ok=True)
    status = directory.lstat()
    if directory.is_symlink() or status.st_uid not in {os.geteuid(), account.uid if account else os.geteuid()}:
        raise EmbeddedError(f"{directory} belongs to somebody else: remove it, or use another data directory")
    directory.chmod(0o700)
    if account:
        account.own(directory)
    return directory


def _last_words(home: Path) -> str:
    """The end of the server's log, which says why it does not start."""
    try:
        lines = (home / "postgres.log").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return f"it wrote no log in {home}"
    wrong = [line for line in lines[-40:] if re.search(r"FATAL|PANIC|ERROR", line)]
    return f"{(wrong or lines or ['no words'])[-1]} (see {home}/postgres.log)"
