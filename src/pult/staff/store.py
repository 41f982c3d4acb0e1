"""Typed functions made from queries.sql by tools/generate.py. Not edited by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import timedelta

    from pult.kit.db import Conn, Reader


class GroupRow(msgspec.Struct, frozen=True):
    id: int
    key: str | None
    name: str
    active: bool


class AgentRow(msgspec.Struct, frozen=True):
    id: int
    key: str | None
    name: str
    email: str
    role: str
    default_group_id: int | None
    restricted: bool
    active: bool
    password_hash: str | None
    invited: bool


class MembershipRow(msgspec.Struct, frozen=True):
    agent_id: int
    group_id: int


class RightRow(msgspec.Struct, frozen=True):
    agent_id: int
    channel_id: int
    access: str


class ChannelRow(msgspec.Struct, frozen=True):
    id: int
    key: str | None
    type: str
    name: str
    group_id: int | None
    email: str | None
    application_id: str
    settings: str
    active: bool


class TokenRow(msgspec.Struct, frozen=True):
    company_id: int
    channel_id: int


class ActiveChannelsRow(msgspec.Struct, frozen=True):
    name: str
    type: str
    settings: str


GROUPS_OF = """select id, key, name, active from groups where company_id = $1 order by id"""


async def groups_of(conn: Reader, *, company_id: int) -> list[GroupRow]:
    """Groups, agents with their groups and rights, channels with their tokens: what configures a company's staff.
    All groups of a company, those that are out of use too."""
    return [GroupRow(*row) for row in await conn.fetch(GROUPS_OF, company_id)]


INSERT_GROUP = """insert into groups (company_id, key, name) values ($1, $2, $3) returning id"""


async def insert_group(conn: Conn, *, company_id: int, key: str | None, name: str) -> int:
    row = await conn.fetchrow(INSERT_GROUP, company_id, key, name)
    if row is None:
        raise LookupError("insert_group: no row")
    result: int = row[0]
    return result


UPDATE_GROUP = """update groups set key = $1, name = $2, active = $3
 where company_id = $4 and id = $5"""


async def update_group(conn: Conn, *, key: str | None, name: str, active: bool, company_id: int, id: int) -> None:
    await conn.execute(UPDATE_GROUP, key, name, active, company_id, id)


AGENTS_OF = """select id, key, name, email, role, default_group_id, restricted, active, password_hash,
       coalesce(invite_hash is not null and invite_expires_at > now(), false) as invited
  from agents where company_id = $1 order by id"""


async def agents_of(conn: Reader, *, company_id: int) -> list[AgentRow]:
    """All agents of a company, those that are out of use too. `invited`: a one-time link is out that still works."""
    return [AgentRow(*row) for row in await conn.fetch(AGENTS_OF, company_id)]


INSERT_AGENT = """insert into agents (company_id, key, name, email, role, default_group_id, restricted)
values ($1, $2, $3, $4, $5,
        $6, $7)
