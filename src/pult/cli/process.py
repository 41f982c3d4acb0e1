"""The child processes of `pult serve`: one that answers HTTP, one that works in the background."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Final

import asyncpg

from pult.kit import log, metrics, trace
from pult.kit.connecting import LostConnection
from pult.kit.processes import die_with_parent, say_ready

if TYPE_CHECKING:
    from pult.settings import Settings

NICENESS: Final = 10  # of the background, which nobody waits for: it takes the processor when nobody else wants it


def web(settings: Settings, fd: int) -> int:
    """Answer HTTP on the parent's socket until SIGTERM; what was accepted is finished."""
    _begin(settings)
    import uvicorn  # noqa: PLC0415  # the background process needs neither

    from pult.app import Application  # noqa: PLC0415

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            gc.freeze()  # what is there now stays: no collection has to walk it again
            say_ready()

    config = uvicorn.Config(
        Application(settings),
        http="httptools",
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        lifespan="on",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=30,
    )
    server = Server(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        # While it serves uvicorn has handlers of its own; afterwards it raises the signal again, which would end us here.
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    server.run(sockets=[socket.socket(fileno=fd)])
    trace.shutdown()
    return 0 if server.started else 1


def work(settings: Settings) -> int:
    """Carry deliveries, listen to channels and do the periodic work until SIGTERM. Whoever waits for an answer goes first."""
    _begin(settings)
    os.nice(NICENESS)
    try:
        asyncio.run(_work(settings))
    except (LostConnection, OSError, asyncpg.PostgresError) as error:
        reason = (error.__cause__ or error) if isinstance(error, LostConnection) else error
        log.get_logger().error("work.cannot_start", reason=str(reason) or type(reason).__name__)
        return 1
    finally:
        trace.shutdown()
    return 0


async def _work(settings: Settings) -> None:
    from pult import worker  # noqa: PLC0415
    from pult.assembly import CHANNEL, house_of  # noqa: PLC0415

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with house_of(settings, pool_size=6, tidy=True) as house:
        say_ready()
        await worker.work(house.desk, house.dispatcher, house.receiving, stop, CHANNEL)


def _begin(settings: Settings) -> None:
    if parent := os.environ.pop("PULT_PARENT", ""):
        die_with_parent(int(parent))
    log.configure(settings.log_level)
    metrics.configure(settings.data_dir / "run" / "metrics")
    if settings.otlp_url:
        trace.configure(settings.otlp_url)
