"""The OpenAPI 3.1 document, generated from the very tables that the parsers use."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from pult.api import request_schemas
from pult.api.routes import METHODS

if TYPE_CHECKING:
    from pult.api.method import Method

    Json = dict[str, Any]

CODES: Final = {
    111: "a value that does not fit its rules, a broken request, or an error of the server's own",
    112: "`api_token` is missing or not known",
    113: "there is no such ticket, or none that the agent may see",
    114: "the message is missing",
    115: "there is no such method, or it does not take this verb",
    116: "tags in a wrong format, or a tag that follows a field and cannot be taken away alone",
    117: "there is no such agent, or the agent does not work in the group",
    118: "there is no such group",
    119: "there is no such client",
    120: "a file is larger than 15 MB",
    121: "too many calls: ten searches a minute, and the operator's own limit",
}
ERROR: Final = {
    "type": "object",
    "required": ["status", "error", "code"],
    "properties": {
        "status": {"const": "failed"},
        "error": {"type": "string", "description": "What is wrong, for people; the words may change."},
        "code": {
            "type": "integer",
            "enum": list(CODES),
            "description": "\n".join(f"- {code}: {meaning}" for code, meaning in CODES.items()),
        },
        "parameter": {"type": "string", "description": "The culprit, where it is one parameter."},
        "request_id": {
            "type": "string",
            "description": "The id of this call in the server's log; also in `X-Request-Id`.",
        },
    },
    "additionalProperties": False,
}
ABOUT: Final = """\
The ticket API of Pult, in the wire format of Usedesk.

- Every method is served under `/uapi/` and without it. Repeated and trailing slashes do not matter.
- Parameters may stand in the query and in the body, the body as JSON, urlencoded or multipart. On a clash the body wins.
- The token is `api_token` among the parameters, or `Authorization: Bearer`.
- **An error has HTTP status 200**, `"status": "failed"`, a text and a code. Only too many calls (429), an unknown method
  (404), a wrong verb (405) and a database that is away (503) have a status of their own; the body is the same.
- Times are `YYYY-MM-DD HH:MM:SS` in UTC. Blank text is the same as a parameter that is not given. Unknown parameters are ignored.
"""
REQUEST_ID: Final = {
    "X-Request-Id": {"description": "The id of this call in the server's log.", "schema": {"type": "string"}}
}
RETRY_AFTER: Final = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}
ALLOW: Final = {"Allow": {"description": "The verbs that the method takes.", "schema": {"type": "string"}}}
SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The API token of a channel."},
    "api_token": {
        "type": "apiKey",
        "in": "query",
        "name": "api_token",
        "description": "The API token of a channel, in the query.",
    },
}


@lru_cache(maxsize=4)
def document(version: str, address: str) -> bytes:
    """The document as JSON. `version`: of the software; `address`: where this desk is, without a slash at the end."""
    shown = {
        "openapi": "3.1.0",
        "info": {
            "title": "Pult API",
            "version": version,
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": address}],
        "tags": [{"name": "Tickets"}],
        "paths": {f"/uapi/{name}": _path(method) for name, method in METHODS.items()},
        "components": {
            "schemas": {"Error": ERROR, **{_title(method): dict(method.answer) for method in METHODS.values()}},
            "responses": _responses(),
            "securitySchemes": SECURITY,
        },
    }
    return msgspec.json.format(msgspec.json.encode(shown), indent=2)


def _path(method: Method) -> Json:
    return {verb.lower(): _operation(method, verb) for verb in sorted(method.verbs, reverse=True)}


def _operation(method: Method, verb: str) -> Json:
    reading = verb == "GET"
    operation: Json = {
        "operationId": ("get_" if reading else "") + method.name.replace("/", "_"),
        "summary": method.summary,
        "description": inspect.getdoc(method.handle) or method.summary,
        "tags": ["Tickets"],
        # a token in the body is a property of it: OpenAPI has no scheme for one there
        "security": [{name: []} for name in SECURITY],
        "responses": {
            "200": _answer(method),
            "404": {"$ref": "#/components/responses/UnknownMethod"},
            "405": {"$ref": "#/components/responses/WrongVerb"},
            "429": {"$ref": "#/components/responses/TooManyCalls"},
            "503": {"$ref": "#/components/responses/Away"},
        },
    }
    if reading:
        operation["parameters"] = request_schemas.query(method)
    else:
        needed = any(parameter.required for parameter in method.parameters)
        operation["requestBody"] = {"required": needed, "content": request_schemas.bodies(method)}
    return operation


def _answer(method: Method) -> Json:
    either = [{"$ref": f"#/components/schemas/{_title(method)}"}, {"$ref": "#/components/schemas/Error"}]
    return {
        "description": "Success, or an error: the body says which of the two.",
        "headers": REQUEST_ID,
        "content": {"application/json": {"schema": {"oneOf": either}}},
    }


def _responses() -> Json:
    return {
        "UnknownMethod": _failure("There is no such method (code 115)."),
        "WrongVerb": _failure("The method does not take this verb (code 115).", ALLOW),
        "TooManyCalls": _failure("Too many calls (code 121); nothing was stored.", RETRY_AFTER),
        "Away": _failure("The database is away (code 111); nothing was stored, try again.", RETRY_AFTER),
    }


def _failure(what: str, headers: Json | None = None) -> Json:
    return {
        "description": what,
        "headers": {**REQUEST_ID, **(headers or {})},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


def _title(method: Method) -> str:
    """`create/ticket` -> `CreateTicketAnswer`."""
    return "".join(word.capitalize() for word in method.name.split("/")) + "Answer"
