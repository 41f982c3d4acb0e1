"""DOOR (floor 5): providers call us at /inbound/{channel id}/{secret}. What is not genuine leaves no trace in the desk."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any, Final

from litestar import HttpMethod, Request, Response, route
from litestar.params import FromPath  # noqa: TC002  # Litestar reads the handlers' annotations

from pult.kit.connecting import LostConnection
from pult.kit.log import get_logger
from pult.messaging.contract import Hook, HookReply
from pult.messaging.outlets import BadChannelSettings, ChannelGone
from pult.messaging.overheard import overhear, place

if TYPE_CHECKING:
    from pult.messaging.receiving import Receiving

log = get_logger()

BODY_LIMIT: Final = 8 * 1024 * 1024  # bytes; providers send links, not files
NOT_FOUND: Final = HookReply(status=404, body=b"there is no such address")
LATER: Final = HookReply(status=503, body=b"not now")


def inbound(receiving: Receiving) -> Any:
    """The route of one process."""

    @route(
        "/inbound/{channel_id:int}/{secret:str}",
        http_method=[HttpMethod.GET, HttpMethod.POST],
        include_in_schema=False,
        request_max_body_size=BODY_LIMIT,
    )
    async def called(
        request: Request[Any, Any, Any], channel_id: FromPath[int], secret: FromPath[str]
    ) -> Response[bytes]:
        hook = Hook(
            method=request.method,
            query=dict(request.query_params.items()),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.body(),
        )
        reply = await receive(receiving, channel_id, secret, hook)
        headers = {"X-Content-Type-Options": "nosniff", "Retry-After": "5"} if reply.status == 503 else None
        return Response(reply.body, status_code=reply.status, media_type=reply.content_type, headers=headers)

    return called


async def receive(receiving: Receiving, channel_id: int, secret: str, hook: Hook) -> HookReply:
    """Let the channel's adapter understand the call, and take what it told. 503 asks the provider to call again."""
    try:
        record, adapter = await receiving.outlets.of(channel_id)
    except (ChannelGone, BadChannelSettings):
        log.info("inbound.refused", reason="no such channel")
        return NOT_FOUND
    except (OSError, LostConnection):
        return LATER
    if not hmac.compare_digest(secret.encode(), record.inbound_secret.encode()):
        log.info("inbound.refused", reason="wrong address", channel_type=record.type)
        return NOT_FOUND
    reply: HookReply = await adapter.handle(hook)
    overhear(place(receiving.desk.settings.data_dir, channel_id), hook, reply.status)
    if reply.status in {401, 403}:
        log.info("inbound.refused", reason="wrong signature", channel_type=record.type)
        return reply
    try:
        new = await receiving.take(record, reply.events)
    except (OSError, LostConnection) as error:
        log.warning("inbound.not_taken", reason=type(error).__name__, channel_type=record.type)
        return LATER
    log.debug("inbound.taken", events=len(reply.events), new=new, channel_type=record.type)
    return reply
