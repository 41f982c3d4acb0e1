"""On whose behalf a verb works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pult.staff.model import Channel
    from pult.tickets.configuration import Configuration
    from pult.tickets.model import Staff


@dataclass(frozen=True, slots=True)
class Caller:
    """An API token's bearer, or (without a token) the desk itself when a provider calls or a message was carried out.

    `channel`: through which; the configuration is the one that every statement checks to be current.
    """

    token_hash: bytes | None
    channel: Channel
    configuration: Configuration
    staff: Staff

    @property
    def company_id(self) -> int:
        return self.configuration.company_id

    @property
    def version(self) -> int:
        return self.configuration.version
