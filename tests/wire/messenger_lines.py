"""Six providers, each with its strict fake, as a conversation over the desk's public addresses needs them.

A line can be told what a client writes and what became of a message, and says what its fake has accepted.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from fakes.chat2desk import TIMESTAMP, Chat2DeskFake
from fakes.infobip import InfobipFake
from fakes.landbot import LandbotFake
from fakes.telegram_bot import SECRET, TelegramBotFake
from fakes.viber_bot import SIGNATURE, ViberBotFake
from fakes.whatsapp_cloud import WhatsAppCloudFake

from pult.messaging.tending import install_all

if TYPE_CHECKING:
    from fakes.strict import StrictFake

PHONE = "79161234567"
CHANNEL = """
[[channel]]
key = "line"
type = "{type}"
name = "The provider's fake"
group = "support"
settings = {{ {settings}, delivered_within = 1 }}
"""


class Line:
    """`states`: what the provider tells of a delivered message, in order. `refusal`: its answer to a forged call."""

    type: ClassVar[str]
    writes_first: ClassVar[bool] = True
    states: ClassVar[tuple[str, ...]] = ("delivered", "read")
    refusal: ClassVar[int] = 403

    def __init__(self, fake: StrictFake) -> None:
        self.fake: Any = fake
        self.inbound = ""

    def channel(self) -> str:
        """The channel's table of a desk file."""
        return CHANNEL.format(type=self.type, settings=self.settings())

    def settings(self) -> str:
        raise NotImplementedError

    async def connect(self, desk: Any) -> None:
        """Have the provider told where to call, as the background does it."""
        self.inbound = desk.ids["channels"]["line"]["inbound_url"]
        wire = desk.server.application.wire
        await install_all(wire.desk, wire.messages._outlets)

    @property
    def client(self) -> str:
        """Whom the provider says that it sent to."""
        return PHONE

    def sent(self) -> list[tuple[str, str]]:
        """Whom and what of every text that was accepted."""
        raise NotImplementedError

    def report(self, state: str) -> dict[str, Any]:
        """What became of the last accepted message: one of `states`, or "failed"."""
        raise NotImplementedError

    def written(self, text: str, number: int = 1) -> dict[str, Any]:
        """A client's message; of the same number it is the same message."""
        raise NotImplementedError

    async def tell(self, body: dict[str, Any], times: int = 1) -> list[int]:
        """The provider calls the desk; the statuses of the answers."""
        raise NotImplementedError

    async def forge(self, body: dict[str, Any]) -> list[int]:
        """Somebody else calls the desk."""
        raise NotImplementedError


class Infobip(Line):
    """Does not sign: the address is the secret."""

    type = "whatsapp_infobip"
    refusal = 404

    def __init__(self) -> None:
        super().__init__(InfobipFake())

    def settings(self) -> str:
        return f'base_url = "{self.fake.url}", api_key = "infobip-key", sender = "79990000000"'

    def sent(self) -> list[tuple[str, str]]:
        assert all(sent["notifyUrl"] == self.inbound for sent in self.fake.accepted)
        return [(sent["to"], sent["content"]["text"]) for sent in self.fake.accepted]

    def report(self, state: str) -> dict[str, Any]:
        last = len(self.fake.accepted)
        if state == "read":
            return self.fake.seen_report(last)
        if state == "delivered":
            return self.fake.report(last, "DELIVERED_TO_HANDSET")
        wrong = {"id": 1, "groupId": 1, "groupName": "HANDSET_ERRORS", "name": "EC_UNKNOWN_SUBSCRIBER"}
        told = wrong | {"description": "Unknown Subscriber", "permanent": True}
        return self.fake.report(last, "UNDELIVERABLE_NOT_DELIVERED", **told)

    def written(self, text: str, number: int = 1) -> dict[str, Any]:
        return self.fake.written({"type": "TEXT", "text": text}, f"wamid.IN{number}", PHONE)

    async def tell(self, body: dict[str, Any], times: int = 1) -> list[int]:
        return await self.fake.call_back(self.inbound, body, times=times)

    async def forge(self, body: dict[str, Any]) -> list[int]:
        return await self.fake.call_back(f"{self.inbound[:-4]}0000", body)


class Landbot(Line):
    type = "whatsapp_landbot"
    states = ()

    def __init__(self) -> None:
        template = {"id": 501, "params_number": 1, "text": "Hello {{1}}", "name": "main_order", "language": "ru"}
        super().__init__(LandbotFake(templates=[template]))

    def settings(self) -> str:
        base = f'base_url = "{self.fake.url}/v1/", token = "landbot-token", channel_id = 33'
        return f"{base}, templates = {{ Main = 501 }}"

    def sent(self) -> list[tuple[str, str]]:
        return [(self.fake.customers[sent["to"]].phone, sent["text"]) for sent in self.fake.accepted]

    def written(self, text: str, number: int = 1) -> dict[str, Any]:
        known = next((customer for customer, one in self.fake.customers.items() if one.phone == PHONE), None)
        customer = self.fake.add_customer(PHONE) if known is None else known
        return self.fake.told(customer, uuid=f"uuid-{number}", data={"body": text})

    async def tell(self, body: dict[str, Any], times: int = 1) -> list[int]:
        assert [hook["url"] for hook in self.fake.hooks] == [self.inbound]
        return await self.fake.deliver(body, times)

    async def forge(self, body: dict[str, Any]) -> list[int]:
        return await self.fake.call_back(self.inbound, body, self.fake.call_headers("another token"))


