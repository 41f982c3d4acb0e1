"""create/ticket, sentence by sentence: additional fields, nested lists, and the first comment's side, channel and files."""

from __future__ import annotations

from product_field import levels, option, reason, values


async def test_fields(desk):
    """ "Example of a string that passes 3 values: 'anyvalue;true;93'" """
    order, vip, why = desk.field("order"), desk.field("vip"), desk.field("reason")
    ticket_id = await desk.create(
        field_id=f"{order};{vip};{why}", field_value=f"any_value;true;{reason(desk, 'Payment')}"
    )
    one = await desk.ticket(ticket_id)
    assert values(one) == {order: "any_value", vip: "1", why: str(reason(desk, "Payment"))}
    assert all(row["ticket_id"] == ticket_id and type(row["id"]) is int for row in one["custom_fields"])
    assert one["tags"] == ["Reason:Payment"]


async def test_row_27_checkbox_spellings(desk):
    """ "For checkbox fields – true/false"; wire.md §9 row 27: "accept true/false/1/0 …, return "1"/"0"" """
    vip = desk.field("vip")
    for sent, kept in (
        ("true", "1"),
        ("false", "0"),
        ("1", "1"),
        ("0", "0"),
        (True, "1"),
        (False, "0"),
        (1, "1"),
        (0, "0"),
    ):
        assert values(await desk.ticket(await desk.create(field_id=vip, field_value=sent))) == {vip: kept}
    refused = await desk.refused("create/ticket", subject="s", message="m", field_id=vip, field_value="maybe")
    assert (refused["code"], refused["parameter"]) == (111, "field_value")


async def test_row_29_one_field_takes_the_whole_value(desk):
    """wire.md §9 row 29: "one id in field_id → take the whole value; several → split" """
    order, vip = desk.field("order"), desk.field("vip")
    assert values(await desk.ticket(await desk.create(field_id=str(order), field_value="a;b; c"))) == {order: "a;b; c"}
    assert values(await desk.ticket(await desk.create(field_id=f"{order};{vip}", field_value="a;1"))) == {
        order: "a",
        vip: "1",
    }
    refused = await desk.refused(
        "create/ticket", subject="s", message="m", field_id=f"{order};{vip}", field_value="a;b;c"
    )
    assert (refused["code"], refused["parameter"]) == (111, "field_value")


async def test_values_of_text_fields(desk):
    """ "For text fields the value should not exceed 255 characters" """
    order = desk.field("order")
    assert values(await desk.ticket(await desk.create(field_id=order, field_value="ж" * 255))) == {order: "ж" * 255}
    refused = await desk.refused("create/ticket", subject="s", message="m", field_id=order, field_value="x" * 256)
    assert (refused["code"], refused["parameter"]) == (111, "field_value")


async def test_values_of_list_fields(desk):
    """ "For the list fields – variant ID" """
    why = desk.field("reason")
    refused = await desk.refused("create/ticket", subject="s", message="m", field_id=why, field_value="99999999")
    assert (refused["code"], refused["parameter"]) == (111, "field_value")
    refused = await desk.refused("create/ticket", subject="s", message="m", field_id="999999", field_value="x")
    assert (refused["code"], refused["parameter"]) == (111, "field_id")


async def test_row_11_lists_flat_and_nested(desk):
    """The sample's `lists`; wire.md §9 row 11: "accept flat and nested, text and number ids" """
    category, model, part = levels(desk)
    ids = {k: str(option(desk, *path)) for k, path in
           ((category, ["Bikes"]), (model, ["Bikes", "Road"]), (part, ["Bikes", "Road", "Frame"]))}  # fmt: skip
    by_text = [
        {"id": str(category), "value": "Bikes"},
        {"id": str(model), "value": "Road"},
        {"id": str(part), "value": "Frame"},
    ]
    by_id = [{"id": level, "value": value} for level, value in ids.items()]
    for lists in ([by_text], by_text, [by_id], by_id, [[*reversed(by_id)]], [[one] for one in by_id]):
        assert values(await desk.ticket(await desk.create(lists=lists))) == ids


async def test_lists_hold_to_their_structure(desk):
    """ "to change the value of the second level field you must pass the value of the first level field" """
    category, model, _ = levels(desk)
    for wrong in (
        [[{"id": model, "value": "Road"}]],
        [[{"id": category, "value": "Parts"}, {"id": model, "value": "Road"}]],
        [[{"id": category, "value": "Boats"}]],
        [[{"id": 999_999, "value": "Bikes"}]],
        "Bikes", [1], {"a": "b"}, [[{"value": "Bikes"}]], [[{"id": category, "value": {"a": 1}}]],
    ):  # fmt: skip
        refused = await desk.refused("create/ticket", subject="s", message="m", lists=wrong)
        assert (refused["code"], refused["parameter"]) == (111, "lists")
