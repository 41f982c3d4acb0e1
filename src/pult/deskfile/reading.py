"""Reading a parsed TOML document: each question names a key; each mistake is kept with its line, none stops the reading.

A question whose value is wrong answers with a placeholder: a document with mistakes is never used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pult.deskfile.positions import Path, Positions

TEXT_LIMIT = 255
SECRET = frozenset({"password", "token"})  # their values are never repeated in a message


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """What is wrong with a file, and on which line (0: with the file as a whole)."""

    line: int
    text: str


@dataclass(slots=True)
class Mistakes:
    positions: Positions
    found: list[Mistake] = field(default_factory=list)

    def add(self, path: Path, text: str) -> None:
        mistake = Mistake(self.positions.line(path), text)
        if mistake not in self.found:
            self.found.append(mistake)


@dataclass(slots=True)
class Table:
    """One table of the file. `label` is how messages call it: [[agent]] "anna"; `inside` is the way down from there."""

    values: Mapping[str, Any]
    path: Path
    label: str
    mistakes: Mistakes
    inside: str = ""

    def wrong(self, key: str, text: str, *at: str | int, value: object = None) -> None:
        """Note a mistake of `key`; `at` goes further down to the value that is to blame."""
        shown = "" if value is None or key in SECRET else f" {shortened(value)}"
        self.mistakes.add((*self.path, key, *at), f"{self.label}: {self.inside}{key}{shown}: {text}")

    def only(self, known: Collection[str]) -> None:
        """Every other key is a mistake."""
        for key in self.values:
            if key not in known:
                self.wrong(key, f"unknown key (known: {', '.join(known)})")

    def text(self, key: str, *, limit: int = TEXT_LIMIT) -> str:
        """A text that must be there."""
        if key not in self.values:
            self.mistakes.add(self.path, f'{self.label}: no "{self.inside}{key}"')
            return ""
        return self.optional_text(key, limit=limit) or ""

    def optional_text(self, key: str, *, limit: int = TEXT_LIMIT) -> str | None:
        if key not in self.values:
            return None
        return self._plain(key, self.values[key], (), limit)

    def texts(self, key: str) -> list[str]:
        """A list of texts, each once; empty when the key is absent."""
        return self._several(key, self.values.get(key, []))

    def _several(self, key: str, values: object, at: tuple[str | int, ...] = ()) -> list[str]:
        if not isinstance(values, list):
            self.wrong(key, "should be a list of texts", *at, value=values)
            return []
        found: list[str] = []
        for index, value in enumerate(values):
            text = self._plain(key, value, (*at, index), TEXT_LIMIT)
            if text in found:
                self.wrong(key, "stands there twice", *at, index, value=value)
            elif text:
                found.append(text)
        return found

    def flag(self, key: str) -> bool:
        """True or false; false when the key is absent."""
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            self.wrong(key, "should be true or false", value=value)
        return bool(value)

    def choice(self, key: str, allowed: Collection[str]) -> str:
        """One of the words `allowed`; must be there."""
        value = self.text(key)
        if value and value not in allowed:
            self.wrong(key, f"should be one of {', '.join(allowed)}", value=value)
        return value

    def reference(self, key: str, known: Collection[str], noun: str) -> str | None:
        """The key of another object of the file; None when absent."""
        value = self.optional_text(key)
        if value and value not in known:
            self.wrong(key, no_such(noun, known), value=value)
        return value

    def references(self, key: str, known: Collection[str], noun: str) -> list[str]:
        values = self.texts(key)
        for value in values:
            if value not in known:
                self.wrong(key, no_such(noun, known), self.values[key].index(value), value=value)
        return values

    def table(self, key: str) -> Table | None:
        """The table under `key`; None when absent."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.wrong(key, "should be a table", value=value)
            return None
        return Table(value, (*self.path, key), self.label, self.mistakes, f"{self.inside}{key}.")

    def tables(self, key: str) -> list[Table]:
        """The list of tables under `key`; empty when absent."""
        values = self.values.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            self.wrong(key, "should be a list of tables", value=values)
            return []
        return [
            Table(value, (*self.path, key, index), self.label, self.mistakes, f"{self.inside}{key}[{index}].")
            for index, value in enumerate(values)
        ]

    def _plain(self, key: str, value: object, at: tuple[str | int, ...], limit: int) -> str:
        problem = problem_of_text(value, limit)
        if problem:
            self.wrong(key, problem, *at, value=value)
            return ""
        return str(value)


def problem_of_text(value: object, limit: int = TEXT_LIMIT) -> str | None:
    """Why `value` is no text of one line that the desk keeps; None when it is."""
    if not isinstance(value, str):
        return "should be text"
    if len(value) > limit:
        return f"longer than {limit} characters"
    if not value.strip():
        return "is empty"
    if value != value.strip():
        return "starts or ends with a blank"
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        return "holds control characters"
    return None


def no_such(noun: str, known: Iterable[str]) -> str:
    """The words of a reference that leads nowhere."""
    names = ", ".join(sorted(known))
    return f"no such {noun} (known: {names})" if names else f"no such {noun} (the file has none)"


def shortened(value: object) -> str:
    """A value as a message shows it."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
