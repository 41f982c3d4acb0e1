"""A client of the ticket API of Pult, and of every desk that speaks the Usedesk wire format.

with Client("http://127.0.0.1:8080", token) as desk:
    made = desk.create_ticket(subject="Wheel", message="It is bent", client_email="jon@client.example")
    desk.update_ticket(made.ticket_id, priority="urgent", assignee_id=CLEAR)
"""

from __future__ import annotations

from pult_client.answers import (
    Change,
    ChangedThing,
    Comment,
    CommentClient,
    CommentFile,
    CommentUser,
    CustomField,
    Delivery,
    DeliveryAttempt,
    DeliveryRequest,
    DeliveryRow,
    FieldValue,
    NewTicket,
    Phone,
    Sla,
    Ticket,
    TicketRow,
)
from pult_client.async_client import AsyncClient
from pult_client.client import Client
from pult_client.errors import NotFound, PultError, TooFast, Unavailable, WrongToken
from pult_client.parameters import CLEAR, Clear, FieldFilter, Holder, Level, Status
from pult_client.request import File

__all__ = [
    "CLEAR",
    "AsyncClient",
    "Change",
    "ChangedThing",
    "Clear",
    "Client",
    "Comment",
    "CommentClient",
    "CommentFile",
    "CommentUser",
    "CustomField",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryRequest",
    "DeliveryRow",
    "FieldFilter",
    "FieldValue",
    "File",
    "Holder",
    "Level",
    "NewTicket",
    "NotFound",
    "Phone",
    "PultError",
    "Sla",
    "Status",
    "Ticket",
    "TicketRow",
    "TooFast",
    "Unavailable",
    "WrongToken",
]
