"""The desk that a fresh installation starts with, so that there is something to log in to and a token to try."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pult.deskfile import store
from pult.staff import actions
from pult.staff import store as staff

if TYPE_CHECKING:
    from pult.kit.db import Conn
    from pult.settings import Settings

EMAIL = "admin@pult.local"

_CONSONANTS, _VOWELS = "bdfghjklmnprstvz", "aeiou"


@dataclass(frozen=True, slots=True)
class FirstDesk:
    """What is told once: where to log in and how; only hashes of password and token are kept."""

    address: str
    email: str
    password: str
    token: str


async def make_first_desk(conn: Conn, settings: Settings) -> FirstDesk | None:
    """A company with a group, an admin and an API channel, where the installation has no company yet; None where it has.

    Its objects have no keys, so a desk file for this company makes its own beside them; only a group of the very same
    name is taken over. However many processes start at once, one makes it.
    """
    if await store.any_company(conn) is not None:
        return None
    await store.take_turn_to_configure(conn)
    if await store.any_company(conn) is not None:
        return None
    company_id = await store.insert_company(conn, key="main", name="My company")
    group = await actions.keep_group(conn, company_id, None, key=None, name="Support")
    agent = staff.AgentRow(
        id=0,
        key=None,
        name="Admin",
        email=EMAIL,
        role="admin",
        default_group_id=group.id,
        restricted=False,
        active=True,
        password_hash=None,
        invited=False,
    )
    agent = await actions.keep_agent(conn, company_id, None, agent)
    await actions.keep_groups_of(conn, company_id, agent.id, [], [group.id])
    password = readable_password()
    await actions.keep_password(conn, company_id, agent, password)
    channel = await actions.make_channel(conn, company_id, key=None, type="api", name="API")
    await actions.keep_channel(
        conn, company_id, channel, key=None, name="API", group_id=group.id, email=None, adapter={}
    )
    token = await actions.make_token(conn, company_id, channel.id)
    return FirstDesk(f"{settings.address}/desk/", EMAIL, password, token)


def readable_password() -> str:
    """Four words of six letters that can be said aloud, about 75 bits: "lubido-gatezi-norefa-zikemo"."""
    return "-".join(_word() for _ in range(4))


def _word() -> str:
    return "".join(secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(3))
