"""What outgoing webhooks say, in the wire's own spellings: made by PostgreSQL for many deliveries at once."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pult.kit.files import expiry
from pult.kit.html import text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pult.desk import Desk
    from pult.kit.db import Reader
    from pult.webhooks.carrier import Render

BODIES: Final = files("pult.api").joinpath("webhook_bodies.sql").read_text()

_values = msgspec.json.Decoder(dict[str, Any])


def renderer(desk: Desk) -> Render:
    """Renders for this desk: its address and its secret are in the links to files."""

    async def render(conn: Reader, company_id: int, ids: Sequence[int]) -> dict[int, str]:
        end = expiry(datetime.now(UTC), desk.settings.file_link_days)  # clock: a link's end needs no transaction
        rows = await conn.fetch(BODIES, company_id, list(ids), desk.settings.address, desk.secret, end)
        return {row["id"]: _with_text(row["body"], row["html"]) for row in rows if row["body"] is not None}

    return render


def ping(application_id: str) -> str:
    """The body that checks a new address."""
    return msgspec.json.encode({"ping": True, "secret": application_id}).decode()


def _with_text(body: str, html: str | None) -> str:
    """A chat's message is plain text, which PostgreSQL cannot make of HTML."""
    if html is None:
        return body
    return msgspec.json.encode(_values.decode(body) | {"text": text_of(html)}).decode()
