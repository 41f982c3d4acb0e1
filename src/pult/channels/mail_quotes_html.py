"""The quotation at the end of a message in HTML: by the marks that mail programs leave, then by the words above it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import lxml.html
from lxml.etree import LxmlError

from pult.channels.mail_quotes import begins_forwarded, is_attribution, is_forwarded, is_heading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lxml.html import HtmlElement

DEEPEST: Final = 400  # elements in one another; a parser of what is deeper takes its time
CLASSES: Final = frozenset(
    {
        "gmail_quote",
        "gmail_quote_container",
        "gmail_extra",
        "moz-cite-prefix",
        "yahoo_quoted",
        "protonmail_quote",
        "zmail_extra",
        "OutlookMessageHeader",
        "mail-quote-collapse",
        "wmi-quote",
        "tutanota_quote",
    }
)
# From here on everything is the older message, whatever stands around it.
FROM_HERE: Final = frozenset(
    {"divRplyFwdMsg", "appendonsend", "mail-editor-reference-message-container", "stopSpelling", "reply-intro", "zwchr"}
)
DIVIDED: Final = re.compile(r"border:\s*none;\s*border-top:\s*solid\s+#?(?:E1E1E1|B5C4DF|b5c4df|e1e1e1)", re.IGNORECASE)
BLOCKS: Final = frozenset({"div", "p", "blockquote", "td", "span", "pre", "font", "li"})
TEXT_MOST: Final = 600  # characters of an element that may be an attribution


def fold_html(html: str) -> str | None:
    """The message without the quotation at its end; None where it has none, or nothing else."""
    root = _parsed(html)
    if root is None:
        return None
    mark = _mark(root)
    if mark is None or _text(mark).strip() == _text(root).strip():
        return None
    if begins_forwarded(_lines(mark)) or any(is_forwarded(line) for line in _before(root, mark)):
        return None
    _cut(root, mark)
    if not _text(root).strip() and not root.xpath(".//img"):
        return None
    return _inner(root)


def _parsed(html: str) -> HtmlElement | None:
    depth = deepest = 0
    for tag in re.finditer(r"<(/?)(?:div|blockquote|table|tr|td|span|font|b|i|ul|ol|li|p)\b", html, re.IGNORECASE):
        depth += -1 if tag[1] else 1
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        return None
    try:
        return lxml.html.fragment_fromstring(_body(html), create_parent="div")
    except (LxmlError, ValueError, AssertionError):
        return None


def _body(html: str) -> str:
    """What stands inside <body>; a declaration would make the parser think of bytes."""
    html = re.sub(r"<\?xml[^>]*\?>|<!doctype[^>]*>", "", html, flags=re.IGNORECASE)
    found = re.search(r"<body\b[^>]*>(.*?)(?:</body\s*>|\Z)", html, re.IGNORECASE | re.DOTALL)
    return found[1] if found else html


def _mark(root: HtmlElement) -> HtmlElement | None:
    """The element with which the quotation begins."""
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        if element.get("id", "").removeprefix("x_") in FROM_HERE:
            return element
        if DIVIDED.search(element.get("style", "")) and is_heading(_lines(element).split("\n")):
            return element
        if CLASSES & {one.removeprefix("x_") for one in element.get("class", "").split()} and _last(root, element):
            return element
        if element.tag == "blockquote" and _last(root, element) and _quoting(element):
            return _attributed(root, element)
        if element.tag in BLOCKS and _says_so(element) and _announces(root, element):
            return element
    return None


def _quoting(element: HtmlElement) -> bool:
    """Whether a block quotation quotes a message, not a poem: it says so, or there is an attribution above or in it."""
    if element.get("type") == "cite" or element.get("cite"):
        return True
    inside = [line.strip() for line in _lines(element).split("\n") if line.strip()]
    return is_attribution(_above(element)) or any(is_attribution(line) for line in inside[:1])


def _attributed(root: HtmlElement, quote: HtmlElement) -> HtmlElement:
    """The attribution above a quotation is part of it."""
    previous = quote.getprevious()
    while previous is not None and not _text(previous).strip():
        previous = previous.getprevious()
    if previous is not None and previous is not root and is_attribution(_text(previous)):
        return previous
    return quote


def _says_so(element: HtmlElement) -> bool:
    """Whether the element is nothing but an attribution, a divider or Outlook's heading."""
    if not _is_short(element) or ":" not in (text := _text(element)):
        return False
    return is_attribution(text) or is_heading(_lines(element).split("\n"))


