"""Providers' calls as they came, put aside while somebody probes their channel (`pult contract-probe`), else forgotten.

They lie in the data directory, where the probe's process and those that answer HTTP both see them; the desk never reads them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from typing import TYPE_CHECKING, Final

import msgspec

from pult.messaging.contract import Hook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNTIL: Final = "until"  # its time is when listening ends
MOST: Final = 200  # calls of one probe
LARGEST: Final = 1024 * 1024  # bytes of a call's body


class Heard(msgspec.Struct, frozen=True):
    """A call and with which status the desk answered it."""

    method: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def hook(self) -> Hook:
        return Hook(self.method, self.query, self.headers, self.body)


def place(data_dir: Path, channel_id: int) -> Path:
    """Where the calls of a channel are put while it is there."""
    return data_dir / "run" / "probe" / str(channel_id)


@contextlib.contextmanager
def listening(directory: Path, seconds: float) -> Iterator[None]:
    """Have calls put there for at most so long, even if whoever listens is killed; at the end they are gone."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    end = time.time() + seconds  # clock: other processes compare it with theirs
    (directory / UNTIL).touch(0o600)
    os.utime(directory / UNTIL, (end, end))
    try:
        yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def overhear(directory: Path, hook: Hook, status: int) -> None:
    """Put a call aside, if somebody listens."""
    with contextlib.suppress(OSError):  # nobody listens, or no longer, or the disk is full: the call itself goes on
        lasts = (directory / UNTIL).stat().st_mtime > time.time()  # clock: as above
        number = len(list(directory.iterdir())) - 1
        if lasts and number < MOST and len(hook.body) <= LARGEST:
            written = directory / f"{number:04}-{secrets.token_hex(4)}.part"
            call = Heard(hook.method, dict(hook.query), dict(hook.headers), hook.body, status)
            written.touch(0o600)
            written.write_bytes(msgspec.json.encode(call))
            written.replace(written.with_suffix(".json"))


def heard(directory: Path) -> list[Heard]:
    """All calls so far, in the order in which they came."""
    return [msgspec.json.decode(path.read_bytes(), type=Heard) for path in sorted(directory.glob("*.json"))]
