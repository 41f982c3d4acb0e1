"""`desk_dir`: a data directory of one's own with a desk in it (served.DESK); `serve(data_dir, …)` starts a real `pult serve`."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from served import DESK, TOKEN, Served, pult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def desk_template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A desk that nobody runs, to be copied: PostgreSQL takes seconds to make a new one."""
    directory = tmp_path_factory.mktemp("template")
    (directory / "desk.toml").write_text(DESK.format(token=TOKEN))
    done = pult("apply", str(directory / "desk.toml"), "--json", "--data-dir", str(directory / "desk"))
    assert done.returncode == 0, done.stderr
    yield directory / "desk"
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def desk_dir(desk_template: Path, tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "desk"
    subprocess.run(["cp", "-a", desk_template, directory], check=True)  # with the owner that PostgreSQL runs as
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def serve(desk_dir: Path) -> Iterator[Callable[..., Served]]:
    """`serve(...)`: what Served takes, `data_dir` first if it is another than desk_dir; ended at the end of the test."""
    running: list[Served] = []

    def start(data_dir: Path | None = None, *options: str, ready: bool = True, **words: object) -> Served:
        running.append(Served(data_dir or desk_dir, *options, **words))
        return running[-1].until_ready() if ready else running[-1]

    yield start
    for one in running:
        one.clear_up()
