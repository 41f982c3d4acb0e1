"""The JSON schema of the answer of `tickets`."""

from __future__ import annotations

from typing import Final

from pult.api.ticket_answer import (
    ID,
    ID_OR_NULL,
    PRIORITY,
    RIGHTS,
    SLA,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TYPE,
    exactly,
    listed,
)

ANSWER: Final = {
    "type": "array",
    "maxItems": 100,
    "items": exactly(
        {
            "id": ID,
            "subject": TEXT,
            "client_id": ID,
            "client_name": TEXT,
            "assignee_id": ID_OR_NULL,
            "channel_id": ID,
            "group": ID_OR_NULL,
            "created_at": TIME,
            "last_updated_at": TIME,
            "channel_email": TEXT_OR_NULL,
            "active_sla": SLA,
            "ticket_fields": listed(exactly({"id": ID, "name": TEXT, "value": TEXT_OR_NULL})),
            "tags": listed(exactly({"name": TEXT})),
            "status": ID,
            "priority": PRIORITY,
            "type": TYPE,
            "last_comment": TEXT_OR_NULL,
            "remind_at": {"anyOf": [TIME, {"type": "null"}]},
            "email": TEXT_OR_NULL,
            "rights": RIGHTS,
        },
        optional=("active_sla", "rights"),
    ),
}
