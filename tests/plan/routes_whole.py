"""What belongs to a method of the wire: a page, a method of the SDK, golden answers, a row in the authorisation matrix."""

from __future__ import annotations

import ast
import inspect
import typing
from typing import TYPE_CHECKING

from pult_client import AsyncClient, Client
from pult_client.parameters import WIRE_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pult.api.method import Method

# The golden files of these two are called by their first word alone; every other method's by its name, - for /.
GOLDEN_NAMES = {"create/ticket": "create", "update/ticket": "update"}


def missing(method: Method, root: Path) -> Iterator[str]:
    """What the method lacks, in words."""
    dashed = method.name.replace("/", "-")
    if not (root / "docs/wire" / f"{dashed}.md").is_file():
        yield f"{method.name}: no page docs/wire/{dashed}.md"
    for client in (Client, AsyncClient):
        yield from missing_in_sdk(method, client)
    pattern = f"{GOLDEN_NAMES.get(method.name, dashed)}-*.json"
    if not any((root / "tests/wire/golden").glob(pattern)):
        yield f"{method.name}: no golden file tests/wire/golden/{pattern}"
    if method.name not in matrix_rows((root / "tests/wire/test_authorisation.py").read_text()):
        yield f"{method.name}: no row in MATRIX of tests/wire/test_authorisation.py"


def missing_in_sdk(method: Method, client: type) -> Iterator[str]:
    """The method of that name, and a keyword for each parameter (and the files)."""
    name = method.name.replace("/", "_")
    function = getattr(client, name, None)
    if function is None:
        yield f"{method.name}: {client.__name__} has no {name}()"
        return
    known = {WIRE_NAMES.get(keyword, keyword) for keyword in keywords(function)}
    wanted = {parameter.name for parameter in method.parameters} | ({"files"} if method.files else set())
    yield from (f"{method.name}: {client.__name__}.{name}() has no {one}" for one in sorted(wanted - known))


def keywords(function: Callable[..., object]) -> set[str]:
    """What can be given by name, `**given: Unpack[…]` included."""
    found: set[str] = set()
    hints = typing.get_type_hints(function)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            found |= set(typing.get_args(hints[name])[0].__annotations__)
        elif name != "self":
            found.add(name)
    return found


def matrix_rows(text: str) -> set[str]:
    """The keys of MATRIX, read from its source: importing tests of another directory depends on what else runs."""
    for node in ast.parse(text).body:
        named = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MATRIX"
        if named and isinstance(node.value, ast.Dict):
            return {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
    return set()
