"""update/ticket, sentence by sentence. Each test quotes the sentence of the seed (or names the ruling) that it holds."""

from __future__ import annotations

from product_field import levels, option, reason, values


async def newest(desk, ticket_id):
    """The newest row of the history."""
    return (await desk.ticket(ticket_id))["changes"][0]


def targets(change):
    """target -> (old value, value)."""
    return {entry["target"]: (entry.get("old_value"), entry["value"]) for entry in change["data"]}


async def test_success_answers_so_and_no_more(desk):
    """ "the server will return a message that the request was successfully updated": {"status":"success"}"""
    made = await desk.create()
    answer = await desk.send("update/ticket", json={"api_token": desk.token, "ticket_id": made, "subject": "Letter"})
    assert (answer.status_code, answer.json()) == (200, {"status": "success"})
    assert (await desk.ticket(made))["ticket"]["subject"] == "Letter"


async def test_ticket_id_is_mandatory(desk):
    """ "ticket_id* Ticket ID"; wire.md §5.3: "`ticket_id` empty, text, "['15']": 200 + 113" """
    await desk.create()
    for wrong in (
        {},
        *({"ticket_id": w} for w in ("", "x", "['15']", None, 0, -1, 999_999_999, 2**31, 10**30, [1], True, 1.5)),
    ):
        refused = await desk.refused("update/ticket", subject="s", **wrong)
        assert (refused["code"], refused["parameter"]) == (113, "ticket_id")


async def test_the_client_given_is_bound(desk):
    """ "client_id: If provided, the request will be bound to the specified client" """
    made = await desk.create(client_name="JON")
    before = (await desk.ticket(made))["ticket"]["client_id"]
    dana = desk.ids["clients"]["dana"]["id"]
    await desk.update(made, client_id=str(dana))
    assert (await desk.ticket(made))["ticket"]["client_name"] == "Dana"
    assert targets(await newest(desk, made))["client"] == (before, dana)
    for wrong in (999_999, "x", 0, -1, 2**31):
        refused = await desk.refused("update/ticket", ticket_id=made, client_id=wrong)
        assert (refused["code"], refused["parameter"]) == (119, "client_id")


async def test_the_group_given_is_bound(desk):
    """ "group_id: If provided, the request will be bound to the specified group" """
    made = await desk.create()
    await desk.update(made, group_id=str(desk.group("billing")))
    assert (await desk.ticket(made))["ticket"]["group"] == desk.group("billing")
    assert targets(await newest(desk, made))["group"] == (desk.group("support"), desk.group("billing"))
    for wrong in (999_999, "x", 0, -1, 2**31):
        refused = await desk.refused("update/ticket", ticket_id=made, group_id=wrong)
        assert (refused["code"], refused["parameter"]) == (118, "group_id")


async def test_assignee_within_the_group_given(desk):
    """ "group_id is provided and the agent is in this group — the assignment will be within the specified group" """
    made = await desk.create()
    await desk.update(made, assignee_id=desk.agent("alice"), group_id=desk.group("billing"))
    held = (await desk.ticket(made))["ticket"]
    assert (held["assignee_id"], held["group"]) == (desk.agent("alice"), desk.group("billing"))
    refused = await desk.refused(
        "update/ticket", ticket_id=made, assignee_id=desk.agent("bob"), group_id=desk.group("billing")
    )
    assert (refused["code"], refused["parameter"]) == (117, "assignee_id")


async def test_a_wrong_assignee_is_an_error(desk):
    """ "wrong id — the system will return an error" """
    made = await desk.create(assignee_id=desk.agent("bob"))
    for wrong in (999_999, 0, -1, "bob", 2**31, 2**63, 10**30, True, [1], {"a": 1}):
        refused = await desk.refused("update/ticket", ticket_id=made, assignee_id=wrong, subject="not this either")
        assert (refused["code"], refused["parameter"]) == (117, "assignee_id")
    shown = (await desk.ticket(made))["ticket"]
    assert (shown["assignee_id"], shown["subject"]) == (desk.agent("bob"), "First msg")


