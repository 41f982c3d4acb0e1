"""Which result columns of a statement may be null, said on the safe side.

PostgreSQL does not know this of a statement, and sqlc takes every cast and every function for not null, and forgets outer
joins of derived tables. So: a plain column is what the schema says unless an outer join stands between; an expression may be
null unless it is of a form that never is. `-- not null: name` in queries.sql is the author's word to the contrary.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Columns = Mapping[str, bool]  # column -> may it be null
    Tables = Mapping[str, Columns]

NEVER_NULL_CALLS = {
    *("array", "concat", "count", "exists", "gen_random_uuid", "nextval", "random"),
    *("row_number", "rank", "dense_rank"),
    *("now", "clock_timestamp", "statement_timestamp", "transaction_timestamp"),
    *("json_build_array", "json_build_object", "jsonb_build_array", "jsonb_build_object"),
    *("pg_try_advisory_lock", "pg_try_advisory_xact_lock"),
}
AGGREGATE = re.compile(
    r"\b(count|sum|min|max|avg|bool_or|bool_and|array_agg|jsonb?_agg|jsonb?_object_agg|string_agg)\s*\("
)
LITERAL = re.compile(r"-?\d+(\.\d+)?|true|false|'[^']*'")
PLAIN = re.compile(r"(?:(\w+)\.)?(\w+)")
PREDICATE = re.compile(r"[\w.]+ is (not )?(null|true|false)|[\w.$]+ is (not )?distinct from [\w.$]+|(\w+\.)?xmax = 0")
CAST = re.compile(r"\s*::\s*[a-z_][\w ]*(\(\d+(,\s*\d+)?\))?(\[\])*$")
CTE = re.compile(r"(\w+)(?:\s*\([^)]*\))? as (?:not materialized |materialized )?\(")
DERIVED = re.compile(r"(left (?:outer )?)?\b(?:from|join|using|,) ?(?:lateral )?\(")
SOURCE = re.compile(
    r"(left (?:outer )?)?\b(?:from|join|update|into|using) (?:only )?(?:lateral )?(\w+)\b(?! ?[.(])(?: (?:as )?(\w+))?"
)
LISTED = re.compile(r", ?(\w+)\b(?! ?[.(])(?: (?:as )?(\w+))?")
ALIAS = re.compile(r" ?(?:with ordinality )?(?:as )?(\w+)")
SET_OPERATIONS = {"union", "except", "intersect"}
RESULT_ENDS = {"from", "where", "order", "limit", "group", *SET_OPERATIONS}
FROM_ENDS = {"where", "order", "limit", "group", "having", "window", "offset", "for", "returning", *SET_OPERATIONS}
NOT_NAMES = {
    *("where", "join", "left", "inner", "cross", "natural", "on", "using", "lateral", "only", "values", "select"),
    *("set", "order", "group", "having", "window", "limit", "offset", "for", "of", "skip", "nowait"),
    *("returning", "union", "default"),
}


class Unsupported(Exception):
    """The statement is written in a way whose nulls cannot be told; the text says how to write it."""


def result_columns(sql: str, schema: Tables) -> list[tuple[str, bool]]:
    """The statement's result columns: name and whether it may be null. Raises Unsupported for right and full joins."""
    text = _masked(sql)
    if re.search(r"\b(right|full) (outer )?join\b", text):
        raise Unsupported("write right and full joins as left joins")
    return _columns(text, schema)


def never_null(expression: str) -> bool:
    """Whether the masked expression has a form that never yields null whatever its arguments."""
    expression = _unwrapped(expression)
    if LITERAL.fullmatch(expression) or PREDICATE.fullmatch(expression):
        return True
    expression = re.sub(r"^not (?=exists\b)", "", expression)
    if expression.startswith("select "):
        items = _result(expression)
        alone = len(items) == 1 and AGGREGATE.search(items[0]) and not re.search(r"\bgroup by\b", expression)
        return bool(alone) and never_null(_named(items[0])[1])
    call = re.match(r"(\w+) ?[(\[]", expression)
    if call is None:
        return False
    end = _closing(expression, call.end() - 1)
    rest = expression[end + 1 :].strip()
    if rest and not re.fullmatch(r"((filter|over) ?\(.*\) ?)+", rest):
        return False
    if call[1] == "coalesce":
        return any(never_null(argument) for argument in _split(expression[call.end() : end]))
    return call[1] in NEVER_NULL_CALLS


def _masked(sql: str) -> str:
    """In lower case and on one line, with the contents of strings blotted out."""
    blotted = re.sub(r"'(?:[^']|'')*'", lambda match: "'" + "_" * (len(match[0]) - 2) + "'", sql)
    return re.sub(r"\s+", " ", blotted).strip().lower()


def _columns(text: str, tables: Tables) -> list[tuple[str, bool]]:
    known = dict(tables)
    start = 0
    if text.startswith("with "):
        while match := CTE.search(text, start):
            end = _closing(text, match.end() - 1)
            known[match[1]] = dict(_columns(text[match.end() : end].strip(), known))
            start = end + 1
            if not text[start:].lstrip().startswith(","):
                break
    branches = [_branch(branch, known) for branch in _branches(text[start:].strip())]
    if len({len(branch) for branch in branches}) != 1:
        return [(name, True) for name, _ in branches[0]]
    return [(column[0][0], any(null for _, null in column)) for column in zip(*branches, strict=True)]


