"""Groups, channels and agents of a desk file, brought to the database."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from pult.deskfile.matching import match
from pult.deskfile.reading import shortened
from pult.staff import actions, store

if TYPE_CHECKING:
    from pult.deskfile.applied import Applied
    from pult.deskfile.document import Agent, Channel


async def groups(applied: Applied) -> None:
    wanted = applied.document.groups
    rows = await store.groups_of(applied.conn, company_id=applied.company_id)
    found = match(wanted, rows, lambda group, row: row.key is None and row.name == group.name)
    for group in wanted:
        was = found.get(group.key)
        row = await actions.keep_group(applied.conn, applied.company_id, was, key=group.key, name=group.name)
        applied.groups[group.key] = row.id
        applied.note("group", group.key, made=was is None, changed=row != was)


async def channels(applied: Applied) -> dict[str, store.ChannelRow]:
    """All get their ids before any gets its settings: agents have rights in channels, and settings name both."""
    conn, company_id = applied.conn, applied.company_id
    wanted = applied.document.channels
    rows = await store.channels_of(conn, company_id=company_id)
    found = match(wanted, rows, lambda one, row: row.key is None and (row.type, row.name) == (one.type, one.name))
    applied.old_channels = frozenset(found)
    for channel in wanted:
        if channel.key not in found:
            found[channel.key] = await actions.make_channel(
                conn, company_id, key=channel.key, type=channel.type, name=channel.name
            )
        applied.channels[channel.key] = {"id": found[channel.key].id}
    return found


async def channel_settings(applied: Applied, found: dict[str, store.ChannelRow], address: str) -> None:
    """The channels that `channels` found or made, as the file wishes them."""
    with_token = set(await store.channels_with_token(applied.conn, company_id=applied.company_id))
    ids = {key: row.id for key, row in found.items()}
    for channel in applied.document.channels:
        was = found[channel.key]
        if was.type != channel.type:
            text = f"the channel was made with type {was.type}, which cannot change; give this one a key of its own"
            applied.wrong("channel", channel.key, f"type {shortened(channel.type)}: {text}", "type")
        row = await _keep(applied, channel, was, ids)
        token, new_token = await _token(applied, channel, row.id, with_token)
        applied.channels[channel.key] = _told(row, token, address)
        made = channel.key not in applied.old_channels
        applied.note("channel", channel.key, made=made, changed=row != was or new_token)


async def agents(applied: Applied, address: str) -> None:
    conn, company_id = applied.conn, applied.company_id
    wanted = applied.document.agents
    rows = await store.agents_of(conn, company_id=company_id)
    found = match(wanted, rows, lambda agent, row: row.email == agent.email)
    await _set_emails_free(applied, rows, found)
    members = _by_agent(await store.memberships_of(conn, company_id=company_id))
    rights = _by_agent(await store.rights_of(conn, company_id=company_id))
    for agent in wanted:
        was = found.get(agent.key)
        if was and any(row.email == agent.email and row.id != was.id for row in rows if row not in found.values()):
            text = "another agent of this company has it, who is not in the file"
            applied.wrong("agent", agent.key, f"email {shortened(agent.email)}: {text}", "email")
            continue
        row = await actions.keep_agent(conn, company_id, was, _wished(agent, was, applied))
        groups = [applied.groups[group] for group in agent.groups]
        access = {applied.channels[channel]["id"]: right for channel, right in (agent.rights or {}).items()}
        in_groups = [member.group_id for member in members.get(row.id, [])]
        had_access = {right.channel_id: right.access for right in rights.get(row.id, [])}
        moved = await actions.keep_groups_of(conn, company_id, row.id, in_groups, groups)
        granted = await actions.keep_rights(conn, company_id, row.id, had_access, access)
        let_in = await _let_in(applied, agent, row, address)
        applied.agents[agent.key] = row.id
        applied.note("agent", agent.key, made=was is None, changed=row != was or moved or granted or let_in)


async def _keep(applied: Applied, channel: Channel, was: store.ChannelRow, ids: dict[str, int]) -> store.ChannelRow:
    references: dict[str, Any] = {name: [ids[key] for key in keys] for name, keys in channel.references.items()}
    if "default_agent" in channel.settings:
        references["default_agent"] = applied.agents.get(channel.settings["default_agent"])
    return await actions.keep_channel(
        applied.conn,
        applied.company_id,
        was,
        key=channel.key,
        name=channel.name,
        group_id=applied.groups[channel.group] if channel.group else None,
        email=channel.email,
        adapter={**channel.settings, **references},
    )


async def _token(applied: Applied, channel: Channel, channel_id: int, with_token: set[int]) -> tuple[str | None, bool]:
    """The token where it is known, and whether it is new."""
    conn, company_id = applied.conn, applied.company_id
    if channel.token is None:
        if not channel.wants_token or channel_id in with_token:
            return None, False
        return await actions.make_token(conn, company_id, channel_id), True
    try:
        return channel.token, await actions.keep_token(conn, company_id, channel_id, channel.token)
    except actions.TokenTaken as error:
        applied.wrong("channel", channel.key, f"token: {error.text}", "token")
        return None, False


def _told(row: store.ChannelRow, token: str | None, address: str) -> dict[str, Any]:
    settings = msgspec.json.decode(row.settings)
    return {
        "id": row.id,
        "token": token,
        "application_id": row.application_id,
        "inbound_url": f"{address}/inbound/{row.id}/{settings['inbound_secret']}",
        "signing_secrets": settings["signing_secrets"],
    }


def _wished(agent: Agent, was: store.AgentRow | None, applied: Applied) -> store.AgentRow:
    return store.AgentRow(
        id=was.id if was else 0,
        key=agent.key,
        name=agent.name,
        email=agent.email,
        role=agent.role,
        default_group_id=applied.groups[agent.default_group] if agent.default_group else None,
        restricted=agent.rights is not None,
        active=True,
        password_hash=was.password_hash if was else None,
        invited=was.invited if was else False,
    )


async def _set_emails_free(applied: Applied, rows: list[store.AgentRow], found: dict[str, store.AgentRow]) -> None:
    """Agents of the file may swap addresses, and a new one may take another's old address."""
    wished = {agent.email: agent.key for agent in applied.document.agents}
    owners = {row.id: key for key, row in found.items()}
    for row in rows:
        if row.id in owners and wished.get(row.email, owners[row.id]) != owners[row.id]:
            await store.park_email(applied.conn, company_id=applied.company_id, id=row.id)


async def _let_in(applied: Applied, agent: Agent, row: store.AgentRow, address: str) -> bool:
    """A password as the file says, or a one-time link for who has neither; whether either is new."""
    if agent.password is not None:
        return await actions.keep_password(applied.conn, applied.company_id, row, agent.password)
    if row.password_hash is not None or row.invited:
        return False
    token = await actions.invite(applied.conn, applied.company_id, row.id)
    applied.invites[agent.email] = f"{address}/desk/welcome/{token}"
    return True


def _by_agent(rows: list[Any]) -> dict[int, list[Any]]:
    """Rows that are in the order of their agents."""
    return {agent_id: list(found) for agent_id, found in groupby(rows, attrgetter("agent_id"))}
