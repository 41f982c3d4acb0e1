#!/usr/bin/env python3
"""The process plugin that sqlc calls: analysed queries as JSON in, one store.py of typed functions out.

What it makes of a query is described in docs/adr/0002-plain-sql-checked-by-sqlc.md and shown by tests/tools/test_generate.py.
"""

from __future__ import annotations

import base64
import json
import keyword
import re
import sys
from dataclasses import dataclass
from typing import Any

import sql_nulls

PYTHON_TYPES = {
    **dict.fromkeys(["int2", "int4", "int8", "smallint", "integer", "bigint", "oid"], "int"),
    **dict.fromkeys(["text", "varchar", "bpchar", "name", "json", "jsonb", "tsvector", "tsquery"], "str"),
    **dict.fromkeys(["float4", "float8", "real", "double precision"], "float"),
    **dict.fromkeys(["bool", "boolean"], "bool"),
    **dict.fromkeys(["timestamptz", "timestamp with time zone", "timestamp"], "datetime"),
    "bytea": "bytes",
    "interval": "timedelta",
    "date": "date",
    "numeric": "Decimal",
    "uuid": "UUID",
}
IMPORTS = {
    "from datetime import {}": ["date", "datetime", "timedelta"],
    "from decimal import {}": ["Decimal"],
    "from uuid import {}": ["UUID"],
}
WRITES = re.compile(
    r"\b(insert\s+into|update|delete\s+from|merge\s+into|for\s+(no\s+key\s+)?(update|share|key\s+share))\b",
    re.IGNORECASE,
)
STRING_OR_COMMENT = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)

Json = dict[str, Any]


class BadQuery(Exception):
    """A query that cannot become a function; the text names it and says what to write instead."""


@dataclass(frozen=True, slots=True)
class Notes:
    """What the comment lines between a query's name and its text say."""

    doc: str
    row: str | None
    null: frozenset[str]
    not_null: frozenset[str]
    null_inside: frozenset[str]
    writes: bool


@dataclass(frozen=True, slots=True)
class Value:
    """A parameter or a result column: its name and its Python type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Query:
    name: str
    command: str
    text: str
    notes: Notes
    columns: list[Value]
    parameters: list[Value]

    @property
    def row(self) -> str:
        return self.notes.row or "".join(word.title() for word in self.name.split("_")) + "Row"

    @property
    def result(self) -> str:
        """The type of one row: a struct, or the bare value where there is one column."""
        return self.columns[0].type if len(self.columns) == 1 else self.row


def render(request: Json) -> str:
    """The module's text. Raises BadQuery."""
    options = json.loads(base64.b64decode(request.get("plugin_options") or "") or "{}")
    columns = _schema(request["catalog"])
    queries = [_query(raw, columns, options.get(raw["name"], {})) for raw in request["queries"]]
    body = _structs(queries) + [line for query in queries for line in _function(query)]
    return "\n".join(_head(queries, "\n".join(body)) + body) + "\n"


def _schema(catalog: Json) -> sql_nulls.Tables:
    return {
        table["rel"]["name"]: {column["name"]: not column.get("not_null") for column in table["columns"]}
        for schema in catalog["schemas"]
        if schema["name"] == catalog["default_schema"]
        for table in schema.get("tables", [])
    }


def _query(raw: Json, schema: sql_nulls.Tables, told: Json) -> Query:
    """`told`: what tools/generate.py read of the query before sqlc did: its command and its nullable parameters."""
    name = raw["name"]
    notes = _notes(raw.get("comments", []))
    text = STRING_OR_COMMENT.sub(lambda match: match[0] if match[0].startswith("'") else "", raw["text"])
    text = "\n".join(line.rstrip() for line in text.splitlines() if line.strip())
    try:
        columns = _columns(raw, text, schema, notes)
        parameters = [
            _parameter(one, notes, told.get("nullable", []))
            for one in sorted(raw.get("params", []), key=lambda one: one["number"])
        ]
    except (BadQuery, sql_nulls.Unsupported) as error:
        raise BadQuery(f"{name}: {error}") from None
    for kind, found in (("result column", columns), ("parameter", parameters)):
        names = [value.name for value in found]
        if double := {one for one in names if names.count(one) > 1}:
            raise BadQuery(f"{name}: two {kind}s are named {', '.join(sorted(double))}; name them apart (as, sqlc.arg)")
    if unknown := (notes.null | notes.not_null) - {column.name for column in columns}:
        raise BadQuery(f"{name}: a null note names no result column: {', '.join(sorted(unknown))}")
    if raw["cmd"] in {":one", ":many"} and not columns:
        raise BadQuery(f"{name}: returns nothing, so it is :exec or :execrows")
    return Query(name, str(told.get("command", raw["cmd"])), text, notes, columns, parameters)


def _notes(comments: list[str]) -> Notes:
    found: dict[str, str] = {}
    doc = []
    for line in (comment.strip() for comment in comments):
        if note := re.fullmatch(r"(row|null|not null|null inside): *(.+)", line):
            found[note[1]] = note[2]
        elif line == "writes":
            found["writes"] = line
        else:
            doc.append(line)
    names = {
        key: frozenset(re.split(r"\s*,\s*", found.get(key, ""))) - {""} for key in ("null", "not null", "null inside")
    }
    return Notes(
        doc="\n".join(doc).strip(),
        row=found.get("row"),
        null=names["null"],
        not_null=names["not null"],
        null_inside=names["null inside"],
        writes="writes" in found,
    )


