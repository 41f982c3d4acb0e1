"""From the bytes of a desk file to its structures, or to everything that is wrong with it."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from pult.deskfile import client_tables, field_tables, rule_tables, staff_tables
from pult.deskfile.document import KEYS, Document
from pult.deskfile.objects import Objects
from pult.deskfile.positions import Positions
from pult.deskfile.reading import Mistake, Mistakes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pult.staff.channel_types import ChannelType


class BadDocument(Exception):
    """The file cannot be used; `mistakes` are all that was found, in the order of their lines."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("; ".join(mistake.text for mistake in mistakes))
        self.mistakes = sorted(mistakes)


def parse(data: bytes, channel_types: Mapping[str, ChannelType]) -> Document:
    """The document in `data` (TOML in UTF-8); BadDocument when anything in it is wrong."""
    text = _text(data)
    raw = _toml(text)
    mistakes = Mistakes(Positions(text))
    objects = Objects(raw, mistakes)
    objects.only_tables(KEYS)
    fields = field_tables.fields(objects)
    document = Document(
        company=staff_tables.company(objects),
        groups=staff_tables.groups(objects),
        agents=staff_tables.agents(objects),
        channels=staff_tables.channels(objects, channel_types),
        fields=fields,
        clients=client_tables.clients(objects),
        schedules=rule_tables.schedules(objects),
        slas=rule_tables.slas(objects, fields),
        triggers=rule_tables.triggers(objects, fields),
        positions=mistakes.positions,
        paths=objects.paths,
    )
    if mistakes.found:
        raise BadDocument(mistakes.found)
    return document


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadDocument([Mistake(line, "the file is no UTF-8 text")]) from None


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise BadDocument([Mistake(0, "lists or tables are nested too deeply")]) from None
    except tomllib.TOMLDecodeError as error:
        raise BadDocument([_syntax_mistake(str(error), text)]) from None


def _syntax_mistake(said: str, text: str) -> Mistake:
    """The parser ends its sentence with the place: "(at line 3, column 5)" or "(at end of document)"."""
    found = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", said)
    if found is None:
        return Mistake(0, said)
    line = int(found[1]) if found[1] else text.count("\n") + 1
    column = f" (column {found[2]})" if found[2] else " (at the end of the file)"
    return Mistake(line, said[: found.start()] + column)
