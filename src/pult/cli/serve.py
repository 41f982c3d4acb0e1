"""`pult serve`, `pult web`, `pult work`: the parent process. It owns the socket and the embedded database; children do the work."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import asyncpg

from pult.cli.database import embedded_home
from pult.deskfile.first_desk import make_first_desk
from pult.kit import checks, listening, log, metrics, migrate
from pult.kit.postgres import Embedded, EmbeddedError
from pult.kit.processes import Child, Children, Stop

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from pult.settings import Settings

logger = log.get_logger()

CHILD_STOP: Final = 35.0  # seconds; uvicorn gives requests 30
START: Final = 60.0
LOOK: Final = 0.1  # seconds between two looks at the children
FIRST_LOGIN: Final = "first-login.txt"


class CannotStart(Exception):
    """The desk cannot serve; the text says why."""


def run(settings: Settings, *, web: bool, work: bool) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    log.configure(settings.log_level)
    stop = Stop()
    stop.on_signals(signal.SIGTERM, signal.SIGINT)
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        with _database(settings, stop) as dsn:
            with _words_for(dsn):
                _prepare(replace(settings, database_url=dsn))
            _run_children(replace(settings, database_url=dsn), stop, web=web, work=work)
    except (CannotStart, EmbeddedError, migrate.MigrationError, OSError) as error:
        print(f"pult: {error}", file=sys.stderr)
        return 1
    return 0


@contextlib.contextmanager
def _database(settings: Settings, stop: Stop) -> Iterator[str]:
    """The database's address; an embedded one is watched, and started again if it dies. EmbeddedError if it cannot be."""
    if settings.database_url:
        yield settings.database_url
        return
    embedded = Embedded(embedded_home(settings), settings.pg_bin)
    dsn = embedded.start()
    over, wrong = threading.Event(), list[EmbeddedError]()
    watcher = threading.Thread(target=_watch, args=(embedded, stop, over, wrong), daemon=True)
    watcher.start()
    try:
        yield dsn
    finally:
        over.set()
        watcher.join()
        embedded.stop()
    if wrong:
        raise wrong[0]


def _watch(embedded: Embedded, stop: Stop, over: threading.Event, wrong: list[EmbeddedError]) -> None:
    while not wrong and not over.wait(0.5):
        try:
            if embedded.watch():
                logger.error("database.restarted")
        except EmbeddedError as error:
            wrong.append(error)
            stop.set()


@contextlib.contextmanager
def _words_for(dsn: str) -> Iterator[None]:
    """CannotStart, in words and without the password, for whatever a database at `dsn` refuses."""
    try:
        shown = urlsplit(dsn)._replace(query="")
        where = shown._replace(netloc=shown.netloc.rpartition("@")[2]).geturl()
        yield
    except (OSError, asyncpg.PostgresConnectionError) as error:
        reason = "it does not answer" if isinstance(error, TimeoutError) else str(error)
        raise CannotStart(f"the database {where} cannot be reached: {reason}") from error
    except asyncpg.PostgresError as error:
        raise CannotStart(f"the database {where} cannot be used: {error}") from error
    except (ValueError, asyncpg.InterfaceError) as error:
        raise CannotStart(f"the address of the database is not understood: {error}") from error


def _prepare(settings: Settings) -> None:
    """Schema, start-up checks, and a first desk where there is none."""
    assert settings.database_url is not None
    applied = asyncio.run(migrate.migrate(settings.database_url))
    if applied:
        logger.info("schema.migrated", migrations=applied)
    asyncio.run(_check_and_begin(settings, settings.database_url))


async def _check_and_begin(settings: Settings, dsn: str) -> None:
    conn = await asyncpg.connect(dsn)
    try:
        if wrong := checks.wrong(await checks.server(conn)):
            raise CannotStart("\n".join(finding.text for finding in wrong))
        async with conn.transaction():  # commit: there is no desk yet to work in
            first = await make_first_desk(conn, settings)
    finally:
        await conn.close()
    if first is not None:
        text = f"first login: {first.email}  password: {first.password}\nAPI token: {first.token}\n"
        _tell_once(settings, text)


def _tell_once(settings: Settings, text: str) -> None:
    path = settings.data_dir / FIRST_LOGIN
    path.touch(mode=0o600)
    path.write_text(text)
    print(text, end="", flush=True)
    print(f"(printed once; kept in {path}: delete the file when you have noted them)", flush=True)


def _run_children(settings: Settings, stop: Stop, *, web: bool, work: bool) -> None:
    figures = settings.data_dir / "run" / "metrics"
    metrics.clean(figures)
    metrics.configure(figures)
    with _listening(settings, settings.workers if web else 0) as sockets:
        if sockets:
            settings = replace(settings, port=sockets[0].getsockname()[1])
        webs = _webs(settings, sockets)
        worker = [Child("work", [sys.executable, "-m", "pult", "work-process"], _environ(settings))] if work else []
        children = Children([*webs, *worker], metrics.forget)
        children.start()
        try:
            _until_ready(children, stop)
            if sockets:
                settings.served.write_text(settings.address)
            if not stop.is_set():
                print(f"ready http://{_shown(settings)}" if sockets else "working", flush=True)
            _tend(children, webs, sockets, stop)
        finally:
            children.stop(CHILD_STOP)


def _tend(children: Children, webs: Sequence[Child], sockets: Sequence[socket.socket], stop: Stop) -> None:
    """Until `stop`: start again what dies; new connections go to those that are ready for them."""
    dealt: list[int] | None = None
    while not stop.wait(LOOK):
        children.tend()
        ready = [place for place, child in enumerate(webs) if child.ready]
        if ready != dealt:
            listening.deal(sockets, ready)
            dealt = ready


def _until_ready(children: Children, stop: Stop) -> None:
    end = time.monotonic() + START
    while not children.all_ready() and not stop.wait(0.02):
        if any(child.process is not None and child.process.poll() is not None for child in children.children):
            raise CannotStart("a process ended while starting; the lines above say why")
        if time.monotonic() > end:
            raise CannotStart(f"not ready within {START:.0f} s")


def _webs(settings: Settings, sockets: Sequence[socket.socket]) -> list[Child]:
    environ, webs = _environ(settings), []
    for number, one in enumerate(sockets, 1):
        fd = one.fileno()
        command = [sys.executable, "-m", "pult", "web-process", str(fd)]
        webs.append(Child(f"web-{number}", command, environ, (fd,)))
    return webs


def _environ(settings: Settings) -> dict[str, str]:
    """The settings as the children's environment."""
    found = {f"PULT_{f.name.upper()}": getattr(settings, f.name) for f in fields(settings)}
    return {name: str(value) for name, value in found.items() if value is not None} | {"PULT_PARENT": str(os.getpid())}


@contextlib.contextmanager
def _listening(settings: Settings, count: int) -> Iterator[list[socket.socket]]:
    """A socket for each web process."""
    try:
        sockets = listening.listen(settings.host, settings.port, count) if count else []
    except OSError as error:
        raise CannotStart(f"cannot listen on {_shown(settings)}: {error.strerror}") from error
    try:
        listening.deal(sockets, range(len(sockets)))
        yield sockets
    finally:
        for one in sockets:
            one.close()


def _shown(settings: Settings) -> str:
    return f"{f'[{settings.host}]' if ':' in settings.host else settings.host}:{settings.port}"
