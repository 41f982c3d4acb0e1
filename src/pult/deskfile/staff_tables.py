"""The tables [company], [[group]], [[agent]] and [[channel]] of a desk file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from pult.deskfile.document import KEYS, Agent, Channel, Company, Group
from pult.deskfile.reading import Table, no_such
from pult.kit.errors import BadValue
from pult.sla.calendar import zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pult.deskfile.objects import Objects
    from pult.staff.channel_types import ChannelType

LANGUAGES = ("en", "ru")
ROLES = ("admin", "agent", "observer")
RIGHTS = ("write", "read", "none")
TOKEN_LENGTHS = range(16, 256)

_EMAIL = re.compile(r"[^@\s,;:<>()\"\\]{1,64}@[^@\s,;:<>()\"\\.]+(\.[^@\s,;:<>()\"\\.]+)*")
_TOKEN = re.compile(r"[!-~]+")
_COMMON = ("key", "type", "name", "group", "token")


def company(objects: Objects) -> Company:
    table = objects.company()
    return Company(
        key=table.optional_text("key") or "main",
        name=table.optional_text("name"),
        timezone=time_zone(table),
        language=table.choice("language", LANGUAGES) if "language" in table.values else None,
    )


def groups(objects: Objects) -> tuple[Group, ...]:
    return tuple(Group(key, table.text("name")) for key, table in objects.of("group"))


def agents(objects: Objects) -> tuple[Agent, ...]:
    emails: dict[str, str] = {}
    found = []
    for key, table in objects.of("agent"):
        agent = _agent(key, table, objects)
        if agent.email and agent.email in emails:
            table.wrong("email", f"{emails[agent.email]} has it already", value=agent.email)
        emails.setdefault(agent.email, table.label)
        found.append(agent)
    return tuple(found)


def channels(objects: Objects, types: Mapping[str, ChannelType]) -> tuple[Channel, ...]:
    own_keys = {name: _keys_of(found) for name, found in types.items()}
    also = dict.fromkeys(key for keys in own_keys.values() for key in keys if key not in KEYS["channel"])
    tokens: dict[str, str] = {}
    found = []
    for key, table in objects.of("channel", also=also):
        type_name = table.choice("type", types)
        if type_name not in types:
            continue
        _only_of_type(table, type_name, own_keys)
        channel = _channel(key, table, types[type_name], objects)
        if channel.token and channel.token in tokens:
            table.wrong("token", f"{tokens[channel.token]} has it already")
        tokens.setdefault(channel.token or "", table.label)
        found.append(channel)
    return tuple(found)


def email_of(table: Table, key: str, value: str, *at: str | int) -> str:
    """The address as it is compared: in lower case. Empty when it is none."""
    if value and not _EMAIL.fullmatch(value):
        table.wrong(key, "is no e-mail address", *at, value=value)
        return ""
    return value.lower()


def time_zone(table: Table) -> str | None:
    """The IANA name under "timezone"; None when absent."""
    name = table.optional_text("timezone")
    try:
        return zone(name) if name else None
    except BadValue as error:
        table.wrong("timezone", error.text, value=name)
        return None


def _agent(key: str, table: Table, objects: Objects) -> Agent:
    groups = table.references("groups", objects.keys("group"), "group")
    default_group = table.reference("default_group", objects.keys("group"), "group")
    is_list = isinstance(table.values.get("groups", []), list)  # if not, that is the one mistake to tell
    if default_group in objects.keys("group") and default_group not in groups and is_list:
        table.wrong("default_group", "is not among the agent's groups", value=default_group)
    password = table.optional_text("password")
    if password is not None and 0 < len(password) < 8:
        table.wrong("password", "shorter than 8 characters")
    return Agent(
        key=key,
        name=table.text("name"),
        email=email_of(table, "email", table.text("email")),
        role=table.choice("role", ROLES),
        groups=tuple(groups),
        default_group=default_group or next(iter(groups), None),
        password=password,
        rights=_rights(table, objects),
    )


def _rights(table: Table, objects: Objects) -> dict[str, str] | None:
    rights = table.table("rights")
    if rights is None:
        return None
    known = objects.keys("channel")
    for channel in rights.values:
        if channel not in known:
            rights.wrong(channel, no_such("channel", known))
        else:
            rights.choice(channel, RIGHTS)
    return {channel: str(right) for channel, right in rights.values.items() if right != "none"}


def _channel(key: str, table: Table, found: ChannelType, objects: Objects) -> Channel:
    email = email_of(table, "email", table.text("email")) if found.has_address else None
    references = {
        name: tuple(table.references(name, objects.keys("channel"), "channel"))
        for name in found.references
        if name in table.values
    }
    return Channel(
        key=key,
        type=str(table.values["type"]),
        name=table.text("name"),
        group=table.reference("group", objects.keys("group"), "group"),
        email=email,
        token=_token(table),
        wants_token=found.has_token,
        settings=_with_agent(table if found.inline else table.table("settings"), _settings(table, found), objects),
        references=references,
    )


def _with_agent(inside: Table | None, settings: dict[str, Any], objects: Objects) -> dict[str, Any]:
    """The settings, after a look whether the agent that they name is in the file."""
    if "default_agent" in settings and inside is not None:
        inside.reference("default_agent", objects.keys("agent"), "agent")
    return settings


def _token(table: Table) -> str | None:
    token = table.optional_text("token")
    if token and (len(token) not in TOKEN_LENGTHS or not _TOKEN.fullmatch(token)):
        table.wrong("token", "should be 16 to 255 letters, digits and signs without blanks")
    return token


def _keys_of(found: ChannelType) -> tuple[str, ...]:
    """The keys of a [[channel]] beside the common ones that channels of this type have."""
    own = msgspec.structs.fields(found.settings)
    address = ("email",) if found.has_address else ()
    return (*address, *(field.encode_name for field in own)) if found.inline else (*address, "settings")


def _only_of_type(table: Table, type_name: str, own_keys: Mapping[str, tuple[str, ...]]) -> None:
    for key in table.values:
        having = [name for name, keys in own_keys.items() if key in keys]
        if key not in _COMMON and having and type_name not in having:
            table.wrong(key, f"is not for a channel of type {type_name}, but for {', '.join(having)}")


def _settings(table: Table, found: ChannelType) -> dict[str, Any]:
    """The settings as given; each is checked alone, so that every mistake is told."""
    source = table if found.inline else table.table("settings")
    if source is None:
        source = Table({}, table.path, table.label, table.mistakes, "settings.")
    known = {field.encode_name: field for field in msgspec.structs.fields(found.settings)}
    if not found.inline:
        source.only(tuple(known))
    for name, field in known.items():
        if name in source.values:
            _check(source, name, field.type)
        elif field.required:
            source.mistakes.add(source.path, f'{source.label}: no "{source.inside}{name}"')
    return {name: source.values[name] for name in known if name in source.values}


def _check(source: Table, name: str, wanted: Any) -> None:
    try:
        msgspec.convert(source.values[name], wanted)
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at `")
        way = [int(part) if part.isdigit() else part for part in re.findall(r"[\w-]+", place)]
        dotted = "".join(f".{part}" for part in way)
        source.mistakes.add(
            (*source.path, name, *way), f"{source.label}: {source.inside}{name}{dotted}: {_in_words(said)}"
        )
        return
    for inner in _with_control_characters(source.values[name]):
        dotted = ".".join(map(str, (name, *inner)))
        source.mistakes.add(
            (*source.path, name, *inner), f"{source.label}: {source.inside}{dotted}: holds control characters"
        )


def _with_control_characters(value: object) -> Iterator[tuple[str | int, ...]]:
    """The ways to the texts in a setting that PostgreSQL (a NUL) or a mail header (a line break) could not hold."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from ((key, *way) for way in _with_control_characters(inner))
    elif isinstance(value, str) and any(ord(character) < 32 for character in value):
        yield ()


def _in_words(said: str) -> str:
    """The parser's sentence; where it quotes a pattern, what the pattern is for."""
    if "regex '^https?" in said:
        return "should be an address that starts with http:// or https://"
    if "regex" in said:
        return "should be a host name or address"
    return said[0].lower() + said[1:].replace("`", "")