async def test_both_null_is_not_assigned(desk):
    """ "If group_id and assignee_id are provided "null" — the assignee will be "Not assigned"" """
    for null in ("null", None):
        made = await desk.create(assignee_id=desk.agent("bob"))
        await desk.update(made, group_id=null, assignee_id=null)
        held = (await desk.ticket(made))["ticket"]
        assert (held["assignee_id"], held["group"]) == (None, None)


async def test_row_14_null_clears_each_separately(desk):
    """wire.md §9 row 14: "each separately; JSON null or text `null`; empty text = not given" """
    bob, support = desk.agent("bob"), desk.group("support")
    for null in ("null", None):
        made = await desk.create(assignee_id=bob)
        await desk.update(made, assignee_id=null)
        held = (await desk.ticket(made))["ticket"]
        assert (held["assignee_id"], held["group"]) == (None, support)
        made = await desk.create(assignee_id=bob)
        await desk.update(made, group_id=null)
        held = (await desk.ticket(made))["ticket"]
        assert (held["assignee_id"], held["group"]) == (bob, None)
    await desk.update(made, assignee_id="", group_id="  ", subject="other")
    assert (await desk.ticket(made))["ticket"]["assignee_id"] == bob


async def test_an_agent_without_a_group_stays_in_the_tickets_group_where_a_member(desk):
    """Ruling: "with no group_id the assignee holds the ticket in its current group if a member there, else in the agent's default group" """
    alice, charlie = desk.agent("alice"), desk.agent("charlie")
    made = await desk.create(group_id=desk.group("billing"))
    await desk.update(made, assignee_id=alice)
    assert (await desk.ticket(made))["ticket"]["group"] == desk.group("billing")
    made = await desk.create(group_id=desk.group("support"))
    await desk.update(made, assignee_id=charlie)
    held = (await desk.ticket(made))["ticket"]
    assert (held["assignee_id"], held["group"]) == (charlie, desk.group("billing"))


async def test_a_new_group_alone_keeps_the_assignee_only_if_a_member(desk):
    """Ruling: "A new group alone keeps the assignee only if a member, else clears it." """
    for agent, kept in (("alice", desk.agent("alice")), ("bob", None)):
        made = await desk.create(assignee_id=desk.agent(agent), group_id=desk.group("support"))
        await desk.update(made, group_id=desk.group("billing"))
        held = (await desk.ticket(made))["ticket"]
        assert (held["assignee_id"], held["group"]) == (kept, desk.group("billing"))


async def test_changes_are_made_on_the_users_behalf(desk):
    """ "user_id: ID of the user on whose behalf the changes will be made"; ruling: "author null when the call names nobody" """
    made = await desk.create()
    await desk.update(made, subject="by Bob", user_id=str(desk.agent("bob")))
    assert (await newest(desk, made))["user_id"] == desk.agent("bob")
    await desk.update(made, subject="by nobody")
    change = await newest(desk, made)
    assert (change["user_id"], change["trigger_id"]) == (None, None)
    refused = await desk.refused("update/ticket", ticket_id=made, subject="s", user_id=999_999)
    assert (refused["code"], refused["parameter"]) == (117, "user_id")


async def test_tags_are_added(desk):
    """ "String (255 characters) that contains tags, separated with a coma and space"; wire.md §3.2: `tag` adds"""
    made = await desk.create(tag="one")
    await desk.update(made, tag="two, three")
    assert (await desk.ticket(made))["tags"] == ["one", "three", "two"]
    assert targets(await newest(desk, made))["new_tags"] == (None, ["two", "three"])
    await desk.update(made, tag="")
    assert (await desk.ticket(made))["tags"] == ["one", "three", "two"]
    assert (await desk.refused("update/ticket", ticket_id=made, tag="x" * 256))["parameter"] == "tag"


async def test_remove_tag_takes_tags_away(desk):
    """Ruling: "Tags are otherwise added by update; the additive parameter `remove_tag` takes them away." """
    made = await desk.create(tag="one, two, three")
    await desk.update(made, remove_tag="two, nobody knows this")
    assert (await desk.ticket(made))["tags"] == ["one", "three"]
    assert targets(await newest(desk, made))["removed_tags"] == (["two"], None)


