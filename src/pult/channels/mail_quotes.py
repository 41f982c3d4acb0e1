"""What of a message is new, and what only repeats the message that it answers: the ways in which programs say it.

Our own rules, Russian and English, for the text; markup says it better where there is any (pult.channels.mail_quotes_html).
A forwarded message is no quotation: it is what its sender wanted to show.
"""

from __future__ import annotations

import re
from typing import Final

MOST_LINES: Final = 4  # that an attribution may be broken into
LONGEST: Final = 500  # characters of an attribution

_ADDRESS = r"[^\s<>@]+@[^\s<>@]+"
_MONTH = r"(?:янв|фев|мар|апр|ма[йя]|июн|июл|авг|сен|окт|ноя|дек|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\w*\.?"
_DAY = (
    r"(?:пн|вт|ср|чт|пт|сб|вс|понедельник|вторник|среда|четверг|пятница|суббота|воскресенье"
    r"|mon|tue|wed|thu|fri|sat|sun)\w*\.?"
)
_DATE = (
    rf"(?:\d{{1,2}}[ .](?:{_MONTH}|\d{{1,2}})[ .,]*\d{{2,4}}|{_MONTH}\s+\d{{1,2}},?\s+\d{{4}}"
    r"|\d{4}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/\d{2,4})"
)
_TIME = r"\d{1,2}[:.]\d{2}(?::\d{2})?(?:\s?[ap]\.?m\.?)?"

_WROTE = r"(?:wrote|writes|schrieb|пишет|писал\w*|написал\w*)(?:\(а\))?"
_WHO = rf"(?:<{_ADDRESS}>|\"[^\"]+\"|\b(?:от|от кого|пользователь|from)\s)"

# Each matches a whole attribution whose lines were joined by single spaces.
ATTRIBUTIONS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"On\s(?=.*\d).{6,250}\s?wrote:",
        rf".{{1,200}}<{_ADDRESS}>,?\s+{_WROTE}\s?:",
        rf"(?:{_DAY},?\s+)?(?:в\s+)?{_DATE}.{{0,12}}\b{_TIME}.{{0,120}}{_WHO}.{{0,200}}:",
        rf"(?:{_DAY},?\s+)?(?:в\s+)?{_DATE}.{{0,12}}\b{_TIME}.{{1,150}}\s{_WROTE}\s?:",
        rf".{{1,100}}\s{_WROTE},?\s.{{0,20}}{_DATE}.{{0,12}}\b{_TIME}.{{0,20}}:",
        r"(?:В письме от|In a message dated|В сообщении от)\s.{5,250}:",
    )
)
DIVIDERS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"-{2,}\s*(?:Original Message|Original Appointment|Исходное сообщение|Оригинальное сообщение|Исходное письмо)\s*-{2,}",
        r"-{2,}\s*(?:Ursprüngliche Nachricht|Message d'origine)\s*-{2,}",
        r"-{3,}\s*Reply above this line.*|#{2,}-?\s*(?:Please type your reply above|Пишите ответ выше).*",
    )
)
FORWARDED: Final = re.compile(
    r"(?:-{2,}\s*)?(?:Forwarded message|Forwarded by\b.*|Begin forwarded message|Пересылаемое сообщение|Пересланное сообщение"
    r"|Перенаправленное сообщение|Пересылаемое письмо|Начало переадресованного сообщения|Начало пересылаемого сообщения)"
    r"\s*(?::|-{2,}.*)?",
    re.IGNORECASE,
)
HEADING: Final = re.compile(r"\*?(?:From|От|От кого|Von)\s?:\*?\s*\S.*", re.IGNORECASE)
SENT: Final = re.compile(r"\*?(?:Sent|Date|Отправлено|Дата|Gesendet)\s?:\*?\s*\S.*", re.IGNORECASE)
ABOUT: Final = re.compile(r"\*?(?:To|Subject|Кому|Тема|Cc|Копия|An|Betreff)\s?:\*?.*", re.IGNORECASE)
RULER: Final = re.compile(r"[_\-=]{5,}\s*")
BEFORE: Final = re.compile(r"(?:Sent from my \w+.*|Отправлено с (?:моего )?\w+.*|Get Outlook for \w+.*)", re.IGNORECASE)


