"""What a call can fail with. All of them are a PultError."""

from __future__ import annotations


class PultError(Exception):
    """The desk refused the call, or answered what nobody can read.

    `code`: the wire's number (111 to 121; docs/wire/errors.md), None where there was no answer of the wire's form.
    `text`: what is wrong, for people. `parameter`: the culprit, as the wire spells it. `request_id`: the call in the
    server's log.
    """

    def __init__(
        self, code: int | None, text: str, parameter: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(code, text, parameter, request_id)
        self.code = code
        self.text = text
        self.parameter = parameter
        self.request_id = request_id

    def __str__(self) -> str:
        known = {"code": self.code, "parameter": self.parameter, "request": self.request_id}
        shown = ", ".join(f"{name} {value}" for name, value in known.items() if value is not None)
        return f"{self.text} ({shown})" if shown else self.text


class WrongToken(PultError):
    """The token is not known, or its channel is switched off (112)."""


class NotFound(PultError):
    """No such ticket, or none that the agent may see (113); no such agent, group or client (117, 118, 119).

    117 is also an agent who does not work in the group. `parameter` says which it was.
    """


class TooFast(PultError):
    """Too many calls (121, HTTP 429); nothing was stored. `retry_after`: seconds to wait, None where the desk did not say."""

    retry_after: float | None = None


class Unavailable(PultError):
    """The desk could not be reached or could not answer, after all the tries that are safe.

    `outcome_unknown`: whether the call may have been stored all the same: a write whose answer was lost. Look before
    you repeat it.
    """

    outcome_unknown: bool = False
