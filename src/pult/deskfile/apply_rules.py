"""Schedules, SLA tables and triggers of a desk file, brought to the database. Stored with ids in the place of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from pult.conditions import model as conditions
from pult.deskfile import store
from pult.deskfile.matching import match
from pult.sla.model import CLOCKS
from pult.triggers import model as triggers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from pult.deskfile.applied import Applied
    from pult.deskfile.document import Sla, Trigger


async def rules(applied: Applied) -> None:
    await _schedules(applied)
    conn, company_id, document = applied.conn, applied.company_id, applied.document
    ids = conditions.Ids(
        channels={key: told["id"] for key, told in applied.channels.items()},
        groups=applied.groups,
        agents=applied.agents,
        fields={key: told["id"] for key, told in applied.fields.items()},
    )
    if applied.mistakes:
        return  # an object that was refused has no id that a rule could name
    slas = [(sla, _policy(sla, applied, ids)) for sla in document.slas]
    rows = await store.slas_of(conn, company_id=company_id)
    applied.slas = await _keep(applied, "sla", slas, rows, store.insert_sla, store.update_sla)
    rows = await store.triggers_of(conn, company_id=company_id)
    wanted = [(trigger, _trigger(trigger, ids)) for trigger in document.triggers]
    applied.triggers = await _keep(applied, "trigger", wanted, rows, store.insert_trigger, store.update_trigger)


async def _schedules(applied: Applied) -> None:
    conn, company_id, wanted = applied.conn, applied.company_id, applied.document.schedules
    found = match(wanted, await store.schedules_of(conn, company_id=company_id), lambda _, __: False)
    for schedule in wanted:
        was = found.get(schedule.key)
        definition = msgspec.json.decode(msgspec.json.encode(schedule.hours))
        changed = was is None or msgspec.json.decode(was.definition) != definition
        text = msgspec.json.encode(definition).decode()
        if was is None:
            schedule_id = await store.insert_schedule(conn, company_id=company_id, key=schedule.key, definition=text)
        else:
            schedule_id = was.id
            if changed:
                await store.update_schedule(conn, company_id=company_id, id=was.id, definition=text)
        applied.schedules[schedule.key] = schedule_id
        applied.note("schedule", schedule.key, made=was is None, changed=changed)


async def _keep(
    applied: Applied,
    noun: str,
    wanted: Sequence[tuple[Sla | Trigger, Any]],
    rows: Sequence[store.RuleRow],
    insert: Callable[..., Awaitable[int]],
    update: Callable[..., Awaitable[None]],
) -> dict[str, int]:
    """Rules have an order: the file's."""
    conn, company_id = applied.conn, applied.company_id
    found = match([rule for rule, _ in wanted], rows, lambda _, __: False)
    ids = {}
    for position, (rule, definition) in enumerate(wanted):
        was = found.get(rule.key)
        text = msgspec.json.encode(definition).decode()
        values = {"name": rule.name, "position": position}
        if was is None:
            ids[rule.key] = await insert(conn, company_id=company_id, key=rule.key, definition=text, **values)
            applied.note(noun, rule.key, made=True, changed=True)
            continue
        same = msgspec.json.decode(was.definition) == definition
        wished = msgspec.structs.replace(was, **values, active=True, definition=was.definition if same else text)
        if wished != was:
            await update(conn, company_id=company_id, id=was.id, active=True, definition=text, **values)
        ids[rule.key] = was.id
        applied.note(noun, rule.key, made=False, changed=wished != was)
    return ids


def _policy(sla: Sla, applied: Applied, ids: conditions.Ids) -> dict[str, Any]:
    return {
        "schedule_id": applied.schedules[sla.policy.schedule] if sla.policy.schedule else None,
        **{clock: msgspec.to_builtins(getattr(sla.policy, clock)) for clock in CLOCKS},
        "when": [conditions.resolved(condition, ids) for condition in sla.policy.when],
    }


def _trigger(trigger: Trigger, ids: conditions.Ids) -> dict[str, Any]:
    return {
        "on": trigger.rule.on,
        "when": [conditions.resolved(condition, ids) for condition in trigger.rule.when],
        "then": [triggers.resolved(action, ids) for action in trigger.rule.then],
    }
