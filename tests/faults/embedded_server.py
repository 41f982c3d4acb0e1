"""The application of these tests: keeps an embedded PostgreSQL until it is told to stop. Standard library and pult.kit only.

python embedded_server.py HOME
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from pult.kit.postgres import Embedded


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


# A handler may append. The set() of a threading.Event waits for a lock that the interrupted code may hold: seen to hang.
told: list[int] = []
for word in (signal.SIGTERM, signal.SIGINT):
    signal.signal(word, lambda number, _: told.append(number))
server = Embedded(Path(sys.argv[1]))
say(f"ready {server.start()}")
while not told:
    time.sleep(0.1)
    if server.watch():
        say("healed")
server.stop()
say("stopped")
