"""`pult serve`, `pult web`, `pult work`: the parent process. It owns the socket and the embedded database; children do the work."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Final

import asyncpg

from pult.cli.database import embedded_home
from pult.deskfile.first_desk import make_first_desk
from pult.kit import checks, log, metrics, migrate
from pult.kit.postgres import Embedded, EmbeddedError
from pult.kit.processes import Child, Children

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pult.settings import Settings

logger = log.get_logger()

CHILD_STOP: Final = 35.0  # seconds; uvicorn gives requests 30
START: Final = 60.0
FIRST_LOGIN: Final = "first-login.txt"


class CannotStart(Exception):
    """The desk cannot serve; the text says why."""


def run(settings: Settings, *, web: bool, work: bool) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    log.configure(settings.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        with _database(settings, stop) as dsn:
            _prepare(replace(settings, database_url=dsn))
            _run_children(replace(settings, database_url=dsn), stop, web=web, work=work)
    except (CannotStart, EmbeddedError, migrate.MigrationError, asyncpg.PostgresError, OSError) as error:
        print(f"pult: {error}", file=sys.stderr)
        return 1
    return 0


@contextlib.contextmanager
def _database(settings: Settings, stop: threading.Event) -> Iterator[str]:
    """The database's address; an embedded one is watched, and started again if it dies."""
    if settings.database_url:
        yield settings.database_url
        return
    embedded = Embedded(embedded_home(settings), settings.pg_bin)
    dsn = embedded.start()
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(embedded, stop, over), daemon=True)
    watcher.start()
    try:
        yield dsn
    finally:
        over.set()
        watcher.join()
        embedded.stop()


def _watch(embedded: Embedded, stop: threading.Event, over: threading.Event) -> None:
    while not over.wait(0.5):
        try:
            if embedded.watch():
                logger.error("database.restarted")
        except EmbeddedError as error:
            logger.error("database.cannot_restart", reason=str(error))  # noqa: TRY400  # the text says it all
            stop.set()


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


def _run_children(settings: Settings, stop: threading.Event, *, web: bool, work: bool) -> None:
    figures = settings.data_dir / "run" / "metrics"
    metrics.clean(figures)
    metrics.configure(figures)
    with _listening(settings) if web else contextlib.nullcontext(None) as listening:
        if listening is not None:
            settings = replace(settings, port=listening.getsockname()[1])
        children = Children(_children(settings, listening, work=work), metrics.forget)
        children.start()
        try:
            _until_ready(children, stop)
            if listening is not None and not stop.is_set():
                print(f"ready http://{_shown(settings)}", flush=True)
            elif not stop.is_set():
                print("working", flush=True)
            while not stop.wait(0.5):
                children.tend()
        finally:
            children.stop(CHILD_STOP)


def _until_ready(children: Children, stop: threading.Event) -> None:
    end = time.monotonic() + START
    while not children.all_ready() and not stop.wait(0.02):
        if any(child.process is not None and child.process.poll() is not None for child in children.children):
            raise CannotStart("a process ended while starting; the lines above say why")
        if time.monotonic() > end:
            raise CannotStart(f"not ready within {START:.0f} s")


def _children(settings: Settings, listening: socket.socket | None, *, work: bool) -> list[Child]:
    environ = _environ(settings)
    children = []
    if listening is not None:
        fd = listening.fileno()
        command = [sys.executable, "-m", "pult", "web-process", str(fd)]
        children += [Child(f"web-{n}", command, environ, (fd,)) for n in range(1, settings.workers + 1)]
    if work:
        children.append(Child("work", [sys.executable, "-m", "pult", "work-process"], environ))
    return children


def _environ(settings: Settings) -> dict[str, str]:
    """The settings as the children's environment."""
    found = {f"PULT_{f.name.upper()}": getattr(settings, f.name) for f in fields(settings)}
    return {name: str(value) for name, value in found.items() if value is not None} | {"PULT_PARENT": str(os.getpid())}


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((settings.host, settings.port))
        except OSError as error:
            raise CannotStart(f"cannot listen on {_shown(settings)}: {error.strerror}") from error
        listening.listen(2048)
        yield listening


def _shown(settings: Settings) -> str:
    return f"{f'[{settings.host}]' if ':' in settings.host else settings.host}:{settings.port}"
