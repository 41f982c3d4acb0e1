"""Which rows the objects of a file are."""

from __future__ import annotations

from dataclasses import dataclass

from pult.deskfile.matching import match


@dataclass(frozen=True)
class Row:
    id: int
    key: str | None
    email: str


@dataclass(frozen=True)
class Wished:
    key: str
    email: str


def ids(wished, rows):
    return {key: row.id for key, row in match(wished, rows, lambda one, row: one.email == row.email).items()}


def test_the_key_decides():
    assert ids([Wished("a", "x")], [Row(1, "b", "x"), Row(2, "a", "y")]) == {"a": 2}


def test_without_the_key_what_is_alike_is_taken():
    assert ids([Wished("a", "x")], [Row(1, None, "y"), Row(2, None, "x")]) == {"a": 2}


def test_a_row_is_one_object_only():
    assert ids([Wished("a", "x"), Wished("b", "x")], [Row(1, None, "x")]) == {"a": 1}


def test_a_row_whose_key_is_in_the_file_is_not_taken_by_another():
    assert ids([Wished("new", "x"), Wished("old", "y")], [Row(1, "old", "x")]) == {"old": 1}
