"""The JSON schema of the answer of `ticket`."""

from __future__ import annotations

from typing import Any, Final

ID: Final = {"type": "integer"}
ID_OR_NULL: Final = {"type": ["integer", "null"]}
TEXT: Final = {"type": "string"}
TEXT_OR_NULL: Final = {"type": ["string", "null"]}
TIME: Final = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", "description": "UTC"}
ZERO_OR_ONE: Final = {"type": "integer", "enum": [0, 1]}
RIGHTS: Final = {"type": "string", "enum": ["read", "write"], "description": "only with accessible_for_agent_id"}


def exactly(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object with these properties and no others."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def listed(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


SLA: Final = listed(exactly({"type": {"type": "string", "enum": ["first_reply", "next_reply", "close"]}, "date": TIME}))
TYPE: Final = {"type": "string", "enum": ["question", "task", "problem", "incident"]}
PRIORITY: Final = {"type": "string", "enum": ["low", "medium", "urgent", "extreme"]}

TICKET: Final = exactly(
    {
        "id": ID,
        "status_id": ID,
        "subject": TEXT,
        "client_id": ID,
        "client_name": TEXT,
        "assignee_id": ID_OR_NULL,
        "group": ID_OR_NULL,
        "channel_id": ID,
        "company_id": ID,
        "email": TEXT_OR_NULL,
        "priority": PRIORITY,
        "type": TYPE,
        "additional_id": TEXT_OR_NULL,
        "published_at": TIME,
        "last_updated_at": TIME,
        "active_sla": SLA,
    },
    optional=("active_sla",),
)
CLIENT: Final = exactly(
    {
        "id": ID,
        "name": TEXT,
        "note": TEXT,
        "emails": listed(exactly({"email": TEXT})),
        "phones": listed(exactly({"phone": TEXT, "type": TEXT_OR_NULL})),
    }
)
COMMENT: Final = exactly(
    {
        "id": ID,
        "message": TEXT,
        "from": {"type": "string", "enum": ["user", "client", "trigger"]},
        "type": {"type": "string", "enum": ["public", "private", "error"]},
        "user_id": ID_OR_NULL,
        "client_id": ID_OR_NULL,
        "client_name": TEXT_OR_NULL,
        "ticket_id": ID,
        "is_first": ZERO_OR_ONE,
        "delivered": ZERO_OR_ONE,
        "readed": ZERO_OR_ONE,
        "published_at": TIME,
        "file": ID_OR_NULL,
        "files": listed(exactly({"name": TEXT, "type": TEXT, "file": {"type": "string", "format": "uri"}})),
        "cc": listed(TEXT),
        "bcc": listed(TEXT),
        "client": {"anyOf": [CLIENT, {"type": "null"}]},
        "user": {"anyOf": [exactly({"id": ID, "name": TEXT, "email": TEXT}), {"type": "null"}]},
    }
)
ANY_VALUE: Final = {"type": ["string", "integer", "null", "array"]}
CHANGE: Final = exactly(
    {
        "id": ID,
        "trigger_id": ID_OR_NULL,
        "user_id": ID_OR_NULL,
        "ticket_id": ID,
        "data": listed(
            {
                "type": "object",
                "required": ["target", "value"],
                "properties": {"target": TEXT, "value": ANY_VALUE, "old_value": ANY_VALUE, "ticket_field_id": ID},
                "additionalProperties": False,
            }
        ),
        "changed_at": TIME,
        "old_status": ID,
        "new_status": ID,
        "company_id": ID,
    }
)
ANSWER: Final = exactly(
    {
        "ticket": TICKET,
        "comments": listed(COMMENT),
        "changes": listed(CHANGE),
        "tags": listed(TEXT),
        "custom_fields": listed(exactly({"id": ID, "ticket_id": ID, "ticket_field_id": ID, "value": TEXT})),
        "rights": RIGHTS,
    },
    optional=("rights",),
)
