"""Where the embedded PostgreSQL's socket is. It stands in a directory of its owner alone: who can reach it is trusted."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pult.kit.postgres_cluster import EmbeddedError

if TYPE_CHECKING:
    from pult.kit.postgres_cluster import Account

NAME = ".s.PGSQL.5432"
PATH_LIMIT = 103  # bytes; 107 on Linux, 103 on macOS


def address(home: Path) -> str:
    """What a driver connects to; the directory's name holds no character that an address would have to quote."""
    return f"postgresql://postgres@/postgres?host={directory(home)}"


def directory(home: Path) -> Path:
    """`run` in home, or the shorter place that `run` is a link to."""
    run = home / "run"
    return run.readlink() if run.is_symlink() else run


def make_directory(home: Path, account: Account | None, *, reachable: bool) -> Path:
    """The directory for the socket of a server that runs as `account`, there and closed to others.

    It is `run` in home, unless that path is too long for a socket, would need quoting, or is not `reachable` for the
    account: then it is one under /tmp, and `run` is a link that remembers it. EmbeddedError if somebody else has taken it.
    """
    run = home / "run"
    uid = account.uid if account else os.geteuid()
    place = run if reachable and _fits(run) else Path(f"/tmp/pult-{uid}-{_short(home)}")  # noqa: S108  # its owner is checked
    if run.is_symlink() and run.readlink() != place:
        run.unlink()
    if place != run and not run.is_symlink():
        with contextlib.suppress(FileNotFoundError):
            run.rmdir()  # from a time when it could be here; the server that used it is gone
        run.symlink_to(place)
    with contextlib.suppress(FileExistsError):
        place.mkdir(mode=0o700)
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(descriptor).st_uid not in {os.geteuid(), uid}:
            raise EmbeddedError(f"{place} belongs to somebody else: remove it, or use another data directory")
        os.fchmod(descriptor, 0o700)
        os.fchown(descriptor, uid, account.gid if account else -1)
    finally:
        os.close(descriptor)
    return place


def remove_directory(home: Path) -> None:
    """After the server: nothing stays behind outside of home."""
    if (home / "run").is_symlink():
        with contextlib.suppress(OSError):
            directory(home).rmdir()


def _fits(run: Path) -> bool:
    return re.fullmatch(r"[\w./-]+", str(run), re.ASCII) is not None and len(f"{run}/{NAME}") <= PATH_LIMIT


def _short(home: Path) -> str:
    return hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
