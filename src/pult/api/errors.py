"""The wire's errors: `{"error", "code"}` with HTTP 200, as every known client reads them; `status` and `parameter` beside."""

from __future__ import annotations

from typing import Final

import msgspec

from pult.api.body_errors import BadBody, FileTooLarge
from pult.clients.actions import ClientUnknown
from pult.fields.model import BadFieldValue, FieldNotKnown
from pult.kit.errors import DeskError
from pult.tickets.change import TicketUnknown
from pult.tickets.model import AgentNotInGroup, AgentUnknown, AutomaticTag, GroupUnknown

INTERNAL: Final = 111
WRONG_TOKEN: Final = 112
UNKNOWN_METHOD: Final = 115
TOO_FAST: Final = 121

CODES: Final = {  # by class first
    TicketUnknown: 113,
    AgentUnknown: 117,
    AgentNotInGroup: 117,
    GroupUnknown: 118,
    ClientUnknown: 119,
    AutomaticTag: 116,
    FileTooLarge: 120,
    BadBody: INTERNAL,  # broken text, whichever parameter it stands in
    FieldNotKnown: INTERNAL,
    BadFieldValue: INTERNAL,
}
PARAMETER_CODES: Final = {  # what is wrong with a parameter of this name, when no class says more
    "ticket_id": 113,
    "user_id": 117,
    "assignee_id": 117,
    "accessible_for_agent_id": 117,
    "group_id": 118,
    "client_id": 119,
}
SPELLINGS: Final = {  # the desk's word -> the wire's parameter
    "assignee": "assignee_id",
    "group": "group_id",
    "client": "client_id",
    "ticket": "ticket_id",
    "email": "client_email",
    "phone": "client_phone",
    "untagged": "remove_tag",
}


class WrongToken(DeskError):
    """The api_token is missing or not known (112)."""


class NoMessage(DeskError):
    """The message is missing (114)."""


class TooFast(DeskError):
    """The documented limit is reached (121, HTTP 429)."""

    def __init__(self, text: str, *, parameter: str, retry_after: int) -> None:
        super().__init__(text, parameter=parameter)
        self.retry_after = retry_after


class WrongTags(DeskError):
    """Tags that are no text (116)."""


def code_of(error: DeskError) -> int:
    """The vendor's number for what went wrong."""
    own = {WrongToken: WRONG_TOKEN, NoMessage: 114, TooFast: TOO_FAST, WrongTags: 116}
    for known, code in {**own, **CODES}.items():
        if isinstance(error, known):
            return code
    return PARAMETER_CODES.get(parameter_of(error) or "", INTERNAL)


def parameter_of(error: DeskError) -> str | None:
    """The culprit as the wire spells it."""
    return SPELLINGS.get(error.parameter or "", error.parameter)


def body(text: str, code: int, *, parameter: str | None = None, request_id: str | None = None) -> bytes:
    """The answer's JSON."""
    answer: dict[str, object] = {"status": "failed", "error": text, "code": code}
    if parameter is not None:
        answer["parameter"] = parameter
    if request_id is not None:
        answer["request_id"] = request_id
    return msgspec.json.encode(answer)
