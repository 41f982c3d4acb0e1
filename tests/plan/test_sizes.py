from __future__ import annotations

from pathlib import Path

import sizes

ROOT = Path(__file__).resolve().parents[2]


def function(lines: int, comment: str = "") -> str:
    return f"def f():{comment}\n" + "    pass\n" * (lines - 1)


def test_budgets():
    files = sizes.python_files(ROOT)
    assert len(files) > 20
    said = [one for path in files for one in sizes.too_long(str(path.relative_to(ROOT)), path.read_text())]
    assert not said, "\n".join(said)


def test_long_function_is_found():
    assert list(sizes.too_long("a.py", function(40))) == []
    assert list(sizes.too_long("a.py", "\n" + function(41))) == ["a.py:2: f has 41 lines"]
    assert list(sizes.too_long("a.py", "class A:\n    async " + function(41).replace("\n", "\n    "))) != []


def test_long_file_is_found():
    assert list(sizes.too_long("a.py", "x = 1\n" * 400)) == []
    assert list(sizes.too_long("a.py", "x = 1\n" * 401)) == ["a.py:1: 401 lines"]


def test_a_reason_excuses():
    assert list(sizes.too_long("a.py", function(60, "  # size: one table"))) == []
    assert list(sizes.too_long("a.py", function(60, "  # size:"))) != []
    assert list(sizes.too_long("a.py", "# size: the wire's own table\n" + "x = 1\n" * 500)) == []
