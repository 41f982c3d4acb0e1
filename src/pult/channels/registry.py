"""Which types of channels there are and what each wants to be told; a new type of channel is one line here."""

from __future__ import annotations

from pult.channels.api_channel import ApiAdapter, ApiSettings
from pult.channels.chat2desk import Chat2DeskAdapter, Chat2DeskSettings
from pult.channels.email import EmailAdapter
from pult.channels.infobip import InfobipAdapter, InfobipSettings
from pult.channels.landbot import LandbotAdapter, LandbotSettings
from pult.channels.mail_settings import EmailSettings
from pult.channels.pact import PactSettings, TelegramPactAdapter, WhatsAppPactAdapter
from pult.channels.telegram_bot import TelegramBotAdapter, TelegramBotSettings
from pult.channels.viber_bot import ViberBotAdapter, ViberBotSettings
from pult.channels.whatsapp_cloud import WhatsAppCloudAdapter, WhatsAppCloudSettings
from pult.staff.channel_types import ChannelType

TYPES: dict[str, ChannelType] = {
    "api": ChannelType(ApiSettings, adapter=ApiAdapter, inline=True, references=("watch",), has_token=True),
    "email": ChannelType(EmailSettings, adapter=EmailAdapter, inline=True, has_address=True),
    "whatsapp_pact": ChannelType(PactSettings, adapter=WhatsAppPactAdapter),
    "telegram_pact": ChannelType(PactSettings, adapter=TelegramPactAdapter),
    "whatsapp_infobip": ChannelType(InfobipSettings, adapter=InfobipAdapter),
    "whatsapp_landbot": ChannelType(LandbotSettings, adapter=LandbotAdapter),
    "viber_chat2desk": ChannelType(Chat2DeskSettings, adapter=Chat2DeskAdapter),
    "telegram_bot": ChannelType(TelegramBotSettings, adapter=TelegramBotAdapter),
    "whatsapp_cloud": ChannelType(WhatsAppCloudSettings, adapter=WhatsAppCloudAdapter),
    "viber_bot": ChannelType(ViberBotSettings, adapter=ViberBotAdapter),
}
