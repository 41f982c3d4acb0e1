"""The SQL of the demo desk: files of named steps, `-- step: name` above each."""

from __future__ import annotations

from pathlib import Path


def steps(name: str) -> dict[str, str]:
    """The steps of `name` beside this file, by name."""
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    parts = [part.partition("\n") for part in text.split("-- step: ")[1:]]
    return {title.strip(): body.strip() for title, _, body in parts}
