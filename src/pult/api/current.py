"""Whether a caller is still who it was, for verbs whose own statements do not ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pult.tickets import store
from pult.tickets.configuration import Stale

if TYPE_CHECKING:
    from pult.kit.work import Work
    from pult.tickets.caller import Caller


async def require_current(work: Work[Caller]) -> None:
    """Stale where the token was revoked or the configuration has changed since the caller was looked up."""
    by = work.by
    if not await store.still_current(
        work.conn, company_id=by.company_id, config_version=by.version, token_hash=by.token_hash
    ):
        raise Stale