def fold(text: str) -> tuple[str, str]:
    """What is new, and the quotation at the end ("" where there is none, or where nothing but a quotation would be left)."""
    lines = text.split("\n")
    start = _start(lines)
    if start is None:
        return text, ""
    new = "\n".join(lines[:start]).rstrip()
    return (new, "\n".join(lines[start:]).strip("\n")) if new.strip() else (text, "")


def is_attribution(text: str) -> bool:
    """Whether this is such a line as programs put above what they quote."""
    joined = " ".join(text.split())
    if not 8 <= len(joined) <= LONGEST:
        return False
    return any(one.fullmatch(joined) for one in (*ATTRIBUTIONS, *DIVIDERS))


def is_forwarded(text: str) -> bool:
    """Whether this is the line above a forwarded message."""
    return FORWARDED.fullmatch(" ".join(text.split())) is not None


def begins_forwarded(text: str) -> bool:
    """Whether a text begins with a forwarded message, not with a quotation."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    return is_forwarded(first)


def is_heading(lines: list[str]) -> bool:
    """Whether these lines begin with Outlook's heading of a quoted message: From, Sent, To, Subject."""
    found = [line.strip() for line in lines[:8] if line.strip()][:5]
    if not found or not HEADING.fullmatch(found[0]):
        return False
    return any(SENT.fullmatch(line) for line in found[1:4]) and any(ABOUT.fullmatch(line) for line in found[1:5])


def _start(lines: list[str]) -> int | None:
    """The line from which on everything is quoted."""
    for number, line in enumerate(lines):
        stripped = line.strip()
        if not stripped:
            continue
        if is_forwarded(stripped):
            return None
        if is_heading(lines[number:]):
            return _with_ruler(lines, number)
        if any(one.fullmatch(stripped) for one in DIVIDERS):
            return number
        if stripped.startswith(">"):
            if _all_quoted(lines[number:]):
                return number
            continue
        length = _attribution_at(lines, number)
        if length and _quotes_on(lines[number + length :]):
            return number
    return None


def _attribution_at(lines: list[str], number: int) -> int:
    """How many lines the attribution that begins here has; 0 for none. It may stand inside the quotation signs."""
    joined = ""
    for length in range(1, MOST_LINES + 1):
        if number + length > len(lines):
            break
        line = lines[number + length - 1].strip()
        if not line:
            break
        joined = f"{joined} {line}".strip()
        if joined.endswith(":") and is_attribution(joined):
            shorter = length > 1 and _attribution_at(
                lines, number + 1
            )  # then this line is what somebody wrote above it
            return 0 if shorter else length
    return 0


def _quotes_on(rest: list[str]) -> bool:
    """Whether what stands below an attribution is a quotation to its end: all marked, or none of it is."""
    filled = [line for line in rest if line.strip()]
    if not filled:
        return False
    if not filled[0].lstrip().startswith(">"):
        return True
    return _all_quoted(rest)


def _all_quoted(lines: list[str]) -> bool:
    """Whether only quoted lines follow, and perhaps a signature."""
    for number, line in enumerate(lines):
        stripped = line.strip()
        if stripped in {"--", "-- "}:
            return len(lines) - number <= 12  # a signature, no answer written below
        if stripped and not stripped.startswith(">") and not BEFORE.fullmatch(stripped):
            return False
    return True


def _with_ruler(lines: list[str], number: int) -> int:
    """The line above a heading may be drawn."""
    above = number - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    return above if above >= 0 and RULER.fullmatch(lines[above].strip()) else number