returning id"""


async def insert_agent(
    conn: Conn,
    *,
    company_id: int,
    key: str | None,
    name: str,
    email: str,
    role: str,
    default_group_id: int | None,
    restricted: bool,
) -> int:
    row = await conn.fetchrow(INSERT_AGENT, company_id, key, name, email, role, default_group_id, restricted)
    if row is None:
        raise LookupError("insert_agent: no row")
    result: int = row[0]
    return result


UPDATE_AGENT = """update agents
   set key = $1, name = $2, email = $3, role = $4,
       default_group_id = $5, restricted = $6, active = $7
 where company_id = $8 and id = $9"""


async def update_agent(
    conn: Conn,
    *,
    key: str | None,
    name: str,
    email: str,
    role: str,
    default_group_id: int | None,
    restricted: bool,
    active: bool,
    company_id: int,
    id: int,
) -> None:
    await conn.execute(UPDATE_AGENT, key, name, email, role, default_group_id, restricted, active, company_id, id)


PARK_EMAIL = """update agents set email = '@' || id
 where company_id = $1 and id = $2"""


async def park_email(conn: Conn, *, company_id: int, id: int) -> None:
    """Sets an address free that another agent is about to take; no address of a person has this form."""
    await conn.execute(PARK_EMAIL, company_id, id)


SET_PASSWORD = """update agents set password_hash = $1, invite_hash = null, invite_expires_at = null
 where company_id = $2 and id = $3"""


async def set_password(conn: Conn, *, password_hash: str | None, company_id: int, id: int) -> None:
    """A password ends the one-time link."""
    await conn.execute(SET_PASSWORD, password_hash, company_id, id)


SET_INVITE = """update agents set invite_hash = $1, invite_expires_at = now() + $2::interval
 where company_id = $3 and id = $4"""


async def set_invite(conn: Conn, *, invite_hash: bytes | None, lasting: timedelta, company_id: int, id: int) -> None:
    await conn.execute(SET_INVITE, invite_hash, lasting, company_id, id)


MEMBERSHIPS_OF = """select agent_id, group_id from group_members where company_id = $1 order by agent_id, group_id"""


async def memberships_of(conn: Reader, *, company_id: int) -> list[MembershipRow]:
    return [MembershipRow(*row) for row in await conn.fetch(MEMBERSHIPS_OF, company_id)]


JOIN_GROUPS = """insert into group_members (company_id, agent_id, group_id)
select $1::integer, $2::integer, unnest($3::integer[])"""


async def join_groups(conn: Conn, *, company_id: int, agent_id: int, group_ids: Collection[int]) -> None:
    await conn.execute(JOIN_GROUPS, company_id, agent_id, group_ids)


LEAVE_GROUPS = """delete from group_members
 where company_id = $1 and agent_id = $2
   and group_id = any($3::integer[])"""


async def leave_groups(conn: Conn, *, company_id: int, agent_id: int, group_ids: Collection[int]) -> None:
    await conn.execute(LEAVE_GROUPS, company_id, agent_id, group_ids)


RIGHTS_OF = (
    """select agent_id, channel_id, access from agent_channels where company_id = $1 order by agent_id, channel_id"""
)


async def rights_of(conn: Reader, *, company_id: int) -> list[RightRow]:
    return [RightRow(*row) for row in await conn.fetch(RIGHTS_OF, company_id)]


PUT_RIGHT = """insert into agent_channels (company_id, agent_id, channel_id, access)
values ($1, $2, $3, $4)
on conflict (company_id, agent_id, channel_id) do update set access = excluded.access"""


async def put_right(conn: Conn, *, company_id: int, agent_id: int, channel_id: int, access: str) -> None:
    await conn.execute(PUT_RIGHT, company_id, agent_id, channel_id, access)


REMOVE_RIGHTS = """delete from agent_channels
 where company_id = $1 and agent_id = $2
   and channel_id = any($3::integer[])"""


async def remove_rights(conn: Conn, *, company_id: int, agent_id: int, channel_ids: Collection[int]) -> None:
    await conn.execute(REMOVE_RIGHTS, company_id, agent_id, channel_ids)


CHANNELS_OF = """select id, key, type, name, group_id, email, application_id, settings, active
  from channels where company_id = $1 order by id"""


async def channels_of(conn: Reader, *, company_id: int) -> list[ChannelRow]:
    """All channels of a company, those that are out of use too."""
    return [ChannelRow(*row) for row in await conn.fetch(CHANNELS_OF, company_id)]


INSERT_CHANNEL = """insert into channels (company_id, key, type, name, group_id, email, application_id, settings)
values ($1, $2, $3, $4, $5,
        $6, $7, $8::jsonb)
returning id"""


async def insert_channel(
    conn: Conn,
    *,
    company_id: int,
    key: str | None,
    type: str,
    name: str,
    group_id: int | None,
    email: str | None,
    application_id: str,
    settings: str,
) -> int:
    row = await conn.fetchrow(INSERT_CHANNEL, company_id, key, type, name, group_id, email, application_id, settings)
    if row is None:
        raise LookupError("insert_channel: no row")
    result: int = row[0]
    return result


UPDATE_CHANNEL = """update channels
   set key = $1, name = $2, group_id = $3, email = $4,
       settings = $5::jsonb, active = $6
 where company_id = $7 and id = $8"""


async def update_channel(
    conn: Conn,
    *,
    key: str | None,
    name: str,
    group_id: int | None,
    email: str | None,
    settings: str,
    active: bool,
    company_id: int,
    id: int,
) -> None:
    """Type and application id stay what they were made with."""
    await conn.execute(UPDATE_CHANNEL, key, name, group_id, email, settings, active, company_id, id)


CHANNELS_WITH_TOKEN = """select distinct channel_id from api_tokens where company_id = $1"""


async def channels_with_token(conn: Reader, *, company_id: int) -> list[int]:
    """The channels of a company that have any token."""
    return [row[0] for row in await conn.fetch(CHANNELS_WITH_TOKEN, company_id)]


TOKEN_OWNER = """select company_id, channel_id from api_tokens where hash = $1"""


async def token_owner(conn: Reader, *, hash: bytes) -> TokenRow | None:
    """Whose token this is, in the whole installation."""
    row = await conn.fetchrow(TOKEN_OWNER, hash)
    return None if row is None else TokenRow(*row)


INSERT_TOKEN = """insert into api_tokens (hash, company_id, channel_id)
values ($1, $2, $3)
on conflict (hash) do nothing"""


async def insert_token(conn: Conn, *, hash: bytes, company_id: int, channel_id: int) -> int:
    return int((await conn.execute(INSERT_TOKEN, hash, company_id, channel_id)).rpartition(" ")[2])


DELETE_TOKENS = """delete from api_tokens where company_id = $1 and channel_id = $2"""


async def delete_tokens(conn: Conn, *, company_id: int, channel_id: int) -> None:
    await conn.execute(DELETE_TOKENS, company_id, channel_id)


ACTIVE_CHANNELS = """select h.name, h.type, h.settings from channels h where h.active order by h.company_id, h.id"""


async def active_channels(conn: Reader) -> list[ActiveChannelsRow]:
    """The channels of all companies that are in use, with their settings as JSON text."""
    return [ActiveChannelsRow(*row) for row in await conn.fetch(ACTIVE_CHANNELS)]