def _is_short(element: HtmlElement) -> bool:
    length = 0
    for text in element.itertext():
        length += len(text)
        if length > TEXT_MOST:
            return False
    return True


def _announces(root: HtmlElement, element: HtmlElement) -> bool:
    """Whether what follows the element to the end is what it announces: nobody wrote an answer below the quotation."""
    if _last(root, element):
        return False
    quote = next(iter(element.xpath("following::blockquote")), None)
    return quote is None or _last(root, quote)


def _last(root: HtmlElement, element: HtmlElement) -> bool:
    """Whether nothing but white space or a signature follows the element."""
    return not any(text.strip() for text in _following(root, element))


def _following(root: HtmlElement, element: HtmlElement) -> Iterator[str]:
    """The texts after an element, in the order in which they are read, up to a signature."""
    found: HtmlElement | None = element
    while found is not None and found is not root:
        if found.tail:
            yield found.tail
        for sibling in found.itersiblings():
            if isinstance(sibling.tag, str):  # a comment has no text to be read
                if "signature" in sibling.get("class", ""):
                    return
                yield from sibling.itertext()
            if sibling.tail:
                yield sibling.tail
        found = found.getparent()


def _before(root: HtmlElement, mark: HtmlElement) -> Iterator[str]:
    """The lines of what is new."""
    for element in root.iter():
        if element is mark:
            return
        if isinstance(element.tag, str) and element.tag in BLOCKS and _is_short(element):
            yield _text(element)


def _cut(root: HtmlElement, mark: HtmlElement) -> None:
    """Take the mark away and everything after it."""
    found: HtmlElement | None = mark
    while found is not None and found is not root:
        parent = found.getparent()
        if parent is None:
            return
        for sibling in list(found.itersiblings()):
            parent.remove(sibling)
        found.tail = None
        if found is mark:
            _drop(parent, found)
        found = parent


def _drop(parent: HtmlElement, element: HtmlElement) -> None:
    element.tail = None
    parent.remove(element)


def _above(element: HtmlElement) -> str:
    """The words directly above an element: its elder sibling's, or the text before it."""
    previous = element.getprevious()
    while previous is not None and not (_text(previous) + (previous.tail or "")).strip():
        previous = previous.getprevious()
    if previous is None:
        parent = element.getparent()
        return (parent.text or "") if parent is not None else ""
    return previous.tail if previous.tail and previous.tail.strip() else _text(previous)


def _text(element: HtmlElement) -> str:
    return "".join(element.itertext()).replace("\xa0", " ") if isinstance(element.tag, str) else ""


def _lines(element: HtmlElement) -> str:
    """An element's text with a line for each block and line break."""
    pieces: list[str] = []

    def walk(one: HtmlElement) -> None:
        if not isinstance(one.tag, str):
            return
        if one.tag in {"br", "div", "p", "tr", "blockquote", "hr", "li", "table"}:
            pieces.append("\n")
        pieces.append(" ".join((one.text or "").split()) + " " if one.text else "")
        for child in one:
            walk(child)
            pieces.append(" ".join((child.tail or "").split()) + " " if child.tail else "")

    walk(element)
    return "".join(pieces).replace("\xa0", " ").strip()


def _inner(root: HtmlElement) -> str:
    """The markup inside the element that was put around it all."""
    whole: str = lxml.html.tostring(root, encoding="unicode")
    return whole[whole.index(">") + 1 : whole.rindex("</")].strip()
