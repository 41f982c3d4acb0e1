"""The parts of a message: what is its text, what its HTML, and what files came with it."""

from __future__ import annotations

import mimetypes
import re
from dataclasses import dataclass
from email.message import Message
from html import escape
from typing import TYPE_CHECKING, Final

from pult.channels.mail_text import decoded, header_text, text_of_html

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_FILES: Final = 300
DEEPEST: Final = 60
LARGEST_TEXT: Final = 2_000_000  # characters of HTML or text; what is longer is a file
NAME_LENGTH: Final = 200
UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f/\\]+")
MIME: Final = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}\Z")


@dataclass(frozen=True, slots=True)
class MailFile:
    """A file of a message. `content_id`: what its HTML calls it, where it is a picture inside."""

    name: str
    mime: str
    content: bytes
    content_id: str | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """What a message holds. `text` is there wherever anything can be read; `html` only where the message has it."""

    text: str
    html: str | None
    files: Sequence[MailFile]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some of the body, in one form or both."""

    text: str | None = None
    html: str | None = None


class TooManyParts(Exception):
    """A message of more files than anybody sends."""


def taken_apart(message: Message) -> Parts:
    """The body, and the files in their order."""
    pieces, files = _body(message, 0)
    if len(files) > MOST_FILES:
        raise TooManyParts(f"a message of {len(files)} files")
    pieces, long = _shortened(pieces)
    text = "\n\n".join(found for piece in pieces if (found := _text(piece)).strip())
    html = "<br>".join(found for piece in pieces if (found := _html(piece))) if any(p.html for p in pieces) else None
    return Parts(text.strip("\n"), html, [*files, *long])


def content_of(part: Message) -> bytes:
    """A part's bytes, decoded as far as that goes."""
    try:
        found = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError, TypeError, AttributeError):
        found = None
    if isinstance(found, bytes):
        return found
    payload = part.get_payload()
    return payload.encode("utf-8", "surrogateescape") if isinstance(payload, str) else b""


def file_name(part: Message) -> str | None:
    """The name that a part gives itself, without any folder."""
    try:
        found = part.get_filename()
    except (ValueError, LookupError, TypeError, AttributeError, IndexError):
        return None
    if not found:
        return None
    name = UNSAFE.sub("_", header_text(str(found))).strip(" .")
    if len(name) > NAME_LENGTH:
        stem, dot, ending = name.rpartition(".")
        name = f"{stem[: NAME_LENGTH - 20]}.{ending[:16]}" if dot else name[:NAME_LENGTH]
    return name or None


def _body(part: Message, depth: int) -> tuple[list[_Piece], list[MailFile]]:
    kind = part.get_content_type()
    if not part.is_multipart() or depth > DEEPEST or kind.startswith("message/"):
        return _leaf(part, kind)
    children = [_body(child, depth + 1) for child in _children(part)]
    files = [file for _, found in children for file in found]
    if kind == "multipart/alternative":
        return _alternative([pieces for pieces, _ in children]), files
    return [piece for pieces, _ in children for piece in pieces], files


def _children(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (child for child in payload if isinstance(child, Message))


def _alternative(forms: list[list[_Piece]]) -> list[_Piece]:
    """One body in several forms: the text of the first that has one, the HTML of the last."""
    texts = [pieces for pieces in forms if pieces and not any(piece.html for piece in pieces)]
    htmls = [pieces for pieces in forms if any(piece.html for piece in pieces)]
    if not htmls:
        return texts[0] if texts else []
    html = "<br>".join(_html(piece) for piece in htmls[-1])
    return [_Piece("\n\n".join(_text(piece) for piece in texts[0]) if texts else None, html)]


def _leaf(part: Message, kind: str) -> tuple[list[_Piece], list[MailFile]]:
    name = file_name(part)
    attached = part.get_content_disposition() == "attachment"
    readable = kind in {"text/plain", "text/html"} or (kind.startswith("multipart/") and not part.is_multipart())
    if attached or not readable or (name is not None and kind == "text/plain"):
        return [], _file(part, kind, name)
    text = decoded(content_of(part), _charset(part))
    if not text.strip():
        return [], []
    return [_Piece(html=text) if kind == "text/html" else _Piece(text=_flowing(text, part))], []


def _file(part: Message, kind: str, name: str | None) -> list[MailFile]:
    if kind.startswith("message/") and part.is_multipart():
        content = _nested(part)
        ending = ".eml" if kind == "message/rfc822" else ".txt"
        inner = next(_children(part), None)
        subject = header_text(str(inner["subject"])) if inner is not None and inner["subject"] else "message"
        name = name or (UNSAFE.sub("_", subject)[: NAME_LENGTH - 4].strip(" .") or "message") + ending
    else:
        content = content_of(part)
    if not content and name is None:
        return []
    kind = kind if MIME.match(kind) else "application/octet-stream"
    found = (part.get("content-id") or "") if not isinstance(part.get("content-id"), list) else ""
    content_id = str(found).strip().strip("<>").strip() or None
    return [MailFile(name or f"file{mimetypes.guess_extension(kind) or '.bin'}", kind, content, content_id)]


def _nested(part: Message) -> bytes:
    """A message inside a message, as bytes."""
    pieces = []
    for child in _children(part):
        try:
            pieces.append(child.as_bytes())
        except (ValueError, LookupError, TypeError, AttributeError, KeyError, IndexError):
            pieces.append(content_of(child))
    return b"\n".join(pieces)


def _charset(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _flowing(text: str, part: Message) -> str:
    """Lines that a program broke for the journey, put together again (RFC 3676)."""
    try:
        flowed = str(part.get_param("format", "")).lower() == "flowed"
        spaces = str(part.get_param("delsp", "")).lower() == "yes"
    except (ValueError, LookupError, TypeError, AttributeError):
        return text
    if not flowed:
        return text
    lines: list[str] = []
    open_depth = -1
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        content = line[depth:].removeprefix(" ")
        if lines and depth == open_depth and content != "-- ":
            lines[-1] = (lines[-1][:-1] if spaces else lines[-1]) + content
        else:
            lines.append(f"{'>' * depth} {content}" if depth else content)
        open_depth = depth if content.endswith(" ") and content != "-- " else -1
    return "\n".join(line.rstrip() if line != "-- " else line for line in lines)


def _shortened(pieces: list[_Piece]) -> tuple[list[_Piece], list[MailFile]]:
    """Without what is too long to be read as a message; it is kept as a file."""
    kept, files = [], []
    for piece in pieces:
        if len(piece.html or "") > LARGEST_TEXT:
            files.append(MailFile("message.html", "text/html", (piece.html or "").encode()))
            piece = _Piece(text=piece.text)  # noqa: PLW2901  # what is left of it
        if len(piece.text or "") > LARGEST_TEXT:
            files.append(MailFile("message.txt", "text/plain", (piece.text or "").encode()))
            piece = _Piece(html=piece.html)  # noqa: PLW2901
        kept.append(piece)
    return kept, files


def _text(piece: _Piece) -> str:
    if piece.text is not None:
        return piece.text
    return text_of_html(piece.html) if piece.html else ""


def _html(piece: _Piece) -> str:
    if piece.html is not None:
        return piece.html
    return escape(piece.text or "", quote=False).replace("\n", "<br>\n")
