"""DOOR (floor 5): the pages of our own that are not the workspace: health, figures, downloads, the API's document."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path  # noqa: TC003  # Litestar reads the handlers' annotations
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import msgspec
from litestar import HttpMethod, Litestar, MediaType, Request, Response, get, route
from litestar.exceptions import HTTPException
from litestar.params import FromPath  # noqa: TC002  # Litestar reads the handlers' annotations
from litestar.response import Redirect, Stream

from pult.api import docs_page, openapi
from pult.downloads import Link, download
from pult.kit import checks, metrics
from pult.kit.connecting import LostConnection
from pult.kit.log import get_logger, request_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pult.desk import Desk

log = get_logger()

STATIC: Final = files("pult").joinpath("static")
TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
SAFE: Final = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
READY_WITHIN: Final = 3  # seconds


def pages(desk: Desk, more: Sequence[Any] = ()) -> Litestar:
    """The application for one process of the desk; `more`: other doors' routes."""
    readiness = _Readiness(desk)

    @get("/", include_in_schema=False, sync_to_thread=False)
    def start() -> Redirect:
        return Redirect("/docs")

    @get("/health/live", include_in_schema=False, sync_to_thread=False)
    def live() -> dict[str, str]:
        return {"status": "ok"}

    @get("/health/ready", include_in_schema=False)
    async def ready() -> Response[dict[str, Any]]:
        wrong = await readiness.wrong()
        status = {"status": "not ready", "reasons": wrong} if wrong else {"status": "ok"}
        return Response(status, status_code=503 if wrong else 200)

    @get("/metrics", include_in_schema=False, sync_to_thread=True)
    def figures() -> Response[bytes]:
        return Response(metrics.render(), media_type=metrics.CONTENT_TYPE)

    @get("/openapi.json", include_in_schema=False, sync_to_thread=False)
    def document() -> Response[bytes]:
        return Response(openapi.document(version("pult"), desk.settings.address), media_type=MediaType.JSON)

    @get("/docs", include_in_schema=False, sync_to_thread=False)
    def docs() -> Response[bytes]:
        return Response(docs_page.HTML, media_type=MediaType.HTML, headers={**SAFE, **docs_page.HEADERS})

    return Litestar(
        [start, live, ready, figures, document, docs, _static, _files(desk), *more],
        openapi_config=None,
        exception_handlers={Exception: _failed},
        on_app_init=[_quiet],
    )


@get("/static/{path:path}", include_in_schema=False, sync_to_thread=True)
def _static(path: FromPath[Path]) -> Response[bytes]:
    name = str(path).lstrip("/")
    kind = TYPES.get(name.rsplit(".", 1)[-1])
    asset = STATIC.joinpath(name)
    if kind is None or ".." in name or not asset.is_file():
        raise HTTPException(status_code=404, detail="there is no such page")
    return Response(asset.read_bytes(), media_type=kind, headers={**SAFE, "Cache-Control": "public, max-age=3600"})


def _files(desk: Desk) -> Any:
    @route(
        "/files/{company_id:int}/{file_id:int}/{expires:int}/{signature:str}/{name:path}",
        http_method=[HttpMethod.GET, HttpMethod.HEAD],
        include_in_schema=False,
    )
    async def file(
        request: Request[Any, Any, Any],
        company_id: FromPath[int],
        file_id: FromPath[int],
        expires: FromPath[int],
        signature: FromPath[str],
    ) -> Response[bytes] | Stream:
        link = Link(company_id, file_id, expires, signature)
        now = datetime.now(UTC)  # clock: a link ends by it, no transaction is asked
        return await download(request, link, reader=desk.pools.main, files=desk.files, secret=desk.secret, now=now)

    return file


class _Readiness:
    """Why this process cannot do its work just now. One look at the database at a time: a frozen one would otherwise
    hold a connection of the pool for each who asks.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._look: asyncio.Task[list[str]] | None = None

    async def wrong(self) -> list[str]:
        """In words; nothing when all is well."""
        if self._desk.closing:
            return ["the process is stopping"]
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(_look(self._desk))
        done, _ = await asyncio.wait({self._look}, timeout=READY_WITHIN)
        return self._look.result() if done else [f"the database does not answer within {READY_WITHIN} s"]


async def _look(desk: Desk) -> list[str]:
    try:
        async with desk.pools.main.acquire() as conn:
            return [finding.text for finding in checks.wrong(await checks.server(conn))]
    except (OSError, LostConnection, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return [f"the database does not answer ({type(error.__cause__ or error).__name__})"]


def _failed(_request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """JSON for every error; the reason of our own only in the log."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    text = error.detail if isinstance(error, HTTPException) and status < 500 else "internal error"
    if status >= 500:
        log.error("page.failed", exc_info=error)
    body = {"status": "failed", "error": text, "code": 115 if status < 500 else 111, "request_id": request_id.get()}
    return Response(msgspec.json.encode(body), status_code=status, media_type=MediaType.JSON)


def _quiet(config: Any) -> Any:
    """Logging is ours (pult.kit.log)."""
    config.logging_config = None
    return config
