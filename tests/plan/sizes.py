"""How long files and functions may be. What is longer says why: `# size: reason` on the def line or in the first five lines."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE_LINES = 400
FUNCTION_LINES = 40
REASON = re.compile(r"#\s*size: \S")


def too_long(name: str, text: str) -> Iterator[str]:
    """`name` and the line of whatever is longer than it may be."""
    lines = text.splitlines()
    if len(lines) > FILE_LINES and not any(REASON.search(line) for line in lines[:5]):
        yield f"{name}:1: {len(lines)} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            heading = lines[node.lineno - 1 : node.body[0].lineno]  # a signature over several lines
            if length > FUNCTION_LINES and not any(REASON.search(line) for line in heading):
                yield f"{name}:{node.lineno}: {node.name} has {length} lines"


def python_files(root: Path) -> list[Path]:
    """What people write: src, tools, bench; generated files are as long as they are."""
    found = [path for room in ("src", "tools", "bench") for path in sorted((root / room).rglob("*.py"))]
    return [path for path in found if path.name != "store.py"]
