"""Messages as HTML: made harmless at the entrance, read as text for the search, looked through for mentioned people."""

from __future__ import annotations

import re
from html import unescape

import nh3


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


TAGS = _names(
    "p br div span b strong i em u s del ins sub sup small mark a img ul ol li dl dt dd table caption colgroup col thead"
    " tbody tfoot tr th td blockquote pre code kbd samp hr h1 h2 h3 h4 h5 h6 center abbr q"
)
# What stands inside these is no message: it goes together with the element. Of everything else the text stays.
DROPPED_WITH_CONTENT = _names(
    "script style svg math template title iframe object embed applet audio video canvas noscript noembed noframes xmp"
    " plaintext textarea select"
)
MAIL_PICTURE = re.compile(r"cid:[\w.@$%+!=-]{1,300}\Z", re.IGNORECASE)  # a file of the same message
STYLED = frozenset({"color", "background-color", "text-align", "font-weight", "font-style", "text-decoration"})
PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*\Z", re.IGNORECASE)

# Text like "Dana <dana@example.com>" or "<https://example.com/1>" is no tag, although it looks like one to a parser.
BRACKETED_TEXT = re.compile(r"<(?=(?:mailto:)?[^\s<>@\"'=]{1,64}@[^\s<>\"'=]{1,255}>|https?://[^\s<>]{1,2000}>)")
# The rest of HTML's elements: not kept, but a message with one of them is HTML and no text.
OTHER_TAGS = _names(
    "html head body meta link base font big tt strike nav main section article aside header footer figure figcaption"
    " address form input button label option fieldset legend details summary dialog frame frameset marquee map area"
    " picture source image isindex bdo bdi time data var cite dfn ruby rt rp wbr slot menu param keygen nobr blink"
)
KNOWN_TAGS = TAGS | DROPPED_WITH_CONTENT | OTHER_TAGS
TAG_NAME = re.compile(r"<(/?[a-z][\w:.-]*(?=[\s/>]|\Z)|!--|!doctype\b|!\[cdata\[|\?)", re.IGNORECASE)
UNNESTED = _names("br hr img col p li dd dt tr td th meta link base input wbr param source area")
MAX_DEPTH = 500  # a browser flattens what is deeper, and parsing costs the square of the depth
BARE_AMPERSAND = re.compile(r"&(?!(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});)", re.IGNORECASE)

# One tag, wherever a quoted ">" stands; it takes what it has seen even when unclosed, so that the search stays linear.
TAG = re.compile(r"<[a-zA-Z/!?](?:[^>\"']++|\"[^\"]*\"|'[^']*')*+>?")
LINE_END = re.compile(
    r"<(?:br|hr|/p|/div|/h[1-6]|/li|/dt|/dd|/tr|/caption|/table|/ul|/ol|/dl|/blockquote|/pre|/center)\b[^>]*>",
    re.IGNORECASE,
)
CELL_END = re.compile(r"</t[dh]\s*>", re.IGNORECASE)
SPACE_AT_LINE_ENDS = re.compile(r"[ \t\r\xa0]*\n[ \t\r\xa0]*")
EMPTY_LINES = re.compile(r"\n{3,}")
LINK = re.compile(r"<a\s(?:[^>]*\s)?href=\"([^\"]*)\"[^>]*>(.*?)</a>", re.DOTALL)
MENTION = re.compile(r"\[~([^\s\[\]<>@]{1,64}@[^\s\[\]<>@]{1,255})\]")


def _attribute(tag: str, name: str, value: str) -> str | None:
    """nh3 lets the schemes `data` and `cid` pass everywhere; only pictures may use them, `data` only in formats without script."""
    if name in {"href", "src"} and value.lstrip().lower().startswith(("data:", "cid:")):
        picture = PICTURE.match(value.strip()) or MAIL_PICTURE.match(value.strip())
        return value if tag == "img" and name == "src" and picture else None
    return value


_CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    clean_content_tags=set(DROPPED_WITH_CONTENT),
    attributes={
        "*": {"style", "dir", "lang"},
        "a": {"href", "title"},
        "img": {"src", "alt", "title", "width", "height"},
        "ol": {"start", "type"},
        "li": {"value"},
        "col": {"span"},
        "colgroup": {"span"},
        "table": {"border", "cellpadding", "cellspacing", "width"},
        "td": {"colspan", "rowspan", "align", "valign"},
        "th": {"colspan", "rowspan", "align", "valign", "scope"},
        "abbr": {"title"},
    },
    tag_attribute_values={"a": {"target": {"_blank"}}},
    attribute_filter=_attribute,
    filter_style_properties=set(STYLED),
    url_schemes={"http", "https", "mailto", "tel", "data", "cid"},
    url_relative="deny",  # a relative address would lead into the desk itself
    link_rel="noopener noreferrer nofollow",
)


def clean(message: str) -> str:
    """`message` as HTML that is safe to show: ordinary markup stays; scripts, forms, frames and what may hold them go.

    A message without any tag is text: every character of it stays, `<`, `>` and a lone `&` as entities.
    """
    if "<" not in message and "&" not in message and ">" not in message:
        return message
    message = BRACKETED_TEXT.sub("&lt;", message)
    names = [name.lower() for name in TAG_NAME.findall(message)]
    if any(name[0] in "!?" or ":" in name or name.lstrip("/") in KNOWN_TAGS for name in names):
        if _depth(names) <= MAX_DEPTH:
            return _CLEANER.clean(message)
        message = text_of(message)
    return BARE_AMPERSAND.sub("&amp;", message).replace("<", "&lt;").replace(">", "&gt;")


def _depth(names: list[str]) -> int:
    """How deep the elements stand in one another at most; elements that close by themselves are not counted."""
    if len(names) <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for name in names:
        if name.startswith("/"):
            depth -= depth > 0 and name[1:] not in UNNESTED
        elif name not in UNNESTED:
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def text_of(html: str) -> str:
    """What a person reads in `html`, without markup: entities resolved, one line for each block and `<br>`.

    Meant for what `clean` returned: of anything else the scripts and comments would be read aloud too.
    """
    if "<" in html:
        html = TAG.sub("", CELL_END.sub("\t", LINE_END.sub("\n", html)))
    if "&" in html:
        html = unescape(html)
    if "\n" in html:
        html = EMPTY_LINES.sub("\n\n", SPACE_AT_LINE_ENDS.sub("\n", html))
    return html.strip()


def plain_text(html: str) -> str:
    """The same for a reader who cannot click: the address of a link stands behind its text. For what `clean` returned."""
    return text_of(LINK.sub(_with_address, html)) if "<a " in html else text_of(html)


def _with_address(link: re.Match[str]) -> str:
    address, text = link[1].removeprefix("mailto:"), link[2]
    return text if text_of(text) in {unescape(address), ""} and text else f"{text} ({address})" if text else address


def mentions(message: str) -> list[str]:
    """The e-mail addresses in `[~anna@example.com]`, lower case, in order of appearance, each once."""
    if "[~" not in message:
        return []
    text = unescape(TAG.sub("", message))
    return list(dict.fromkeys(found.lower() for found in MENTION.findall(text)))
