"""What bringing a desk file in came to: the ids behind its keys, what was made, and what must be told once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pult.deskfile.reading import Mistake, shortened

if TYPE_CHECKING:
    from pult.deskfile.document import Document
    from pult.kit.db import Conn


@dataclass(slots=True)
class Applied:
    """Grows while a document is brought in; `answer` is then what `pult apply --json` prints.

    The dictionaries go from the file's keys to ids, or to what is told of an object. `lines` says in words what was
    made and changed, `pruned` what was put out of use; `same` counts what was as wished. `invites`: e-mail -> link.
    """

    conn: Conn
    document: Document
    company_id: int = 0
    groups: dict[str, int] = field(default_factory=dict)
    channels: dict[str, dict[str, Any]] = field(default_factory=dict)
    old_channels: frozenset[str] = frozenset()  # those that were there before
    agents: dict[str, int] = field(default_factory=dict)
    clients: dict[str, int] = field(default_factory=dict)
    client_companies: dict[str, int] = field(default_factory=dict)
    fields: dict[str, dict[str, Any]] = field(default_factory=dict)
    schedules: dict[str, int] = field(default_factory=dict)
    slas: dict[str, int] = field(default_factory=dict)
    triggers: dict[str, int] = field(default_factory=dict)
    invites: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    pruned: list[str] = field(default_factory=list)
    same: int = 0
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.lines or self.pruned)

    def note(self, noun: str, key: str, *, made: bool, changed: bool) -> None:
        """Count one object of the file."""
        if made or changed:
            self.lines.append(f"{'made' if made else 'changed'} {noun} {key}")
        else:
            self.same += 1

    def wrong(self, table: str, key: str, text: str, *inside: str | int) -> None:
        """The file is right in itself, but the database does not let it be so. `inside` leads to what is to blame."""
        line = self.document.line(table, key, *inside)
        self.mistakes.append(Mistake(line, f"[[{table}]] {shortened(key)}: {text}"))

    def answer(self) -> dict[str, Any]:
        """Ids, tokens and secrets under the keys used in the file."""
        return {
            "company": {"id": self.company_id, "key": self.document.company.key},
            "channels": self.channels,
            "groups": _ids(self.groups),
            "agents": _ids(self.agents),
            "clients": _ids(self.clients),
            "client_companies": _ids(self.client_companies),
            "fields": self.fields,
            "triggers": _ids(self.triggers),
            "sla": _ids(self.slas),
        }


def _ids(found: dict[str, int]) -> dict[str, dict[str, int]]:
    return {key: {"id": value} for key, value in found.items()}
