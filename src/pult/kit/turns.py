"""The counters behind the limits (`take_turn` of the first migration): those that nobody asked about for long are let go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from pult.kit.db import Conn

# No limit looks back as far as a day. A turn taken at this very moment is safe: deleting waits for its row and looks again.
FORGET = """
delete from rate_hits where cardinality(hits) = 0 or hits[cardinality(hits)] < $1
"""


async def forget_older_than(conn: Conn, moment: datetime) -> int:
    """Delete the counters whose last hit was before `moment`; answers how many."""
    return int((await conn.execute(FORGET, moment)).rpartition(" ")[2])
