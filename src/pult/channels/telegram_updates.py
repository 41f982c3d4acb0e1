"""What clients say to a Telegram bot: an update of the Bot API as the desk's event. Pure; the adapter is telegram_bot.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from pult.channels.lenient import mapping, mappings, moment, name_of, phone, text, whole
from pult.messaging.contract import Event, FileIn, Incoming

FILES: Final = {  # kind of attachment -> the name and the type of a file that has none of its own
    "animation": ("animation.mp4", "video/mp4"),
    "document": ("file", "application/octet-stream"),
    "video": ("video.mp4", "video/mp4"),
    "video_note": ("video.mp4", "video/mp4"),
    "voice": ("voice.ogg", "audio/ogg"),
    "audio": ("audio.mp3", "audio/mpeg"),
}
STICKERS: Final = {  # what kind it is, as the provider says -> its file
    "is_animated": ("sticker.tgs", "application/gzip"),
    "is_video": ("sticker.webm", "video/webm"),
}


def events_of(update: Any) -> list[Event]:
    """A new message in a private chat or a group; edited messages and everything else are no events."""
    message = mapping(mapping(update).get("message"))
    chat = mapping(message.get("chat"))
    chat_id, number = name_of(chat.get("id")), name_of(message.get("message_id"))
    words, files = _words(message), _files(message)
    if not chat_id or not number or not (words or files):  # empty: "joined the group", "pinned a message" …
        return []
    written = _private(message, words) if chat.get("type") == "private" else _in_group(message, words)
    # Telegram counts messages anew in each chat.
    found = replace(written, message_id=f"{chat_id}:{number}", conversation=chat_id, files=files)
    return [Event(found)]


def _private(message: dict[str, Any], words: str) -> Incoming:
    sender, contact = mapping(message.get("from")), mapping(message.get("contact"))
    own = contact.get("user_id") is not None and contact.get("user_id") == sender.get("id")
    return Incoming(
        message_id="",
        at=moment(message.get("date")),
        text=words,
        # A contact may be anybody's; one with the sender's own id is the number that Telegram knows the sender by.
        phone=phone(contact.get("phone_number")) if own else None,
        username=text(sender.get("username")) or None,
        name=_name(sender),
    )


def _in_group(message: dict[str, Any], words: str) -> Incoming:
    """A group is one conversation, whoever speaks in it: nobody's nickname, and each text says whose it is."""
    speaker = _name(mapping(message.get("from")))
    title = text(mapping(message.get("chat")).get("title"))
    at = moment(message.get("date"))
    return Incoming(message_id="", at=at, text=f"{speaker}: {words}" if speaker else words, name=title)


def _words(message: dict[str, Any]) -> str:
    """What was written, or in words what cannot be shown as a file."""
    written = text(message.get("text")) or text(message.get("caption"))
    emoji = text(mapping(message.get("sticker")).get("emoji"))
    shown = (_contact(message), _place(message), _poll(message), _dice(message), emoji)
    return "\n".join(part for part in (written, *shown) if part)


def _contact(message: dict[str, Any]) -> str:
    contact = mapping(message.get("contact"))
    number = text(contact.get("phone_number"))
    if number and not number.startswith("+"):
        number = f"+{number}"
    return ", ".join(part for part in (_name(contact), number) if part)


def _place(message: dict[str, Any]) -> str:
    venue, location = mapping(message.get("venue")), mapping(message.get("location"))  # a venue comes with both
    where = [location.get("latitude"), location.get("longitude")]
    if not all(isinstance(degrees, int | float) for degrees in where):
        return ""
    named = [text(venue.get("title")), text(venue.get("address")), f"geo:{where[0]},{where[1]}"]
    return "\n".join(part for part in named if part)


def _poll(message: dict[str, Any]) -> str:
    poll = mapping(message.get("poll"))
    options = [text(option.get("text")) for option in mappings(poll.get("options"))]
    return "\n- ".join(part for part in (text(poll.get("question")), *options) if part)


def _dice(message: dict[str, Any]) -> str:
    dice = mapping(message.get("dice"))
    value = whole(dice.get("value"))
    return "" if value is None else f"{text(dice.get('emoji'))} {value}".strip()


def _files(message: dict[str, Any]) -> list[FileIn]:
    files = [*_photo(message), *_sticker(message)]
    for kind, (name, mime) in FILES.items():
        if kind == "document" and message.get("animation"):
            continue  # the same file, told twice for old bots
        found = mapping(message.get(kind))
        files += _file(found, text(found.get("file_name")) or name, text(found.get("mime_type")) or mime)
    return files


def _photo(message: dict[str, Any]) -> list[FileIn]:
    """The largest of the sizes that a photo comes in."""
    largest: dict[str, Any] = max(
        mappings(message.get("photo")), key=lambda size: whole(size.get("width")) or 0, default={}
    )
    return _file(largest, "photo.jpg", "image/jpeg")


def _sticker(message: dict[str, Any]) -> list[FileIn]:
    sticker = mapping(message.get("sticker"))
    name, mime = next((STICKERS[kind] for kind in STICKERS if sticker.get(kind)), ("sticker.webp", "image/webp"))
    return _file(sticker, name, mime)


def _file(found: dict[str, Any], name: str, mime: str) -> list[FileIn]:
    ref = text(found.get("file_id"))
    return [FileIn(ref, name, mime, whole(found.get("file_size")))] if ref else []


def _name(person: dict[str, Any]) -> str:
    return " ".join(part for part in (text(person.get("first_name")), text(person.get("last_name"))) if part)
