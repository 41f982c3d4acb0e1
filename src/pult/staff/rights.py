"""Who may read and write where. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pult.staff.model import Access, Agent


def access(agent: Agent, channel_id: int) -> Access | None:
    """What the agent may do with the tickets of a channel: "write", "read", or None for nothing."""
    given: Access | None = agent.access.get(channel_id) if agent.restricted and agent.role != "admin" else "write"
    if agent.role == "observer" and given is not None:
        return "read"
    return given


def channels(agent: Agent, all_channels: Iterable[int]) -> dict[int, Access]:
    """The channels whose tickets the agent may see, with what it may do there."""
    return {channel: right for channel in all_channels if (right := access(agent, channel)) is not None}
