"""A real server with a desk of the size asked for."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import asyncpg

from bench.machine import Group
from pult.kit.postgres import attach

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKENS = 400  # a token may search ten times a minute, so the searches take turns


@dataclass(frozen=True, slots=True)
class Server:
    port: int
    dsn: str
    data_dir: Path
    group: Group
    tokens: list[str]


@contextlib.contextmanager
def serving(data_dir: Path, *, tickets: int, workers: int) -> Iterator[Server]:
    """`pult serve` on `data_dir`, stopped at the end; an empty desk is filled first."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "bench-server.log").open("wb") as log:
        command = [
            sys.executable,
            "-m",
            "pult",
            "serve",
            "--port",
            "0",
            "--workers",
            str(workers),
            "--data-dir",
            str(data_dir),
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=_environ())
        try:
            port = _port(process, data_dir)
            home = data_dir / "postgres"
            dsn = attach(home)
            assert dsn is not None
            if asyncio.run(_is_empty(dsn)):
                subprocess.run(
                    [sys.executable, "-m", "pult", "demo", "--tickets", str(tickets), "--data-dir", str(data_dir)],
                    check=True,
                    env=_environ(),
                )
            postmaster = int((home / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
            yield Server(port, dsn, data_dir, Group(process.pid, postmaster), asyncio.run(_make_tokens(dsn)))
        finally:
            process.terminate()
            process.wait(60)


def _environ() -> dict[str, str]:
    """Nothing of the caller's settings: the bench measures what a stranger would get. Webhooks go to this machine."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PULT_")}
    return clean | {"PULT_ALLOW_PRIVATE": "127.0.0.1"}


def _port(process: subprocess.Popen[bytes], data_dir: Path) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(b"ready "):
            port = urlsplit(line.split()[1].decode()).port
            assert port is not None
            return port
    raise RuntimeError(f"the server did not start; see {data_dir / 'bench-server.log'}")


async def _is_empty(dsn: str) -> bool:
    conn = await asyncpg.connect(dsn)
    try:
        return not await conn.fetchval("select exists(select from tickets)")
    finally:
        await conn.close()


async def _make_tokens(dsn: str) -> list[str]:
    """API tokens of the demo company's busiest channel."""
    tokens = [hashlib.sha1(b"bench %d" % n).hexdigest() for n in range(TOKENS)]
    conn = await asyncpg.connect(dsn)
    try:
        await conn.execute(
            """insert into api_tokens (hash, company_id, channel_id)
               select h, c.company_id, c.id from unnest($1::bytea[]) h,
                      (select company_id, id from channels where type = 'api' and company_id = (select company_id from tickets limit 1)
                        order by id limit 1) c
               on conflict (hash) do nothing""",
            [hashlib.sha256(token.encode()).digest() for token in tokens],
        )
    finally:
        await conn.close()
    return tokens
