"""Imports go down, and the slices of floor 4 do not know each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import floors
import pytest

ROOT = Path(__file__).resolve().parents[2]


def linted(scratch: Path, package: str, where: Path) -> subprocess.CompletedProcess[str]:
    (scratch / "contracts.ini").write_text(floors.contracts(package))
    command = [Path(sys.executable).with_name("lint-imports"), "--config", "contracts.ini", "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(where)}
    return subprocess.run(command, cwd=scratch, env=environment, capture_output=True, text=True, check=False)


def test_imports_go_down(tmp_path):
    done = linted(tmp_path, "pult", ROOT / "src")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("kit", "tickets"),
        ("clients", "tickets"),
        ("tickets", "sla"),
        ("sla", "triggers"),
        ("messaging", "channels"),
        ("api", "app"),
        ("kit", "desk"),
        ("shed", "kit"),  # a room that stands on no floor
    ],
)
def test_a_breach_is_found(tmp_path, importer, imported):
    for room in {"kit", "tickets", importer, imported}:
        (tmp_path / "house" / room).mkdir(parents=True)
        (tmp_path / "house" / room / "__init__.py").write_text("")
    (tmp_path / "house/__init__.py").write_text("")
    assert importer == "shed" or linted(tmp_path, "house", tmp_path).returncode == 0
    (tmp_path / "house" / importer / "wrong.py").write_text(f"from house.{imported} import something\n")
    done = linted(tmp_path, "house", tmp_path)
    assert done.returncode == 1
    assert "Imports go down" in done.stdout
