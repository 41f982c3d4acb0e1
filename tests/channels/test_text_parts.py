"""Long texts in several messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pult.channels.text_parts import text_parts, utf16_units


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("", 5, []),
        (" \n ", 5, []),
        ("short", 5, ["short"]),
        ("hello world foo", 11, ["hello world", "foo"]),
        ("One two. Three four five", 15, ["One two.", "Three four five"]),
        ("First line\nsecond line, longer", 20, ["First line", "second line, longer"]),
        ("Para one.\n\nPara two. More", 21, ["Para one.", "Para two. More"]),
        ("a b" + "c" * 20, 10, ["a bccccccc", "cccccccccc", "ccc"]),  # a gap that far in front is no place to cut
        ("abcdefgh", 3, ["abc", "def", "gh"]),
    ],
)
def test_it_cuts_where_it_hurts_least(text, limit, parts):
    assert text_parts(text, limit) == parts


def test_the_measure_counts():
    assert text_parts("😀" * 5, 4, utf16_units) == ["😀😀", "😀😀", "😀"]
    assert utf16_units("a😀я") == 4


@given(st.text(), st.integers(2, 60))
def test_nothing_is_lost_and_everything_fits(text, limit):
    parts = text_parts(text, limit, utf16_units)
    assert all(part and len(part.encode("utf-16-le")) // 2 <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert parts == text_parts(text, limit, utf16_units)
