"""Errors are part of the desk's language: raised by name where a rule is broken, translated once, at the door."""


class DeskError(Exception):
    """Something the caller asked for cannot be done; nothing of it was stored.

    `parameter` names the culprit in the words of whoever raised it; a door may translate it into its own spelling.
    """

    def __init__(self, text: str, *, parameter: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.parameter = parameter


class BadValue(DeskError):
    """A value that does not fit what is documented for it: wrong kind, too long, outside the list."""


class NotFound(DeskError):
    """What the caller names does not exist, or is not the caller's to see; the two are not told apart."""
