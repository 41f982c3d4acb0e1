"""create/ticket."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from pult.api.create_ticket_parameters import PARAMETERS
from pult.api.errors import NoMessage
from pult.api.fields_in import FieldsGiven, fields_given
from pult.api.message_out import answer, author_agent, message_out
from pult.api.method import Call, Method
from pult.clients import model as clients
from pult.fields.model import BadFieldValue, FieldNotKnown
from pult.kit import html
from pult.kit.errors import BadValue, DeskError, NotFound
from pult.kit.files import new_key
from pult.messaging.now import WAITS
from pult.tickets.configuration import Stale
from pult.tickets.model import NOTHING, Wish
from pult.tickets.open import NewComment, NewTicket, StoredFile, open_ticket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pult.api.message_out import MessageOut
    from pult.staff.model import Channel
    from pult.tickets.caller import Caller

TEMPLATE = ("template_id", "template_name")


async def create_ticket(call: Call) -> bytes:
    """Creates a ticket; the whole of it or, with an error, nothing. In a messenger's channel the message is sent."""
    fields = fields_given(call.given)
    _require_text(call.given)
    channel = call.caller.configuration.channels.get(call.given.get("channel_id", 0), call.caller.channel)
    out = await message_out(call, channel)
    new = _new_ticket(call, fields, channel, out)
    async with _stored(call) as files:
        new = replace(new, comment=replace(new.comment, files=files))
        try:
            opened = await call.desk.done(call.caller, lambda work: open_ticket(work, new))
        except (BadFieldValue, FieldNotKnown) as error:
            error.parameter = fields.parameter_of(error)
            raise
    told: dict[str, Any] = {"status": "success", "ticket_id": opened.ticket_id}
    if opened.outgoing and channel.is_messenger:
        said = await call.messages.say(call.caller.company_id, opened.comment_id, channel.delivered_within)
        told = answer(opened.ticket_id, opened.comment_id, channel, said or WAITS)
    return msgspec.json.encode(told)


def _new_ticket(call: Call, fields: FieldsGiven, channel: Channel, out: MessageOut) -> NewTicket:
    given, caller = call.given, call.caller
    message = out.text or given.get("message") or ""
    wish = Wish(
        subject=given.get("subject") or _first_words(message),
        status=given.get("status"),
        type=given.get("type"),
        priority=given.get("priority"),
        group=given.get("group_id", NOTHING),
        assignee=given.get("assignee_id", NOTHING),
        tags=given.get("tag", ()),
        fields=fields,
    )
    return NewTicket(
        wish=wish,
        channel=channel,
        comment=_comment(given, caller, channel, out, message),
        client=_client(given),
        additional_id=given.get("additional_id"),
    )


def _require_text(given: dict[str, Any]) -> None:
    """Subject and message are required, but in a template request the template is the text."""
    if any(name in given for name in TEMPLATE):
        return
    if "message" not in given:
        raise NoMessage("message is missing", parameter="message")
    if "subject" not in given:
        raise BadValue("subject is missing", parameter="subject")


def _first_words(message: str) -> str:
    """The subject of a template that was given none."""
    return html.text_of(message).partition("\n")[0][:80]


def _comment(given: dict[str, Any], caller: Caller, channel: Channel, out: MessageOut, original: str) -> NewComment:
    author = out.author
    agent_id = author_agent(given, caller, channel) if author == "user" else None
    trigger_id = given.get("trigger_id") if author == "trigger" else None
    if author == "trigger" and trigger_id not in caller.configuration.triggers:
        raise NotFound("trigger_id: there is no such trigger", parameter="trigger_id")
    message = html.clean(original)
    private = given.get("private_comment", False)
    mentioned = [caller.configuration.agent_by_email(email) for email in html.mentions(original)] if private else []
    return NewComment(
        message=message,
        text=html.text_of(message),
        original=original if original != message else None,
        author=author,
        visibility="private" if private else "public",
        agent_id=agent_id,
        trigger_id=trigger_id,
        mentions=list(dict.fromkeys(agent.id for agent in mentioned if agent is not None)),
        reach=out.reach,
    )


def _client(given: dict[str, Any]) -> clients.ClientWish:
    contacts = []
    if email := given.get("client_email"):
        contacts.append(clients.email(email))
    if phone := given.get("client_phone"):
        contacts.append(clients.phone(phone, given.get("phone_type")))
    if username := given.get("username"):
        contacts.append(clients.username(username))
    address = clients.Address(
        country=given.get("client_country", ""),
        city=given.get("client_city", ""),
        address=given.get("client_address", ""),
        additional=given.get("new_address", False),
    )
    return clients.ClientWish(
        client_id=given.get("client_id"),
        name=given.get("client_name", ""),
        contacts=tuple(contacts),
        company_name=given.get("company_name", ""),
        address=address,
    )


@contextlib.asynccontextmanager
async def _stored(call: Call) -> AsyncIterator[list[StoredFile]]:
    """The call's files in the store; taken away again when the ticket does not come to be.

    After a crash in between, the sweep finds what has no row.
    """
    stored: list[StoredFile] = []
    store = call.desk.files
    try:
        for upload in call.form.files:
            key = new_key(call.caller.company_id)
            stored.append(StoredFile(upload.name, upload.content_type, upload.size, key))
            upload.file.seek(0)
            await store.put(key, upload.file)
        yield stored
    except (DeskError, Stale):
        for file in stored:
            await store.delete(file.key)
        raise


ANSWER = {
    "type": "object",
    "required": ["status", "ticket_id"],
    "properties": {
        "status": {"enum": ["success", "failed"], "description": "failed: the ticket is kept, its message was refused"},
        "ticket_id": {"type": "integer", "description": "id of the new ticket"},
        "chat_id": {"type": "string", "description": "Viber: id of the chat"},
        "message_status": {
            "enum": ["delivered", "sent", "queued", "not delivered"],
            "description": "WhatsApp and Telegram: what is known of the message when this is answered",
        },
        "message_error": {"type": "string", "description": "why it was not delivered, in the provider's words"},
        "delivery_id": {"type": "integer", "description": "of a message that was not delivered: for delivery/resend"},
        "comment_id": {"type": "integer", "description": "in messengers: id of the first comment"},
    },
}

METHOD = Method(
    name="create/ticket",
    verbs=frozenset({"POST"}),
    parameters=PARAMETERS,
    handle=create_ticket,
    summary="Create a ticket",
    answer=ANSWER,
    seed="create-ticket",
    files=True,
)