async def test_an_automatic_tag_follows_its_field(desk):
    """Ruling: "An automatic tag follows its field: changed or cleared with it, and cannot be removed alone." """
    why = desk.field("reason")
    made = await desk.create(field_id=why, field_value=str(reason(desk, "Delivery")), tag="mine")
    await desk.update(made, field_id=why, field_value=str(reason(desk, "Quality")))
    assert (await desk.ticket(made))["tags"] == ["Reason:Quality", "mine"]
    refused = await desk.refused("update/ticket", ticket_id=made, remove_tag="Reason:Quality")
    assert (refused["code"], refused["parameter"]) == (116, "remove_tag")
    await desk.update(made, field_id=why, field_value="")
    assert (await desk.ticket(made))["tags"] == ["mine"]


async def test_priority_type_and_status(desk):
    """ "Possible values: low; medium; urgent; extreme", "question; task; problem; incident", "Accepts a number" """
    made = await desk.create()
    for priority in ("low", "urgent", "extreme", "medium"):
        await desk.update(made, priority=priority)
        assert (await desk.ticket(made))["ticket"]["priority"] == priority
    for kind in ("task", "problem", "incident", "question"):
        await desk.update(made, type=kind)
        assert (await desk.ticket(made))["ticket"]["type"] == kind
    for status in (2, "3", 4, "5", 6, 7, 8, 9, "10", 1):
        await desk.update(made, status=status)
        assert (await desk.ticket(made))["ticket"]["status_id"] == int(status)
    for wrong in ({"priority": "high"}, {"type": "bug"}, {"status": 11}, {"status": "done"}, {"status": 0}):
        refused = await desk.refused("update/ticket", ticket_id=made, **wrong)
        assert (refused["code"], refused["parameter"]) == (111, next(iter(wrong)))


async def test_row_17_what_is_absent_stays(desk):
    """wire.md §9 row 17: "defaults only on create"; issue 2 E: "what is absent stays" """
    made = await desk.create(priority="extreme", type="incident", status=5, tag="a", assignee_id=desk.agent("bob"),
                             field_id=desk.field("order"), field_value="A-17", additional_id="x")  # fmt: skip
    before = await desk.ticket(made)
    await desk.update(made, subject="Letter")
    after = await desk.ticket(made)
    assert after["ticket"] == {
        **before["ticket"], "subject": "Letter", "last_updated_at": after["ticket"]["last_updated_at"]
    }  # fmt: skip
    assert (after["tags"], after["custom_fields"]) == (before["tags"], before["custom_fields"])
    assert targets(after["changes"][0]) == {"subject": ("First msg", "Letter")}


async def test_row_16_copied_parameters_are_ignored(desk):
    """wire.md §9 row 16: the sample's `message`, `client`, `email`, `client_id: new_client` are "copy-paste slips" """
    made = await desk.create()
    before = await desk.ticket(made)
    clients = (await desk.rows())["clients"]
    await desk.update(made, client="JON", email="jon@bonjovi.com", message="Hello World", client_id="new_client")
    assert await desk.ticket(made) == before
    assert (await desk.rows())["clients"] == clients


async def test_row_2_status_id_is_ignored_as_input(desk):
    """wire.md §9 row 2: "`status_id` as input is ignored" """
    made = await desk.create()
    await desk.update(made, status_id=3)
    assert (await desk.ticket(made))["ticket"]["status_id"] == 8


async def test_fields(desk):
    """ "Example of a string with 3 values: "any value;true;93"" """
    order, vip, why = desk.field("order"), desk.field("vip"), desk.field("reason")
    made = await desk.create(field_id=order, field_value="old")
    await desk.update(made, field_id=f"{order};{vip};{why}", field_value=f"any value;true;{reason(desk, 'Quality')}")
    shown = await desk.ticket(made)
    assert values(shown) == {order: "any value", vip: "1", why: str(reason(desk, "Quality"))}
    entries = [entry for entry in shown["changes"][0]["data"] if entry["target"] == "ticket_field"]
    assert {entry["ticket_field_id"]: (entry["old_value"], entry["value"]) for entry in entries} == {
        order: ("old", "any value"), vip: (None, "1"), why: (None, str(reason(desk, "Quality")))
    }  # fmt: skip
    await desk.update(made, field_id=f"{order};{vip}", field_value=";false")
    assert values(await desk.ticket(made)) == {vip: "0", why: str(reason(desk, "Quality"))}


