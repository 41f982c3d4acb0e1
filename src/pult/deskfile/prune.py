"""What the company has and its desk file does not: put out of use, with all that refers to it left as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pult.deskfile import apply_fields, store
from pult.deskfile.reading import Mistake
from pult.fields import actions as field_actions
from pult.staff import store as staff

if TYPE_CHECKING:
    from pult.deskfile.applied import Applied


async def prune(applied: Applied) -> None:
    """Deactivate what is missing; tokens of channels and schedules are deleted. Clients stay. `applied.pruned` says it all."""
    await _groups(applied)
    await _agents(applied)
    await _channels(applied)
    await _fields(applied)
    await _rules(applied)


async def _groups(applied: Applied) -> None:
    for row in await staff.groups_of(applied.conn, company_id=applied.company_id):
        if row.active and row.id not in applied.groups.values():
            retired = msgspec.structs.replace(row, active=False)
            await staff.update_group(applied.conn, company_id=applied.company_id, **msgspec.structs.asdict(retired))
            applied.pruned.append(f"deactivate group {row.id} {row.name}")


async def _agents(applied: Applied) -> None:
    rows = [row for row in await staff.agents_of(applied.conn, company_id=applied.company_id) if row.active]
    kept = [row for row in rows if row.id in applied.agents.values()]
    if any(row.role == "admin" for row in rows) and not any(row.role == "admin" for row in kept):
        applied.mistakes.append(Mistake(0, "pruning would leave nobody with the role admin"))
        return
    for row in rows:
        if row not in kept:
            values = msgspec.structs.asdict(msgspec.structs.replace(row, active=False))
            del values["password_hash"], values["invited"]
            await staff.update_agent(applied.conn, company_id=applied.company_id, **values)
            applied.pruned.append(f"deactivate agent {row.id} {row.email}")


async def _channels(applied: Applied) -> None:
    kept = {told["id"] for told in applied.channels.values()}
    for row in await staff.channels_of(applied.conn, company_id=applied.company_id):
        if row.active and row.id not in kept:
            values = msgspec.structs.asdict(msgspec.structs.replace(row, active=False))
            del values["type"], values["application_id"]
            await staff.update_channel(applied.conn, company_id=applied.company_id, **values)
            await staff.delete_tokens(applied.conn, company_id=applied.company_id, channel_id=row.id)
            applied.pruned.append(f"deactivate channel {row.id} {row.name} and delete its tokens")


async def _fields(applied: Applied) -> None:
    kept = {told["id"] for told in applied.fields.values()}
    rows = await apply_fields.load(applied)
    for top in rows.below.get(None, []):
        if top.id in kept or not top.active:
            continue
        levels = rows.chain(top)
        for level in levels:
            await field_actions.retire_field(applied.conn, applied.company_id, level)
        for option in rows.options.values():
            if option.field_id in {level.id for level in levels}:
                await field_actions.retire_option(applied.conn, applied.company_id, option)
        applied.pruned.append(f"deactivate field {top.id} {top.name}")


async def _rules(applied: Applied) -> None:
    conn, company_id = applied.conn, applied.company_id
    for noun, rows, kept, update in (
        ("sla", await store.slas_of(conn, company_id=company_id), applied.slas, store.update_sla),
        ("trigger", await store.triggers_of(conn, company_id=company_id), applied.triggers, store.update_trigger),
    ):
        for row in rows:
            if row.active and row.id not in kept.values():
                values = msgspec.structs.asdict(msgspec.structs.replace(row, active=False))
                del values["key"]
                await update(conn, company_id=company_id, **values)
                applied.pruned.append(f"deactivate {noun} {row.id} {row.name}")
    for schedule in await store.schedules_of(conn, company_id=company_id):
        if schedule.id not in applied.schedules.values():
            await store.delete_schedule(conn, company_id=company_id, id=schedule.id)
            applied.pruned.append(f"delete schedule {schedule.key}")
