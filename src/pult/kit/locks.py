"""Locks on files. The kernel lets go of them when their holder dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def take(path: Path, owner: tuple[int, int] | None = None) -> int | None:
    """The lock, for one holder, as a file descriptor to close; None while somebody has it.

    `owner`: user and group id that the file belongs to, where that is not who runs.
    """
    return _held(path, fcntl.LOCK_EX, owner)


def share(path: Path, owner: tuple[int, int] | None = None) -> int | None:
    """The lock, for any number of holders; None while somebody has it for itself."""
    return _held(path, fcntl.LOCK_SH, owner)


def is_last(descriptor: int) -> bool:
    """Gives a shared lock up; whether nobody else shares it. Of several that leave at once, the last to ask is.

    The last one holds it alone until it closes the descriptor: who comes meanwhile waits for the end of the clearing up.
    """
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def is_taken(path: Path) -> bool:
    """Whether somebody has the lock for itself. Leaves no file behind."""
    if not path.exists():
        return False
    descriptor = share(path)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def _held(path: Path, kind: int, owner: tuple[int, int] | None) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        if owner:
            os.chown(descriptor, *owner)
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
