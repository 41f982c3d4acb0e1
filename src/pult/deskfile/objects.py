"""The tables of a desk file as lists of objects with keys: [[agent]] with key = "anna"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pult.deskfile.document import KEYS
from pult.deskfile.reading import Table, problem_of_text, shortened

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pult.deskfile.positions import Path
    from pult.deskfile.reading import Mistakes


class Objects:
    """`of(name)` gives the tables of [[name]]; `keys(name)` the keys that others may refer to."""

    def __init__(self, raw: Mapping[str, Any], mistakes: Mistakes) -> None:
        self._raw = raw
        self.mistakes = mistakes
        self.paths: dict[tuple[str, str], Path] = {}

    def only_tables(self, known: Collection[str]) -> None:
        for name, value in self._raw.items():
            if name not in known:
                shown = f"[[{name}]]" if isinstance(value, list) else f"[{name}]" if isinstance(value, dict) else name
                self.mistakes.add((name,), f"{shown}: unknown table (known: {', '.join(known)})")

    def company(self) -> Table:
        """The one table that stands alone; empty when the file has none."""
        value = self._raw.get("company", {})
        if not isinstance(value, dict):
            self.mistakes.add(("company",), "company should be one table: [company]")
            value = {}
        table = Table(value, ("company",), "[company]", self.mistakes)
        table.only(KEYS["company"])
        return table

    def keys(self, name: str) -> set[str]:
        """All keys of [[name]], those of objects with other mistakes too: one mistake is told once."""
        return {
            value["key"] for value in self._rows(name) if isinstance(value, dict) and isinstance(value.get("key"), str)
        }

    def of(self, name: str, *, also: Collection[str] = ()) -> list[tuple[str, Table]]:
        """The objects of [[name]] with their keys; unknown keys are told here. `also`: known beside the table's own."""
        if not isinstance(self._raw.get(name, []), list):
            self.mistakes.add((name,), f"{name} should be written as [[{name}]]")
        found = []
        for index, value in enumerate(self._rows(name)):
            path: Path = (name, index)
            if not isinstance(value, dict):
                self.mistakes.add(path, f"[[{name}]] {shortened(value)}: should be a table")
                continue
            key = value.get("key")
            label = f"[[{name}]] {shortened(key)}" if isinstance(key, str) else f"[[{name}]] number {index + 1}"
            table = Table(value, path, label, self.mistakes)
            table.only((*KEYS[name], *also))
            found.append((self._key(name, table), table))
        return found

    def _rows(self, name: str) -> list[Any]:
        rows = self._raw.get(name, [])
        return rows if isinstance(rows, list) else []

    def _key(self, name: str, table: Table) -> str:
        key = table.text("key")
        if key and (name, key) in self.paths:
            line = self.mistakes.positions.line(self.paths[name, key])
            table.wrong("key", f"the [[{name}]] on line {line} has it already", value=key)
        if key and problem_of_text(key) is None:
            self.paths.setdefault((name, key), table.path)
        return key
