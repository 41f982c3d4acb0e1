"""What Pact's calls say, read leniently: whatever is not understood says nothing. Evidence grades: docs/channels/pact.md."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urljoin

import msgspec

from pult.channels.lenient import first_text, mapping, text, whole
from pult.channels.linked_file import linked_file
from pult.messaging.contract import ChannelReport, FileIn, Incoming, State, StatusReport

ACKS: Final = {1: State.SENT, 2: State.DELIVERED, 3: State.READ}  # -1 and 0: Pact is still at it
RESULTS: Final = {"DELIVERED": State.DELIVERED, "NOT DELIVERED": State.FAILED}
SYSTEM: Final = {
    "authorized": (True, "Pact: the channel is connected"),
    "phone online": (True, "Pact: the phone can be reached again"),
    "synchronized": (True, "Pact: the channel is connected and synchronised"),
    "phone offline": (False, "Pact: the phone cannot be reached"),
    "unavailable": (False, "Pact: somebody else uses the account, in a browser or another integration"),
    "disabled": (False, "Pact: the session has ended; connect the channel again in Pact"),
    "trying_resume_work": (False, "Pact: the channel is being resumed"),
}
TIMES: Final = (946684800, 4102444800)  # 2000 to 2100; another time is nonsense


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that a call says; `channel`: the number of the Pact channel it is about, where the call names it.

    `job`: the delivery job it is about, if it is about one.
    """

    what: Incoming | StatusReport | ChannelReport
    channel: str | None
    job: str | None = None


def understood(call: dict[str, Any], now: datetime, company_id: int, base_url: str) -> list[Told]:
    """`now` stands for times that a call does not name; relative addresses of files are relative to `base_url`."""
    if call.get("company_id", company_id) != company_id:
        return []
    kind, data = (text(call.get("type")), text(call.get("event"))), mapping(call.get("data"))
    if kind == ("message", "new"):
        return _message(data, now, base_url)
    if kind == ("message", "ack"):
        return _ack(data, now)
    if kind == ("job", "executed"):
        return _job(data, now)
    if kind == ("qr_code", "new"):
        report = ChannelReport(now, "Pact: the channel wants its QR code scanned; do it in Pact", healthy=False)
        channel = number(call.get("channel_id"))
        return [Told(report, channel)] if channel else []
    return _system(data, now) if kind[0] == "system" else []


