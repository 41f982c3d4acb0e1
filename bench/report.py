"""The table that people read."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.jobs import Figures


@dataclass(slots=True)
class Row:
    """One operation at one number of connections; the rounds one after the other, product and bare limit in turns."""

    operation: str
    connections: int
    round_trips: float
    bare_connections: int = 0
    product: list[Figures] = field(default_factory=list)
    bare: list[Figures] = field(default_factory=list)
    health: float = 0.0  # calls a second of the empty handler, in the same run
    refusal: float = 0.0

    def summary(self) -> dict[str, Any]:
        """Medians over the rounds; `of_bare` is the median of the rounds' ratios. CPU in ms a call."""
        rate = self._middle("product", lambda f: f.rate)
        made: dict[str, Any] = {
            "operation": self.operation,
            "connections": self.connections,
            "rate": rate,
            "p50_ms": self._middle("product", lambda f: f.percentile(0.5)),
            "p95_ms": self._middle("product", lambda f: f.percentile(0.95)),
            "p99_ms": self._middle("product", lambda f: f.percentile(0.99)),
            "server_cpu_ms": self._middle("product", lambda f: f.cpu_ms(f.cpu.server)),
            "postgres_cpu_ms": self._middle("product", lambda f: f.cpu_ms(f.cpu.postgres)),
            "load_cpu_ms": self._middle("product", lambda f: f.cpu_ms(f.load_cpu)),
            "round_trips": self.round_trips,
            "rates": [figures.rate for figures in self.product],
            "wrong": [text for figures in self.product for text in figures.wrong][:5],
        }
        if self.bare:
            made |= {
                "bare_connections": self.bare_connections,
                "bare_rate": self._middle("bare", lambda f: f.rate),
                "bare_p50_ms": self._middle("bare", lambda f: f.percentile(0.5)),
                "bare_postgres_cpu_ms": self._middle("bare", lambda f: f.cpu_ms(f.cpu.postgres)),
                "bare_client_cpu_ms": self._middle("bare", lambda f: f.cpu_ms(f.load_cpu)),
                "bare_rates": [figures.rate for figures in self.bare],
                "of_bare": median(a.rate / b.rate for a, b in zip(self.product, self.bare, strict=True) if b.rate),
            }
        if self.health:
            made |= {"of_health": rate / self.health, "of_refusal": rate / self.refusal}
        return made

    def _middle(self, side: str, value: Any) -> float:
        return float(median(value(figures) for figures in getattr(self, side)))


COLUMNS = (  # title, key, width, how a number is written
    ("operation", "operation", -14, ""),
    ("c", "connections", 3, "d"),
    ("rate/s", "rate", 8, ",.0f"),
    ("p50 ms", "p50_ms", 8, ".2f"),
    ("p95 ms", "p95_ms", 8, ".2f"),
    ("p99 ms", "p99_ms", 8, ".2f"),
    ("server cpu", "server_cpu_ms", 10, ".2f"),
    ("pg cpu", "postgres_cpu_ms", 7, ".2f"),
    ("trips", "round_trips", 6, ".1f"),
    ("bare/s", "bare_rate", 8, ",.0f"),
    ("bare pg cpu", "bare_postgres_cpu_ms", 11, ".2f"),
    ("of bare", "of_bare", 8, ".0%"),
    ("of empty", "of_health", 8, ".0%"),
    ("wrong", "wrong", 6, ""),
)


def header() -> str:
    return "  ".join(_padded(title, width) for title, _, width, _ in COLUMNS)


def line(summary: dict[str, Any]) -> str:
    """The table's line for a row's summary; "-" where there is nothing to compare with."""
    cells = []
    for _, key, width, shape in COLUMNS:
        value = summary.get(key)
        value = len(value) if isinstance(value, list) else value
        cells.append(_padded("-" if value is None else format(value, shape), width))
    return "  ".join(cells)


def _padded(text: str, width: int) -> str:
    """To the right; to the left where the width is negative."""
    return f"{text:<{-width}}" if width < 0 else f"{text:>{width}}"
