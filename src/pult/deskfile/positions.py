"""On which line of a TOML text each table, key and array element stands; the standard parser does not say."""

from __future__ import annotations

import re
import tomllib

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)+")
_KEY = re.compile(r'[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'')
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")|\'\'\'.*?\'{3,5}(?!\')|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'',
    re.DOTALL,
)
_BARE = re.compile(r"\d{4}-\d\d-\d\d \d\d:[^,\]}\s#]+|[^,\]}\s#]+")


class Positions:
    """The lines (from 1) of the paths of a TOML text that the standard parser takes.

    A path is what leads to a value in the parsed document: ("agent", 1, "groups", 0).
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted = (0, 1)
        self._lines: dict[Path, int] = {(): 1}
        self._counts: dict[Path, int] = {}  # of arrays of tables: how many elements so far
        self._document()

    def line(self, path: Path) -> int:
        """Where `path` stands; where its nearest existing parent stands when the text does not have it."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def _document(self) -> None:
        table: Path = ()
        while not self._blank():
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        line = self._line()
        brackets = 2 if self._text.startswith("[[", self._at) else 1
        self._at += brackets
        *above, last = self._dotted()
        self._at += brackets
        path: Path = ()
        for part in above:
            path = self._newest((*path, part))
        path = (*path, last)
        if brackets == 2:
            self._lines.setdefault(path, line)
            self._counts[path] = self._counts.get(path, 0) + 1
        path = self._newest(path)
        self._lines.setdefault(path, line)
        return path

    def _newest(self, path: Path) -> Path:
        return (*path, self._counts[path] - 1) if path in self._counts else path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for part in self._dotted():
            path = (*path, part)
            self._lines.setdefault(path, line)
        self._at += 1  # the equals sign
        self._value(path)

    def _dotted(self) -> list[str]:
        parts = []
        while True:
            self._blank()
            found = _KEY.match(self._text, self._at)
            if found is None:
                raise AssertionError(f"a key should stand at offset {self._at}")  # the parser took the text before us
            parts.append(_unquoted(found.group()))
            self._at = found.end()
            self._blank()
            if not self._text.startswith(".", self._at):
                return parts
            self._at += 1

    def _value(self, path: Path) -> None:
        self._blank()
        self._lines.setdefault(path, self._line())
        if self._text.startswith("[", self._at):
            self._array(path)
        elif self._text.startswith("{", self._at):
            self._inline_table(path)
        else:
            found = _STRING.match(self._text, self._at) or _BARE.match(self._text, self._at)
            if found is None:
                raise AssertionError(f"a value should stand at offset {self._at}")
            self._at = found.end()

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while not self._closed("]"):
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while not self._closed("}"):
            self._pair(path)

    def _closed(self, bracket: str) -> bool:
        """Go over blanks and a comma; over the bracket too, when it stands there."""
        self._blank()
        if self._text.startswith(",", self._at):
            self._at += 1
            self._blank()
        if not self._text.startswith(bracket, self._at):
            return False
        self._at += 1
        return True

    def _blank(self) -> bool:
        """Go over white space and comments; True at the end of the text."""
        if found := _BLANK.match(self._text, self._at):
            self._at = found.end()
        return self._at >= len(self._text)

    def _line(self) -> int:
        counted, line = self._counted
        self._counted = (self._at, line + self._text.count("\n", counted, self._at))
        return self._counted[1]


def _unquoted(key: str) -> str:
    if key[0] in "\"'":
        return str(tomllib.loads(f"key = {key}")["key"])
    return key