def conversation_in(call: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """A call that describes a conversation: its number, and who is at the other end."""
    data = mapping(call.get("data"))
    conversation = number(data.get("external_id"))
    described = text(call.get("type")) == "conversation" and text(call.get("event")) in {"new", "update"}
    return (conversation, data) if described and conversation else None


def number(value: Any) -> str | None:
    """One of Pact's ids, which are numbers above 0, as text."""
    found = whole(value)
    return str(found) if found and found < 2**63 else None


def job_name(job: str) -> str:
    """What a part of a message is called while only its job is known."""
    return f"job-{job}"


def first_name(conversation: str, said: str) -> str:
    """What the first message of a conversation is called whose answer names neither job nor message.

    The call that tells of it later has the same conversation and text.
    """
    digest = hashlib.blake2s(" ".join(said.split()).encode("utf-8", "replace"), digest_size=10).hexdigest()
    return f"first-{conversation}-{digest}"


def outcome(job: str, result: Any, message_id: str | None, at: datetime, reason: str) -> StatusReport | None:
    """What became of a delivery job; None while it is not known."""
    state = RESULTS.get(text(result).upper())
    if state is None:
        return None
    code, words = (
        ("not_delivered", reason or "Pact could not deliver the message") if state is State.FAILED else ("", "")
    )
    return StatusReport(state, at, job_name(job), job, code=code, text=words, also_known_as=message_id)


def _message(data: dict[str, Any], now: datetime, base_url: str) -> list[Told]:
    incoming = _incoming(data, now, base_url)
    if incoming is None or incoming.conversation is None:
        return []
    channel, ours = _channel(data), data.get("income") is False
    if not ours:
        return [Told(incoming, channel)] if data.get("income") is True else []
    message_id, job = incoming.message_id, number(data.get("job_id"))
    state = ACKS.get(_small(data.get("ack")), State.SENT)  # it is told of when it has left, at the earliest
    names = [(job_name(job), job) if job else (message_id, None)]
    if "telegram" in (text(mapping(data.get("channel")).get("type")) or text(data.get("channel_type"))):
        names.append((first_name(incoming.conversation, text(data.get("message"))), None))
    reports = [
        StatusReport(state, incoming.at, name, of, also_known_as=message_id, conversation=incoming.conversation)
        for name, of in names
    ]
    told = [Told(report, channel) for report in reports]
    if job is None:  # written in Pact or on the phone; or sent by us without a job, then the report above is of ours
        told.append(Told(replace(incoming, written_by_us=True), channel))
    return told


def _incoming(data: dict[str, Any], now: datetime, base_url: str) -> Incoming | None:
    message_id = number(data.get("external_id"))
    if message_id is None:
        return None
    items = data.get("attachments")
    read = [_file(item, base_url) for item in items] if isinstance(items, list) else []
    files = tuple(file for file in read if file is not None)
    lines = [text(data.get("message"))]
    if data.get("location"):
        lines.append(f"[location] {msgspec.json.encode(data['location']).decode()[:500]}")  # ?: its form is not shown
    if len(files) < len(read):
        lines.append(f"[{len(read) - len(files)} attachment(s) that can be seen in Pact only]")
    at = _time(data.get("created_at_timestamp"), data.get("created_at"), now)
    said = "\n".join(line for line in lines if line)
    return Incoming(message_id, at, said, conversation=number(data.get("conversation_id")), files=files)


def _file(told: Any, base_url: str) -> FileIn | None:
    """?: p1 shows no attachment. The names of Pact's newer interface are tried first, then what others use."""
    item = {"url": told} if isinstance(told, str) else mapping(told)
    url = first_text(item, "attachment_url", "url", "file_url", "src", "link")
    try:
        found = linked_file(urljoin(base_url, url), first_text(item, "file_name", "filename", "name")) if url else None
    except ValueError:  # an address that is none
        return None
    mime = first_text(item, "mime_type", "content_type")
    return replace(found, mime=mime if "/" in mime else found.mime, size=whole(item.get("size"))) if found else None


def _ack(data: dict[str, Any], now: datetime) -> list[Told]:
    message_id, state = number(data.get("external_id")), ACKS.get(_small(data.get("ack")))
    if message_id is None or state is None:
        return []
    at = _time(data.get("timestamp"), None, now)
    report = StatusReport(state, at, message_id, conversation=number(data.get("conversation_id")))
    return [Told(report, _channel(data))]


def _job(data: dict[str, Any], now: datetime) -> list[Told]:
    job = number(data.get("id"))
    if job is None:
        return []
    at = _time(data.get("date"), None, now)
    report = outcome(job, data.get("result"), number(data.get("message_id")), at, text(data.get("reason"))[:500])
    return [Told(report, _channel(data), job)] if report else []


def _system(data: dict[str, Any], now: datetime) -> list[Told]:
    details, known = mapping(data.get("details")), SYSTEM.get(text(data.get("message")))
    channel = number(details.get("entity_id")) if details.get("entity") == "channel" else None
    if known is None or channel is None:
        return []
    at = _time(data.get("date_timestamp"), data.get("date"), now)
    return [Told(ChannelReport(at, known[1], healthy=known[0]), channel)]


def _channel(data: dict[str, Any]) -> str | None:
    return number(mapping(data.get("channel")).get("id")) or number(data.get("channel_id"))


def _time(unix: Any, written: Any, now: datetime) -> datetime:
    """A unix time, or "2017-11-11 12:45:53 UTC", or ISO 8601; otherwise `now`."""
    if isinstance(unix, int | float) and TIMES[0] < unix < TIMES[1]:
        return datetime.fromtimestamp(unix, UTC)
    try:
        read = datetime.fromisoformat(text(written).removesuffix(" UTC"))
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        return now


def _small(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else -1
