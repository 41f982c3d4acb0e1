"""Text out of bytes of any charset, named rightly, wrongly or not at all, and out of HTML."""

from __future__ import annotations

import codecs
import re
from email.errors import HeaderParseError
from email.header import decode_header
from typing import Final

from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

from pult.kit import html

# What mail programs call charsets that Python knows by other names, or that they do not mean.
ALIASES: Final = {
    "unicode-1-1-utf-7": "utf-7",
    "utf8mb4": "utf-8",
    "x-mac-cyrillic": "mac_cyrillic",
    "x-cp1251": "cp1251",
    "cp-1251": "cp1251",
    "win-1251": "cp1251",
    "windows1251": "cp1251",
    "x-windows-1251": "cp1251",
    "ansi": "cp1252",
    "koi8": "koi8-r",
    "koi8r": "koi8-r",
    "x-koi8-r": "koi8-r",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-8859-1": "cp1252",  # what says Latin-1 is mostly Windows' own superset of it, as browsers read it too
    "us-ascii": "utf-8",
    "ascii": "utf-8",
}
NOT_TEXT: Final = frozenset(
    {"hex", "base64", "bz2", "zlib", "uu", "rot13", "quopri", "idna", "punycode", "unicode_escape"}
)
SURROGATES: Final = re.compile("[\ud800-\udfff]")
CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
ENCODED_WORD: Final = re.compile(r"=\?[^?\s]+\?[bq]\?", re.IGNORECASE)
# How often a letter stands in a thousand letters of Russian.
FREQUENCY: Final = dict(
    zip(
        "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё",
        (
            110,
            85,
            80,
            74,
            67,
            63,
            55,
            47,
            45,
            44,
            35,
            32,
            30,
            28,
            26,
            20,
            19,
            17,
            17,
            16,
            16,
            14,
            12,
            10,
            9,
            7,
            6,
            5,
            4,
            3,
            3,
            1,
            1,
        ),
        strict=True,
    )
)
FOREIGN_WORD: Final = re.compile(r"[^\x00-\x7f]{3,}")
INNER_CAPITAL: Final = re.compile("[а-яё][А-ЯЁ]")
_PROFILE: Final = ParserConfig(css=CSS_PROFILES["relaxed"])


def decoded(content: bytes, charset: str | None) -> str:
    """The text, whatever it takes: the charset that is named where it fits, else the one that looks right."""
    name = (charset or "").strip().strip("\"'").lower()
    name = ALIASES.get(name, name)
    if name:
        try:
            if codecs.lookup(name).name.replace("-", "_") not in NOT_TEXT:
                return clean(content.decode(name))
        except (LookupError, UnicodeError, ValueError, TypeError, AssertionError):
            pass
    return clean(_guessed(content))


def clean(text: str) -> str:
    """With line feeds alone at line ends, and without what no database takes."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    return CONTROLS.sub("", SURROGATES.sub("\ufffd", text))


def header_text(raw: str) -> str:
    """A header field's value as a person reads it: unfolded, encoded words decoded, raw bytes too."""
    if SURROGATES.search(raw):
        raw = decoded(
            raw.encode("ascii", "surrogateescape") if _is_bytes(raw) else raw.encode("utf-8", "replace"), None
        )
    if ENCODED_WORD.search(raw):
        try:
            parts = decode_header(raw)
        except (HeaderParseError, ValueError, LookupError):
            parts = [(raw, None)]
        raw = "".join(part if isinstance(part, str) else decoded(part, charset) for part, charset in parts)
    return " ".join(clean(raw).split())


def text_of_html(source: str) -> str:
    """What a person reads in HTML."""
    try:
        text = get_text(source, _PROFILE)
    except Exception:  # noqa: BLE001  # whatever the parser stumbles over, the words are wanted
        text = html.text_of(html.clean(source))
    lines = [line.rstrip() for line in clean(text).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def _is_bytes(raw: str) -> bool:
    try:
        raw.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _guessed(content: bytes) -> str:
    """UTF-8 where it is; else what makes the better Russian of the two old charsets; else Western European."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    best = max(("cp1251", "koi8-r"), key=lambda name: _russian(content.decode(name, "replace")))
    if _russian(content.decode(best, "replace")) > 0:
        return content.decode(best, "replace")
    return content.decode("cp1252", "replace")


def _russian(text: str) -> float:
    """How usual the letters beyond ASCII are in Russian; 0 where few of them are Russian at all."""
    beyond = [letter for letter in text if ord(letter) > 127]
    usual = [FREQUENCY[letter.lower()] for letter in beyond if letter.lower() in FREQUENCY]
    in_words = sum(map(len, FOREIGN_WORD.findall(text)))  # elsewhere they are accents between Latin letters
    if len(usual) * 2 <= len(beyond) or in_words * 2 < len(beyond):
        return 0.0
    return max(sum(usual) / len(beyond) - 40 * len(INNER_CAPITAL.findall(text)), 0.1)
