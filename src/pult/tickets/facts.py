"""What happened to a ticket: recorded in a unit of work, reacted to from one table (`pult.reactions`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pult.tickets.model import Changed


Author = Literal["client", "user", "trigger"]


@dataclass(frozen=True, slots=True)
class Reach:
    """What a caller said of how a message shall reach the client: to which phone or nickname, and by which template."""

    phone: str | None = None
    username: str | None = None
    template: str | None = None
    template_language: str = "ru"
    template_variables: Sequence[str] = ()


ANYHOW: Final = Reach()


@dataclass(frozen=True, slots=True)
class Commented:
    """A comment was written. `outgoing`: it is for the client, and nobody has sent it yet."""

    ticket_id: int
    comment_id: int
    channel_id: int
    client_id: int
    author: Author
    public: bool
    outgoing: bool
    reach: Reach


@dataclass(frozen=True, slots=True)
class Opened(Commented):
    """A ticket was created with its first comment."""


@dataclass(frozen=True, slots=True)
class TicketChanged:
    """A ticket was changed; never recorded when nothing changed. `change_id`: its row in the history."""

    changed: Changed
    change_id: int


@dataclass(frozen=True, slots=True)
class Rated:
    """A client said how well a ticket was answered."""

    rating_id: int
    ticket_id: int
    channel_id: int
