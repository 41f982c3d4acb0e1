"""Telling receivers costs a ticket's write path one small statement: no plan is made for each call."""

from __future__ import annotations

from pult.webhooks import store


async def test_the_statement_keeps_one_plan(house):
    opened = await house.open()
    arguments = (house.company, "change", opened.ticket_id, None, 1, None, "{}", [house.channel("hook")])
    async with house.desk.work(None) as work:
        statement = await work.conn.prepare(store.QUEUE)
        for _ in range(20):
            await statement.fetch(*arguments)
        told = "select generic_plans, custom_plans from pg_prepared_statements where statement = $1"
        row = await work.conn.fetchrow(told, store.QUEUE)
    assert (row["generic_plans"], row["custom_plans"]) == (15, 5)
    assert [row["sequence"] for row in await house.rows("sequence, id")] == list(range(1, 21))


async def test_the_last_number_comes_from_an_index_alone(house):
    opened = await house.open()
    async with house.desk.work(None) as work:
        plan = await work.conn.fetch(
            "explain " + store.QUEUE,
            house.company, "change", opened.ticket_id, None, 1, None, "{}", [house.channel("hook")],
        )  # fmt: skip
    assert "Index Only Scan Backward using deliveries_of_ticket" in "\n".join(row[0] for row in plan)
