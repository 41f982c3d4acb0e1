"""The desk knows by a channel's type whom it can write to first: what the adapters declare must agree."""

from __future__ import annotations

import pytest

from pult.channels.registry import TYPES
from pult.messaging.contract import Cap
from pult.staff.model import Channel

MESSENGERS = [name for name in TYPES if Channel(1, name, "", None, None).is_messenger]


@pytest.mark.parametrize("name", MESSENGERS)
def test_the_desk_and_the_adapter_agree(name):
    channel, caps = Channel(1, name, "", None, None), TYPES[name].adapter.caps
    assert (channel.by_phone, channel.by_username) == (Cap.BY_PHONE in caps, Cap.BY_USERNAME in caps)
