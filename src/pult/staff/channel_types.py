"""What is told about a type of channel where channels are configured; the types themselves: pult.channels.registry."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class ChannelType(Struct, frozen=True):
    """What a desk file says about a channel of this type.

    `settings` is the structure of its settings; they stand in the channel's own table when `inline`, otherwise in its
    table "settings". `references` are those settings that name other channels. `has_address`: it has an e-mail address.
    `has_token`: integrations call the API through it.
    """

    settings: type[Struct]
    adapter: Any = None  # makes the channel's adapter (pult.messaging.contract); None: the channel has no provider
    inline: bool = False
    references: tuple[str, ...] = ()
    has_address: bool = False
    has_token: bool = False