class Chat2Desk(Line):
    type = "viber_chat2desk"

    def __init__(self) -> None:
        super().__init__(Chat2DeskFake())

    def settings(self) -> str:
        return f'base_url = "{self.fake.url}/v1/", token = "c2d-token", channel_id = 44'

    def sent(self) -> list[tuple[str, str]]:
        return [(self.fake.clients[sent["to"]]["phone"], sent["text"]) for sent in self.fake.accepted]

    def report(self, state: str) -> dict[str, Any]:
        return self.fake.outbox_status(max(self.fake.messages), state)

    def written(self, text: str, number: int = 1) -> dict[str, Any]:
        known = next((client for client, one in self.fake.clients.items() if one["phone"] == PHONE), None)
        client = self.fake.add_client(PHONE) if known is None else known
        return self.fake.inbox(client, message_id=90_000 + number, text=text)

    async def tell(self, body: dict[str, Any], times: int = 1) -> list[int]:
        assert [hook["url"] for hook in self.fake.webhooks] == [self.inbound]
        return await self.fake.deliver(body, times)

    async def forge(self, body: dict[str, Any]) -> list[int]:
        raw = json.dumps(body).encode()
        signed = {"X-Signature": self.fake.signature(raw + b" "), "X-Timestamp": TIMESTAMP}
        return await self.fake.call_back(self.inbound, raw, signed)


class TelegramBot(Line):
    type = "telegram_bot"
    writes_first = False
    states = ()

    def __init__(self) -> None:
        super().__init__(TelegramBotFake())
        self._said: dict[int, dict[str, Any]] = {}

    def settings(self) -> str:
        return f'base_url = "{self.fake.url}/", token = "{self.fake.token}"'

    @property
    def client(self) -> str:
        return "7001"

    def sent(self) -> list[tuple[str, str]]:
        return [(str(sent["chat"]), sent["content"]) for sent in self.fake.accepted]

    def written(self, text: str, number: int = 1) -> dict[str, Any]:
        if number not in self._said:
            self._said[number] = self.fake.tell(text=text)
        return self._said[number]

    async def tell(self, body: dict[str, Any], times: int = 1) -> list[int]:
        assert self.fake.webhook["url"] == self.inbound
        return await self.fake.call(body, times)

    async def forge(self, body: dict[str, Any]) -> list[int]:
        return await self.fake.call_back(self.inbound, body, {SECRET: "another"})


class WhatsAppCloud(Line):
    type = "whatsapp_cloud"

    def __init__(self) -> None:
        super().__init__(WhatsAppCloudFake())

    def settings(self) -> str:
        fake = self.fake
        secrets = f'token = "{fake.token}", app_secret = "{fake.app_secret}", verify_token = "{fake.verify_token}"'
        return (
            f'base_url = "{fake.url}/v23.0/", {secrets}, phone_number_id = "{fake.number}", waba_id = "{fake.account}"'
        )

    def sent(self) -> list[tuple[str, str]]:
        return [(sent["to"], sent["text"]["body"]) for sent in self.fake.accepted]

    def report(self, state: str) -> dict[str, Any]:
        wrong = {"code": 131026, "title": "Message undeliverable", "message": "Message undeliverable"}
        more = {"errors": [wrong]} if state == "failed" else {}
        return self.fake.status(len(self.fake.accepted), state, **more)

    def written(self, text: str, number: int = 1) -> dict[str, Any]:
        return self.fake.written("text", {"body": text}, PHONE, f"wamid.IN{number}")

    async def tell(self, body: dict[str, Any], times: int = 1) -> list[int]:
        assert self.fake.called_at == self.inbound
        return await self.fake.tell(body, times=times)

    async def forge(self, body: dict[str, Any]) -> list[int]:
        raw, _ = self.fake.signed(body)
        _, headers = self.fake.signed(raw + b" ")
        return await self.fake.call_back(self.inbound, raw, headers)


class ViberBot(Line):
    type = "viber_bot"
    writes_first = False

    def __init__(self) -> None:
        super().__init__(ViberBotFake())
        self._said: dict[int, dict[str, Any]] = {}

    def settings(self) -> str:
        return f'base_url = "{self.fake.url}/pa/", token = "{self.fake.token}", sender_name = "Northwind"'

    @property
    def client(self) -> str:
        return "01234567890A="

    def sent(self) -> list[tuple[str, str]]:
        return [(sent["receiver"], sent["text"]) for sent in self.fake.accepted]

    def report(self, state: str) -> dict[str, Any]:
        event = {"read": "seen"}.get(state, state)
        return self.fake.report(event, self.fake.tokens[-1], **({"desc": "no device"} if state == "failed" else {}))

    def written(self, text: str, number: int = 1) -> dict[str, Any]:
        if number not in self._said:
            self._said[number] = self.fake.says(text=text)
        return self._said[number]

    async def tell(self, body: dict[str, Any], times: int = 1) -> list[int]:
        assert self.fake.webhook["url"] == self.inbound
        return await self.fake.call(body, times)

    async def forge(self, body: dict[str, Any]) -> list[int]:
        raw = json.dumps(body).encode()
        return await self.fake.call_back(self.inbound, raw, {SIGNATURE: self.fake.signed(raw + b" ")[SIGNATURE]})


LINES = (Infobip, Landbot, Chat2Desk, TelegramBot, WhatsAppCloud, ViberBot)
