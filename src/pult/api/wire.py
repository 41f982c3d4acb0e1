"""The door of the Usedesk wire: a bare ASGI application. Parses, calls one verb, answers JSON; HTTP 200 also for errors.

A framework's routing and request objects would cost more than the smallest call itself (docs/adr/0004).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import asyncpg

from pult.api import errors, limits
from pult.api.body_errors import BodyTooLarge, ClientGone
from pult.api.method import Call
from pult.api.parameters import read_all
from pult.api.routes import METHODS, method_name
from pult.api.tickets import ClientLeft
from pult.api.token import Callers
from pult.api.wire_in import drain, read_form
from pult.kit import trace
from pult.kit.connecting import LostConnection, lost
from pult.kit.errors import DeskError
from pult.kit.log import get_logger, request_id
from pult.tickets.configuration import Stale

if TYPE_CHECKING:
    from pathlib import Path

    from pult.api.method import Method
    from pult.api.wire_in import Form, Receive, Scope
    from pult.desk import Desk
    from pult.messaging.now import Messages

log = get_logger()

BODY_LIMIT: Final = 100 * 1024 * 1024
LOOKS: Final = 4  # at a caller whose identity or configuration keeps changing under the call
JSON: Final = (b"content-type", b"application/json")


class Answer:
    """What goes back: a status, a body of JSON, and what the log and the figures say about it."""

    __slots__ = ("body", "headers", "outcome", "status")

    def __init__(
        self, body: bytes, status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = (), outcome: str = "ok"
    ) -> None:
        self.body, self.status, self.headers, self.outcome = body, status, headers, outcome


class Wire:
    """The methods of the wire for one process of the desk."""

    def __init__(self, desk: Desk, scratch: Path, messages: Messages) -> None:
        self.desk, self.scratch, self.messages = desk, scratch, messages
        self.callers = Callers(desk.pools)

    async def answer(self, scope: Scope, receive: Receive) -> tuple[str, Answer]:
        """The method's name, from a short list, and the answer. Raises ClientGone where nobody waits for one."""
        method = METHODS.get(method_name(scope["path"]))
        if method is None:
            return "unknown", refusal("there is no such method", errors.UNKNOWN_METHOD, status=404)
        if scope["method"] not in method.verbs:
            allowed = ((b"allow", ", ".join(sorted(method.verbs)).encode()),)
            text = f"this method takes {' or '.join(sorted(method.verbs))}"
            return method.name, refusal(text, errors.UNKNOWN_METHOD, status=405, headers=allowed)
        with trace.span(method.name):
            return method.name, await self._answer(method, scope, receive)

    async def _answer(self, method: Method, scope: Scope, receive: Receive) -> Answer:
        try:
            form = await read_form(scope, receive, body_limit=BODY_LIMIT, scratch=self.scratch)
        except DeskError as error:
            if isinstance(error, BodyTooLarge) and error.unread:
                await drain(receive, BODY_LIMIT)
            return _refused(error)
        except OSError as error:  # no room for the body
            return _failed(error, method.name)
        try:
            return Answer(await self._call(method, form, scope, receive))
        except ClientLeft:
            raise ClientGone from None
        except Exception as error:  # noqa: BLE001  # whatever it is, the client gets JSON and the log gets the reason
            return _failed(error, method.name)
        finally:
            form.close()

    async def _call(self, method: Method, form: Form, scope: Scope, receive: Receive) -> bytes:
        token = _token(form, scope)
        for looked in range(1, LOOKS + 1):
            try:
                return await self._once(method, form, token, receive)
            except Stale:
                continue
            except Exception as error:
                # A unit of work tries again by itself; what broke outside of one has changed nothing.
                if isinstance(error, LostConnection) or not lost(error) or looked == LOOKS:
                    raise
                log.warning("call.again", method=method.name, reason=type(error).__name__)
        raise Stale

    async def _once(self, method: Method, form: Form, token: str | None, receive: Receive) -> bytes:
        caller = await self.callers.who(token)
        given = read_all(method.parameters, form.values, form.repeated)
        if self.desk.settings.api_limit is not None:
            await limits.any_call(self.desk, caller)
        try:
            return await method.handle(Call(self.desk, caller, form, given, lambda: _gone(receive), self.messages))
        except Stale:
            self.callers.forget(caller)
            raise


async def _gone(receive: Receive) -> None:
    """Return when the client has hung up. Only for a request whose body has been read."""
    message = await receive()
    while message["type"] != "http.disconnect":
        message = await receive()


def _token(form: Form, scope: Scope) -> str | None:
    """api_token of body or query; `Authorization: Bearer` as an addition."""
    token = form.values.get("api_token")
    if isinstance(token, int) and not isinstance(token, bool):
        token = str(token)
    if isinstance(token, str) and token.strip():
        return token.strip()
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return str(value[7:].decode("latin-1").strip())
    return None


def refusal(
    text: str,
    code: int,
    *,
    status: int = 200,
    parameter: str | None = None,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    outcome: str = "refused",
) -> Answer:
    """An error's answer, with the request's id."""
    body = errors.body(text, code, parameter=parameter, request_id=request_id.get() or None)
    return Answer(body, status, headers, outcome)


def _failed(error: Exception, method: str) -> Answer:
    if isinstance(error, DeskError):
        return _refused(error)
    if isinstance(error, asyncpg.QueryCanceledError | TimeoutError):
        return refusal("this took too long and was given up", errors.INTERNAL, outcome="timeout")
    if lost(error):
        return _lost(error)
    log.error("call.failed", method=method, exc_info=error)
    return refusal("internal error", errors.INTERNAL, outcome="failed")


def _refused(error: DeskError) -> Answer:
    code, parameter = errors.code_of(error), errors.parameter_of(error)
    if isinstance(error, errors.TooFast):
        retry = ((b"retry-after", str(error.retry_after).encode()),)
        return refusal(error.text, code, status=429, parameter=parameter, headers=retry, outcome="too fast")
    return refusal(error.text, code, parameter=parameter)


def _lost(error: BaseException) -> Answer:
    """The database is away. 503 asks a client to try again, so it is said only where nothing can have been stored."""
    log.error("database.lost", reason=type(error.__cause__ or error).__name__)
    if isinstance(error, LostConnection) and error.stored is None:
        text = "the database was lost during the commit: it is not known whether this was stored"
        return refusal(text, errors.INTERNAL, outcome="unknown")
    text = "the database is away; nothing was stored"
    return refusal(text, errors.INTERNAL, status=503, headers=((b"retry-after", b"2"),), outcome="lost")
