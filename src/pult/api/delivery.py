"""delivery."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from pult.api.deliveries import SHOWN_AS
from pult.api.delivery_parameters import DELIVERY_ID, SHOWN, TIME_OR_NULL, wanted_delivery
from pult.api.method import Call, Method
from pult.api.ticket_answer import ID, ID_OR_NULL, TEXT, TEXT_OR_NULL, TIME, exactly, listed
from pult.deliveries.again.actions import DeliveryUnknown
from pult.tickets.configuration import Stale
from pult.webhooks.carrier import AGENT

PAGE: Final = files("pult.api").joinpath("delivery.sql").read_text().replace("/*shown*/", SHOWN_AS)

HEADERS: Final = exactly({"Content-Type": TEXT, "User-Agent": TEXT, "webhook-id": TEXT, "webhook-sequence": ID_OR_NULL})
REQUEST: Final = exactly({"method": TEXT, "url": TEXT_OR_NULL, "headers": HEADERS, "body": TEXT_OR_NULL})
OUTCOMES: Final = ["sent", "delivered", "retry", "refused", "maybe_sent", "lost", None]
ATTEMPT: Final = exactly(
    {
        "number": ID,
        "began_at": TIME,
        "ended_at": TIME_OR_NULL,
        "seconds": {"type": ["number", "null"]},
        "outcome": {"enum": OUTCOMES},
        "http_status": ID_OR_NULL,
        "code": TEXT_OR_NULL,
        "answer": TEXT_OR_NULL,
    }
)
ANSWER: Final = exactly(
    {
        "delivery": exactly({**SHOWN, "request": {"anyOf": [REQUEST, {"type": "null"}]}, "provider_ids": listed(TEXT)}),
        "attempts": listed(ATTEMPT),
    }
)


async def delivery(call: Call) -> bytes:
    """One delivery with what was sent and every attempt, newest first."""
    caller, wanted = call.caller, call.given.get("delivery_id", 0)  # which none has
    row = await call.desk.pools.main.fetchrow(PAGE, caller.company_id, wanted, caller.token_hash, caller.version, AGENT)
    assert row is not None
    if not row["current"]:
        raise Stale
    if row["body"] is None:
        wanted = wanted_delivery(call.given)
        raise DeliveryUnknown(f"there is no delivery {wanted}", parameter="delivery_id")
    body: bytes = row["body"]
    return body


METHOD = Method(
    name="delivery",
    verbs=frozenset({"GET", "POST"}),
    parameters=(DELIVERY_ID,),
    handle=delivery,
    summary="A message or webhook with its attempts",
    answer=ANSWER,
    seed="delivery",
)
