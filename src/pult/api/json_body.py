"""A JSON body as parameters: any object of bounded size whose texts PostgreSQL can store."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from pult.api.body_errors import BadBody

MOST_KEYS = 10_000
DEEPEST_JSON = 64

_decode = msgspec.json.Decoder().decode


def read_json(raw: bytes, charset: str) -> dict[str, Any]:
    """The parameters of a JSON object; none for `[]` and `null`. Raises BadBody, naming the parameter where one is to blame."""
    try:
        values = _decode(raw if charset == "utf-8" else raw.decode(charset))
    except (ValueError, RecursionError) as error:
        _blame(raw, charset)
        raise BadBody(f"The body is not valid JSON: {error}") from None
    if values is None or values == []:  # PHP writes an empty array so, whatever it was meant to be
        return {}
    if not isinstance(values, dict):
        raise BadBody("The JSON body should be an object")
    if b"\\u" in raw or raw.count(b":") > MOST_KEYS or raw.count(b"[") + raw.count(b"{") > DEEPEST_JSON:
        _inspect(values)
    return values


def _blame(raw: bytes, charset: str) -> None:
    """Raise BadBody naming the parameter, where a more forgiving reader can tell which one holds the broken text."""
    try:
        values = json.loads(raw.decode(charset, "surrogateescape"))
    except (ValueError, RecursionError):
        return
    if isinstance(values, dict):
        _inspect(values)


def _inspect(values: dict[str, Any]) -> None:
    """Refuse what PostgreSQL would refuse, and what is too much; a loop, since the depth is the client's choice."""
    keys = 0
    for parameter, top in values.items():
        waiting = [(parameter, 1), (top, 1)]
        while waiting:
            value, depth = waiting.pop()
            if isinstance(value, str):
                _check_text(value, parameter)
            elif isinstance(value, (dict, list)):
                if depth > DEEPEST_JSON:
                    raise _blamed(parameter, f"nested deeper than {DEEPEST_JSON} levels")
                waiting += [(item, depth + 1) for item in value]
                if isinstance(value, dict):
                    keys += len(value)
                    waiting += [(item, depth + 1) for item in value.values()]
            elif isinstance(value, float) and (value != value or value in {float("inf"), float("-inf")}):  # noqa: PLR0124 -- NaN
                raise _blamed(parameter, "is not a number that JSON knows")
    if keys + len(values) > MOST_KEYS:
        raise BadBody(f"The request has more than {MOST_KEYS} keys")


def _check_text(value: str, parameter: str) -> None:
    if "\0" in value:
        raise _blamed(parameter, "contains a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _blamed(parameter, "contains broken Unicode text") from None


def _blamed(parameter: str, what: str) -> BadBody:
    name = parameter.encode(errors="replace").decode().replace("\0", "")
    return BadBody(f"{name}: {what}", parameter=name)
