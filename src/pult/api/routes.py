"""The sitemap of the wire: every method, its verbs, and who may call it (any bearer of an API token of the company)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pult.api import (
    create_ticket,
    deliveries,
    deliveries_replay,
    delivery,
    delivery_cancel,
    delivery_resend,
    ticket,
    tickets,
    update_ticket,
)

if TYPE_CHECKING:
    from pult.api.method import Method

METHODS: Final[dict[str, Method]] = {
    module.METHOD.name: module.METHOD
    for module in (
        create_ticket,
        update_ticket,
        ticket,
        tickets,
        deliveries,
        delivery,
        delivery_resend,
        delivery_cancel,
        deliveries_replay,
    )
}


def method_name(path: str) -> str:
    """`/uapi//create/ticket/` -> `create/ticket`: repeated and trailing slashes and the prefix count for nothing."""
    parts = [part for part in path.split("/") if part]
    return "/".join(parts[1:] if parts[:1] == ["uapi"] else parts)
