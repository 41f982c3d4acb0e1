"""docs/wire: each method's page names what its tables name, and nothing that does not exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pult.api import openapi
from pult.api.routes import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = Path(__file__).parents[2] / "docs" / "wire"
EVERY_METHOD = pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)


def first_column(page: str, heading: str) -> list[str]:
    """What stands in backticks in the first column of the table under its heading row."""
    _, found, table = page.partition(f"| {heading} |")
    assert found, heading
    rows = [line.split("|")[1] for line in table.partition("\n\n")[0].splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def keys_of(schema: dict[str, Any]) -> Iterator[str]:
    for part in (*([schema["items"]] if "items" in schema else []), *schema.get("anyOf", ())):
        yield from keys_of(part)
    for name, part in schema.get("properties", {}).items():
        yield name
        yield from keys_of(part)


@EVERY_METHOD
def test_a_page_has_each_parameter_once_and_no_other(method):
    named = first_column((PAGES / f"{method.seed}.md").read_text(), "Parameter")
    expected = [
        "api_token",
        *(parameter.name for parameter in method.parameters),
        *(["files[]"] if method.files else []),
    ]
    assert named == expected


@EVERY_METHOD
def test_a_page_says_which_parameters_are_required_and_which_refuse_null(method):
    page = (PAGES / f"{method.seed}.md").read_text()
    for parameter in method.parameters:
        row = next(line for line in page.splitlines() if line.startswith(f"| `{parameter.name}` |"))
        assert ("required" in row) == parameter.required, row
        assert ("null is refused" in row) == (parameter.null == "refused"), row
        assert ("null clears" in row) == (parameter.null == "clears"), row


@EVERY_METHOD
def test_a_page_names_every_key_of_the_answer(method):
    page = (PAGES / f"{method.seed}.md").read_text()
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`]+`|^    .+$", page, re.MULTILINE))))
    assert {word for key in keys_of(method.answer) for word in re.findall(r"\w+", key)} <= words


def test_the_page_of_errors_has_every_code_and_no_other():
    page = (PAGES / "errors.md").read_text()
    assert [int(code) for code in re.findall(r"^\| (1\d\d) \|", page, re.MULTILINE)] == list(openapi.CODES)
    assert set(first_column(page, "Key")) == set(openapi.ERROR["properties"])


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.name)
def test_a_page_says_what_is_the_seeds_what_is_ours_and_what_is_guessed(page):
    text = page.read_text()
    assert "## What the seed" in text
    guesses = [line for line in text.partition("## What we guess")[2].splitlines() if line.startswith("- ")]
    assert guesses
    assert all(line.startswith("- **guess** ") for line in guesses)
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (PAGES / link).exists(), link