def _columns(raw: Json, text: str, schema: sql_nulls.Tables, notes: Notes) -> list[Value]:
    found = raw.get("columns", [])
    nulls = [null for _, null in sql_nulls.result_columns(text, schema)] if found else []
    if len(nulls) != len(found):
        nulls = [True] * len(found)  # a result that was not understood
    values = []
    for number, (column, null) in enumerate(zip(found, nulls, strict=True), start=1):
        name = _name(column["name"], f"result column {number}", "name it with `as`")
        may = name in notes.null or (null and name not in notes.not_null)
        python = _type(column, name, "list", inside=name in notes.null_inside)
        values.append(Value(name, f"{python} | None" if may else python))
    return values


def _parameter(one: Json, notes: Notes, nullable: list[str]) -> Value:
    column = one["column"]
    advice = "write sqlc.arg('name'), and qualify every column of a statement that sqlc does not understand"
    name = _name(column.get("name", ""), f"parameter ${one['number']}", advice)
    if name in {"conn", "row", "result"}:
        raise BadQuery(f"no parameter can be named {name}: the generated function has that name already")
    python = _type(column, name, "Collection", inside=name in notes.null_inside)
    # sqlc leaves -1 as the length of what it inferred from the column that takes the parameter; of the rest it knows no nulls.
    null = name in nullable or (not column.get("not_null") and column.get("length") == -1)
    return Value(name, f"{python} | None" if null else python)


def _name(name: str, what: str, advice: str) -> str:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise BadQuery(f"{what} has no usable name ({name!r}): {advice}")
    return name


def _type(column: Json, name: str, container: str, *, inside: bool) -> str:
    known = PYTHON_TYPES.get(column["type"]["name"].removeprefix("pg_catalog."))
    if known is None:
        raise BadQuery(f"{name} has type {column['type']['name']}, which tools/sqlc_plugin.py does not know; cast it")
    if not column.get("is_array"):
        return known
    return f"{container}[{known} | None]" if inside else f"{container}[{known}]"


def _head(queries: list[Query], body: str) -> list[str]:
    needed = []
    for template, names in IMPORTS.items():
        if used := [name for name in names if re.search(rf"[\[ ]{name}\b", body)]:
            needed.append(template.format(", ".join(used)))
    connections = sorted({_connection(query) for query in queries})
    return [
        '"""Typed functions made from queries.sql by tools/generate.py. Not edited by hand."""',
        "",
        "from __future__ import annotations",
        "",
        "from typing import TYPE_CHECKING",
        "",
        *(["import msgspec", ""] if "msgspec." in body else []),
        "if TYPE_CHECKING:",
        *(["    from collections.abc import Collection"] if "Collection[" in body else []),
        *(f"    {line}" for line in needed),
        "",
        f"    from pult.kit.db import {', '.join(connections)}",
        "",
    ]


def _connection(query: Query) -> str:
    """A statement that only reads takes the read-only connection type, which every connection is."""
    writes = query.notes.writes or query.command in {":exec", ":execrows"} or WRITES.search(query.text)
    return "Conn" if writes else "Reader"


def _structs(queries: list[Query]) -> list[str]:
    made: dict[str, list[Value]] = {}
    lines: list[str] = []
    for query in queries:
        if len(query.columns) < 2:
            continue
        if query.row in made:
            if made[query.row] != query.columns:
                raise BadQuery(f"{query.name}: its columns are not those of {query.row}")
            continue
        made[query.row] = query.columns
        lines += ["", "", f"class {query.row}(msgspec.Struct, frozen=True):"]
        lines += [f"    {column.name}: {column.type}" for column in query.columns]
    return lines


def _function(query: Query) -> list[str]:
    constant = query.name.upper()
    keywords = ["*", *(f"{one.name}: {one.type}" for one in query.parameters)] if query.parameters else []
    signature = ", ".join([f"conn: {_connection(query)}", *keywords])
    call = ", ".join([constant, *(one.name for one in query.parameters)])
    returns, body = _body(query, call)
    doc = [f'    """{_escaped(query.notes.doc)}"""'] if query.notes.doc else []
    return [
        *["", "", f'{constant} = """{_escaped(query.text)}"""'],
        *["", "", f"async def {query.name}({signature}) -> {returns}:", *doc, *(f"    {line}" for line in body)],
    ]


def _body(query: Query, call: str) -> tuple[str, list[str]]:
    bare = len(query.columns) == 1
    one = query.result
    optional = one if one.endswith(" | None") else f"{one} | None"
    if query.command == ":many":
        built = "row[0]" if bare else f"{query.row}(*row)"
        return f"list[{one}]", [f"return [{built} for row in await conn.fetch({call})]"]
    if query.command == ":value":
        missing = [
            f"row = await conn.fetchrow({call})",
            "if row is None:",
            f'    raise LookupError("{query.name}: no row")',
        ]
        return one, [
            *missing,
            *([f"result: {one} = row[0]", "return result"] if bare else [f"return {query.row}(*row)"]),
        ]
    if query.command == ":one" and bare:
        return optional, [f"result: {optional} = await conn.fetchval({call})", "return result"]
    if query.command == ":one":
        found = f"return None if row is None else {query.row}(*row)"
        return optional, [f"row = await conn.fetchrow({call})", found]
    if query.command == ":execrows":
        return "int", [f'return int((await conn.execute({call})).rpartition(" ")[2])']
    if query.command == ":exec":
        return "None", [f"await conn.execute({call})"]
    raise BadQuery(f"{query.name}: {query.command} is none of :one :many :value :exec :execrows")


def _escaped(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return escaped[:-1] + '\\"' if escaped.endswith('"') else escaped


def main() -> int:
    try:
        contents = render(json.load(sys.stdin))
    except BadQuery as error:
        print(error, file=sys.stderr)
        return 1
    encoded = base64.b64encode(contents.encode()).decode()
    print(json.dumps({"files": [{"name": "store.py", "contents": encoded}]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
