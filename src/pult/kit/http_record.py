"""A way out that remembers what was asked and what was answered."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pult.kit.http_out import ANSWER_LIMIT, ANSWER_WITHIN, HttpOut, HttpOutError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from pult.kit.http_out import Answered


@dataclass(slots=True)
class Exchange:
    """One request and its answer, or why there was none. `took`: seconds. Everything is as it was, secrets too."""

    method: str
    url: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    data: Any = None
    answered: Answered | None = None
    error: str = ""
    took: float = 0.0


class RecordingHttp(HttpOut):
    """`exchanges`: all requests so far, in the order in which they began."""

    def __init__(self, allowed: str = "") -> None:
        super().__init__(allowed)
        self.exchanges: list[Exchange] = []

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: Any = None,
        within: float = ANSWER_WITHIN,
        limit: int = ANSWER_LIMIT,
        follow: bool = False,
    ) -> Answered:
        exchange = Exchange(method, url, params or {}, headers or {}, data)
        self.exchanges.append(exchange)
        began = time.monotonic()
        try:
            exchange.answered = await super().request(
                method, url, headers=headers, params=params, data=data, within=within, limit=limit, follow=follow
            )
        except HttpOutError as error:
            exchange.error = f"{type(error).__name__}: {error}"
            raise
        finally:
            exchange.took = time.monotonic() - began
        return exchange.answered

    async def stream(self, url: str, *, headers: Mapping[str, str] | None = None, limit: int) -> AsyncIterator[bytes]:
        exchange = Exchange("GET", url, {}, headers or {})
        self.exchanges.append(exchange)
        try:
            async for chunk in super().stream(url, headers=headers, limit=limit):
                yield chunk
        except HttpOutError as error:
            exchange.error = f"{type(error).__name__}: {error}"
            raise
