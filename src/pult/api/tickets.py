"""tickets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pult.api import limits
from pult.api.method import Call, Method
from pult.api.ticket import seen_by
from pult.api.tickets_answer import ANSWER
from pult.api.tickets_in import PARAMETERS, SORTS, wanted
from pult.kit.errors import BadValue
from pult.tickets import store
from pult.tickets.configuration import Stale
from pult.tickets.listing import FieldIs, Filters, keys
from pult.tickets.searching import FOUND_KEYS, Words, found_keys, leave_lane, take_lane

if TYPE_CHECKING:
    from pult.kit.db import Reader
    from pult.tickets.caller import Caller

PAGE: Final = files("pult.api").joinpath("tickets.sql").read_text()


class ClientLeft(Exception):
    """Nobody waits for the answer any more."""


async def tickets(call: Call) -> bytes:
    """A list of the company's tickets, a page of 100."""
    given, caller = call.given, call.caller
    visible, writable = seen_by(caller, given.get("accessible_for_agent_id"))
    asked = _filters(given, caller, visible)
    if "query" not in given:
        async with call.desk.pools.lists.acquire() as conn:
            return await _page(conn, call, await _tagged(conn, asked, call), writable)
    await limits.search(call.desk, caller)
    return await _unless_gone(call, _search(call, asked, writable))


async def _search(call: Call, asked: Filters, writable: list[int]) -> bytes:
    async with call.desk.pools.search.acquire() as conn:
        await take_lane(conn)
        asked = await _tagged(conn, asked, call)
        ids = await found_keys(conn, asked, Words(call.given["query"]), call.caller.company_id)
        body = await _render(conn, [*_fixed(call, writable), ids], FOUND_KEYS)
        await leave_lane(conn)
        return body


async def _unless_gone(call: Call, work: Any) -> bytes:
    """The work's answer; cancelled, down to the statement, when the client hangs up."""
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(call.gone())
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientLeft
        body: bytes = task.result()
        return body
    finally:
        for one in (task, gone):
            one.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _page(conn: Reader, call: Call, asked: Filters, writable: list[int]) -> bytes:
    arguments = _fixed(call, writable)
    statement = keys(asked, arguments)
    return await _render(conn, arguments, statement)


async def _render(conn: Reader, arguments: list[Any], statement: str) -> bytes:
    row = await conn.fetchrow(PAGE.replace("/*keys*/", statement), *arguments)
    if not row["current"]:
        raise Stale
    body: bytes = row["body"]
    return body


def _fixed(call: Call, writable: list[int]) -> list[Any]:
    """What every page is asked with."""
    caller, fields = call.caller, call.caller.configuration.fields.values()
    return [
        caller.company_id,
        caller.token_hash,
        caller.version,
        writable if "accessible_for_agent_id" in call.given else None,
        "sla" in call.given.get("properties", ()),
        [field.id for field in fields],
        [f'{{"id":{field.id},"name":{msgspec.json.encode(field.name).decode()},"value":' for field in fields],
    ]


async def _tagged(conn: Reader, asked: Filters, call: Call) -> Filters:
    """Tags by name or id -> ids, which have statistics of their own that the page's plan hangs on."""
    names = [*call.given.get("tag", ()), *call.given.get("tags", ())]
    if not names:
        return asked
    numbers = [int(name) for name in names if name.isascii() and name.isdigit() and int(name) < 2**31]
    ids = await store.tag_ids(conn, company_id=call.caller.company_id, names=names, ids=numbers)
    return replace(asked, tag_ids=ids)


def _filters(given: dict[str, Any], caller: Caller, visible: list[int] | None) -> Filters:
    configuration = caller.configuration
    return Filters(
        channels=given.get("fchannel"),
        visible=visible,
        groups=given.get("fgroup"),
        statuses=given.get("fstatus"),
        types=given.get("ftype"),
        priorities=given.get("fpriority"),
        client_id=given.get("client_id"),
        held=given.get("fassigned"),
        fields=[*(wanted(k, v, configuration) for k, v in given.get("fields", ())), *_old_field(given, caller)],
        created_after=given.get("created_after"),
        created_before=given.get("created_before"),
        updated_after=given.get("updated_after"),
        updated_before=given.get("updated_before"),
        sort=SORTS[given.get("sort", "id")],
        descending=given.get("order", "desc") == "desc",
        page=given.get("offset", 0),
    )


def _old_field(given: dict[str, Any], caller: Caller) -> list[FieldIs]:
    """The deprecated `field_id` and `field_value`: one field, one value; either may stand alone."""
    ids = given.get("field_id", [])
    if len(ids) > 1:
        raise BadValue("field_id: only one field can be given here", parameter="field_id")
    if not ids and "field_value" not in given:
        return []
    return [wanted(ids[0] if ids else None, given.get("field_value", "not_empty"), caller.configuration)]


METHOD = Method(
    name="tickets",
    verbs=frozenset({"GET", "POST"}),
    parameters=PARAMETERS,
    handle=tickets,
    summary="List of tickets",
    answer=ANSWER,
    seed="tickets",
)
