"""What WhatsApp takes, whoever carries it there: kinds of files, lengths, templates; and what of a client's is no text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from mimetypes import guess_extension
from typing import TYPE_CHECKING, Any, Final

from pult.channels.lenient import first_text, mapping, mappings, text
from pult.channels.text_parts import text_parts, utf16_units
from pult.kit.http_out import HttpOutError, PrivateAddress
from pult.messaging.contract import KnownTemplate, SendError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from pult.kit.http_out import HttpOut
    from pult.messaging.contract import FileOut, Outgoing, Recipient, Template

TEXT_LIMIT: Final = 4096  # characters of one message
NAME_LIMIT: Final = 240  # characters of a document's name
FILE_LIMIT: Final = 100 * 2**20  # bytes of a document; nothing is larger

# What is shown as a picture, a film or a sound: its types, and bytes at most. Everything else is a document.
KINDS: Final = {
    "image": (frozenset({"image/jpeg", "image/png"}), 5 * 2**20),
    "video": (frozenset({"video/mp4", "video/3gpp"}), 16 * 2**20),
    "audio": (frozenset({"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"}), 16 * 2**20),
}
ENDINGS: Final = {  # of names made up for clients' files, where systems differ or do not know
    "audio/ogg": ".ogg",
    "audio/amr": ".amr",
    "audio/mp4": ".m4a",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
}
PLACE: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")  # in a template's text: {{1}}, or {{name}}


@dataclass(frozen=True, slots=True)
class Part:
    """What one request sends. `name`: as the ledger knows it, the same in each attempt."""

    name: str
    content: str | FileOut | Template


def parts_of(message: Outgoing) -> list[Part]:
    """A template stands in place of the text; the files follow, each a message of its own. SendError: nothing to send."""
    texts = text_parts(message.text, TEXT_LIMIT, utf16_units)
    parts = [Part(name, piece) for name, piece in zip(part_names("text", len(texts)), texts, strict=True)]
    if message.template:
        parts = [Part("template", message.template)]
    parts += [Part(f"file-{number}", file) for number, file in enumerate(message.files, start=1)]
    if not parts:
        raise SendError("nothing_to_send", "the message has neither text nor files nor a template")
    return parts


def part_names(kind: str, count: int) -> list[str]:
    """text, text-2, text-3 …"""
    return [kind if number == 1 else f"{kind}-{number}" for number in range(1, count + 1)]


def kind_of(file: FileOut) -> str:
    """image, video, audio or document. SendError where it is larger than WhatsApp takes."""
    mime = plain_type(file.mime)
    for kind, (types, limit) in KINDS.items():
        if mime in types and file.size <= limit:
            return kind
    if file.size > FILE_LIMIT:
        raise SendError("file_too_large", f"WhatsApp takes files of at most {FILE_LIMIT // 2**20} MB")
    return "document"


def plain_type(mime: str) -> str:
    """A media type without its parameters."""
    return mime.partition(";")[0].strip().lower()


def who(to: Recipient) -> str:
    """Whom to write to: as the provider calls the client, or the phone's digits. SendError: there is neither."""
    found = to.conversation or "".join(filter(str.isdecimal, to.phone or ""))
    if not found:
        raise SendError("no_phone", "the client has no phone to write to")
    return found


def known_template(name: str, language: str, body: str) -> KnownTemplate:
    """A template as it is in one language."""
    return KnownTemplate(name, len(set(PLACE.findall(body))), [language], body)


def name_for(told: str, kind: str, mime: str) -> str:
    """What a client's file is called; made up where nobody said."""
    mime = plain_type(mime)
    return told.replace("/", "_")[:NAME_LIMIT] or kind + (ENDINGS.get(mime) or guess_extension(mime) or "")


def place_text(found: Mapping[str, Any]) -> str:
    """A location as text: its name, its address, and a map."""
    at = [found.get("latitude"), found.get("longitude")]
    known = all(isinstance(number, float | int) for number in at)
    link = f"https://maps.google.com/?q={at[0]},{at[1]}" if known else ""
    return "\n".join(filter(None, (text(found.get("name")), text(found.get("address")), link)))


def contacts_text(message: Mapping[str, Any]) -> str:
    """The contact cards of a message as text: name and phones of each."""
    return "\n".join(filter(None, map(_contact_text, mappings(message.get("contacts")))))


def _contact_text(contact: Mapping[str, Any]) -> str:
    name = first_text(mapping(contact.get("name")), "formatted_name", "formattedName", "first_name", "firstName")
    return " ".join(filter(None, (name, *(text(phone.get("phone")) for phone in mappings(contact.get("phones"))))))


async def bytes_of(http: HttpOut, url: str, headers: Mapping[str, str]) -> AsyncIterator[bytes]:
    """A client's file from where the provider keeps it. SendError, while it is read."""
    try:
        async for chunk in http.stream(url, headers=headers, limit=FILE_LIMIT):
            yield chunk
    except PrivateAddress as error:
        raise SendError("private_address", str(error)) from error
    except HttpOutError as error:
        raise SendError("no_file", str(error), retry=True) from error
