"""Additional fields of a desk file, brought to the database: a row for each field and for each level of a nested list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pult.deskfile.matching import match
from pult.deskfile.reading import shortened
from pult.fields import actions, store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pult.deskfile.applied import Applied
    from pult.deskfile.document import Field, Option


@dataclass(slots=True)
class Rows:
    """What the company has: fields by the field above (None: on top), options by field, option above and text."""

    below: dict[int | None, list[store.FieldRow]] = field(default_factory=dict)
    options: dict[tuple[int, int | None, str], store.OptionRow] = field(default_factory=dict)

    def chain(self, row: store.FieldRow) -> list[store.FieldRow]:
        """The field and the levels below it."""
        following = [lower for below in self.below.get(row.id, []) for lower in self.chain(below)]
        return [row, *following]


async def load(applied: Applied) -> Rows:
    rows = Rows()
    for one in await store.fields_of(applied.conn, company_id=applied.company_id):
        rows.below.setdefault(one.parent_field_id, []).append(one)
    for option in await store.options_of(applied.conn, company_id=applied.company_id):
        rows.options.setdefault((option.field_id, option.parent_option_id, option.value), option)
    return rows


async def fields(applied: Applied) -> None:
    wanted = applied.document.fields
    rows = await load(applied)
    found = match(wanted, rows.below.get(None, []), _alike)
    position = 0
    for one in wanted:
        was = found.get(one.key)
        if was is not None and was.kind != one.kind:
            text = f"the field was made with type {was.kind}, which cannot change; give this one a key of its own"
            applied.wrong("field", one.key, f"type {shortened(one.kind)}: {text}", "type")
            applied.fields[one.key] = {"id": was.id}
            continue
        bringing = Bringing(applied, rows, one, position)
        applied.fields[one.key] = await bringing.bring(was)
        applied.note("field", one.key, made=was is None, changed=bringing.changed)
        position += max(1, len(one.levels))


def _alike(one: Field, row: store.FieldRow) -> bool:
    name = one.levels[0] if one.levels else one.name
    return row.key is None and (row.kind, row.name) == (one.kind, name)


@dataclass(slots=True)
class Bringing:
    """A field on its way into the database. `position` is where it is shown; its levels follow."""

    applied: Applied
    rows: Rows
    wanted: Field
    position: int
    changed: bool = False
    kept_options: set[int] = field(default_factory=set)

    async def bring(self, was: store.FieldRow | None) -> dict[str, Any]:
        """Write what differs; what is told of the field."""
        before = self.rows.chain(was) if was else []
        levels = await self._levels(before)
        told: dict[str, Any] = {"id": levels[0].id}
        if self.wanted.kind == "nested_list":
            told["levels"] = [{"id": level.id, "name": level.name} for level in levels]
        if self.wanted.kind in {"list", "nested_list"}:
            tree = await self._options([level.id for level in levels], None, self.wanted.options)
            told["options"] = tree if self.wanted.levels else {value: below["id"] for value, below in tree.items()}
        await self._retire(before[len(levels) :], {row.id for row in before})
        return told

    async def _levels(self, before: Sequence[store.FieldRow]) -> list[store.FieldRow]:
        above: store.FieldRow | None = None
        levels: list[store.FieldRow] = []
        for depth, name in enumerate(self.wanted.levels or (self.wanted.name,)):
            was = before[depth] if depth < len(before) else None
            wished = store.FieldRow(
                id=was.id if was else 0,
                key=self.wanted.key if depth == 0 else None,
                name=name,
                kind=self.wanted.kind,
                parent_field_id=above.id if above else None,
                position=self.position + depth,
                add_tag=self.wanted.add_tag,
                active=True,
            )
            above = await actions.keep_field(self.applied.conn, self.applied.company_id, was, wished)
            self.changed = self.changed or above != was
            levels.append(above)
        return levels

    async def _options(self, fields: Sequence[int], parent: int | None, options: Sequence[Option]) -> dict[str, Any]:
        """The options of the first of `fields` under one option of the level above, with all below them."""
        tree = {}
        for position, option in enumerate(options):
            was = self.rows.options.get((fields[0], parent, option.value))
            wished = store.OptionRow(
                id=was.id if was else 0,
                field_id=fields[0],
                parent_option_id=parent,
                value=option.value,
                position=position,
                active=True,
            )
            row = await actions.keep_option(self.applied.conn, self.applied.company_id, was, wished)
            self.changed = self.changed or row != was
            self.kept_options.add(row.id)
            tree[option.value] = {"id": row.id, "options": await self._options(fields[1:], row.id, option.options)}
        return tree

    async def _retire(self, levels: Sequence[store.FieldRow], field_ids: set[int]) -> None:
        """Levels and options that the file does not have any more."""
        for level in levels:
            retired = await actions.retire_field(self.applied.conn, self.applied.company_id, level)
            self.changed = self.changed or retired
        for option in self.rows.options.values():
            if option.field_id in field_ids and option.id not in self.kept_options:
                retired = await actions.retire_option(self.applied.conn, self.applied.company_id, option)
                self.changed = self.changed or retired
