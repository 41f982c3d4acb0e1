"""ticket, sentence by sentence. Each test quotes the sentence of the seed (or names the ruling) that it holds."""

from __future__ import annotations

import re

from product_field import values

from pult.api.ticket_answer import ANSWER

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


async def test_the_ticket_comes_with_comments_tags_and_history(desk):
    """ "The server returns a ticket, all comments, tags and a history of changes." """
    one = await desk.ticket(await desk.create(tag="a"))
    assert list(one) == ["ticket", "comments", "changes", "tags", "custom_fields"]
    assert set(one["ticket"]) == set(ANSWER["properties"]["ticket"]["properties"]) - {"active_sla"}
    assert set(one["comments"][0]) == set(ANSWER["properties"]["comments"]["items"]["properties"])
    assert set(one["changes"][0]) == set(ANSWER["properties"]["changes"]["items"]["properties"])


async def test_the_seeds_own_keys_are_all_there(desk):
    """ "Server response parameters": every key of the four tables and the sample"""
    one = await desk.ticket(await desk.create())
    table = (
        "id status_id priority type subject client_id assignee_id group last_updated_at email published_at company_id"
        " channel_id additional_id client_name"
    )
    assert set(table.split()) <= set(one["ticket"])
    table = (
        "id message from type user_id client_id client_name ticket_id is_first delivered readed published_at file files"
        " bcc cc"
    )
    assert set(table.split()) <= set(one["comments"][0])
    table = "id trigger_id user_id ticket_id data changed_at old_status new_status company_id"
    assert set(table.split()) == set(one["changes"][0])


async def test_ticket_id_is_required(desk):
    """ "It gets one argument: ticket id"; wire.md §5.3: not found, empty, text: 113 and no `ticket` in the answer"""
    made = await desk.create()
    for spelled in (made, str(made), f" {made} ", float(made)):
        assert (await desk.ticket(spelled))["ticket"]["id"] == made
    for wrong in (
        {},
        *({"ticket_id": w} for w in ("", "x", "['15']", None, 0, -1, made + 9, 2**31, 10**30, [made], True, {})),
    ):
        refused = await desk.refused("ticket", **wrong)
        assert (refused["code"], refused["parameter"]) == (113, "ticket_id")


async def test_row_1_ids_are_numbers(desk):
    """wire.md §9 row 1: "JSON numbers everywhere; accept text or number as input" """
    one = await desk.ticket(
        await desk.create(field_id=desk.field("order"), field_value="x", assignee_id=desk.agent("bob"))
    )
    for name in ("id", "status_id", "client_id", "assignee_id", "group", "channel_id", "company_id"):
        assert type(one["ticket"][name]) is int, name
    comment, change, field = one["comments"][0], one["changes"][0], one["custom_fields"][0]
    for holder, names in (
        (comment, ("id", "client_id", "ticket_id", "is_first", "delivered", "readed")),
        (change, ("id", "ticket_id", "old_status", "new_status", "company_id")),
        (field, ("id", "ticket_id", "ticket_field_id")),
    ):
        for name in names:
            assert type(holder[name]) is int, name
    assert (await desk.call("tickets"))[0]["id"] == one["ticket"]["id"]


async def test_row_2_status_id_here(desk):
    """wire.md §9 row 2: "exactly as documented per method" """
    one = (await desk.ticket(await desk.create(status=3)))["ticket"]
    assert one["status_id"] == 3
    assert "status" not in one


async def test_row_3_none_is_null(desk):
    """wire.md §9 row 3: group and email "0" in the sample: null"""
    one = (await desk.ticket(await desk.create(channel_id=desk.channel("second"))))["ticket"]
    assert [one[name] for name in ("group", "email", "assignee_id", "additional_id")] == [None] * 4


async def test_email_of_an_email_ticket(desk):
    """ "Email that the request came from. Specified if the request was created in the email channel" """
    made = await desk.create(channel_id=desk.channel("mail"), client_id=desk.ids["clients"]["dana"]["id"])
    assert (await desk.ticket(made))["ticket"]["email"] == "dana@client.example"
    made = await desk.create(channel_id=desk.channel("mail"), client_email="New@client.example")
    assert (await desk.ticket(made))["ticket"]["email"] == "New@client.example"
    made = await desk.create(client_email="New@client.example")
    assert (await desk.ticket(made))["ticket"]["email"] is None


async def test_times_are_utc(desk):
    """ "UTC+0 time zone", YYYY-MM-DD HH:MM:SS"""
    made = await desk.create()
    one = await desk.ticket(made)
    now = await desk.conn.fetchval("select to_char(now() at time zone 'UTC', 'YYYY-MM-DD HH24:MI')")
    shown = [one["ticket"]["published_at"], one["ticket"]["last_updated_at"], one["comments"][0]["published_at"],
             one["changes"][0]["changed_at"]]  # fmt: skip
    assert all(TIME.fullmatch(time) for time in shown)
    assert len(set(shown)) == 1
    assert abs(int(now[14:16]) - int(shown[0][14:16])) in {0, 1, 59}
    assert now[:10] == shown[0][:10] or now[11:13] == "00"


