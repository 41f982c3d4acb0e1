"""The desk's nested list `product`: ids of its levels and options, by the words of the desk file."""

from __future__ import annotations

from typing import Any


def levels(desk: Any) -> list[int]:
    """The fields Category, Model and Part."""
    return [level["id"] for level in desk.ids["fields"]["product"]["levels"]]


def option(desk: Any, *path: str) -> int:
    """The id of an option: `option(desk, "Bikes", "Road")`."""
    options = desk.ids["fields"]["product"]["options"]
    found = 0
    for word in path:
        found, options = options[word]["id"], options[word]["options"]
    return found


def reason(desk: Any, word: str) -> int:
    """The id of an option of the plain list `reason`."""
    return desk.ids["fields"]["reason"]["options"][word]


def values(one: Any) -> dict[int, str]:
    """field id -> value of a shown ticket."""
    return {row["ticket_field_id"]: row["value"] for row in one["custom_fields"]}
