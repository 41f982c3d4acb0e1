"""The headers of one part of a multipart body, in every spelling that browsers, curl, .NET and Python give them."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "windows-1251": "windows-1251",
    "cp1251": "windows-1251",
    "iso-8859-1": "iso-8859-1",
    "latin1": "iso-8859-1",
    "latin-1": "iso-8859-1",
}
"""Character sets that a client may declare, by every name they go by, and our name for each."""

LONGEST_FILE_NAME = 255
ANY_TYPE = "application/octet-stream"

# A quoted value that is never closed runs to the end, so that no ";" in it is taken for a parameter.
_PARAMETER = re.compile(r""";\s*([^\s=;"]+)\s*=\s*(?:"((?:\\.?|[^"\\])*)(?:"|\Z)|([^;]*))""", re.DOTALL)
_PLAIN_FIELD = re.compile(rb'form-data; name="([^"\\]*)"')  # what nearly every part says, read at once
_ESCAPE = re.compile(r'\\(["\\])')
_MEDIA_TYPE = re.compile(r"\s*([A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127})\s*(?:;|$)")
# Control characters, line separators, and the marks that make a name read backwards ("exe.fdp" for "pdf.exe").
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class Disposition(NamedTuple):
    """A part's Content-Disposition: the field's name, and the file's name where the part is a file ("" is possible)."""

    name: bytes
    file_name: str | None


def parameters(header: str) -> dict[str, str]:
    """The `; name=value` parameters by lower-case name, unquoted; of a repeated one the first counts, as in PHP."""
    found: dict[str, str] = {}
    for name, quoted, bare in _PARAMETER.findall(header):
        found.setdefault(name.lower(), _ESCAPE.sub(r"\1", quoted) if quoted else bare.strip())
    return found


def media_type(header: str) -> str:
    """`text/plain` of `Text/Plain; charset=utf-8`; application/octet-stream where nothing sensible is said."""
    match = _MEDIA_TYPE.match(header)
    return match[1].lower() if match else ANY_TYPE


def disposition(raw: bytes) -> Disposition:
    """Read a Content-Disposition header of any bytes."""
    if plain := _PLAIN_FIELD.fullmatch(raw):
        return Disposition(plain[1], None)
    # Latin-1 keeps the bytes apart and gives them back: the name's character set is the body's, the file name's is guessed.
    found = parameters(raw.decode("latin-1"))
    file_name = _extended(found.get("filename*", ""))
    if file_name is None and "filename" in found:
        file_name = _guess(found["filename"].encode("latin-1")).replace("%22", '"')  # WHATWG writes a quote so
    return Disposition(
        found.get("name", "").encode("latin-1"), None if file_name is None else clean_file_name(file_name)
    )


def clean_file_name(name: str) -> str:
    """The last path component (PHP's curl sends the whole local path), printable, at most 255 characters; may be ""."""
    name = _UNSEEN.sub("", name.replace("\\", "/").rpartition("/")[2]).strip()
    if name in {".", ".."}:
        return ""
    if len(name) > LONGEST_FILE_NAME:
        stem, dot, ending = name.rpartition(".")
        tail = dot + ending if stem and len(ending) <= 20 else ""
        name = name[: LONGEST_FILE_NAME - len(tail)] + tail
    return name


def _extended(value: str) -> str | None:
    """RFC 5987, `UTF-8''%D0%A4.txt`: old urllib3 sends nothing else for a Cyrillic name, .NET sends it beside the plain one."""
    charset, _, rest = value.partition("'")
    _, quote, text = rest.partition("'")
    known = CHARSETS.get(charset.lower())
    return unquote_to_bytes(text).decode(known, "replace") if quote and known else None


def _guess(raw: bytes) -> str:
    """File names are UTF-8; where they are not, they come from a Russian Windows. A name is never worth an error."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("windows-1251", "replace")