async def test_last_update_moves_with_a_change(desk):
    """ "last_updated_at Date and time of the last ticket update" """
    made = await desk.create()
    await desk.conn.execute(
        "update tickets set created_at = '2020-01-02 03:04:05Z', updated_at = '2020-01-02 03:04:05Z'"
        " where company_id = $1 and id = $2", desk.company, made,
    )  # fmt: skip
    assert (await desk.ticket(made))["ticket"]["last_updated_at"] == "2020-01-02 03:04:05"
    await desk.update(made, subject="later")
    one = (await desk.ticket(made))["ticket"]
    assert one["published_at"] == "2020-01-02 03:04:05"
    assert one["last_updated_at"] > "2026"


async def test_the_first_comment(desk):
    """ "is_first Flag indicating the first comment in the ticket", "delivered", "readed" """
    [comment] = (await desk.ticket(await desk.create(message="Hello")))["comments"]
    assert (comment["message"], comment["is_first"]) == ("Hello", 1)
    assert (comment["delivered"], comment["readed"]) == (0, 0)
    assert (comment["file"], comment["files"], comment["cc"], comment["bcc"]) == (None, [], [], [])


async def test_comments_come_newest_first_with_their_people(desk):
    """wire.md §3.3: comments newest first; "user_id", "client_id", "client_name", "cc", "bcc" """
    dana, bob = desk.ids["clients"]["dana"]["id"], desk.agent("bob")
    made = await desk.create(client_id=dana)
    for author, agent, client, seen, kind in (
        ("user", bob, None, True, "public"), ("trigger", None, None, False, "error"), ("client", None, dana, False, "public")
    ):  # fmt: skip
        await desk.conn.execute(
            "insert into comments (company_id, ticket_id, author, visibility, agent_id, client_id, delivered, seen,"
            " created_at, cc, bcc, message) values ($1, $2, $3, $7, $4, $5, true, $6, now(), '{a@b.example}', '{c@d.example}', 'm')",
            desk.company, made, author, agent, client, seen, kind,
        )  # fmt: skip
    comments = (await desk.ticket(made))["comments"]
    assert [comment["from"] for comment in comments] == ["client", "trigger", "user", "client"]
    assert [comment["type"] for comment in comments] == ["public", "error", "public", "public"]
    assert [comment["is_first"] for comment in comments] == [0, 0, 0, 1]
    assert [comment["id"] for comment in comments] == sorted((comment["id"] for comment in comments), reverse=True)
    reply = comments[2]
    assert (reply["user_id"], reply["client_id"], reply["client"]) == (bob, None, None)
    assert reply["user"] | {"email": ""} == {"id": bob, "name": "Bob", "email": ""}
    assert (reply["delivered"], reply["readed"], reply["cc"], reply["bcc"]) == (1, 1, ["a@b.example"], ["c@d.example"])
    assert comments[0]["client_name"] == "Dana"
    assert comments[0]["client"]["phones"] == [{"phone": "79511234567", "type": "mobile"}]


async def test_row_21_type_of_a_comment_is_its_visibility(desk):
    """wire.md §9 row 21: "comment visibility" """
    made = await desk.create(type="problem", private_comment=True)
    assert (await desk.ticket(made))["comments"][0]["type"] == "private"


async def test_row_22_comments_from_triggers(desk):
    """wire.md §9 row 22: "all three" """
    made = await desk.create(**{"from": "trigger", "trigger_id": desk.ids["triggers"]["vip_first"]["id"]})
    assert (await desk.ticket(made))["comments"][0]["from"] == "trigger"


async def test_file_and_files(desk):
    """ "file File ID", "files Array of attached files: name, type, file — download link" """
    form = {"api_token": desk.token, "subject": "s", "message": "m"}
    answer = await desk.send("create/ticket", data=form, files=[("files[]", ("a b.txt", b"bytes", "text/plain"))])
    made = answer.json()["ticket_id"]
    [comment] = (await desk.ticket(made))["comments"]
    assert comment["files"][0].keys() == {"name", "type", "file"}
    assert (comment["files"][0]["name"], comment["files"][0]["type"]) == ("a b.txt", "text/plain")
    assert comment["files"][0]["file"].startswith(f"{desk.server.base}/files/")
    assert comment["file"] == await desk.conn.fetchval("select id from files where company_id = $1", desk.company)


