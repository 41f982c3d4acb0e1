"""`pult migrate [--check]`: brings the schema up to date, or rehearses it."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from pult.cli.database import server_of
from pult.kit import migrate
from pult.kit.postgres import EmbeddedError

if TYPE_CHECKING:
    from pult.settings import Settings


def run(settings: Settings, *, check: bool) -> int:
    """The exit code: 0 when the schema is (or, as a rehearsal shows, can be brought) up to date, else 1 with the reason on stderr."""
    try:
        with server_of(settings) as dsn:
            print(_rehearsal(dsn) if check else _applied(dsn))
    except (migrate.MigrationError, EmbeddedError, OSError) as error:
        print(f"pult migrate: {error}", file=sys.stderr)
        return 1
    return 0


def _applied(dsn: str) -> str:
    names = asyncio.run(migrate.migrate(dsn))
    return "\n".join(f"applied {name}" for name in names) or "the schema is up to date"


def _rehearsal(dsn: str) -> str:
    pending = asyncio.run(migrate.check(dsn))
    lines = [f"would apply {one.name} ({one.seconds:.2f} s)" for one in pending]
    return "\n".join([*lines, "nothing was changed"]) if pending else "the schema is up to date"
