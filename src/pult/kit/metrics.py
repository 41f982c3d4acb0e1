"""Figures for Prometheus, summed over all processes of the installation through files in one directory.

The parent calls `clean` once, then every process `configure` before it serves; `render` answers for all of them. Without
`configure` every observation is a call that does nothing.

prometheus_client decides when it is imported whether its figures are shared, from the environment; hence it is imported
in `configure` and nowhere else.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from prometheus_client import Counter, Gauge, Histogram

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Seconds. The desk's own calls take 1 to 20 ms, a wide search some hundred, an upload over a slow line many seconds.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class _Figures:
    """The figures of this process. Children of labels are kept: looking one up costs more than counting."""

    def __init__(self, directory: Path) -> None:
        from prometheus_client import Counter, Gauge, Histogram  # noqa: PLC0415 - see the module's docstring

        self.directory = directory
        self.requests: Counter = Counter("http_requests", "Requests by method and outcome.", ["method", "outcome"])
        self.seconds: Histogram = Histogram(
            "http_request_seconds",
            "From the first byte of a request to the last of its answer.",
            ["method"],
            buckets=BUCKETS,
        )
        self.connections: Gauge = Gauge(
            "database_pool_connections", "Connections to PostgreSQL.", ["pool", "state"], multiprocess_mode="livesum"
        )
        self.queue_age: Gauge = Gauge(
            "queue_age_seconds",
            "How long the oldest row due has waited.",
            ["queue"],
            multiprocess_mode="livemostrecent",
        )
        self.periodic_age: Gauge = Gauge(
            "periodic_age_seconds", "Since periodic work last ended well.", ["name"], multiprocess_mode="livemostrecent"
        )
        self.mail: Gauge = Gauge(
            "mail_messages",
            "A mailbox's messages: on its server, missing here, stored, parsed, ignored, needing attention.",
            ["channel", "state"],
            multiprocess_mode="livemostrecent",
        )
        self.children: dict[tuple[str, ...], Any] = {}

    def child(self, metric: Counter | Gauge | Histogram, *labels: str) -> Any:
        key = (metric._name, *labels)  # noqa: SLF001 - it has no public name, and an id() may be used again
        child = self.children.get(key)
        if child is None:
            child = self.children[key] = metric.labels(*labels)
        return child


class _Process:
    """What `configure` made; None before, and in a process that shows no figures."""

    figures: _Figures | None = None


def clean(directory: Path) -> None:
    """Forget the figures of processes that ended. For the parent, before any process of its own is configured.

    Those of a parent beside it, which has the same directory, live on.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file in directory.glob("*.db"):
        number = file.stem.rpartition("_")[2]
        if not number.isdigit() or not _lives(int(number)):
            file.unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def configure(directory: Path) -> None:
    """Keep this process's figures in `directory`; again with the same one does nothing.

    RuntimeError where prometheus_client was imported before: its figures would be this process's alone.
    """
    if _Process.figures is not None and _Process.figures.directory == directory:
        return
    if "prometheus_client" in sys.modules and os.environ.get(VARIABLE) != str(directory):
        raise RuntimeError("prometheus_client was imported before pult.kit.metrics.configure()")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.environ[VARIABLE] = str(directory)
    _Process.figures = _Figures(directory)


def forget(pid: int) -> None:
    """A child has ended: what it showed as a state is no longer so; what it counted stays counted."""
    if (figures := _Process.figures) is not None:
        from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - see the module's docstring

        mark_process_dead(pid, str(figures.directory))  # type: ignore[no-untyped-call]


def observe_request(method: str, outcome: str, seconds: float) -> None:
    """Count one request. `method` and `outcome` come from short fixed lists, never from the sender: each pair is kept."""
    if (figures := _Process.figures) is not None:
        figures.child(figures.requests, method, outcome).inc()
        figures.child(figures.seconds, method).observe(seconds)


def show_pool(pool: str, *, idle: int, busy: int) -> None:
    """The connections of one of this process's pools."""
    if (figures := _Process.figures) is not None:
        figures.child(figures.connections, pool, "idle").set(idle)
        figures.child(figures.connections, pool, "busy").set(busy)


def show_queue_age(queue: str, seconds: float) -> None:
    """How long the oldest due row of `queue` has been waiting; 0 for none."""
    if (figures := _Process.figures) is not None:
        figures.child(figures.queue_age, queue).set(seconds)


def show_periodic_age(name: str, seconds: float) -> None:
    """How long ago the periodic work `name` last ended well."""
    if (figures := _Process.figures) is not None:
        figures.child(figures.periodic_age, name).set(seconds)


def show_mail(channel_id: int, state: str, messages: int) -> None:
    """How many messages of a channel's mailbox are on the server, stored, read and so on."""
    if (figures := _Process.figures) is not None:
        figures.child(figures.mail, str(channel_id), state).set(messages)


def render() -> bytes:
    """Everything of all processes, as /metrics answers it (CONTENT_TYPE)."""
    if (figures := _Process.figures) is None:
        return b""
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - see the module's docstring
    from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415

    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(figures.directory))  # type: ignore[no-untyped-call]
    return generate_latest(registry)