async def test_field_values_have_limits(desk):
    """ "For text fields the value should not exceed 255 characters; For checkbox fields – true/false; For list fields – variant ID" """
    made = await desk.create()
    for key, value in (("order", "x" * 256), ("vip", "perhaps"), ("reason", "999999")):
        refused = await desk.refused("update/ticket", ticket_id=made, field_id=desk.field(key), field_value=value)
        assert (refused["code"], refused["parameter"]) == (111, "field_value")
    refused = await desk.refused("update/ticket", ticket_id=made, field_id="10;12;x" * 40, field_value="a")
    assert (refused["code"], refused["parameter"]) == (111, "field_id")


async def test_lists_second_level_needs_the_first(desk):
    """ "to change the value of the second level field you must pass the value of the first level field" """
    category, model, part = levels(desk)
    made = await desk.create()
    assert (await desk.refused("update/ticket", ticket_id=made, lists=[[{"id": model, "value": "Road"}]]))[
        "parameter"
    ] == "lists"
    await desk.update(made, lists=[[{"id": category, "value": "Bikes"}, {"id": model, "value": "Road"}]])
    assert values(await desk.ticket(made)) == {
        category: str(option(desk, "Bikes")), model: str(option(desk, "Bikes", "Road"))
    }  # fmt: skip
    await desk.update(made, lists=[{"id": part, "value": str(option(desk, "Bikes", "Road", "Wheels"))}])
    assert values(await desk.ticket(made))[part] == str(option(desk, "Bikes", "Road", "Wheels"))


async def test_nested_lists_change_from_the_top(desk):
    """Ruling: "the parent must be given or already set and must fit; changing a level clears those below" """
    category, model, part = levels(desk)
    full = [{"id": category, "value": "Bikes"}, {"id": model, "value": "Road"}, {"id": part, "value": "Frame"}]
    made = await desk.create(lists=[full])
    await desk.update(made, lists=[[{"id": model, "value": "City"}]])
    assert values(await desk.ticket(made)) == {
        category: str(option(desk, "Bikes")), model: str(option(desk, "Bikes", "City"))
    }  # fmt: skip
    await desk.update(made, lists=[[{"id": category, "value": "Parts"}]])
    assert values(await desk.ticket(made)) == {category: str(option(desk, "Parts"))}
    assert (await desk.refused("update/ticket", ticket_id=made, lists=[[{"id": model, "value": "Road"}]]))[
        "code"
    ] == 111


async def test_an_empty_value_or_null_clears_a_list(desk):
    """ "Use an empty value or null to clear the field" """
    category, model, part = levels(desk)
    full = [{"id": category, "value": "Bikes"}, {"id": model, "value": "Road"}, {"id": part, "value": "Frame"}]
    for blank in ("", None, "null"):
        made = await desk.create(lists=[full])
        await desk.update(made, lists=[[{"id": part, "value": blank}]])
        assert set(values(await desk.ticket(made))) == {category, model}
        await desk.update(made, lists=[[{"id": category, "value": blank}]])
        assert values(await desk.ticket(made)) == {}


async def test_the_first_change_opens_a_new_ticket(desk):
    """Issue 2 E: "8 → 1 on the first change"; the row says so with old_status 8 and new_status 1"""
    made = await desk.create()
    await desk.update(made, tag="seen")
    change = await newest(desk, made)
    assert (change["old_status"], change["new_status"]) == (8, 1)
    assert targets(change)["status"] == (8, 1)
    await desk.update(made, tag="again")
    change = await newest(desk, made)
    assert (change["old_status"], change["new_status"]) == (0, 0)


