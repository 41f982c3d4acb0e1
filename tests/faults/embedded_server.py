"""The application of these tests: keeps an embedded PostgreSQL until it is told to stop. Standard library and pult.kit only.

python embedded_server.py HOME
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from pult.kit.postgres import Embedded


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


told = threading.Event()
for word in (signal.SIGTERM, signal.SIGINT):
    signal.signal(word, lambda *_: told.set())
server = Embedded(Path(sys.argv[1]))
say(f"ready {server.start()}")
while not told.wait(0.1):
    if server.watch():
        say("healed")
server.stop()
say("stopped")
