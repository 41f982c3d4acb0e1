"""tickets, sentence by sentence: conditions on additional fields, and all filters together."""

from __future__ import annotations

from product_field import levels, option, reason


async def test_fields_by_value(desk):
    """ "value — if you specify a value, the system will filter out all tickets, in which that value is selected" """
    order, why = desk.field("order"), desk.field("reason")
    a = await desk.create(field_id=order, field_value="A-17")
    b = await desk.create(field_id=f"{order};{why}", field_value=f"B;{reason(desk, 'Quality')}")
    assert await desk.listed(fields=[{"id": order, "value": "A-17"}]) == [a]
    assert await desk.listed(fields={"id": str(order), "value": "B"}) == [b]
    for spelled in (reason(desk, "Quality"), str(reason(desk, "Quality")), "Quality"):
        assert await desk.listed(fields=[{"id": why, "value": spelled}]) == [b]
    assert await desk.listed(fields=[{"id": why, "value": "Delivery"}]) == []
    assert await desk.listed(fields=[{"id": 999_999, "value": "x"}]) == []


async def test_fields_empty_and_not_empty(desk):
    """ "empty … unfilled field", "not_empty … filled field" """
    order = desk.field("order")
    filled, empty = await desk.create(field_id=order, field_value="x"), await desk.create()
    assert await desk.listed(fields=[{"id": order, "value": "empty"}]) == [empty]
    assert await desk.listed(fields=[{"id": order, "value": "not_empty"}]) == [filled]


async def test_row_9_checkboxes(desk):
    """ "For fields with the "unfilled" checkbox type this value is 0 or empty " ". … "filled" this value is 1"; wire.md §9 row 9"""
    vip = desk.field("vip")
    absent = await desk.create()
    off = await desk.create(field_id=vip, field_value="false")
    on = await desk.create(field_id=vip, field_value="true")
    for value in (0, "0", "", " ", "empty", False, "false", None):
        assert await desk.listed(fields=[{"id": vip, "value": value}]) == [off, absent]
    for value in (1, "1", "not_empty", True, "true"):
        assert await desk.listed(fields=[{"id": vip, "value": value}]) == [on]


async def test_several_fields_must_all_hold(desk):
    """Ruling: "Conditions of several `fields` must all hold." """
    order, vip = desk.field("order"), desk.field("vip")
    await desk.create(field_id=order, field_value="x")
    both = await desk.create(field_id=f"{order};{vip}", field_value="x;1")
    await desk.create(field_id=vip, field_value="1")
    assert await desk.listed(fields=[{"id": order, "value": "x"}, {"id": vip, "value": 1}]) == [both]
    form = {"api_token": desk.token, "fields[0][id]": str(order), "fields[0][value]": "x", "fields[1][id]": str(vip),
            "fields[1][value]": "1"}  # fmt: skip
    assert [row["id"] for row in (await desk.send("tickets", data=form)).json()] == [both]
    text = f'[{{"id": {order}, "value": "x"}}, {{"id": {vip}, "value": 1}}]'
    assert await desk.listed(fields=text) == [both]


async def test_deprecated_field_id_and_field_value(desk):
    """ "field_id – … all tickets in which this field will be filled", "field_value – filtering by value of additional field" """
    order, vip = desk.field("order"), desk.field("vip")
    a = await desk.create(field_id=f"{order};{vip}", field_value="x;true")
    b = await desk.create(field_id=f"{order};{vip}", field_value="y;false")
    empty = await desk.create()
    assert await desk.listed(field_id=order) == [b, a]
    assert await desk.listed(field_id=str(order), field_value="x") == [a]
    assert await desk.listed(field_id=order, field_value="empty") == [empty]
    assert await desk.listed(field_id=order, field_value="not_empty") == [b, a]
    assert await desk.listed(field_id=vip, field_value="true") == [a]
    assert await desk.listed(field_id=vip, field_value="false") == [empty, b]
    assert await desk.listed(field_value="y") == [b]
    assert await desk.listed(field_value="not_empty") == [b, a]
    assert await desk.listed(field_value="empty") == [empty, b, a]
    assert (await desk.refused("tickets", field_id=f"{order};{vip}"))["parameter"] == "field_id"


async def test_nested_lists_as_filters(desk):
    """ "value of additional field": an option's id or text"""
    category, model, _ = levels(desk)
    made = await desk.create(lists=[[{"id": category, "value": "Bikes"}, {"id": model, "value": "City"}]])
    for value in ("Bikes", option(desk, "Bikes"), str(option(desk, "Bikes"))):
        assert await desk.listed(fields=[{"id": category, "value": value}]) == [made]
    assert await desk.listed(fields=[{"id": model, "value": "Road"}]) == []


async def test_a_text_shared_by_options_finds_all_of_them(desk):
    """ "all tickets, in which that value is selected": Frame stands under Road and under City"""
    category, model, part = levels(desk)
    made = [
        await desk.create(
            lists=[{"id": category, "value": "Bikes"}, {"id": model, "value": word}, {"id": part, "value": "Frame"}]
        )
        for word in ("Road", "City")
    ]
    assert await desk.listed(fields=[{"id": part, "value": "Frame"}]) == made[::-1]


async def test_filters_combine(desk):
    """ "Filters can be used.": the seed's own filter sample, corrected to valid JSON"""
    order, vip = desk.field("order"), desk.field("vip")
    bob, support = desk.agent("bob"), desk.group("support")
    made = await desk.create(assignee_id=bob, field_id=vip, field_value="1")
    await desk.create(assignee_id=bob)
    await desk.create(field_id=vip, field_value="1")
    asked = {
        "fchannel": str(desk.channel("api")), "properties": ["sla"],
        "fassigned": [{"assignee_id": bob, "group_id": support}, {"assignee_id": desk.agent("alice"), "group_id": support}],
        "fields": [{"id": vip, "value": 1}, {"id": order, "value": "empty"}], "fgroup": str(support), "ftype": "1",
        "accessible_for_agent_id": str(bob), "updated_after": "2016-11-25 00:00", "tag": "", "fstatus": "8,1",
        "fpriority": "medium", "created_after": "2016-11-25 00:00", "created_before": "2090-11-25 15:08", "offset": 0,
        "sort": "last_updated_at", "order": "desc",
    }  # fmt: skip
    assert await desk.listed(**asked) == [made]
    for name, other in (("fchannel", "999999"), ("fgroup", "999999"), ("ftype", "2"), ("fpriority", "low"), ("fstatus", "3"),
                        ("updated_after", "2090-01-01"), ("offset", 1), ("tag", "x"), ("client_id", 1)):  # fmt: skip
        assert await desk.listed(**{**asked, name: other}) == [], name
