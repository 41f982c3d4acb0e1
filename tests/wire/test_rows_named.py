"""Each row of wire.md §9 (contradictions of the seeds and what we do) has a test that names it."""

from __future__ import annotations

import re
from pathlib import Path

ROWS = 32


def test_every_row_has_a_test():
    names = "\n".join(
        name
        for path in Path(__file__).parent.glob("test_*.py")
        for name in re.findall(r"(?m)^(?:async )?def (test_row_\w+)", path.read_text())
    )
    named = {int(number) for number in re.findall(r"(?:row|and)_(\d+)", names)}
    assert named == set(range(1, ROWS + 1))
