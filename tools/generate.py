#!/usr/bin/env python3
"""Makes store.py beside each src/pult/**/queries.sql: sqlc checks the SQL against the migrations and a real PostgreSQL.

    generate.py                      writes what differs
    generate.py --check              writes nothing, says what differs, exits 1
    generate.py src/pult/tickets     only the named folders
    generate.py --database-url URL   a server to check against (a scratch database is made there); default: an embedded one

The form of a queries.sql is described in docs/adr/0002-plain-sql-checked-by-sqlc.md.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import difflib
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg

from pult.kit import migrate
from pult.kit.postgres import Embedded

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOLS = Path(__file__).resolve().parent
ROOT = TOOLS.parent
BIN = Path(sys.executable).parent  # not resolved: the programs stand beside the environment's python, not the system's
NAME_LINE = re.compile(r"-- name: (\w+) (:\w+)\s*")
STRING_OR_COMMENT = re.compile(r"'(?:[^']|'')*'|--.*")
NULLABLE = re.compile(r"\bsqlc\.narg\(\s*'?(\w+)'?\s*\)")


class GenerateError(Exception):
    """The SQL is wrong; the text is sqlc's or the plugin's, with file and line."""


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--database-url")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository; for tests")
    options = parser.parse_args()
    root = options.root.resolve()
    folders = [folder.resolve() for folder in options.folders] or [root / "src" / "pult"]
    queries = sorted({path for folder in folders for path in folder.rglob("queries.sql")})
    try:
        with scratch_database(options.database_url, root / "migrations") as url:
            stores = generate(queries, root, url)
    except GenerateError as error:
        print(error, file=sys.stderr)
        return 1
    differing = [store for store, text in stores.items() if not store.exists() or store.read_text() != text]
    for store in differing:
        _show(store, stores[store], root) if options.check else store.write_text(stores[store])
        print(f"{store.relative_to(root)} {'is not up to date' if options.check else 'written'}")
    return 1 if options.check and differing else 0


def generate(queries: list[Path], root: Path, database_url: str) -> dict[Path, str]:
    """The text of each store.py, by its path. Raises GenerateError."""
    if not queries:
        return {}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        shutil.copytree(root / "migrations", work / "migrations")
        entries = [_entry(query, root, work, database_url) for query in queries]
        plugins = [{"name": "store", "process": {"cmd": str(_plugin(work)), "format": "json"}, "env": ["PATH"]}]
        (work / "sqlc.json").write_text(json.dumps({"version": "2", "plugins": plugins, "sql": entries}))
        done = subprocess.run([BIN / "sqlc", "generate"], cwd=work, capture_output=True, text=True, check=False)
        if done.returncode:
            raise GenerateError(done.stderr.strip())
        return {query.with_name("store.py"): _formatted(work / _out(query, root) / "store.py") for query in queries}


@contextlib.contextmanager
def scratch_database(url: str | None, migrations: Path) -> Iterator[str]:
    """A migrated database of our own for as long as it is needed."""
    server = None if url else Embedded(Path(sys.prefix) / "generate-postgres")
    admin = url or (server.start() if server else "")
    name = f"pult_generate_{uuid.uuid4().hex[:12]}"
    try:
        asyncio.run(_execute(admin, f"create database {name} template template0"))
        try:
            scratch = urlsplit(admin)._replace(path=f"/{name}").geturl()
            asyncio.run(migrate.migrate(scratch, migrations))
            yield scratch
        finally:
            asyncio.run(_execute(admin, f"drop database {name} with (force)"))
    finally:
        if server:
            server.stop()


async def _execute(url: str, statement: str) -> None:
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(statement)
    finally:
        await conn.close()


def _entry(query: Path, root: Path, work: Path, database_url: str) -> dict[str, object]:
    """One of sqlc's projects: this file alone, beside its output."""
    copy = work / query.relative_to(root)
    copy.parent.mkdir(parents=True, exist_ok=True)  # one slice may stand inside another
    text, told = prepared(query.read_text())
    copy.write_text(text)
    out = _out(query, root)
    return {
        "engine": "postgresql",
        "schema": "migrations",
        "queries": str(query.relative_to(root)),
        "codegen": [{"plugin": "store", "out": str(out), "options": told}],
        "database": {"uri": database_url},
    }


def _plugin(work: Path) -> Path:
    """sqlc wants one executable file: the plugin under this very Python."""
    script = work / "plugin"
    script.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(TOOLS / 'sqlc_plugin.py'))}\n")
    script.chmod(0o755)
    return script


def prepared(text: str) -> tuple[str, dict[str, dict[str, Any]]]:
    """The file as sqlc can read it, line for line, and what sqlc would lose: each query's own command and sqlc.narg names.

    Comments inside a statement go: only those under its name belong to its documentation.
    """
    told: dict[str, dict[str, Any]] = {}
    lines = []
    name = ""
    in_statement = False
    for line in text.splitlines():
        shown = line
        if named := NAME_LINE.fullmatch(line):
            name, in_statement = named[1], False
            told[name] = {"command": named[2], "nullable": []}
            shown = f"-- name: {name} {':one' if named[2] == ':value' else named[2]}"
        elif in_statement or not line.lstrip().startswith("--"):
            shown = STRING_OR_COMMENT.sub(lambda match: match[0] if match[0].startswith("'") else "", line).rstrip()
            in_statement = in_statement or bool(shown)
            if name:
                told[name]["nullable"] += NULLABLE.findall(shown)
        lines.append(shown)
    return "\n".join(lines) + "\n", told


def _out(query: Path, root: Path) -> Path:
    return Path("out") / query.relative_to(root).parent


def _formatted(path: Path) -> str:
    command = [str(BIN / "ruff"), "format", "--isolated", "--line-length=120", "--target-version=py311", "-"]
    done = subprocess.run(command, input=path.read_text(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise GenerateError(done.stderr)
    return done.stdout


def _show(store: Path, text: str, root: Path) -> None:
    old = store.read_text().splitlines() if store.exists() else []
    name = str(store.relative_to(root))
    print("\n".join(difflib.unified_diff(old, text.splitlines(), name, f"{name}, as it should be", lineterm="")))


if __name__ == "__main__":
    sys.exit(main())