def _branch(text: str, tables: Tables) -> list[tuple[str, bool]]:
    sources = _sources(text, tables)
    return [(name, _may_be_null(expression, sources)) for name, expression in map(_named, _result(text))]


def _may_be_null(expression: str, sources: Tables) -> bool:
    bare = _unwrapped(expression)
    plain = PLAIN.fullmatch(bare)
    if plain is None or LITERAL.fullmatch(bare):
        return not never_null(bare)
    if plain[1]:
        return sources.get(plain[1], {}).get(plain[2], True)
    owners = [columns[plain[2]] for columns in sources.values() if plain[2] in columns]
    return owners != [False]


def _sources(text: str, tables: Tables) -> Tables:
    """What the names in front of the dots stand for; of an outer-joined source, everything may be null."""
    found: dict[str, Columns] = {}
    shallow = _shallow(text)
    if insertion := re.match(r"insert into (\w+)(?: as (\w+))?", shallow):
        return {insertion[2] or insertion[1]: tables.get(insertion[1], {})}
    for match in SOURCE.finditer(shallow):
        _add(found, match[2], match[3], match[1], tables)
    for begin, end in _from_regions(shallow):
        for match in LISTED.finditer(shallow, begin, end):
            _add(found, match[1], match[2], None, tables)
    for match in DERIVED.finditer(shallow):
        end = _closing(text, match.end() - 1)
        if (alias := ALIAS.match(text, end + 1)) and text[match.end() :].lstrip().startswith(
            ("select", "with", "values")
        ):
            columns = dict(_columns(text[match.end() : end].strip(), tables))
            found[alias[1]] = dict.fromkeys(columns, True) if match[1] else columns
    return found


def _add(found: dict[str, Columns], table: str, alias: str | None, outer: str | None, tables: Tables) -> None:
    if table in NOT_NAMES:
        return
    columns = tables.get(table, {})
    named = alias if alias and alias not in NOT_NAMES else table
    found[named] = dict.fromkeys(columns, True) if outer else columns


def _from_regions(shallow: str) -> Iterator[tuple[int, int]]:
    start: int | None = None
    for word, begin, end in _outermost_words(shallow):
        if word in {"from", "using"} and not shallow[:begin].endswith("distinct "):
            start = end
        elif word in FROM_ENDS and start is not None:
            yield start, begin
            start = None
    if start is not None:
        yield start, len(shallow)


def _result(text: str) -> list[str]:
    """The items of the outermost select list, or of the returning clause."""
    words = list(_outermost_words(text))
    if returning := [end for word, _, end in words if word == "returning"]:
        return _split(text[returning[-1] :])
    start = next((end for word, _, end in words if word == "select"), None)
    if start is None:
        return []
    stop = next(
        (b for w, b, _ in words if b > start and w in RESULT_ENDS and not text[:b].endswith("distinct ")), len(text)
    )
    return _split(re.sub(r"^ (distinct on \([^)]*\)|distinct\b|all\b)", "", text[start:stop]))


def _branches(text: str) -> list[str]:
    """The selects between union, except and intersect."""
    while text.startswith("(") and _closing(text, 0) == len(text) - 1:
        text = text[1:-1].strip()
    parts, start = [], 0
    for word, begin, end in _outermost_words(text):
        if word in SET_OPERATIONS:
            parts.append(text[start:begin].strip())
            start = end
    return [re.sub(r"^(all|distinct) ", "", part.strip()) for part in [*parts, text[start:]]]


def _outermost_words(text: str) -> Iterator[tuple[str, int, int]]:
    depth = 0
    for match in re.finditer(r"\w+|[()\[\]]", text):
        if match[0] in "([":
            depth += 1
        elif match[0] in ")]":
            depth -= 1
        elif depth == 0:
            yield match[0], match.start(), match.end()


def _shallow(text: str) -> str:
    """The text with everything inside parentheses blotted out; places stay."""
    characters, depth = [], 0
    for character in text:
        depth -= character == ")"
        characters.append(character if depth == 0 else "_")
        depth += character == "("
    return "".join(characters)


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for place, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    return [*parts, text[start:].strip()]


def _closing(text: str, opening: int) -> int:
    depth = 0
    for place in range(opening, len(text)):
        depth += (text[place] in "([") - (text[place] in ")]")
        if depth == 0:
            return place
    return len(text) - 1


def _named(item: str) -> tuple[str, str]:
    """A result item's name ("" where PostgreSQL would choose one) and its expression."""
    if match := re.fullmatch(r"(.*) as \"?(\w+)\"?", item):
        return match[2], match[1].strip()
    plain = PLAIN.fullmatch(_unwrapped(item))
    return (plain[2] if plain else ""), item


def _unwrapped(expression: str) -> str:
    """Without casts at its end and parentheses around it: neither makes a null or takes one away."""
    while True:
        shorter = CAST.sub("", expression.strip())
        if shorter.startswith("(") and _closing(shorter, 0) == len(shorter) - 1:
            shorter = shorter[1:-1]
        if shorter == expression:
            return expression
        expression = shorter
