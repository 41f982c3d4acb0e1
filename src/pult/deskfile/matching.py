"""Which rows of the database the objects of a file are. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Row(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def key(self) -> str | None: ...


class Keyed(Protocol):
    @property
    def key(self) -> str: ...


Wished = TypeVar("Wished", bound=Keyed)
Had = TypeVar("Had", bound=Row)


def match(wished: Iterable[Wished], rows: Iterable[Had], alike: Callable[[Wished, Had], bool]) -> dict[str, Had]:
    """For each object (by its key) its row: the one that has the key, else the first one alike that no other object is."""
    wished, rows = list(wished), list(rows)
    by_key = {row.key: row for row in rows if row.key is not None}
    found = {one.key: by_key[one.key] for one in wished if one.key in by_key}
    taken = {row.id for row in found.values()}
    for one in wished:
        if one.key not in found:
            row = next((row for row in rows if row.id not in taken and alike(one, row)), None)
            if row is not None:
                found[one.key] = row
                taken.add(row.id)
    return found
