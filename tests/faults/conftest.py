"""The fixtures of a real desk; see served_fixtures."""

from __future__ import annotations

from served_fixtures import desk_dir, desk_template, serve

__all__ = ["desk_dir", "desk_template", "serve"]