async def test_the_creation_row(desk):
    """Ruling: "a creation row with old_status 0 and the new status"; the sample's second change"""
    made = await desk.create(status=2)
    [change] = (await desk.ticket(made))["changes"]
    assert (change["old_status"], change["new_status"], change["data"]) == (0, 2, [])
    assert (change["user_id"], change["trigger_id"], change["ticket_id"]) == (None, None, made)
    assert change["company_id"] == desk.company


async def test_changes_come_newest_first(desk):
    """The sample shows change 213671 before 213669; "target, old_value, value" """
    made = await desk.create()
    await desk.update(made, assignee_id=desk.agent("bob"), status=8)
    await desk.update(made, status=3)
    changes = (await desk.ticket(made))["changes"]
    assert [change["new_status"] for change in changes] == [3, 0, 8]
    assert changes[1]["data"] == [{"target": "assignee", "value": desk.agent("bob"), "old_value": None}]
    assert changes[0]["data"] == [{"target": "status", "value": 3, "old_value": 8}]


async def test_row_5_and_6_tags_are_texts(desk):
    """wire.md §9 rows 5 and 6: "array of text … elements like `Veggies:tomato`" in this method, objects in the list"""
    made = await desk.create(tag="b, a", field_id=desk.field("reason"), field_value="Delivery")
    assert (await desk.ticket(made))["tags"] == ["Reason:Delivery", "a", "b"]
    assert (await desk.call("tickets"))[0]["tags"] == [{"name": "Reason:Delivery"}, {"name": "a"}, {"name": "b"}]


async def test_custom_fields(desk):
    """ "ticket_field_id, ticket_id, value" of every value that is set"""
    order, vip = desk.field("order"), desk.field("vip")
    made = await desk.create(field_id=f"{order};{vip}", field_value="134;true")
    one = await desk.ticket(made)
    assert values(one) == {order: "134", vip: "1"}
    assert all(set(row) == {"id", "ticket_id", "ticket_field_id", "value"} for row in one["custom_fields"])


async def test_rights_of_the_agent_asked_about(desk):
    """ "The server returns the variable rights: write … read" with accessible_for_agent_id only"""
    made = await desk.create()
    mail = await desk.create(channel_id=desk.channel("mail"), client_email="a@client.example")
    alice, bob = desk.agent("alice"), desk.agent("bob")
    assert "rights" not in await desk.ticket(made)
    for agent, ticket_id, rights in (
        (alice, made, "write"),
        (bob, made, "write"),
        (str(bob), mail, "read"),
        (alice, mail, "write"),
    ):
        assert (await desk.ticket(ticket_id, accessible_for_agent_id=agent))["rights"] == rights


async def test_an_agent_without_access_sees_no_ticket(desk):
    """Ruling: "An agent without access: 113 for `ticket`" """
    made = await desk.create()
    refused = await desk.refused("ticket", ticket_id=made, accessible_for_agent_id=desk.agent("charlie"))
    assert (refused["code"], refused["parameter"]) == (113, "ticket_id")
    refused = await desk.refused("ticket", ticket_id=made, accessible_for_agent_id=999_999)
    assert (refused["code"], refused["parameter"]) == (117, "accessible_for_agent_id")


async def test_row_15_null_is_refused(desk):
    """wire.md §9 row 15: "JSON null and the text `null` are refused with an error that names the parameter" """
    made = await desk.create()
    for null in (None, "null"):
        refused = await desk.refused("ticket", ticket_id=made, accessible_for_agent_id=null)
        assert refused["parameter"] == "accessible_for_agent_id"
    assert "rights" not in await desk.ticket(made, accessible_for_agent_id="")


async def test_row_23_and_24_slas_are_shown_when_asked_for(desk):
    """ "properties: ["sla"]: first_reply; next_reply; close"; wire.md §9 rows 23 and 24: all spellings, three types"""
    made = await desk.create()
    for kind in ("close", "first_reply", "next_reply"):
        await desk.conn.execute(
            "insert into ticket_slas values ($1, $2, $3, '2031-04-29 10:35:04Z')", desk.company, made, kind
        )
    shown = [{"type": kind, "date": "2031-04-29 10:35:04"} for kind in ("close", "first_reply", "next_reply")]
    for spelled in (["sla"], "sla", '["sla"]', ["x", "sla"]):
        assert (await desk.ticket(made, properties=spelled))["ticket"]["active_sla"] == shown
    form = {"api_token": desk.token, "ticket_id": str(made), "properties[]": "sla"}
    assert (await desk.send("ticket", data=form)).json()["ticket"]["active_sla"] == shown
    for other in (None, "", [], "slb", ["first_reply"]):
        assert "active_sla" not in (await desk.ticket(made, properties=other))["ticket"]


async def test_no_slas_no_key(desk):
    """ "If SLAs are not specified in the ticket, SLAs are not returned in the response" """
    assert "active_sla" not in (await desk.ticket(await desk.create(), properties=["sla"]))["ticket"]
