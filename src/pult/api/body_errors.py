"""What can be wrong with a request's body before a single parameter has been understood."""

from __future__ import annotations

from pult.kit.errors import BadValue


class BadBody(BadValue):
    """The query string or the body cannot be read; `parameter` is the one to blame, by its top-level name, or None."""


class BodyTooLarge(BadBody):
    """The body is longer than it may be. `unread`: more of it is on its way, and `drain` may be called for it."""

    def __init__(self, limit: int, *, unread: bool, parameter: str | None = None) -> None:
        super().__init__(f"The request is larger than {limit} bytes", parameter=parameter)
        self.unread = unread


class FileTooLarge(BadBody):
    """One uploaded file is larger than a file may be; `parameter` is the name of its field."""

    def __init__(self, limit: int, *, parameter: str) -> None:
        size = f"{limit // 1_048_576} MB" if limit >= 1_048_576 else f"{limit} bytes"
        super().__init__(f"A file is larger than {size}", parameter=parameter)


class ClientGone(Exception):
    """The client hung up before its request was complete; there is nobody to answer."""
