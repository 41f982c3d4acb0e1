"""One PostgreSQL for the whole run, shared by its worker processes; a fresh, migrated database for whoever asks.

    async def test_something(database_url): conn = await asyncpg.connect(database_url)

`database_url` is new for each test, `module_database_url` for each module, `new_database` makes as many as are wanted.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import pytest

from pult.kit import locks, migrate
from pult.kit.postgres import Embedded

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

HOME = "DESK_TEST_HOME"  # environment: from the process that starts the run to its workers
PREFIX = f"desk-tests-{os.geteuid()}-"
RUN = "run.lock"
TEMPLATE = "desk_template"
T = TypeVar("T")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _sweep()
        os.environ[HOME] = tempfile.mkdtemp(prefix=PREFIX)
        locks.take(Path(os.environ[HOME]) / RUN)  # until this process ends, however it ends


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and (home := os.environ.pop(HOME, None)):
        _stop_orphan(Path(home))
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """The address of the run's server (database `postgres`). The first worker starts it, the last stops it."""
    home = Path(os.environ[HOME]) / "postgres"
    home.mkdir(mode=0o700, exist_ok=True)
    # Nothing here has to survive a power cut. Tests of that kind start servers of their own.
    mine = home / f"own.conf.{os.getpid()}"
    mine.write_text("fsync = off\nfull_page_writes = off\nsynchronous_commit = off\nmax_connections = 150\n")
    mine.chmod(0o644)
    mine.replace(home / "own.conf")  # another worker's server may be reading it just now
    server = Embedded(home)
    yield server.start()
    server.stop()


@pytest.fixture(scope="session")
def template(postgres_dsn: str) -> str:
    """The name of a migrated database that nobody is connected to, so that it can be copied."""
    with (Path(os.environ[HOME]) / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wait_for(_make_template(postgres_dsn))
    return TEMPLATE


@pytest.fixture(scope="session")
def new_database(postgres_dsn: str, template: str) -> Callable[[], contextlib.AbstractContextManager[str]]:
    """`with new_database() as url`: a migrated database of one's own, dropped at the end whoever is still connected."""

    @contextlib.contextmanager
    def database() -> Iterator[str]:
        name = f"desk_{uuid.uuid4().hex[:12]}"
        wait_for(_execute(postgres_dsn, f"create database {name} template {template}"))
        try:
            yield named(postgres_dsn, name)
        finally:
            wait_for(_execute(postgres_dsn, f"drop database if exists {name} with (force)"))

    return database


@pytest.fixture
def database_url(new_database: Callable[[], contextlib.AbstractContextManager[str]]) -> Iterator[str]:
    with new_database() as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(new_database: Callable[[], contextlib.AbstractContextManager[str]]) -> Iterator[str]:
    with new_database() as url:
        yield url


@pytest.fixture(scope="session")
def new_empty_database(postgres_dsn: str) -> Callable[[str], contextlib.AbstractContextManager[str]]:
    """`with new_empty_database(options) as url`: a database without a schema, made with these options of CREATE DATABASE."""

    @contextlib.contextmanager
    def database(options: str = "") -> Iterator[str]:
        name = f"desk_{uuid.uuid4().hex[:12]}"
        wait_for(_execute(postgres_dsn, f"create database {name} template template0 {options}"))
        try:
            yield named(postgres_dsn, name)
        finally:
            wait_for(_execute(postgres_dsn, f"drop database if exists {name} with (force)"))

    return database


@pytest.fixture
def empty_database_url(new_empty_database: Callable[[str], contextlib.AbstractContextManager[str]]) -> Iterator[str]:
    with new_empty_database("") as url:
        yield url


def named(dsn: str, database: str) -> str:
    """The same server's address with another database."""
    return urlsplit(dsn)._replace(path=f"/{database}").geturl()


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work` for a fixture that is not asynchronous, whether or not a loop is running around it."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def _make_template(dsn: str) -> None:
    conn = await asyncpg.connect(dsn)
    try:
        if await conn.fetchval("select 1 from pg_database where datname = $1", TEMPLATE):
            return
        unfinished = f"{TEMPLATE}_unfinished"
        await conn.execute(f"drop database if exists {unfinished} with (force)")
        await conn.execute(f"create database {unfinished} template template0")
        await migrate.migrate(named(dsn, unfinished))
        await conn.execute(f"alter database {unfinished} rename to {TEMPLATE}")
    finally:
        await conn.close()


async def _execute(dsn: str, statement: str) -> None:
    conn = await asyncpg.connect(dsn)
    try:
        await conn.execute(statement)
    finally:
        await conn.close()


def _sweep() -> None:
    """Stops and removes what a run left behind that was killed."""
    for home in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        if (home / RUN).exists() and not locks.is_taken(home / RUN):
            _stop_orphan(home)
            shutil.rmtree(home, ignore_errors=True)


def _stop_orphan(home: Path) -> None:
    with contextlib.suppress(OSError, ValueError):
        pid = int((home / "postgres" / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(pid, signal.SIGQUIT)
