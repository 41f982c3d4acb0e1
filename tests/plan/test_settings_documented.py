"""Every setting has its paragraph in docs/settings.md, and every paragraph its setting."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from pult.settings import Settings

PAGE = Path(__file__).resolve().parents[2] / "docs/settings.md"


def undocumented(names: set[str], page: str) -> list[str]:
    """What is missing on the page, and what stands there without being a setting."""
    headings = re.findall(r"^### `(PULT_[A-Z_]+)`\n+(\S.{20,})", page, re.MULTILINE)
    return sorted(names ^ {name for name, _ in headings})


def test_every_setting_has_its_paragraph():
    assert undocumented({f"PULT_{field.name.upper()}" for field in fields(Settings)}, PAGE.read_text()) == []


def test_defaults_are_told():
    page = PAGE.read_text()
    for field in fields(Settings):
        if field.default is not None and field.default != "":
            paragraph = page.partition(f"### `PULT_{field.name.upper()}`")[2].partition("\n### ")[0]
            assert f"`{field.default}`" in paragraph, f"{field.name}: default {field.default} is not told"


def test_a_missing_paragraph_is_found():
    page = "### `PULT_PORT`\n\nThe port on which it listens.\n\n### `PULT_GONE`\n\nA setting that was taken away.\n\n### `PULT_HOST`\n"
    assert undocumented({"PULT_PORT", "PULT_HOST"}, page) == ["PULT_GONE", "PULT_HOST"]
