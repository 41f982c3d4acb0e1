"""The database that a command works on: the one whose address is set, else the desk's own embedded one."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from pult.kit import migrate
from pult.kit.postgres import Embedded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pult.settings import Settings


def embedded_home(settings: Settings) -> Path:
    """Where the embedded PostgreSQL keeps its files, for `pult serve` as for everybody."""
    return settings.data_dir / "postgres"


@contextlib.contextmanager
def server_of(settings: Settings) -> Iterator[str]:
    """The database's address, its schema as it is. EmbeddedError.

    An embedded server that runs is shared; one that does not is started, and stopped at the end.
    """
    if settings.database_url:
        yield settings.database_url
        return
    embedded = Embedded(embedded_home(settings), settings.pg_bin)
    dsn = embedded.start()
    try:
        yield dsn
    finally:
        embedded.stop()


@contextlib.contextmanager
def dsn_of(settings: Settings) -> Iterator[str]:
    """The address of the database with its schema up to date, for one command. EmbeddedError, MigrationError."""
    with server_of(settings) as dsn:
        asyncio.run(migrate.migrate(dsn))
        yield dsn
