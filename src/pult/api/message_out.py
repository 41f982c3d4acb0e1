"""create/ticket in a messenger's channel: who writes, to whom, by which template, and what the caller is told of it."""

from __future__ import annotations

import html as markup
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pult.clients import model as clients
from pult.kit.errors import BadValue, NotFound
from pult.messaging.queue import template_text
from pult.tickets.facts import ANYHOW, Author, Reach
from pult.tickets.model import AgentUnknown

if TYPE_CHECKING:
    from pult.api.method import Call
    from pult.messaging.contract import KnownTemplate
    from pult.messaging.now import Said
    from pult.staff.model import Channel
    from pult.tickets.caller import Caller

DELIVERED: Final = frozenset({"delivered", "read"})
PARAMETERS: Final = ("template_id", "template_name")


@dataclass(frozen=True, slots=True)
class MessageOut:
    """What is said, if anything, and how it shall reach the client."""

    author: Author
    reach: Reach = ANYHOW
    text: str | None = None  # of a template: what the client will read


async def message_out(call: Call, channel: Channel) -> MessageOut:
    """What the call sends in this channel. An error names the parameter, and nothing has been stored."""
    given = call.given
    template = next((name for name in PARAMETERS if name in given), None)
    author: Author = given.get("from") or _default_author(channel)
    if template is not None:
        if not channel.is_messenger or not await call.messages.has_templates(channel.id):
            raise BadValue("the channel cannot send WhatsApp Business templates", parameter=template)
        if author == "client":
            raise BadValue("a template is sent by an agent: from=user", parameter="from")
    if author == "client" or not channel.is_messenger:
        return MessageOut(author)
    reach = Reach(
        phone=clients.phone(given["client_phone"]).value if given.get("client_phone") else None,
        username=clients.username(given["username"]).value if given.get("username") else None,
    )
    if template is None:
        return MessageOut(author, reach)
    return await _with_template(call, channel, author, reach, template)


def _default_author(channel: Channel) -> Author:
    """Who writes where the call does not say.

    "In order for the client to receive the message on WhatsApp, consider the mandatory parameters from and user_id"; the
    seed's samples for Viber and Telegram have neither, and are sent.
    """
    return "user" if channel.is_messenger and not channel.type.startswith("whatsapp") else "client"


async def _with_template(call: Call, channel: Channel, author: Author, reach: Reach, parameter: str) -> MessageOut:
    given = call.given
    key, variables = str(given[parameter]), given.get("template_variables", [])
    language = given.get("template_lang", "ru")
    known, template = await call.messages.template(channel.id, key, language)
    if known:
        _check(template, parameter, language, len(variables))
    reach = Reach(reach.phone, reach.username, key, language, tuple(variables))
    return MessageOut(author, reach, markup.escape(_text(template, key, variables), quote=False))


def _check(template: KnownTemplate | None, parameter: str, language: str, variables: int) -> None:
    """The template is checked before anything is accepted, where the provider says which templates it has."""
    if template is None:
        raise NotFound("the provider has no such template", parameter=parameter)
    if template.languages and language not in template.languages:
        text = f"the template has no language {language[:20]}; it has {', '.join(template.languages)}"
        raise BadValue(text, parameter="template_lang")
    if template.variables is not None and variables != template.variables:
        text = f"the template has {template.variables} variables, {variables} are given"
        raise BadValue(text, parameter="template_variables")


def _text(template: KnownTemplate | None, key: str, variables: list[str]) -> str:
    if template is not None and template.body:
        return re.sub(r"\{\{(\d+)\}\}", lambda place: _variable(variables, int(place[1]), place[0]), template.body)
    return template_text(key, variables)


def _variable(variables: list[str], number: int, place: str) -> str:
    return variables[number - 1] if 0 < number <= len(variables) else place


def author_agent(given: dict[str, Any], caller: Caller, channel: Channel) -> int | None:
    """`user_id`; without it the channel's default agent, else the desk's first admin (wire.md 9.18: clients omit it)."""
    agents = caller.configuration.agents
    if "user_id" in given:
        if given["user_id"] not in agents:
            raise AgentUnknown(f"there is no agent {given['user_id']}", parameter="user_id")
        agent_id: int = given["user_id"]
        return agent_id
    if channel.default_agent in agents:
        return channel.default_agent
    return next((agent.id for agent in agents.values() if agent.role == "admin"), None)


def answer(ticket_id: int, comment_id: int, channel: Channel, said: Said) -> dict[str, Any]:
    """What the caller is told: the seed's keys in the seed's order, ours behind them."""
    word = _word(said, channel)
    told: dict[str, Any] = {"status": "failed" if said.state == "failed" else "success", "ticket_id": ticket_id}
    if channel.type.startswith("viber"):
        told["chat_id"] = str(said.conversation_id or "")
    if not channel.type.startswith("viber") or said.state == "failed":
        told["message_status"] = word
    if said.state in {"failed", "maybe_sent"}:
        told["message_error"] = ": ".join(filter(None, (said.code, said.text)))
        told["delivery_id"] = said.delivery_id
    return {**told, "comment_id": comment_id}


def _word(said: Said, channel: Channel) -> str:
    if said.state in DELIVERED or (channel.claim_delivered and said.state == "sent"):
        return "delivered"
    if said.state == "failed":
        return "not delivered"
    return "sent" if said.state == "sent" else "queued"
