"""Which types of channels there are and what each wants to be told; a new type of channel is one line here."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from pult.channels.adapting import Address, Host, Number, Port, Text
from pult.staff.channel_types import ChannelType

Event = Literal["ticket", "comment", "change", "rating", "chat", "delivery"]


class ApiSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the channel's events go. Without an address nothing is sent; without `events` and `watch` all of them are."""

    webhook_url: Address | None = None
    webhook_format: Literal["json", "form"] = "json"
    events: list[Event] | None = None
    watch: list[Text] | None = None  # keys in a desk file, ids of channels once stored


class MailServer(Struct, frozen=True, forbid_unknown_fields=True):
    """`tls`: encrypted or not; where it is not said, what the port and the server's own offer ask for."""

    host: Host
    port: Port
    user: Text | None = None
    password: Text | None = None
    tls: bool | None = None


class EmailSettings(Struct, frozen=True, forbid_unknown_fields=True):
    smtp: MailServer | None = None
    imap: MailServer | None = None


class PactSettings(Struct, frozen=True, forbid_unknown_fields=True):
    token: Text
    company_id: Number
    channel_id: Number
    base_url: Address = "https://api.pact.im/p1/"


class InfobipSettings(Struct, frozen=True, forbid_unknown_fields=True):
    base_url: Address  # the host is each account's own
    api_key: Text
    sender: Text


class LandbotSettings(Struct, frozen=True, forbid_unknown_fields=True):
    token: Text
    channel_id: Number
    base_url: Address = "https://api.landbot.io/v1/"
    templates: dict[Text, Number] = {}  # a template's name -> its number there


class Chat2DeskSettings(Struct, frozen=True, forbid_unknown_fields=True):
    token: Text
    channel_id: Number
    base_url: Address = "https://api.chat2desk.com/v1/"


class TelegramBotSettings(Struct, frozen=True, forbid_unknown_fields=True):
    token: Text
    base_url: Address = "https://api.telegram.org/"


class WhatsAppCloudSettings(Struct, frozen=True, forbid_unknown_fields=True):
    token: Text
    phone_number_id: Text
    app_secret: Text
    verify_token: Text
    base_url: Address = "https://graph.facebook.com/v23.0/"


class ViberBotSettings(Struct, frozen=True, forbid_unknown_fields=True):
    token: Text
    sender_name: Annotated[str, Meta(min_length=1, max_length=28)]
    base_url: Address = "https://chatapi.viber.com/pa/"


TYPES: dict[str, ChannelType] = {
    "api": ChannelType(ApiSettings, inline=True, references=("watch",), has_token=True),
    "email": ChannelType(EmailSettings, inline=True, has_address=True),
    "whatsapp_pact": ChannelType(PactSettings),
    "telegram_pact": ChannelType(PactSettings),
    "whatsapp_infobip": ChannelType(InfobipSettings),
    "whatsapp_landbot": ChannelType(LandbotSettings),
    "viber_chat2desk": ChannelType(Chat2DeskSettings),
    "telegram_bot": ChannelType(TelegramBotSettings),
    "whatsapp_cloud": ChannelType(WhatsAppCloudSettings),
    "viber_bot": ChannelType(ViberBotSettings),
}
