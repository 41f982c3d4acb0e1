"""A trigger: on which events it looks at a ticket, what must hold, what it then does. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from pult.conditions.model import WORDS, Condition, Ids, Names, Options, check_value, resolved_value
from pult.kit.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Mapping

EVENTS = ("ticket_created", "ticket_changed", "comment_added")
SETTABLE = (*WORDS, "group", "assignee")
TEMPLATE_NAMES = (
    "ticket.id",
    "ticket.subject",
    "ticket.status",
    "ticket.priority",
    "ticket.type",
    "client.name",
    "client.email",
    "client.phone",
    "assignee.name",
    "group.name",
    "channel.name",
    "company.name",
)
COMMENT_LIMIT = 64 * 1024
TEXT_LIMIT = 255

_KEYS = {"set": {"set", "to"}, "comment": {"comment", "public"}}  # what stands beside an action's own key
ACTIONS = ("set", "add_tag", "remove_tag", "comment", "webhook")
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_ADDRESS = re.compile(r"https?://[^\s/]+(/\S*)?")


class Action(Struct, frozen=True):
    """`kind` is one of ACTIONS; `target` is what `set` sets; `value` its new value, the tag, the comment, the address.

    The value of a nested list is the list of texts from its first level down.
    """

    kind: str
    target: str | None
    value: str | bool | list[str]
    public: bool = False


class Trigger(Struct, frozen=True):
    """All conditions of `when` must hold; the actions of `then` follow each other."""

    on: list[str]
    when: list[Condition]
    then: list[Action]


def action(raw: Mapping[str, Any], names: Names) -> Action:
    """The action that a table such as { set = "priority", to = "urgent" } states; BadValue names the key that is wrong."""
    kinds = [key for key in ACTIONS if key in raw]
    if len(kinds) != 1:
        raise BadValue(f"an action is one of {', '.join(ACTIONS)}", parameter=next(iter(raw), None))
    kind = kinds[0]
    for key in raw:
        if key not in _KEYS.get(kind, {kind}):
            raise BadValue(f"unknown key beside {kind}", parameter=key)
    if kind == "set":
        return _set(raw, names)
    limit = COMMENT_LIMIT if kind == "comment" else TEXT_LIMIT
    value = _template(raw[kind], kind, limit)
    if kind.endswith("_tag") and "," in value:
        raise BadValue("one tag has no comma", parameter=kind)
    if kind == "webhook" and not _ADDRESS.fullmatch(_PLACEHOLDER.sub("", value)):
        raise BadValue("should be an address that starts with http:// or https://", parameter=kind)
    public = raw.get("public", False)
    if not isinstance(public, bool):
        raise BadValue("should be true or false", parameter="public")
    return Action(kind, None, value, public)


def resolved(found: Action, ids: Ids) -> dict[str, Any]:
    """The stored form: {"kind", "value"}, with "target" and for an additional field "field_id" of `set`, "public" of a comment."""
    if found.kind == "comment":
        return {"kind": "comment", "value": found.value, "public": found.public}
    if found.kind != "set" or found.target is None:
        return {"kind": found.kind, "value": found.value}
    if found.target not in SETTABLE:
        return {"kind": "set", "target": "field", "field_id": ids.fields[found.target], "value": found.value}
    value = found.value if isinstance(found.value, list) else resolved_value(found.target, found.value, ids)
    return {"kind": "set", "target": found.target, "value": value}


def _set(raw: Mapping[str, Any], names: Names) -> Action:
    target = raw["set"]
    if not isinstance(target, str) or (target not in SETTABLE and target not in names.fields):
        known = ", ".join([*SETTABLE, *sorted(names.fields)])
        raise BadValue(f"nothing that can be set (known: {known})", parameter="set")
    if "to" not in raw:
        raise BadValue('no "to" that says the new value', parameter="set")
    if target not in SETTABLE and names.fields[target].kind == "text":
        return Action("set", target, _template(raw["to"], "to", TEXT_LIMIT))
    if target not in SETTABLE and names.fields[target].kind == "nested_list":
        return Action("set", target, _way_down(raw["to"], names.fields[target].options))
    try:
        return Action("set", target, check_value(target, raw["to"], names))
    except BadValue as error:
        raise BadValue(error.text, parameter="to") from None


def _way_down(raw: object, options: Options) -> list[str]:
    way = raw if isinstance(raw, list) else [raw]
    if not way:
        raise BadValue("names no option", parameter="to")
    found: list[str] = []
    for value in way:
        if not isinstance(value, str) or value not in options:
            known = ", ".join(options) or "none"
            raise BadValue(f"no such option here: {value} (known: {known})", parameter="to")
        options = options[value]
        found.append(value)
    return found


def _template(raw: object, key: str, limit: int) -> str:
    """A text whose placeholders {{ name }} are all known."""
    if not isinstance(raw, str) or not raw.strip():
        raise BadValue("should be text", parameter=key)
    if len(raw) > limit:
        raise BadValue(f"longer than {limit} characters", parameter=key)
    if "\0" in raw:
        raise BadValue("holds a NUL character", parameter=key)
    for name in _PLACEHOLDER.findall(raw):
        if name.strip() not in TEMPLATE_NAMES:
            raise BadValue(
                f"{{{{ {name.strip()} }}}} is no known name (known: {', '.join(TEMPLATE_NAMES)})", parameter=key
            )
    return raw
