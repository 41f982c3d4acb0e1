"""A call as it goes out: JSON, or multipart where files go along."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pult_client.parameters import (
    DeliveryFilters,
    NewTicketParameters,
    ReplayedTime,
    TicketChanges,
    TicketFilters,
    TicketPage,
    TicketView,
    refuse_empty_filters,
    spelled,
)

File = str | os.PathLike[str] | tuple[str, bytes | BinaryIO] | tuple[str, bytes | BinaryIO, str]
"""A path, or (name, content), or (name, content, media type)."""


@dataclass(frozen=True, slots=True)
class Request:
    """`writes`: whether a repetition could store something twice."""

    method: str
    writes: bool
    values: Mapping[str, Any]
    files: tuple[tuple[str, bytes, str], ...] = ()

    def body(self, token: str) -> dict[str, Any]:
        """What httpx is asked to send.

        The token goes along as `api_token` too, beside the header: it is the only place where the vendor's own service
        is documented to look. Never in the address, since addresses are logged.
        """
        values = {"api_token": token, **self.values}
        if not self.files:
            return {"json": values}
        return {"data": form(values), "files": [("files[]", file) for file in self.files]}


def create_ticket(files: Sequence[File], given: Mapping[str, Any]) -> Request:
    values = spelled(given, NewTicketParameters.__annotations__)
    return Request("create/ticket", writes=True, values=values, files=tuple(map(_read, files)))


def update_ticket(ticket_id: int, given: Mapping[str, Any]) -> Request:
    values = spelled(given, TicketChanges.__annotations__)
    return Request("update/ticket", writes=True, values={"ticket_id": ticket_id, **values})


def ticket(ticket_id: int, given: Mapping[str, Any]) -> Request:
    values = spelled(given, TicketView.__annotations__)
    return Request("ticket", writes=False, values={"ticket_id": ticket_id, **values})


def tickets(given: Mapping[str, Any]) -> Request:
    refuse_empty_filters(given)
    return Request("tickets", writes=False, values=spelled(given, TicketPage.__annotations__))


def page_by_id(given: Mapping[str, Any], page: int) -> Request:
    """A page of the walk through all: by id upwards, so that a new ticket comes last and shifts no page."""
    refuse_empty_filters(given)
    values = spelled(given, TicketFilters.__annotations__)
    return Request("tickets", writes=False, values={**values, "sort": "id", "order": "asc", "offset": page})


def deliveries(given: Mapping[str, Any]) -> Request:
    refuse_empty_filters(given)
    return Request("deliveries", writes=False, values=spelled(given, DeliveryFilters.__annotations__))


def delivery(delivery_id: int) -> Request:
    return Request("delivery", writes=False, values={"delivery_id": delivery_id})


def delivery_resend(delivery_id: int) -> Request:
    return Request("delivery/resend", writes=True, values={"delivery_id": delivery_id})


def delivery_cancel(delivery_id: int) -> Request:
    return Request("delivery/cancel", writes=True, values={"delivery_id": delivery_id})


def deliveries_replay(channel_id: int, given: Mapping[str, Any]) -> Request:
    refuse_empty_filters(given)
    values = spelled(given, ReplayedTime.__annotations__)
    return Request("deliveries/replay", writes=True, values={"channel_id": channel_id, **values})


def form(values: Mapping[str, Any]) -> dict[str, str]:
    """The values as PHP spells them in a form: `lists[0][0][id]=61`. False is left out: as text it would count as true."""
    flat: dict[str, str] = {}
    for name, value in values.items():
        _spell(name, value, flat)
    return flat


def _spell(name: str, value: Any, flat: dict[str, str]) -> None:
    if isinstance(value, Mapping):
        for key, part in value.items():
            _spell(f"{name}[{key}]", part, flat)
    elif isinstance(value, list):
        for place, part in enumerate(value):
            _spell(f"{name}[{place}]", part, flat)
    elif value is not False:
        flat[name] = "" if value is None else "true" if value is True else str(value)


def _read(file: File) -> tuple[str, bytes, str]:
    """Name, content, media type. Read whole: a second try has to send the same bytes again (a file has 15 MB at most)."""
    if not isinstance(file, tuple):
        path = Path(file)
        return path.name, path.read_bytes(), _media_type(path.name)
    name, content, *kind = file
    data = content if isinstance(content, bytes) else content.read()
    return name, data, kind[0] if kind else _media_type(name)


def _media_type(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "application/octet-stream"
