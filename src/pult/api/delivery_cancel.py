"""delivery/cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pult.api.current import require_current
from pult.api.delivery_parameters import DELIVERY_ID, wanted_delivery
from pult.api.delivery_parameters import SUCCESS as ANSWER
from pult.api.method import Call, Method
from pult.api.update_ticket import SUCCESS
from pult.deliveries.again import actions as again

if TYPE_CHECKING:
    from pult.kit.work import Work
    from pult.tickets.caller import Caller


async def cancel(call: Call) -> bytes:
    """Takes back what still waits; an error where it is being sent at this moment or was sent."""

    async def verb(work: Work[Caller]) -> None:
        await require_current(work)
        await again.cancel(work, work.by.company_id, wanted_delivery(call.given))

    await call.desk.done(call.caller, verb)
    return SUCCESS


METHOD = Method(
    name="delivery/cancel",
    verbs=frozenset({"POST"}),
    parameters=(DELIVERY_ID,),
    handle=cancel,
    summary="Cancel a message or webhook that waits",
    answer=ANSWER,
    seed="delivery-cancel",
)
