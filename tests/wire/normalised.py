"""Answers with everything that differs from run to run replaced by what it stands for: `<agent bob>`, `<time>`, `<ticket>`."""

from __future__ import annotations

import re
from typing import Any

TIMES = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
KINDS = {
    "assignee_id": "agent",
    "user_id": "agent",
    "accessible_for_agent_id": "agent",
    "group": "group",
    "group_id": "group",
    "channel_id": "channel",
    "fchannel": "channel",
    "fgroup": "group",
    "client_id": "client",
    "ticket_field_id": "field",
    "trigger_id": "trigger",
}
OWN = {"ticket_id": "<ticket>", "company_id": "<company>", "request_id": "<request>", "api_token": "<token>"}
PARENTS = {"user": "agent", "client": "client", "ticket_fields": "field"}
TARGETS = {"assignee": "agent", "group": "group", "client": "client"}


class Names:
    """What the ids of a desk stand for."""

    def __init__(self, desk: Any) -> None:
        ids = desk.ids
        self.base, self.key, self.token = desk.server.base, ids["company"]["key"], desk.token
        self.known = {("channel", c["id"]): key for key, c in ids["channels"].items()}
        for kind, table in (("agent", "agents"), ("group", "groups"), ("client", "clients"), ("trigger", "triggers")):
            self.known |= {(kind, row["id"]): key for key, row in ids[table].items()}
        self.with_options: set[int] = set()
        for key, row in ids["fields"].items():
            if "options" in row:
                self.with_options |= {row["id"], *(level["id"] for level in row.get("levels", []))}
            self.known[("field", row["id"])] = key
            self.known |= {("field", level["id"]): f"product {level['name']}" for level in row.get("levels", [])}
            self.known |= {("option", number): text for number, text in _options(row.get("options", {}))}

    def of(self, kind: str, value: Any) -> Any:
        """`<agent bob>`; `<client>` for one that the desk file does not know; None stays None."""
        if value is None or not str(value).isdigit():
            return value
        name = self.known.get((kind, int(value)))
        text = f"<{kind} {name}>" if name else f"<{kind}>"
        return text if isinstance(value, int) else f"text {text}"


def _options(options: Any, path: str = "") -> Any:
    for word, option in options.items():
        if isinstance(option, dict):
            yield option["id"], f"{path}{word}"
            yield from _options(option["options"], f"{path}{word}/")
        else:
            yield option, word


def normalised(value: Any, names: Names, key: str = "") -> Any:
    """`value` with names for ids; `key` is the name under which it stands."""
    if isinstance(value, dict):
        return _of_object(value, names, key)
    if isinstance(value, list):
        return [normalised(part, names, key) for part in value]
    if key in OWN:
        return OWN[key]
    if key in KINDS:
        return names.of(KINDS[key], value)
    return _of_text(value, names, key) if isinstance(value, str) else value


def _of_text(value: str, names: Names, key: str) -> str:
    if key == "error":
        return re.sub(r"\b\d+\b", "<number>", value)
    value = TIMES.sub("<time>", value).replace(names.key, "<key>").replace(names.token, "<token>")
    return "<link>" if value.startswith(f"{names.base}/files/") else value.replace(names.base, "<base>")


def _of_object(value: dict[str, Any], names: Names, key: str) -> dict[str, Any]:
    shown = {name: normalised(part, names, name) for name, part in value.items()}
    if "id" in value:
        shown["id"] = names.of(PARENTS[key], value["id"]) if key in PARENTS else "<id>"
    if type(value.get("file")) is int:
        shown["file"] = "<id>"
    field = value.get("ticket_field_id", value.get("id") if key == "ticket_fields" else None)
    for name in ("value", "old_value"):
        if name in value and field in names.with_options:
            shown[name] = names.of("option", value[name])
        elif name in value and value.get("target") in TARGETS:
            shown[name] = names.of(TARGETS[value["target"]], value[name])
    return shown
