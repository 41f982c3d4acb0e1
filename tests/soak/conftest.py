"""The long versions of tests/faults, with the same fixtures: only where they are asked for, as `make soak` does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))

from served_fixtures import desk_dir, desk_template, serve  # after the path to them

__all__ = ["desk_dir", "desk_template", "serve"]


def pytest_ignore_collect(config: pytest.Config) -> bool | None:
    return None if any("soak" in argument for argument in config.args) else True
