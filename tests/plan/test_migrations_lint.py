"""Each migration as a deployment: squawk knows which statements stop a running desk."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from pult.kit import migrate

SQUAWK = Path(sys.executable).with_name("squawk")
NOT_OURS = {
    "prefer-bigint-over-int": "the wire documents ids as 32-bit numbers; what may outgrow them is bigint (0001_start.sql)",
    "prefer-bigint-over-smallint": "status, type and priority are short closed lists",
    "require-lock-timeout": "the runner sets it for every file (pult.kit.migrate)",
    "require-statement-timeout": "a rewrite takes as long as the table is large; `pult migrate --check` measures it beforehand",
}


def lint(*paths: Path) -> list[str]:
    command = [
        SQUAWK,
        "--assume-in-transaction",
        "--pg-version",
        "15.0",
        "--reporter",
        "json",
        "--exclude",
        ",".join(NOT_OURS),
    ]
    said = subprocess.run([*command, *paths], capture_output=True, text=True, check=False)
    return [f"{Path(found['file']).name}:{found['line'] + 1} {found['rule_name']}" for found in json.loads(said.stdout)]


def test_the_migrations_stop_nobody():
    assert lint(*sorted(migrate.migrations_dir().glob("*.sql"))) == []


def test_a_statement_that_would_is_found(tmp_path):
    path = tmp_path / "0002_stops.sql"
    path.write_text("alter table tickets alter column subject type varchar(300);\n")
    assert lint(path) == ["0002_stops.sql:1 changing-column-type", "0002_stops.sql:1 prefer-text-field"]
