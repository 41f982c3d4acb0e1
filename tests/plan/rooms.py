"""Which line of code may stand in which room (docs/architecture.md): each rule says where a source breaks it.

Where a rule has exceptions they are few and carry a reason in the code: `# clock: …`, `# commit: …`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Found = Iterator[tuple[int, str]]

PURE = {"model.py", "calendar.py", "rights.py"}
CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}
DURATIONS = {"time.monotonic", "time.perf_counter", "time.sleep"}
SQL = re.compile(
    r"\bselect\b.+\bfrom\b|\binsert\s+into\s+\w|\bupdate\s+\w+(\s+(as\s+)?\w+)?\s+set\s+\w|\bdelete\s+from\s+\w",
    re.IGNORECASE | re.DOTALL,
)
PROVIDERS = re.compile(r"(?<![a-z])(pact|infobip|landbot|chat2desk)(?![a-z])", re.IGNORECASE)
VENDOR_SPELLINGS = re.compile(
    r"\b(fassigned|fchannel|fstatus|fgroup|ftype|fpriority|readed|client_phone|field_value|private_comment|new_address"
    r"|accessible_for_agent_id|custom_fields)\b"
)
HTTP_OUT = {"aiohttp", "httpx", "requests", "urllib3", "urllib.request", "http.client"}
NAMELESS = {"utils", "util", "helpers", "helper", "common", "core", "base", "misc"}


@dataclass(frozen=True)
class Source:
    """A file under src/pult; `path` is relative to it."""

    path: str
    text: str

    @property
    def room(self) -> str:
        return self.path.partition("/")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text if self.name.endswith(".py") else "")

    def excused(self, line: int, word: str) -> bool:
        """Whether the line gives its reason: `# word: because …`."""
        return re.search(rf"#\s*{word}: \S", self.text.splitlines()[line - 1]) is not None


def sources(package: Path) -> list[Source]:
    paths = [
        path for path in sorted(package.rglob("*")) if path.suffix in {".py", ".sql"} and "static" not in path.parts
    ]
    return [Source(path.relative_to(package).as_posix(), path.read_text()) for path in paths]


def broken(rule: Callable[[Source], Found], found: list[Source]) -> list[str]:
    """What to show: `src/pult/tickets/model.py:12: reads the clock`."""
    return [f"src/pult/{source.path}:{line}: {what}" for source in found for line, what in rule(source)]


def pure_models(source: Source) -> Found:
    """Rules take what they need as arguments: no await, no clock, no part of the project but other rules and errors."""
    if source.name not in PURE:
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            yield node.lineno, "a rule waits for nothing"
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in CLOCKS | DURATIONS:
            yield node.lineno, "a rule is told the time"
    for line, imported in _imports(source):
        project = imported.startswith("pult.")
        allowed = imported.startswith("pult.kit.errors") or f"{imported}.".count(".model.") or _is_rule(imported)
        if project and not allowed:
            yield line, f"a rule imports {imported}"
        if imported.partition(".")[0] in {"asyncio", "asyncpg", "time"}:
            yield line, f"a rule imports {imported}"


def sql_at_home(source: Source) -> Found:
    """SQL stands in queries.sql, in the two that build the list's filters and its search, in reports/, kit/ and api/*.sql.

    The demo loads by COPY, which is its work.
    """
    if source.name in {"queries.sql", "store.py", "listing.py", "searching.py"} or source.room in {"reports", "kit"}:
        return
    if source.path.startswith(("cli/demo", "api/page_sql.py")) or (
        source.room == "api" and source.name.endswith(".sql")
    ):
        return
    if source.name.endswith(".sql"):
        yield 1, "an SQL file that is neither queries.sql nor one of api/"
    for line, text in _strings(source):
        if SQL.search(text):
            yield line, f"SQL outside its room: {' '.join(text.split())[:60]}"


def providers_at_home(source: Source) -> Found:
    """A provider's name stands in channels/ only, but for the demo's cast, whose channels are of these types."""
    if source.room != "channels" and not source.path.startswith("cli/demo/"):
        yield from _lines(source, PROVIDERS, "a provider's name outside channels/")


def vendor_spellings_at_home(source: Source) -> Found:
    """The vendor's spellings stand in api/ only."""
    if source.room != "api":
        yield from _lines(source, VENDOR_SPELLINGS, "a spelling of the wire outside api/")


def outgoing_http_guarded(source: Source) -> Found:
    """Whoever calls out goes through kit/http_out.py; traces leave through their own library in kit/trace.py."""
    for line, imported in _imports(source):
        outgoing = any(f"{imported}.".startswith(f"{library}.") for library in HTTP_OUT)
        if outgoing and source.path != "kit/http_out.py":
            yield line, f"{imported} outside kit/http_out.py"
        if imported.startswith("opentelemetry") and source.path != "kit/trace.py":
            yield line, f"{imported} outside kit/trace.py"


def clocks_at_home(source: Source) -> Found:
    """The database's clock counts; another is read in kit/ only, or gives its reason. Nobody else sleeps."""
    if source.room == "kit":
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Attribute) or source.excused(node.lineno, "clock"):
            continue
        if ast.unparse(node) in CLOCKS | {"time.sleep"}:
            yield node.lineno, f"{ast.unparse(node)} outside kit/ without `# clock: reason`"


def commits_at_home(source: Source) -> Found:
    """Only the unit of work commits (and the migrations); anything else gives its reason."""
    if source.path in {"kit/work.py", "kit/migrate.py"} or not source.name.endswith(".py"):
        return
    for node in ast.walk(source.tree):
        opens = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "transaction"
        if opens and not source.excused(node.lineno, "commit"):
            yield node.lineno, "opens a transaction of its own"
    for line, text in _strings(source):
        if re.match(r"\s*(commit|begin|start transaction)\s*;?\s*$", text, re.IGNORECASE) and not source.excused(
            line, "commit"
        ):
            yield line, "commits by itself"


def names_that_name(source: Source) -> Found:
    """A module is named for what it is."""
    for part in source.path.removesuffix(".py").removesuffix(".sql").split("/"):
        if part in NAMELESS:
            yield 1, f"{part} names nothing"


RULES = [
    pure_models,
    sql_at_home,
    providers_at_home,
    vendor_spellings_at_home,
    outgoing_http_guarded,
    clocks_at_home,
    commits_at_home,
    names_that_name,
]


def _is_rule(imported: str) -> bool:
    return any(f"{part}.py" in PURE for part in imported.split("."))


def _imports(source: Source) -> Found:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _strings(source: Source) -> Found:
    """String literals that are not documentation, the fixed parts of an f-string as one."""
    inside: set[int] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            inside.update(id(part) for part in node.values)
            parts = [str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values]
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def _lines(source: Source, pattern: re.Pattern[str], what: str) -> Found:
    for number, line in enumerate(source.text.splitlines(), start=1):
        if match := pattern.search(line):
            yield number, f"{what}: {match[0]}"
