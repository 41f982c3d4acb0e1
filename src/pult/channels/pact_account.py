"""A company's account at Pact: its requests and what their failures mean, and what can be asked of it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from pult.channels.lenient import mapping, mappings, phone, text
from pult.channels.pact_events import number, outcome
from pult.channels.provider_api import UPLOAD_WITHIN, ProviderApi
from pult.kit.multipart_out import FilePart
from pult.kit.multipart_out import form as form_with_file
from pult.messaging.contract import KnownTemplate, SendError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pult.channels.provider_api import Said
    from pult.kit.http_out import HttpOut
    from pult.messaging.contract import FileOut, StatusReport

    Fields = Sequence[tuple[str, str]]

ASK_WITHIN: Final = 5.0  # seconds for what is asked while Pact waits for our answer
REMEMBERED: Final = 1000  # conversations and jobs, so that repeats of a call ask nothing
PAGES: Final = 50
MEANINGS: Final = {
    400: "Pact does not understand the request",
    401: "Pact refuses the token: it is wrong or was revoked",
    402: "Pact answers that this company has not been paid for",
    403: "Pact does not allow this with this token",
    404: "Pact does not know this company, channel, conversation or number",
    405: "Pact does not know this method",
    406: "Pact does not answer in this format",
    410: "This was removed at Pact",
    418: "Pact refuses the request",
    429: "Too many requests for Pact",
    500: "Pact failed",
    502: "Pact is under maintenance",
    503: "Pact is under maintenance",
}
WORDS: Final = ("errors", "error", "title", "detail", "message", "description", "reason")
WAIT: Final = re.compile(r"wait for ([0-9]{1,5}) second", re.IGNORECASE)  # how Pact's newer interface words a 429


@dataclass(frozen=True, slots=True)
class Contact:
    """Who is at the other end of a conversation, as far as it is known; `channel`: the Pact channel it is in."""

    phone: str | None = None
    name: str = ""
    channel: str | None = None


class PactAccount:
    """What Pact answers is given as the object in its "data"; SendError where it refuses or does not answer."""

    def __init__(self, http: HttpOut, base_url: str, token: str, company_id: int) -> None:
        self._api = _Api(http, base_url, headers={"X-Private-Api-Token": token}, explain=_explained)
        self.company_id = company_id
        self.company = f"companies/{company_id}"
        self._contacts: dict[str, Contact] = {}
        self._channels_of_jobs: dict[str, str] = {}

    async def ask(
        self, method: str, path: str, fields: Fields | None = None, params: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """A call that may be made twice. Paths begin at the interface's address."""
        request = {} if fields is None else _form(fields)
        return _inside(await self._api.ask(method, path, params=params, **request))

    async def send(self, path: str, fields: Fields) -> dict[str, Any]:
        """A call that sends a message."""
        return _inside(await self._api.send("POST", path, **_form(fields)))

    async def upload(self, conversation: str, file: FileOut) -> str:
        """Bring a file to a conversation, to be sent there; how Pact calls it."""
        part = FilePart("file", file.name, file.mime, file.size, await file.read())
        headers, data = form_with_file({}, part)
        path = f"{self.company}/conversations/{conversation}/messages/attachments"
        said = await self._api.ask("POST", path, headers=headers, data=data, within=UPLOAD_WITHIN)
        attachment = number(_inside(said).get("external_id"))
        if attachment is None:
            raise SendError("no_attachment", "Pact took a file and did not say how it is called", retry=True)
        return attachment

    async def job(self, channel: str, job: str) -> StatusReport | None:
        """What became of a delivery job; None while that is not known."""
        said = await self.ask("GET", f"{self.company}/channels/{channel}/jobs/{job}")
        details = mapping(said.get("details"))
        now = datetime.now(UTC)  # clock: a job does not say when it ended
        return outcome(
            job, details.get("result"), number(said.get("message_id")), now, text(details.get("reason"))[:500]
        )

    async def contact(self, conversation: str) -> Contact | None:
        """Who is at the other end: calls name only the conversation. An empty contact where Pact does not say in time.

        None where the company has no such conversation.
        """
        if found := self._contacts.get(conversation):
            return found
        try:
            async with asyncio.timeout(ASK_WITHIN):
                said = await self.ask("GET", f"{self.company}/conversations/{conversation}")
        except SendError as error:
            return None if error.code == "404" else Contact()
        except TimeoutError:
            return Contact()
        found = _contact_in(mapping(said.get("conversation")))
        _remember(self._contacts, conversation, found)
        return found

    def told_of(self, conversation: str, said: dict[str, Any]) -> None:
        """Pact described a conversation by itself: it need not be asked for."""
        _remember(self._contacts, conversation, _contact_in(said))

    async def channel_of_job(self, job: str, asked_first: str) -> str:
        """A job's call names no channel, and one address serves all channels of a company: ask which has the job.

        `asked_first` where Pact does not say, or not in time.
        """
        if found := self._channels_of_jobs.get(job):
            return found
        try:
            async with asyncio.timeout(ASK_WITHIN):
                found = await self._channel_with(job, asked_first)
        except (SendError, TimeoutError):
            return asked_first
        if found is None:
            return asked_first
        _remember(self._channels_of_jobs, job, found)
        return found

    async def _channel_with(self, job: str, asked_first: str) -> str | None:
        if await self._has_job(asked_first, job):
            return asked_first
        for channel in await self.channels():
            if channel != asked_first and await self._has_job(channel, job):
                return channel
        return None

    async def _has_job(self, channel: str, job: str) -> bool:
        try:
            said = await self.ask("GET", f"{self.company}/channels/{channel}/jobs/{job}")
        except SendError as error:
            if error.code == "404":
                return False
            raise
        # ?: whether a job can be asked for through another channel of its company
        return number(mapping(said.get("channel")).get("id")) in {channel, None}

    async def channels(self) -> dict[str, str]:
        """The company's channels: number -> provider."""
        found = await self._all(f"{self.company}/channels", "channels")
        return {one: text(each.get("provider")) for each in found if (one := number(each.get("external_id")))}

    async def templates(self) -> list[KnownTemplate]:
        found = await self._all(f"{self.company}/waba_templates", "waba_templates")
        return [known for each in found for known in _known(each)]

    async def webhook_url(self) -> str:
        """Where Pact calls for this company; "" for nowhere."""
        found = await self._all("companies", "companies")
        mine = [each for each in found if number(each.get("external_id")) == str(self.company_id)]
        return text(mine[0].get("webhook_url")) if mine else ""

    async def _all(self, path: str, key: str) -> list[dict[str, Any]]:
        """A whole list, page by page."""
        found: list[dict[str, Any]] = []
        params = {"per": "100"}
        for _ in range(PAGES):
            said = await self.ask("GET", path, params=params)
            page, following = mappings(said.get(key)), text(said.get("next_page"))
            found += page
            if not page or not following or following == params.get("from"):
                break
            params = {"per": "100", "from": following}
        return found


