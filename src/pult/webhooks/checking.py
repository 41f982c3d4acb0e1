"""The check of an address when it is saved: it is kept whatever comes of that, but whoever saves it is told."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pult.kit.errors import BadValue
from pult.kit.http_out import HttpOutError
from pult.kit.work import unit_of_work
from pult.webhooks import store
from pult.webhooks.carrier import failure_code, post, receivers, said

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncpg

    from pult.kit.db import Conn, Reader
    from pult.kit.http_out import HttpOut
    from pult.webhooks.carrier import Receiver
    from pult.webhooks.store import AddressRow

Body = Callable[[str], str]
"""The body of a check for a channel's application id, as JSON text."""

NEVER_ANSWERED: Final = "never answered"
RIGHT: Final = 200


@dataclass(frozen=True, slots=True)
class _Found:
    """What came of one check; `text` None: answered."""

    address: AddressRow
    event_id: uuid.UUID
    began_at: datetime
    body: str
    http_status: int | None
    code: str | None
    text: str | None


async def addresses(conn: Reader, company_key: str) -> dict[int, AddressRow]:
    """Where the channels of a company tell of events, by channel id."""
    return {row.channel_id: row for row in await store.addresses(conn, company_key=company_key)}


async def note_new(conn: Conn, before: Mapping[int, AddressRow], after: Mapping[int, AddressRow]) -> list[AddressRow]:
    """Those to be checked once this is committed: new and changed addresses, and those that never answered yet."""
    for one in after.values():
        if one.channel_id not in before or before[one.channel_id].url != one.url:
            ids = {"company_id": one.company_id, "channel_id": one.channel_id}
            await store.report(conn, **ids, report=NEVER_ANSWERED)
            await store.forget_failures(conn, **ids)
    shown = await store.silent(conn, company_ids=[o.company_id for o in after.values()], channel_ids=list(after))
    return [after[channel_id] for channel_id in shown]


async def check(
    pool: asyncpg.Pool[asyncpg.Record], http: HttpOut, wanted: Sequence[AddressRow], body: Body
) -> dict[str, str]:
    """Ask each address whether it answers, all at once, and write it into the log; channel key -> what is wrong."""
    async with pool.acquire() as conn:
        known = await receivers(conn, [(one.company_id, one.channel_id) for one in wanted])
    found = await asyncio.gather(
        *(_ask(http, known[one.company_id, one.channel_id], one, body(one.application_id)) for one in wanted)
    )
    async with unit_of_work(pool, None) as work:
        for one in found:
            await _record(work.conn, one)
    return {str(one.address.key): one.text for one in found if one.text is not None}


async def _ask(http: HttpOut, receiver: Receiver, address: AddressRow, body: str) -> _Found:
    event_id, began_at = uuid.uuid4(), datetime.now(UTC)  # clock: outside of any transaction
    status, code, text = None, None, None
    try:
        answer = await post(http, receiver, str(event_id), body)
        status = answer.status
        if status != RIGHT:
            code, text = str(status), f"answered {status}: {said(answer)}".removesuffix(": ")
    except HttpOutError as error:
        code, text = failure_code(error), str(error)
    except BadValue as error:
        code, text = "signing_secret", error.text
    return _Found(address, event_id, began_at, body, status, code, text)


async def _record(conn: Conn, found: _Found) -> None:
    answered, address = found.text is None, found.address
    await store.record_ping(
        conn,
        company_id=address.company_id,
        channel_id=address.channel_id,
        event_id=found.event_id,
        body=found.body,
        answered=answered,
        code=found.code,
        text=found.text,
        http_status=found.http_status,
        began_at=found.began_at,
    )
    if answered:
        await store.report(conn, company_id=address.company_id, channel_id=address.channel_id, report=None)
