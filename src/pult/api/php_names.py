"""Form pairs as PHP reads them: `a[]`, `a[0][b]`, percent escapes, and what repeated names mean.

The vendor's backend is PHP, so its clients spell arrays PHP's way. Each rule here was compared with PHP's own
`parse_str` (tests/wire/test_wire_in_php.py). Stricter than PHP in four places, where PHP drops or truncates without a
word: too many parameters, too deep names, NUL characters, text that is not in its character set.
"""

from __future__ import annotations

import re
from typing import Any

from pult.api.body_errors import BadBody

MOST_PARAMETERS = 1000  # PHP's max_input_vars
DEEPEST_NAME = 16

_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_ESCAPES = re.compile(rb"(?:%[0-9A-Fa-f]{2})+")  # in runs: a Cyrillic word is one; what is no escape stays as it is
_MANGLED = str.maketrans(" .", "__")


class _Array(dict[str, Any]):
    """A PHP array while it grows: ordered, with the number that `[]` takes next."""

    __slots__ = ("next_number",)

    def __init__(self) -> None:
        self.next_number: int | None = None

    def key(self, spelled: str | None) -> str:
        """The key that `spelled` means, None being `[]`; numbers move the counter on, as in PHP."""
        if spelled is None:
            spelled = str(self.next_number or 0)
        if spelled[-1:].isdecimal() and _WHOLE_NUMBER.fullmatch(spelled):
            number = int(spelled) + 1
            self.next_number = number if self.next_number is None else max(number, self.next_number)
        return spelled


class PhpPairs:
    """Collects name and value pairs in the order of a form.

    `values`: text, lists and dicts by top-level name, complete after `finish()`. `repeated`: every value of a plain name
    (one without brackets) that came more than once; PHP's curl spells a flat list so, while `values` has the last one.
    """

    def __init__(self, *, counted: int = 0) -> None:
        self.values: dict[str, Any] = {}
        self.repeated: dict[str, list[str]] = {}
        self.counted = counted
        self._arrays = False

    def add(self, name: str, value: str) -> None:
        """Take one pair; raises BadBody naming the parameter."""
        self.count_one()
        if "\0" in value or "\0" in name:
            name = top_level(name.replace("\0", ""))
            raise BadBody(f"{name}: contains a NUL character", parameter=name)
        if (
            value == "Array"
        ):  # what PHP's curl sends for a list within a list: the list itself is lost, so nothing was said
            return
        if "[" in name or "." in name or " " in name:
            name, keys = split_name(name)
            if keys:
                self._add_nested(name, keys, value)
                return
        if not name:
            return
        before = self.values.get(name)
        if isinstance(before, str):
            self.repeated.setdefault(name, [before]).append(value)
        self.values[name] = value

    def count_one(self) -> None:
        """Count a parameter (or a file) towards the limit."""
        self.counted += 1
        if self.counted > MOST_PARAMETERS:
            raise BadBody(f"The request has more than {MOST_PARAMETERS} parameters")

    def finish(self) -> None:
        """Turn arrays numbered 0, 1, 2 … in order into lists, the others into plain dicts."""
        if self._arrays:
            self.values = {name: _plain(value) for name, value in self.values.items()}

    def _add_nested(self, name: str, keys: list[str | None], value: str) -> None:
        if len(keys) > DEEPEST_NAME:
            raise BadBody(f"{name}: nested deeper than {DEEPEST_NAME} levels", parameter=name)
        self._arrays = True
        self.repeated.pop(name, None)
        node = self.values.get(name)
        if not isinstance(node, _Array):
            node = self.values[name] = _Array()
        for spelled in keys[:-1]:
            key = node.key(spelled)
            child = node.get(key)
            if not isinstance(child, _Array):
                child = node[key] = _Array()
            node = child
        node[node.key(keys[-1])] = value


def add_urlencoded(pairs: PhpPairs, raw: bytes, charset: str = "utf-8") -> None:
    """Add the pairs of a query string or an urlencoded body; raises BadBody naming the parameter."""
    # Before the split, since a body of mere ampersands would cost memory; empty pairs are otherwise free.
    if raw.count(b"&") > 2 * MOST_PARAMETERS:
        raise BadBody(f"The request has more than {MOST_PARAMETERS} parameters")
    for pair in raw.replace(b"+", b" ").split(b"&"):
        if pair:
            name, _, value = pair.partition(b"=")
            if b"%" in name:
                # Brackets first, they are quick to replace; no new escape can come of it.
                name = _unescape(name.replace(b"%5B", b"[").replace(b"%5D", b"]"))
            spelled = decode_name(name, charset)
            pairs.add(spelled, decode_value(spelled, _unescape(value), charset))


def decode_name(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset)
    except UnicodeDecodeError:
        shown = top_level(raw.decode(charset, "replace").replace("\0", ""))
        raise BadBody(f"{shown}: the parameter's name is not {charset} text", parameter=shown) from None


def decode_value(name: str, raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset)
    except UnicodeDecodeError:
        shown = top_level(name)
        raise BadBody(f"{shown}: is not {charset} text", parameter=shown) from None


def split_name(name: str) -> tuple[str, list[str | None]]:
    """`a[0][b][]` as ("a", ["0", "b", None]); a plain name as (name, []).

    PHP's habits: blanks before the name are dropped, blanks and dots in it become `_`; an array's key runs to the first
    `]`, whatever follows a `]` without opening another bracket is dropped; a first bracket that is never closed is `_`.
    """
    name = name.lstrip(" ")
    base, bracket, rest = name.partition("[")
    if not bracket or "]" not in rest:
        return name.replace("[", "_", 1).translate(_MANGLED), []
    keys: list[str | None] = []
    while "]" in rest:
        key, _, rest = rest.partition("]")
        keys.append(None if key in {"", " "} else key)
        if not rest.startswith("["):
            break
        rest = rest[1:]
    return base.translate(_MANGLED), keys if base else []


def top_level(name: str) -> str:
    """The documented parameter that a spelled name belongs to: `lists` for `lists[0][id]`."""
    return split_name(name)[0]


def _unescape(raw: bytes) -> bytes:
    return _ESCAPES.sub(_run_of_bytes, raw) if b"%" in raw else raw


def _run_of_bytes(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[0].replace(b"%", b"").decode("ascii"))


def _plain(value: Any) -> Any:
    if not isinstance(value, _Array):
        return value
    if all(key == str(number) for number, key in enumerate(value)):
        return [_plain(item) for item in value.values()]
    return {key: _plain(item) for key, item in value.items()}
