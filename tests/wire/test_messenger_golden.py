"""The seed's samples for messengers, in the encodings of the wire, with the answer, what the provider got and what is held.

`PULT_GOLDEN=write` writes the files anew; read the difference before keeping it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from encodings_of_wire import ENCODINGS
from fakes.chat2desk import Chat2DeskFake
from fakes.landbot import LandbotFake
from fakes.pact import PactFake
from normalised import Names, normalised

GOLDEN = Path(__file__).with_name("golden")
CHANNELS = """
[[channel]]
key = "wa"
type = "whatsapp_pact"
name = "WhatsApp"
settings = {{ base_url = "{pact}/p1/", token = "pact-token", company_id = 11, channel_id = 22, delivered_within = 1.5 }}
[[channel]]
key = "waba"
type = "whatsapp_pact"
name = "WhatsApp Business"
settings = {{ base_url = "{pact}/p1/", token = "pact-token", company_id = 11, channel_id = 33, delivered_within = 1.5 }}
[[channel]]
key = "tg"
type = "telegram_pact"
name = "Telegram"
settings = {{ base_url = "{pact}/p1/", token = "pact-token", company_id = 11, channel_id = 55, delivered_within = 1.5 }}
[[channel]]
key = "landbot"
type = "whatsapp_landbot"
name = "WhatsApp (Landbot)"
settings = {{ base_url = "{landbot}/v1/", opt_in_url = "{landbot}/wa/W-33-YLSJCP6KP6OF6WQ0/opt_in", token = "landbot-token", channel_id = 33, templates = {{ Main = 501 }} }}
[[channel]]
key = "viber"
type = "viber_chat2desk"
name = "Viber"
settings = {{ base_url = "{viber}/v1/", token = "c2d-token", channel_id = 44, delivered_within = 1.5 }}
"""


@pytest.fixture
async def fakes():
    made = {
        "pact": PactFake(),
        "landbot": LandbotFake(templates=[{"id": 501, "params_number": 1, "text": "Hello {{1}}", "name": "main", "language": "ru"}]),
        "viber": Chat2DeskFake(),
    }  # fmt: skip
    for fake in made.values():
        await fake.start()
    yield made
    for fake in made.values():
        await fake.stop()


@pytest.fixture
async def desk(new_desk, fakes):
    return await new_desk(CHANNELS.format(**{name: fake.url for name, fake in fakes.items()}))


def whatsapp(desk):
    return {
        "message": "Hello", "subject": "First msg", "channel_id": str(desk.channel("wa")), "from": "user",
        "user_id": str(desk.agent("bob")), "client_phone": "79254697403", "client_id": str(desk.ids["clients"]["dana"]["id"]),
    }  # fmt: skip


def template_pact(desk):
    return {
        "channel_id": desk.channel("waba"), "from": "user", "client_phone": "79511234567", "template_id": 8094,
        "template_variables": ["John", "18:00", "London"],
    }  # fmt: skip


def template_landbot(desk):
    return {
        "channel_id": desk.channel("landbot"), "from": "user", "client_phone": "79511234567", "template_name": "Main",
        "template_variables": ["Valeria"],
    }  # fmt: skip


def viber(desk):
    return {
        "message": "Hello", "subject": "First msg", "channel_id": str(desk.channel("viber")),
        "client_phone": "79254697403", "client_id": str(desk.ids["clients"]["dana"]["id"]),
    }  # fmt: skip


def telegram(desk):
    return {
        "message": "Hello", "subject": "First msg", "channel_id": str(desk.channel("tg")), "username": "@ivanov",
        "client_id": "new_client",
    }  # fmt: skip


SAMPLES = {
    "create-whatsapp": (whatsapp, "pact"),
    "create-template-pact": (template_pact, "pact"),
    "create-template-landbot": (template_landbot, "landbot"),
    "create-viber": (viber, "viber"),
    "create-telegram": (telegram, "pact"),
}


def compare(name, found):
    path = GOLDEN / f"{name}.json"
    if os.environ.get("PULT_GOLDEN") == "write":
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert found == json.loads(path.read_text())


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("sample", SAMPLES)
async def test_create(desk, fakes, sample, encoding):
    given, provider = SAMPLES[sample]
    sent = await desk.send("create/ticket", **ENCODINGS[encoding]({"api_token": desk.token, **given(desk)}))
    answer = sent.json()
    assert answer["status"] == "success", answer
    accepted = [_shown(message) for message in fakes[provider].accepted]
    held = await desk.ticket(answer["ticket_id"])
    assert answer["comment_id"] == held["comments"][0]["id"]
    answer["comment_id"] = "<comment>"
    if "chat_id" in answer:
        assert answer["chat_id"].isdecimal()
        answer["chat_id"] = "<chat, as text>"
    compare(
        sample, {"keys": list(answer), **normalised({"answer": answer, "then": held}, Names(desk)), "sent": accepted}
    )


def _shown(message):
    """What a client would see; the provider's own numbers differ from run to run."""
    return {
        key: value
        for key, value in message.items()
        if key in {"text", "template", "channel", "values", "transport", "template_id", "params"}
    }
