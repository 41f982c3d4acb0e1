"""delivery/resend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pult.api.current import require_current
from pult.api.delivery_parameters import DELIVERY_ID, NEW_DELIVERY, wanted_delivery
from pult.api.method import Call, Method
from pult.deliveries.again import actions as again

if TYPE_CHECKING:
    from pult.kit.work import Work
    from pult.tickets.caller import Caller


async def resend(call: Call) -> bytes:
    """Sends once more what was sent, failed, or may have been sent: a new delivery at the end of the order.

    A webhook keeps its event id and its body. A message goes again only where it failed, was cancelled, or nobody knows
    what became of it.
    """

    async def verb(work: Work[Caller]) -> int:
        await require_current(work)
        return await again.resend(work, work.by.company_id, wanted_delivery(call.given))

    made = await call.desk.done(call.caller, verb)
    return msgspec.json.encode({"status": "success", "delivery_id": made})


METHOD = Method(
    name="delivery/resend",
    verbs=frozenset({"POST"}),
    parameters=(DELIVERY_ID,),
    handle=resend,
    summary="Send a message or webhook again",
    answer=NEW_DELIVERY,
    seed="delivery-resend",
)
