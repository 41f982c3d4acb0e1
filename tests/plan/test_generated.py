"""The generated files are what their sources make: the generator's own check, and a proof that it can fail.

That `--check` finds an edited store.py is shown by tests/tools/test_generate.py.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_stores_are_up_to_date(postgres_dsn):
    command = [sys.executable, ROOT / "tools/generate.py", "--check", "--database-url", postgres_dsn]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_store_has_its_queries():
    stores = set((ROOT / "src/pult").rglob("store.py"))
    assert stores
    assert {store.with_name("queries.sql") for store in stores} == set((ROOT / "src/pult").rglob("queries.sql"))
