"""The same parameters in every encoding that clients of the wire use, as httpx's arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def php_pairs(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Names and texts as PHP's http_build_query writes them: `lists[0][0][id]`, true is 1, false is 0, null is left out."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from php_pairs(part, f"{name}[{key}]" if name else str(key))
    elif isinstance(value, bool):
        yield name, "1" if value else "0"
    elif value is not None:
        yield name, str(value)


def as_json(parameters: dict[str, Any]) -> dict[str, Any]:
    return {"json": parameters}


def as_form(parameters: dict[str, Any]) -> dict[str, Any]:
    return {"data": dict(php_pairs(parameters))}


def as_multipart(parameters: dict[str, Any]) -> dict[str, Any]:
    """As PHP's curl sends an array: multipart even without files."""
    return {"files": [(name, (None, text)) for name, text in php_pairs(parameters)]}


def as_query(parameters: dict[str, Any]) -> dict[str, Any]:
    return {"params": dict(php_pairs(parameters))}


ENCODINGS = {"json": as_json, "form": as_form, "multipart": as_multipart}
