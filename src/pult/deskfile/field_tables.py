"""The table [[field]] of a desk file: additional fields, lists and nested lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pult.deskfile.document import Field, Option
from pult.deskfile.reading import problem_of_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pult.deskfile.objects import Objects
    from pult.deskfile.reading import Table

KINDS = ("text", "checkbox", "list", "nested_list")
LEVEL_LIMIT = 10


def fields(objects: Objects) -> tuple[Field, ...]:
    return tuple(_field(key, table) for key, table in objects.of("field"))


def _field(key: str, table: Table) -> Field:
    kind = table.choice("type", KINDS)
    for wanted, kinds in (("options", ("list", "nested_list")), ("levels", ("nested_list",))):
        if kind in KINDS and wanted in table.values and kind not in kinds:
            table.wrong(wanted, f"a field of type {kind} has no {wanted}")
        if kind in kinds and wanted not in table.values:
            table.mistakes.add(table.path, f'{table.label}: no "{wanted}"')
    levels = tuple(table.texts("levels")) if kind == "nested_list" else ()
    if kind == "nested_list" and "levels" in table.values and not levels:
        table.wrong("levels", "names no level", value=table.values["levels"])
    if len(levels) > LEVEL_LIMIT:
        table.wrong("levels", f"more than {LEVEL_LIMIT} levels")
    return Field(
        key=key,
        name=table.text("name"),
        kind=kind,
        add_tag=table.flag("add_tag"),
        levels=levels,
        options=_options_of(table, kind, len(levels)),
    )


def _options_of(table: Table, kind: str, levels: int) -> tuple[Option, ...]:
    if kind == "list":
        return tuple(Option(value) for value in table.texts("options"))
    if kind == "nested_list" and "options" in table.values and levels:
        return tuple(_nested(table, table.values["options"], (), levels))
    return ()


def _nested(table: Table, raw: object, way: tuple[str | int, ...], levels: int) -> Iterator[Option]:
    """The options of one level: a table (each with what is below it) or a list (nothing below)."""
    if not isinstance(raw, dict | list):
        table.wrong("options", "should be a table or a list", *way, value=raw)
        return
    if raw and levels < 1:
        table.wrong("options", f"{_way(way)} is on the last level and can have no options", *way)
        return
    seen = set()
    for index, value in enumerate(raw):
        at = (*way, value if isinstance(raw, dict) else index)
        problem = problem_of_text(value) or ("stands there twice" if value in seen else None)
        if problem:
            table.wrong("options", problem, *at, value=value)
            continue
        seen.add(value)
        below = _nested(table, raw[value], at, levels - 1) if isinstance(raw, dict) else ()
        yield Option(value, tuple(below))


def _way(way: tuple[str | int, ...]) -> str:
    return " / ".join(str(part) for part in way)
