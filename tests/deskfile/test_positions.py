"""The lines of a TOML text's keys, tables and elements."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pult.deskfile.positions import Positions

TEXT = '''# a comment
title = "a # b" # another
"quoted key".'x y' = 1

[company]
name = """
three
lines \\""" here"""
path = \'\'\'C:\\
dir\'\'\'
when = 2026-12-31 09:00:00

[[agent]]
name = "Anna"
groups = [  # a list
    "a",
    # between
    "b", "c",
]
rights = { api = "write", "e mail" = { deep = [
  1, 2026-01-01,
  { x = 1 }
] } }
[agent.extra]
k = 1
[[agent.part]]
n = 1
[[agent.part]]
n = 2

[[agent]]
name = \'Boris\'
a.b.c = 1e3
[[agent.part]]
n = 3
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("quoted key", "x y"), 3),
        (("company",), 5),
        (("company", "name"), 6),
        (("company", "path"), 9),
        (("company", "when"), 11),
        (("agent", 0), 13),
        (("agent", 0, "groups"), 15),
        (("agent", 0, "groups", 0), 16),
        (("agent", 0, "groups", 1), 18),
        (("agent", 0, "groups", 2), 18),
        (("agent", 0, "rights", "api"), 20),
        (("agent", 0, "rights", "e mail", "deep"), 20),
        (("agent", 0, "rights", "e mail", "deep", 0), 21),
        (("agent", 0, "rights", "e mail", "deep", 1), 21),
        (("agent", 0, "rights", "e mail", "deep", 2, "x"), 22),
        (("agent", 0, "extra", "k"), 25),
        (("agent", 0, "part", 1), 28),
        (("agent", 0, "part", 1, "n"), 29),
        (("agent", 1), 31),
        (("agent", 1, "a", "b", "c"), 33),
        (("agent", 1, "part", 0, "n"), 35),
        # What is not there: where its parent is.
        (("agent", 1, "email"), 31),
        (("agent", 7, "email"), 13),
        (("nothing",), 1),
    ],
)
def test_lines(path, line):
    assert Positions(TEXT).line(path) == line


def paths(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield from paths(below, (*path, key))


@pytest.mark.parametrize("text", [TEXT, (Path(__file__).parents[2] / "docs" / "desk.toml").read_text()])
def test_every_path_has_a_line_of_its_own(text):
    positions = Positions(text)
    found = list(paths(tomllib.loads(text)))
    assert all(path in positions._lines for path in found)


def quoted(text):
    return '"' + "".join(f"\\U{ord(c):08X}" if not c.isalnum() and c not in " ._-#'[]{}=," else c for c in text) + '"'


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
LITERALS = st.text(st.characters(codec="ascii", min_codepoint=32, exclude_characters="'\x7f"), max_size=8)
SCALARS = st.one_of(
    TEXTS.map(quoted),
    LITERALS.map(lambda text: f"'{text}'"),
    st.lists(LITERALS, max_size=3).map(lambda lines: "'''" + "\n".join(lines) + "'''"),
    st.lists(TEXTS, max_size=3).map(lambda lines: '"""' + "\\\n  ".join(quoted(line)[1:-1] for line in lines) + '"""'),
    st.integers(-9, 99).map(str),
    st.sampled_from(["true", "1.5", "2026-01-01", "2026-01-01 10:00:00Z", "10:00:00", "inf", "0x1F"]),
)
GAPS = st.sampled_from(["", " ", "\n", " # , ] } ' \"\n", "\n\n\t"])


def array(items):
    return st.lists(st.tuples(GAPS, items, GAPS), max_size=3).map(
        lambda rows: "[" + ",".join(before + value + after for before, value, after in rows) + "]"
    )


def inline(items):
    return st.lists(st.tuples(TEXTS, items), max_size=3, unique_by=lambda row: row[0]).map(
        lambda rows: "{" + ", ".join(f"{quoted(key)} = {value}" for key, value in rows) + "}"
    )


VALUES = st.recursive(SCALARS, lambda items: st.one_of(array(items), inline(items)), max_leaves=8)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["[[t]]", "[[t]]  # more", "# nothing"]), st.lists(VALUES, max_size=3)), max_size=4
    )
)
def test_whatever_the_parser_takes_has_lines(tables):
    lines = []
    number = 0
    expected = {}
    for header, values in tables:
        lines.append(header)
        for value in values:
            number += 1
            expected[f"k{number}"] = "\n".join(lines).count("\n") + 2
            lines.append(f"k{number} = {value}")
    text = "\n".join(lines)
    parsed = tomllib.loads(text)
    positions = Positions(text)
    for path in paths(parsed):
        assert path in positions._lines
        if path and str(path[-1]) in expected:
            assert positions.line(path) == expected[str(path[-1])]