async def test_silent_keeps_a_new_ticket_new(desk):
    """wire.md §3.2: "moves a ticket from 8 to 1 unless `silent` is true/1; false, 0 or blank restores the default" """
    for silent, status in (
        (True, 8),
        ("true", 8),
        (1, 8),
        ("1", 8),
        (False, 1),
        ("false", 1),
        (0, 1),
        ("0", 1),
        ("", 1),
        (None, 1),
    ):
        made = await desk.create()
        await desk.update(made, priority="urgent", silent=silent)
        assert (await desk.ticket(made))["ticket"]["status_id"] == status


async def test_an_explicit_status_wins(desk):
    """Ruling: "An explicit status wins over 8 → 1; a change that changes nothing moves nothing." """
    made = await desk.create()
    await desk.update(made, status=8, subject="still new")
    assert (await desk.ticket(made))["ticket"]["status_id"] == 8
    await desk.update(made, subject="still new", priority="medium", type="question", group_id=desk.group("support"))
    assert (await desk.ticket(made))["ticket"]["status_id"] == 8


async def test_a_change_that_changes_nothing_writes_no_history(desk):
    """Issue 2 E: "A change that changes nothing writes no history." """
    order = desk.field("order")
    made = await desk.create(subject="Same", tag="a", field_id=order, field_value="x", assignee_id=desk.agent("bob"))
    before, rows = await desk.ticket(made), await desk.rows()
    same = {"subject": "Same", "tag": "a", "field_id": order, "field_value": "x", "assignee_id": desk.agent("bob"),
            "priority": "medium", "type": "question", "remove_tag": "unknown", "client_id": before["ticket"]["client_id"]}  # fmt: skip
    await desk.update(made, **same)
    await desk.update(made)
    assert await desk.ticket(made) == before
    assert await desk.rows() == rows


async def test_one_row_a_request_with_the_samples_targets(desk):
    """Ruling: "`changes`: one row per request … targets named as in the seed's samples" """
    dana = desk.ids["clients"]["dana"]["id"]
    made = await desk.create(tag="old")
    was = (await desk.ticket(made))["ticket"]["client_id"]
    order = desk.field("order")
    await desk.update(made, subject="S", client_id=dana, assignee_id=desk.agent("alice"), group_id=desk.group("billing"),
                      status=2, priority="low", type="task", field_id=order, field_value="v", tag="new", remove_tag="old",
                      user_id=desk.agent("alice"))  # fmt: skip
    changes = (await desk.ticket(made))["changes"]
    assert len(changes) == 2
    assert targets(changes[0]) == {
        "subject": ("First msg", "S"), "client": (was, dana), "assignee": (None, desk.agent("alice")),
        "group": (desk.group("support"), desk.group("billing")), "status": (8, 2), "priority": ("medium", "low"),
        "type": ("question", "task"), "ticket_field": (None, "v"), "new_tags": (None, ["new"]),
        "removed_tags": (["old"], None),
    }  # fmt: skip
    assert (changes[0]["old_status"], changes[0]["new_status"]) == (8, 2)


async def test_an_error_stores_nothing_of_the_call(desk):
    """Ruling: "error …, nothing stored" — also what was right in the same call"""
    made = await desk.create()
    before = await desk.ticket(made)
    for wrong in ({"status": 99}, {"assignee_id": 999_999}, {"field_id": 999_999, "field_value": "x"},
                  {"lists": [[{"id": levels(desk)[1], "value": "Road"}]]}, {"subject": "x" * 256}):  # fmt: skip
        await desk.refused(
            "update/ticket", ticket_id=made, **{"subject": "new", "tag": "new", "priority": "low", **wrong}
        )
    assert await desk.ticket(made) == before


async def test_any_channels_ticket_of_the_company_is_changed(desk):
    """The text says "a ticket for an API channel"; wire.md §9 row 16: a slip, any ticket of the company"""
    made = await desk.create(channel_id=desk.channel("mail"), client_email="a@client.example")
    await desk.update(made, subject="changed")
    assert (await desk.ticket(made))["ticket"]["subject"] == "changed"
