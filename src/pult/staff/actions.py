"""Verbs that configure staff: each brings one thing to what is wished and writes only what differs.

The caller holds the unit of work, and moves the company's `config_version` when anything was written.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from pult.kit.errors import DeskError
from pult.staff import passwords, store

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pult.kit.db import Conn

INVITE_LASTS = timedelta(days=7)
LIVE_SECRETS = 2  # that a channel signs with: a receiver may know the new one or still the old


class TokenTaken(DeskError):
    """The token belongs to another channel; perhaps of another company, so the text does not say whose."""


async def keep_group(
    conn: Conn, company_id: int, was: store.GroupRow | None, *, key: str | None, name: str
) -> store.GroupRow:
    """The group as wished, made when it `was` not."""
    if was is None:
        group_id = await store.insert_group(conn, company_id=company_id, key=key, name=name)
        return store.GroupRow(id=group_id, key=key, name=name, active=True)
    wished = msgspec.structs.replace(was, key=key, name=name, active=True)
    if wished != was:
        await store.update_group(conn, company_id=company_id, **msgspec.structs.asdict(wished))
    return wished


async def make_channel(conn: Conn, company_id: int, *, key: str | None, type: str, name: str) -> store.ChannelRow:  # noqa: A002 (the desk's word)
    """A channel without settings, with the secrets that are made once: for its provider's calls and for its own webhooks."""
    settings = {"inbound_secret": secrets.token_hex(16), "signing_secrets": [_signing_secret()]}
    row = store.ChannelRow(
        id=0,
        key=key,
        type=type,
        name=name,
        group_id=None,
        email=None,
        application_id=secrets.token_hex(16),
        settings=msgspec.json.encode(settings).decode(),
        active=True,
    )
    values = {field: value for field, value in msgspec.structs.asdict(row).items() if field not in {"id", "active"}}
    channel_id = await store.insert_channel(conn, company_id=company_id, **values)
    return msgspec.structs.replace(row, id=channel_id)


async def keep_channel(
    conn: Conn,
    company_id: int,
    was: store.ChannelRow,
    *,
    key: str | None,
    name: str,
    group_id: int | None,
    email: str | None,
    adapter: Mapping[str, Any],
) -> store.ChannelRow:
    """The channel as wished; `adapter` is what its type declares, beside which the secrets and all else stay."""
    kept = msgspec.json.decode(was.settings)
    settings = kept | {"adapter": dict(adapter)}
    wished = msgspec.structs.replace(
        was,
        key=key,
        name=name,
        group_id=group_id,
        email=email,
        settings=was.settings if settings == kept else msgspec.json.encode(settings).decode(),
        active=True,
    )
    if wished != was:
        await store.update_channel(
            conn,
            company_id=company_id,
            id=was.id,
            key=key,
            name=name,
            group_id=group_id,
            email=email,
            settings=wished.settings,
            active=True,
        )
    return wished


async def rotate_secret(conn: Conn, company_id: int, was: store.ChannelRow) -> list[str]:
    """The channel signs with a new secret, and for a while with the last one too: both, the new one first."""
    settings = msgspec.json.decode(was.settings)
    live = [_signing_secret(), *settings.get("signing_secrets", [])][:LIVE_SECRETS]
    values = msgspec.structs.asdict(was)
    for field in ("type", "application_id"):
        values.pop(field)
    values["settings"] = msgspec.json.encode(settings | {"signing_secrets": live}).decode()
    await store.update_channel(conn, company_id=company_id, **values)
    return live


async def keep_agent(conn: Conn, company_id: int, was: store.AgentRow | None, wished: store.AgentRow) -> store.AgentRow:
    """The agent as wished but for the password, made when it `was` not (its id is in the answer)."""
    values = msgspec.structs.asdict(wished)
    for field in ("password_hash", "invited"):
        values.pop(field)
    if was is None:
        for field in ("id", "active"):
            values.pop(field)
        return msgspec.structs.replace(wished, id=await store.insert_agent(conn, company_id=company_id, **values))
    if wished != was:
        await store.update_agent(conn, company_id=company_id, **values)
    return wished


async def keep_groups_of(
    conn: Conn, company_id: int, agent_id: int, was: Collection[int], wished: Collection[int]
) -> bool:
    """The agent works in these groups and no others; whether that was new."""
    joined, left = sorted(set(wished) - set(was)), sorted(set(was) - set(wished))
    if joined:
        await store.join_groups(conn, company_id=company_id, agent_id=agent_id, group_ids=joined)
    if left:
        await store.leave_groups(conn, company_id=company_id, agent_id=agent_id, group_ids=left)
    return bool(joined or left)


async def keep_rights(
    conn: Conn, company_id: int, agent_id: int, was: Mapping[int, str], wished: Mapping[int, str]
) -> bool:
    """The agent has these rights by channel and no others; whether that was new."""
    for channel_id, access in sorted(wished.items()):
        if was.get(channel_id) != access:
            await store.put_right(conn, company_id=company_id, agent_id=agent_id, channel_id=channel_id, access=access)
    removed = sorted(set(was) - set(wished))
    if removed:
        await store.remove_rights(conn, company_id=company_id, agent_id=agent_id, channel_ids=removed)
    return dict(was) != dict(wished)


async def keep_password(conn: Conn, company_id: int, agent: store.AgentRow, password: str) -> bool:
    """The agent's password is this one; whether that was new."""
    if agent.password_hash is not None and passwords.fits(password, agent.password_hash):
        return False
    await store.set_password(conn, company_id=company_id, id=agent.id, password_hash=passwords.hashed(password))
    return True


async def invite(conn: Conn, company_id: int, agent_id: int) -> str:
    """A new token for the agent's one-time link, known from now on only to whoever is given it."""
    token = secrets.token_urlsafe(24)
    await store.set_invite(
        conn, company_id=company_id, id=agent_id, invite_hash=token_hash(token), lasting=INVITE_LASTS
    )
    return token


async def keep_token(conn: Conn, company_id: int, channel_id: int, token: str) -> bool:
    """The token opens this channel, beside those that do already; whether that was new. TokenTaken: it opens another."""
    if await store.insert_token(conn, hash=token_hash(token), company_id=company_id, channel_id=channel_id):
        return True
    owner = await store.token_owner(conn, hash=token_hash(token))
    if owner is None or (owner.company_id, owner.channel_id) != (company_id, channel_id):
        raise TokenTaken("belongs to another channel", parameter="token")
    return False


async def make_token(conn: Conn, company_id: int, channel_id: int) -> str:
    """A new token of 40 hexadecimal digits for the channel."""
    token = secrets.token_hex(20)
    await keep_token(conn, company_id, channel_id, token)
    return token


def token_hash(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def _signing_secret() -> str:
    """In the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
