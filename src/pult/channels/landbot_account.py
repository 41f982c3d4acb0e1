"""What an account at Landbot has, asked for: its channels, their message hooks, their WhatsApp templates.

(C) rests on one public program, (?) on nothing but likelihood: docs/channels/landbot.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pult.channels import lenient
from pult.channels.provider_api import ProviderApi
from pult.messaging.contract import KnownTemplate, SendError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pult.kit.http_out import HttpOut

PAGES: Final = 20
MEANINGS: Final = {
    "401": "Landbot does not accept the token",
    "402": "Landbot asks for payment: the subscription or its quota has run out",
    "403": "Landbot's token may not do this",
    "404": "Landbot knows no such customer, channel or template",
    "412": "Landbot does not send to this customer now: blocked, not opted in, or the channel is inactive",
    "413": "Landbot finds the message too large",
}


def landbot_api(http: HttpOut, base_url: str, token: str) -> ProviderApi:
    return ProviderApi(http, base_url, headers={"Authorization": f"Token {token}"}, explain=_explain)


class LandbotAccount:
    """One channel of an account. Every call may raise SendError."""

    def __init__(self, api: ProviderApi, channel_id: int) -> None:
        self._api, self._channel_id = api, channel_id
        self._hooks_path = f"channels/{channel_id}/message_hooks/"

    async def channel(self) -> dict[str, Any]:
        """What Landbot says of the channel: `id`, `name`, `type`, `active`, `token`; empty where the account has none such."""
        listed = await self._listed("channels/", "channels")
        return next((found for found in listed if lenient.whole(found.get("id")) == self._channel_id), {})

    async def templates(self) -> list[KnownTemplate]:
        """Each by its number, and by its name where the list tells it. (C) `params_number`.

        The list tells languages too, in a field that is not known: they are left to Landbot to judge.
        """
        return [
            KnownTemplate(key, lenient.whole(listed.get("params_number")))
            for listed in await self._listed_templates()
            for key in (lenient.name_of(listed.get("id")), _name(listed))
            if key
        ]

    async def template_number(self, name: str) -> int:
        """The number of a template by its name, or by its number as text."""
        if number := lenient.whole(name):
            return number
        for listed in await self._listed_templates():
            if _name(listed) == name and (number := lenient.whole(listed.get("id"))):
                return number
        text = f"Landbot's list has no template named {name}: give its number in the channel's setting `templates`"
        raise SendError("unknown_template", text)

    async def hooks(self) -> list[dict[str, Any]]:
        """Where Landbot calls with this channel's messages: `id`, `url`, `name`."""
        return await self._listed(self._hooks_path, "hooks")

    async def set_hook(self, url: str, token: str) -> None:
        """Have this address called, with this token. The new hook comes first, so that nothing is lost in between."""
        before = [hook for hook in await self.hooks() if hook.get("url") == url]
        await self._api.ask("POST", self._hooks_path, json={"url": url, "token": token, "name": "Pult"})
        for number in filter(None, (lenient.whole(hook.get("id")) for hook in before)):
            await self._api.ask("DELETE", f"{self._hooks_path}{number}/")

    async def _listed_templates(self) -> list[dict[str, Any]]:
        return await self._listed("channels/whatsapp/templates/", "templates", {"channel_id": str(self._channel_id)})

    async def _listed(self, path: str, name: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """All of a listing, which comes in pages of a size that Landbot chooses."""
        found: list[dict[str, Any]] = []
        for _ in range(PAGES):
            page = {**(params or {}), **({"offset": str(len(found))} if found else {})}
            said = lenient.mapping((await self._api.ask("GET", path, params=page)).data)
            if not isinstance(said.get(name), list):
                raise SendError("unknown_answer", f"Landbot's answer holds no list of {name}")
            items = lenient.mappings(said[name])
            found += items
            if not items or len(found) >= (lenient.whole(said.get("total")) or 0):
                break
        return found


def _name(template: Mapping[str, Any]) -> str:
    """(?) whether the list names its templates at all, and where."""
    return lenient.first_text(template, "name", "template_name", "title")


def _explain(status: int, data: Any) -> tuple[str, str] | None:
    """`{"errors": {field: [text]}}`, even in an answer that claims to be well. The code is the status."""
    found = lenient.mapping(data)
    errors = found.get("errors") or found.get("error")
    if status < 300 and not errors and found.get("success") is not False:
        return None
    said = (MEANINGS.get(str(status), ""), _words(errors))
    return str(status), ": ".join(filter(None, said)) or f"refused ({status})"


def _words(errors: Any) -> str:
    if isinstance(errors, dict):
        return "; ".join(f"{field}: {_words(texts)}" for field, texts in errors.items())
    if isinstance(errors, list):
        return ", ".join(map(_words, errors))
    return lenient.text(errors)