class _Api(ProviderApi):
    """Pact's 429 may say in words how long to wait."""

    async def _call(self, method: str, path: str, *, repeatable: bool, **request: Any) -> Said:
        try:
            return await super()._call(method, path, repeatable=repeatable, **request)
        except SendError as error:
            if error.retry and error.retry_after is None and (wait := WAIT.search(error.text)):
                error.retry_after = float(wait[1])
            raise


def _form(fields: Fields) -> dict[str, Any]:
    return {"data": urlencode(fields).encode(), "headers": {"Content-Type": "application/x-www-form-urlencoded"}}


def _inside(said: Said) -> dict[str, Any]:
    return mapping(mapping(said.data).get("data"))


def _explained(status: int, data: Any) -> tuple[str, str] | None:
    """An error's code and text. ?: how p1 words errors is not documented; what looks like words is shown."""
    if status < 300 and mapping(data).get("status") not in {"error", "fail", "failed"}:
        return None
    words, meaning = _words(data), MEANINGS.get(status, f"Pact answered {status}")
    return str(status), f"{meaning}: {words}" if words else meaning


def _words(data: Any, depth: int = 3) -> str:
    if isinstance(data, str):
        return text(data)[:300]
    if depth and isinstance(data, list):
        return "; ".join(filter(None, (_words(each, depth - 1) for each in data[:5])))
    if depth and isinstance(data, dict):
        return ": ".join(filter(None, (_words(data.get(key), depth - 1) for key in WORDS)))
    return ""


def _contact_in(conversation: dict[str, Any]) -> Contact:
    whatsapp = text(conversation.get("channel_type")).startswith("whatsapp")  # elsewhere the sender's id is no phone
    dialled = phone(conversation.get("sender_external_id")) if whatsapp else None
    name = text(conversation.get("name"))[:255]
    return Contact(dialled, "" if phone(name) else name, number(conversation.get("channel_id")))


def _known(template: dict[str, Any]) -> list[KnownTemplate]:
    """?: a template is asked for by its id, most likely; its name at WhatsApp is let through too."""
    count = template.get("substitutions_count")
    variables = count if isinstance(count, int) and count >= 0 else None
    keys = (number(template.get("id")), text(template.get("waba_id")))
    body = text(template.get("body"))
    return [KnownTemplate(key, variables, body=body) for key in keys if key]


def _remember(where: dict[str, Any], key: str, value: Any) -> None:
    while len(where) >= REMEMBERED:
        del where[next(iter(where))]
    where[key] = value
