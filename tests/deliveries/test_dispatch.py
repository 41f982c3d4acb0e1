"""What the ledger promises: order per ticket and target, targets that do not wait for each other, breakers, leases."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from told import Told

from pult.deliveries import ledger
from pult.deliveries.carrier import Outcome
from pult.deliveries.dispatch import Dispatcher


def failing(claimed):
    return Outcome(claimed, "retry", code="500", text="broken", target_failed=True)


async def state(company, delivery):
    return (await company.row(delivery))["state"]


async def all_delivered(company, deliveries):
    return all([await state(company, one) == "delivered" for one in deliveries])


async def test_each_tickets_events_reach_a_target_in_their_order(company, pool, dispatching):
    carrier = Told(pool)
    made = [await company.deliver(channel, ticket) for _ in range(6) for ticket in range(5) for channel in range(2)]
    dispatching(carrier)
    await company.until(lambda: all_delivered(company, made))
    assert Counter(one.id for one in carrier.carried) == Counter(made)
    for channel in company.channels[:2]:
        for ticket in company.tickets[:5]:
            seen = [one.id for one in carrier.carried if (one.channel_id, one.ticket_id) == (channel, ticket)]
            assert seen == sorted(seen)


async def test_several_dispatchers_share_the_work_and_keep_the_order(company, pool, dispatching):
    carriers = [Told(pool), Told(pool), Told(pool)]
    made = [await company.deliver(0, ticket) for _ in range(10) for ticket in range(10)]
    for carrier in carriers:
        dispatching(carrier)
    await company.until(lambda: all_delivered(company, made))
    assert sorted(one.id for carrier in carriers for one in carrier.carried) == sorted(made)


async def test_a_later_event_waits_for_one_that_is_tried_again(company, pool, dispatching):
    first, second = await company.deliver(0, 0), await company.deliver(0, 0)
    other = await company.deliver(0, 1)
    tries = Counter()

    def answer(claimed):
        tries[claimed.id] += 1
        if claimed.id == first and tries[first] == 1:
            return Outcome(claimed, "retry", code="422", text="not now")
        return Outcome(claimed, "done", state="delivered")

    carrier = Told(pool, answer)
    dispatching(carrier)
    await company.until(lambda: all_delivered(company, [first, second, other]))
    assert [one.id for one in carrier.carried if one.id != other] == [first, first, second]
    assert [(a["outcome"], a["said"]) for a in await company.attempts(first)] == [("retry", "not now"), ("sent", None)]


async def test_a_target_that_hangs_delays_nobody_else(company, pool, dispatching):
    held = asyncio.Event()

    class Hanging(Told):
        async def carry(self, claimed):
            if claimed.channel_id == company.channels[0]:
                self.carried.append(claimed)
                await held.wait()
                return Outcome(claimed, "retry", code="timeout", target_failed=True)
            return await super().carry(claimed)

    carrier = Hanging(pool)
    stuck = [await company.deliver(0, ticket) for ticket in range(30)]
    others = [await company.deliver(1, ticket) for ticket in range(30)]
    dispatching(carrier)
    await company.until(lambda: all_delivered(company, others))
    assert len({one.id for one in carrier.carried} & set(stuck)) == ledger.PER_TARGET
    held.set()


async def test_a_dead_target_is_left_alone_and_taken_up_again_when_it_lives(company, pool, dispatching):
    alive = asyncio.Event()

    def answer(claimed):
        return Outcome(claimed, "done", state="delivered") if alive.is_set() else failing(claimed)

    carrier = Told(pool, answer)
    made = [await company.deliver(0, ticket) for ticket in range(20) for _ in range(2)]
    dispatching(carrier)

    async def open_breaker():
        return (
            await pool.fetchval("select count(*) from delivery_targets where open_until > now() and failures > 5") == 1
        )

    await company.until(open_breaker)
    before = len(carrier.carried)
    assert before < 2 * len(made)  # nobody hammers it
    alive.set()
    await company.until(lambda: all_delivered(company, made))
    target = await pool.fetchrow("select * from delivery_targets")
    assert (target["failures"], target["open_until"]) == (0, None)


async def test_while_the_breaker_is_half_open_one_tries(company, pool):
    made = [await company.deliver(0, ticket) for ticket in range(5)]
    await pool.execute(
        "insert into delivery_targets (company_id, channel_id, failures, open_until) values ($1, $2, 7, now() - interval '1 s')",
        company.id, company.channels[0],
    )  # fmt: skip
    await pool.execute("update deliveries set due_at = now() + interval '1 hour', attempts = 1")
    async with pool.acquire() as conn:
        held = await ledger.claim(conn, 100)
        assert [one.id for one in held] == [made[0]]
        assert await ledger.claim(conn, 100, held) == []
        again = [Outcome(one, "retry", code="500", target_failed=True) for one in held]
        await ledger.settle(conn, again)
        assert await pool.fetchval("select open_until > now() + interval '1 s' from delivery_targets")
        assert await ledger.claim(conn, 100) == []


async def test_what_a_dead_holder_left_is_found(company, pool, dispatching):
    made = [await company.deliver(0, ticket) for ticket in range(3)]
    async with pool.acquire() as conn:
        assert len(await ledger.claim(conn, 100)) == 3
    await pool.execute("update deliveries set leased_until = now() - interval '1 s'")
    carrier = Told(pool)
    dispatching(carrier)
    await company.until(lambda: all_delivered(company, made))
    assert sorted(one.id for one, _ in carrier.resumed) == sorted(made)
    assert all(began for _, began in carrier.resumed)  # a webhook's attempt begins with its claim
    attempts = await company.attempts(made[0])
    assert [(a["number"], a["outcome"]) for a in attempts] == [(1, "retry"), (2, "sent")]


async def test_a_message_that_did_not_begin_is_told_from_one_that_did(company, pool, dispatching):
    made = [await company.deliver(0, ticket, kind="message") for ticket in range(2)]
    async with pool.acquire() as conn:
        claimed = await ledger.claim(conn, 100)
    await pool.execute(
        "insert into delivery_attempts (company_id, delivery_id, number) values ($1, $2, 1)", company.id, made[1]
    )
    await pool.execute("update deliveries set leased_until = now() - interval '1 s'")
    carrier = Told(pool, kind="message")
    dispatching(carrier)
    await company.until(lambda: all_delivered(company, made))
    assert {one.id: began for one, began in carrier.resumed} == {made[0]: False, made[1]: True}
    assert {one.id for one in claimed} == set(made)


async def test_a_lease_that_is_kept_does_not_lapse(company, pool):
    await company.deliver(0, 0)
    async with pool.acquire() as conn:
        claimed = await ledger.claim(conn, 10)
        await pool.execute("update deliveries set leased_until = now() + interval '1 s'")
        await ledger.keep(conn, claimed)
        assert await pool.fetchval("select leased_until > now() + interval '20 s' from deliveries")
        assert await ledger.claim_lapsed(conn, 10) == []


@pytest.mark.parametrize(
    ("result", "state_then"), [("refused", "failed"), ("maybe_sent", "maybe_sent"), ("retry", "queued")]
)
async def test_outcomes(company, pool, result, state_then):
    made = await company.deliver(0, 0)
    async with pool.acquire() as conn:
        [claimed] = await ledger.claim(conn, 10)
        await ledger.settle(conn, [Outcome(claimed, result, code="E\x00", text="the provider's\x00 words")])
    row = await company.row(made)
    assert (row["state"], row["leased_until"], row["error_text"]) == (state_then, None, "the provider's words")


async def test_an_outcome_that_comes_too_late_changes_nothing(company, pool):
    made = await company.deliver(0, 0)
    async with pool.acquire() as conn:
        [claimed] = await ledger.claim(conn, 10)
        await pool.execute("update deliveries set attempts = 2")  # its lease ended, and somebody else tries
        assert await ledger.settle(conn, [Outcome(claimed, "refused")]) == {}
    assert await state(company, made) == "queued"


async def test_an_old_delivery_is_given_up_only_after_an_attempt(company, pool, dispatching):
    made = await company.deliver(0, 0)
    await pool.execute("update deliveries set made_at = now() - interval '73 hours'")
    carrier = Told(pool, failing)
    dispatching(carrier)

    async def failed():
        return await state(company, made) == "failed"

    await company.until(failed)
    assert len(carrier.carried) == 1


async def test_one_that_cannot_be_recorded_does_not_stop_the_others(company, pool, dispatching):
    made = [await company.deliver(0, ticket) for ticket in range(6)]

    class Poisoned(Told):
        async def settle(self, outcomes):
            if any(one.claimed.id == made[2] for one in outcomes):
                raise ValueError("a fault of ours")
            await super().settle(outcomes)

    dispatching(Poisoned(pool))
    await company.until(lambda: all_delivered(company, [*made[:2], *made[3:]]))
    assert await state(company, made[2]) == "queued"


async def test_stopping_finishes_what_is_under_way(company, pool):
    made = await company.deliver(0, 0)
    carrier = Told(pool)
    carrier.gate.clear()
    stop = asyncio.Event()
    task = asyncio.create_task(Dispatcher(pool, {"webhook": carrier}).run(stop))

    async def begun():
        return bool(carrier.carried)

    await company.until(begun)
    stop.set()
    carrier.gate.set()
    await task
    assert await state(company, made) == "delivered"


async def test_an_attempt_of_a_claim_that_a_crash_took_back_stops_nobody(company, pool, dispatching):
    """Its outcome comes after the crash, of an attempt that the ledger knows nothing of; then it is claimed once more."""
    made = await company.deliver(0, 0)
    async with pool.acquire() as conn:
        [claimed] = await ledger.claim(conn, 10)
        await pool.execute("update deliveries set attempts = 0, leased_until = null")
        await pool.execute("delete from delivery_attempts")
        await ledger.settle(conn, [Outcome(claimed, "done")])
        assert await company.attempts(made) == []
        await pool.execute(
            "insert into delivery_attempts (company_id, delivery_id, number) values ($1, $2, 1)", company.id, made
        )
    dispatching(Told(pool))
    await company.until(lambda: all_delivered(company, [made]))
    assert [a["outcome"] for a in await company.attempts(made)] == ["sent"]
