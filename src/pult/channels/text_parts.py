"""A long text in several messages, cut where it hurts least."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

BETWEEN: Final = ("\n\n", "\n", ". ", "! ", "? ", " ")  # paragraphs, lines, sentences, words


def text_parts(text: str, limit: int, size: Callable[[str], int] = len) -> list[str]:
    """The text in pieces of at most `limit` each, as `size` measures; white space at the cuts is dropped.

    The same text always gives the same pieces: whoever goes on after a failure counts on it. No piece is empty.
    """
    parts = []
    rest = text.strip()
    while rest:
        end = _fitting(rest, limit, size)
        if end < len(rest):
            end = _cut(rest, end)
        parts.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return parts


def utf16_units(text: str) -> int:
    """The length as Telegram and others count it: an emoji is two."""
    return len(text) + sum(character > "\uffff" for character in text)


def _fitting(text: str, limit: int, size: Callable[[str], int]) -> int:
    """How many characters of the text fit; at least one, so that there is an end."""
    fits, tried = 1, min(len(text), limit)
    if size(text[:tried]) <= limit:
        return tried
    while tried - fits > 1:
        middle = (fits + tried) // 2
        if size(text[:middle]) <= limit:
            fits = middle
        else:
            tried = middle
    return fits


def _cut(text: str, end: int) -> int:
    """The best place in the second half of what fits."""
    for separator in BETWEEN:
        found = text.rfind(separator, end // 2, end + 1)
        if found > 0:
            return found + len(separator.rstrip(" "))
    return end
