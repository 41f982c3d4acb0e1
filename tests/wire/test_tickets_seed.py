"""tickets, sentence by sentence. Each test quotes the sentence of the seed (or names the ruling) that it holds."""

from __future__ import annotations

import pytest
from product_field import levels, reason

from pult.api.tickets_answer import ANSWER


async def dated(desk, ticket_id, column, moment):
    await desk.conn.execute(
        f"update tickets set {column} = $3::text::timestamptz where company_id = $1 and id = $2",
        desk.company, ticket_id, moment,
    )  # fmt: skip


async def test_the_companys_tickets_as_a_bare_array(desk):
    """ "The method returns a list of company tickets."; wire.md §3.4: bare array, `[]` when there are none"""
    assert await desk.call("tickets") == []
    first, second = await desk.create(), await desk.create()
    assert await desk.listed() == [second, first]


async def test_elements_exactly_as_documented(desk):
    """ "Parameters of the query responses" and the sample; ruling: `email` in the list, nothing else"""
    order, vip, why = desk.field("order"), desk.field("vip"), desk.field("reason")
    made = await desk.create(subject="Hi there!", client_name="John Jones", tag="Important, Cold", assignee_id=desk.agent("bob"),
                             field_id=f"{order};{why}", field_value=f"A-1;{reason(desk, 'Payment')}", message="I have a problem")  # fmt: skip
    [row] = await desk.call("tickets")
    shown = (await desk.ticket(made))["ticket"]
    names = {"order": "Order number", "vip": "VIP order", "reason": "Reason"}
    product = [
        {"id": k, "name": n, "value": None} for k, n in zip(levels(desk), ("Category", "Model", "Part"), strict=True)
    ]
    assert row == {
        "id": made, "subject": "Hi there!", "client_id": shown["client_id"], "client_name": "John Jones",
        "assignee_id": desk.agent("bob"), "channel_id": desk.channel("api"), "group": desk.group("support"),
        "created_at": shown["published_at"], "last_updated_at": shown["last_updated_at"], "channel_email": None,
        "ticket_fields": [
            {"id": order, "name": names["order"], "value": "A-1"},
            {"id": vip, "name": names["vip"], "value": None},
            {"id": why, "name": names["reason"], "value": str(reason(desk, "Payment"))},
            *product,
        ],
        "tags": [{"name": "Cold"}, {"name": "Important"}, {"name": "Reason:Payment"}],
        "status": 8, "priority": "medium", "type": "question", "last_comment": "I have a problem", "remind_at": None,
        "email": None,
    }  # fmt: skip
    assert set(row) == set(ANSWER["items"]["properties"]) - {"active_sla", "rights"}


async def test_row_2_and_12_status_and_created_at_here(desk):
    """wire.md §9 rows 2 and 12: `status` here and `status_id` there; created_at here and published_at there: one moment"""
    made = await desk.create()
    [row] = await desk.call("tickets")
    one = (await desk.ticket(made))["ticket"]
    assert (row["status"], row["created_at"]) == (one["status_id"], one["published_at"])
    assert not {"status_id", "published_at"} & set(row)


async def test_row_13_channel_email_is_the_channels(desk):
    """ "Email of the channel. Only for the corresponding channel type"; wire.md §9 row 13: `email` is the customer's"""
    await desk.create(channel_id=desk.channel("mail"), client_email="cy@client.example")
    await desk.create(client_email="cy@client.example")
    api, mail = await desk.call("tickets")
    assert mail["channel_email"].startswith("support@")
    assert (mail["email"], api["email"], api["channel_email"]) == ("cy@client.example", None, None)


async def test_fchannel(desk):
    """ "Filter by channel id. Pass multiple values separated by commas" """
    api, second = await desk.create(), await desk.create(channel_id=desk.channel("second"))
    one, two = desk.channel("api"), desk.channel("second")
    for spelled, found in ((one, [api]), (str(two), [second]), (f"{one},{two}", [second, api]), (f"{one}, {two}", [second, api]),
                           ([one, two], [second, api]), (999_999, []), ("", [second, api])):  # fmt: skip
        assert await desk.listed(fchannel=spelled) == found


@pytest.fixture
async def held(desk):
    """Tickets by who holds them."""
    alice, bob = desk.agent("alice"), desk.agent("bob")
    support, billing = desk.group("support"), desk.group("billing")
    second = desk.channel("second")
    return {
        "alice in support": await desk.create(assignee_id=alice, group_id=support),
        "alice in billing": await desk.create(assignee_id=alice, group_id=billing),
        "bob in support": await desk.create(assignee_id=bob),
        "support": await desk.create(group_id=support),
        "billing": await desk.create(group_id=billing),
        "nobody": await desk.create(channel_id=second),
    }


async def test_fassigned_case_1_an_agent_within_a_group(desk, held):
    """ "the system sends all tickets where an agent is specified as an Assignee within a certain group" """
    alice, billing = desk.agent("alice"), desk.group("billing")
    for asked in ({"assignee_id": alice, "group_id": billing}, [{"assignee_id": str(alice), "group_id": str(billing)}]):
        assert await desk.listed(fassigned=asked) == [held["alice in billing"]]


async def test_fassigned_case_2_an_agent_in_any_group(desk, held):
    """ "all tickets where the agent is specified as the Assignee, without taking into account which group" """
    for asked in ({"assignee_id": desk.agent("alice")}, [{"assignee_id": desk.agent("alice"), "group_id": None}]):
        assert await desk.listed(fassigned=asked) == [held["alice in billing"], held["alice in support"]]


async def test_fassigned_case_3_a_group_but_no_agent(desk, held):
    """ "assignee_id = unassigned — then the system sends all tickets in which a group is specified as the Assignee" """
    assert await desk.listed(fassigned={"assignee_id": "unassigned"}) == [held["billing"], held["support"]]
    asked = [{"assignee_id": "unassigned", "group_id": desk.group("billing")}]
    assert await desk.listed(fassigned=asked) == [held["billing"]]


async def test_fassigned_case_4_nobody_at_all(desk, held):
    """ "assignee_id = unassigned and … group_id = unassigned — all tickets where "No Assignee" is specified" """
    assert await desk.listed(fassigned={"assignee_id": "unassigned", "group_id": "unassigned"}) == [held["nobody"]]


async def test_fassigned_several_pairs(desk, held):
    """ "whose values can be passed as an array or one at a time" """
    pairs = [{"assignee_id": desk.agent("bob"), "group_id": desk.group("support")},
             {"assignee_id": "unassigned", "group_id": "unassigned"}]  # fmt: skip
    assert await desk.listed(fassigned=pairs) == [held["nobody"], held["bob in support"]]


async def test_row_10_fassigned_in_all_forms(desk, held):
    """wire.md §9 row 10: "object, array, bracket form, plain id, `group_agent`"; "Deprecated (version 1.0)" """
    alice, bob, billing = desk.agent("alice"), desk.agent("bob"), desk.group("billing")
    assert await desk.listed(fassigned=str(bob)) == [held["bob in support"]]
    assert await desk.listed(fassigned=bob) == [held["bob in support"]]
    assert await desk.listed(fassigned=f"{billing}_{alice}") == [held["alice in billing"]]
    assert await desk.listed(fassigned=f"{billing}_{alice},{bob}") == [held["bob in support"], held["alice in billing"]]
    assert await desk.listed(fassigned=f'[{{"assignee_id": {bob}}}]') == [held["bob in support"]]
    form = {"api_token": desk.token, "fassigned[0][assignee_id]": str(alice), "fassigned[0][group_id]": str(billing)}
    assert [row["id"] for row in (await desk.send("tickets", data=form)).json()] == [held["alice in billing"]]
    form = {"api_token": desk.token, "fassigned[assignee_id]": str(bob)}
    assert [row["id"] for row in (await desk.send("tickets", data=form)).json()] == [held["bob in support"]]


async def test_fgroup(desk, held):
    """ "Filter by group id. Pass multiple values separated by commas" """
    support, billing = desk.group("support"), desk.group("billing")
    assert await desk.listed(fgroup=billing) == [held["billing"], held["alice in billing"]]
    assert len(await desk.listed(fgroup=f"{support},{billing}")) == 5
    assert await desk.listed(fgroup="999999") == []


async def test_fstatus(desk):
    """ "Filtering by status id: 1 (open) … 9 (mailing). Pass multiple values separated by commas" """
    made = {status: await desk.create(status=status) for status in range(1, 11)}
    for status, ticket_id in made.items():
        assert await desk.listed(fstatus=str(status)) == [ticket_id]
    assert await desk.listed(fstatus="1,4,10") == [made[10], made[4], made[1]]
    assert await desk.listed(fstatus=[2, "3"]) == [made[3], made[2]]


async def test_every_status_without_fstatus(desk):
    """Ruling: "`tickets` without fstatus contains every status, deleted and spam too" """
    made = [await desk.create(status=status) for status in (4, 7, 10)]
    assert await desk.listed() == made[::-1]


async def test_ftype_and_fpriority(desk):
    """ "Filtering by type", "Filtering by priority", "Pass multiple values separated by commas" """
    types = {kind: await desk.create(type=kind, priority="low") for kind in ("question", "task", "problem", "incident")}
    priorities = {name: await desk.create(priority=name) for name in ("medium", "urgent", "extreme")}
    for kind in ("task", "problem", "incident"):
        assert await desk.listed(ftype=kind) == [types[kind]]
    assert await desk.listed(ftype="task, incident") == [types["incident"], types["task"]]
    for name, ticket_id in priorities.items():
        assert await desk.listed(fpriority=name) == [ticket_id]
    assert await desk.listed(fpriority="urgent,medium") == [priorities["urgent"], priorities["medium"]]
    assert len(await desk.listed(fpriority="low")) == 4


async def test_row_8_ftype_as_a_number(desk):
    """wire.md §9 row 8: "names, and the numbers 1..4 …; any other value matches nothing, no error" """
    made = [await desk.create(type=kind) for kind in ("question", "task", "problem", "incident")]
    for number, ticket_id in enumerate(made, 1):
        assert await desk.listed(ftype=str(number)) == [ticket_id]
    for other in ("5", "0", "bug"):
        assert await desk.listed(ftype=other) == []


async def test_rights_in_the_list(desk):
    """ "Filtering by agent id, takes into consideration employee's rights. The server returns the variable rights" """
    api = await desk.create()
    mail = await desk.create(channel_id=desk.channel("mail"), client_email="a@client.example")
    hidden = await desk.create(channel_id=desk.channel("second"))
    rows = await desk.call("tickets", accessible_for_agent_id=str(desk.agent("bob")))
    assert [(row["id"], row["rights"]) for row in rows] == [(mail, "read"), (api, "write")]
    rows = await desk.call("tickets", accessible_for_agent_id=desk.agent("alice"))
    assert [(row["id"], row["rights"]) for row in rows] == [(hidden, "write"), (mail, "write"), (api, "write")]
    assert "rights" not in (await desk.call("tickets"))[0]


async def test_an_agent_without_access_sees_an_empty_list(desk):
    """Ruling: "An agent without access: … an empty list for `tickets`" """
    await desk.create()
    assert await desk.listed(accessible_for_agent_id=desk.agent("charlie")) == []
    refused = await desk.refused("tickets", accessible_for_agent_id=999_999)
    assert (refused["code"], refused["parameter"]) == (117, "accessible_for_agent_id")


async def test_row_30_offset_counts_pages_of_100(desk):
    """ "Offset by 1 will show the next 100 entries"; wire.md §9 row 30: "pages of 100" """
    first = await desk.create()
    await desk.conn.execute(
        "insert into tickets (company_id, subject, status, type, priority, client_id, channel_id, created_at, updated_at)"
        " select company_id, subject, status, type, priority, client_id, channel_id, created_at, updated_at"
        " from tickets, generate_series(1, 230) where company_id = $1", desk.company,
    )  # fmt: skip
    pages = [await desk.listed(offset=page) for page in (0, "1", 2, 3, 100)]
    assert [len(page) for page in pages] == [100, 100, 31, 0, 0]
    every = [ticket_id for page in pages for ticket_id in page]
    assert every == sorted(set(every), reverse=True)
    assert (len(every), every[-1]) == (231, first)
    assert await desk.listed(offset=1, fstatus=8, sort="last_updated_at") == pages[1]
    for wrong in (-1, "x", 1.5, [1]):
        assert (await desk.refused("tickets", offset=wrong))["parameter"] == "offset"
    for far in (2**31, 10**30):
        assert await desk.listed(offset=far) == []


async def test_row_15_null_is_refused(desk):
    """ "does not accept "null"" (offset, tag, query, accessible_for_agent_id); wire.md §9 row 15"""
    await desk.create()
    for name in ("offset", "tag", "query", "accessible_for_agent_id"):
        for null in (None, "null"):
            refused = await desk.refused("tickets", **{name: null})
            assert (refused["code"], refused["parameter"]) == ({"accessible_for_agent_id": 117}.get(name, 111), name)
        assert len(await desk.listed(**{name: ""})) == 1


async def test_row_7_tag_by_name_or_id_any_of_them(desk):
    """ "Filtering by tag value. If there is more than one value, pass the values with a comma and a space"; wire.md §9 row 7"""
    a, b = await desk.create(tag="a"), await desk.create(tag="b, c d")
    await desk.create(tag="e")
    ids = {row["name"]: row["id"] for row in
           await desk.conn.fetch("select name, id from tags where company_id = $1", desk.company)}  # fmt: skip
    for name in ("tag", "tags"):
        assert await desk.listed(**{name: "a"}) == [a]
        assert await desk.listed(**{name: "a, c d"}) == [b, a]
        assert await desk.listed(**{name: f"{ids['a']},{ids['b']}"}) == [b, a]
        assert await desk.listed(**{name: "unknown"}) == []


async def test_dates_are_inclusive_and_in_utc(desk):
    """ "Tickets created after the date in the parameter (inclusive) will be shown", and the other three; "Our API works according to the zero time zone" """
    one, two = await desk.create(), await desk.create()
    for column, name in (("created_at", "created"), ("updated_at", "updated")):
        await dated(desk, one, column, "2016-11-25 15:08:00Z")
        await dated(desk, two, column, "2016-11-25 15:08:01Z")
        after, before = f"{name}_after", f"{name}_before"
        assert await desk.listed(**{after: "2016-11-25 15:08"}) == [two, one]
        assert await desk.listed(**{before: "2016-11-25 15:08"}) == [one]
        assert await desk.listed(**{after: "2016-11-25 15:08:01"}) == [two]
        assert await desk.listed(**{before: "2016-11-25 15:08:01", after: "2016-11-25 15:08:00"}) == [two, one]
        assert await desk.listed(**{after: "2016-11-25 15:09"}) == []
        assert await desk.listed(**{before: "2016-11-25 00:00"}) == []


async def test_a_time_without_seconds_and_a_date_alone(desk):
    """Ruling: "A time without seconds is that minute's second 0, a date alone midnight." """
    made = await desk.create()
    await dated(desk, made, "created_at", "2016-11-25 00:00:00Z")
    assert await desk.listed(created_after="2016-11-25", created_before="2016-11-25") == [made]
    assert await desk.listed(created_after="2016-11-26") == []
    for wrong in ("yesterday", "25.11.2016", "2016-13-01", "2016-11-25 25:00", ["2016-11-25"], {"a": 1}, True):
        refused = await desk.refused("tickets", created_after=wrong)
        assert (refused["code"], refused["parameter"]) == (111, "created_after")


async def test_query_searches_subject_and_all_comments(desk):
    """ "The search will be made by the subject of the query and the content in all comments." """
    subject = await desk.create(subject="Кривые колёса 🚲")
    comment = await desk.create(message="<p>The <b>derail</b>leur is bent</p>", private_comment=True)
    assert await desk.listed(query="колесо") == [subject]
    assert await desk.listed(query="derailleur") == [comment]
    assert await desk.listed(query="unicycle") == []
    assert await desk.listed(query="bent", fstatus="8", fchannel=desk.channel("api")) == [comment]
    assert await desk.listed(query="bent", fstatus="3") == []
    await desk.update(subject, subject="Tandem")
    assert await desk.listed(query="tandem") == [subject]
    assert await desk.listed(query="колесо") == []


async def test_ten_queries_a_minute(desk):
    """ "A limit of 10 queries per minute is set for queries, containing this parameter."; wire.md §5.3: 429, 121, Retry-After"""
    for _ in range(10):
        assert await desk.listed(query="x") == []
    answer = await desk.send("tickets", json={"api_token": desk.token, "query": "x"})
    assert (answer.status_code, answer.json()["code"], answer.json()["parameter"]) == (429, 121, "query")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert await desk.listed() == []
    assert await desk.listed(query="") == []


async def test_client_id(desk):
    """ "If you specify value, the system will send a list of tickets for a particular client" """
    dana = desk.ids["clients"]["dana"]["id"]
    await desk.create()
    made = await desk.create(client_id=dana)
    assert await desk.listed(client_id=str(dana)) == [made]
    assert await desk.call("tickets", client_id=999_999) == []


async def test_sort(desk):
    """ "id, status_id, client_id, assignee_id, group, last_updated_at, published_at. By default: id", "By default: desc" """
    alice, bob = desk.agent("alice"), desk.agent("bob")
    one = await desk.create(status=5, assignee_id=bob, client_name="one")
    two = await desk.create(status=1, assignee_id=alice, group_id=desk.group("billing"), client_name="two")
    three = await desk.create(status=3, channel_id=desk.channel("second"), client_name="three")
    for ticket_id, day in ((one, 2), (two, 3), (three, 1)):
        await dated(desk, ticket_id, "created_at", f"2020-01-0{day} 00:00Z")
        await dated(desk, ticket_id, "updated_at", f"2021-01-0{4 - day} 00:00Z")
    for key, ascending in (
        ("id", [one, two, three]), ("status_id", [two, three, one]), ("client_id", [one, two, three]),
        ("assignee_id", [three, two, one]), ("group", [three, one, two]), ("published_at", [three, one, two]),
        ("last_updated_at", [two, one, three]),
    ):  # fmt: skip
        assert await desk.listed(sort=key, order="asc") == ascending, key
        assert await desk.listed(sort=key, order="desc") == ascending[::-1], key
        assert await desk.listed(sort=key) == ascending[::-1], key
    assert await desk.listed() == [three, two, one]
    assert await desk.listed(order="asc") == [one, two, three]
    for wrong in ({"sort": "subject"}, {"order": "up"}, {"sort": 1}, {"sort": ["id"]}):
        assert (await desk.refused("tickets", **wrong))["parameter"] == next(iter(wrong))


async def test_ties_are_broken_by_id(desk):
    """Ruling: "Ties in a sort are broken by id." """
    made = [await desk.create() for _ in range(4)]
    await desk.conn.execute(
        "update tickets set updated_at = '2020-01-01', created_at = '2020-01-01' where company_id = $1", desk.company
    )
    for key in ("status_id", "assignee_id", "group", "last_updated_at", "published_at"):
        assert await desk.listed(sort=key, order="asc") == made
        assert await desk.listed(sort=key) == made[::-1]


async def test_row_23_and_24_slas(desk):
    """ "Returns in response from the server the date and time of SLA for each parameter, if they are specified in the tickets" """
    made = await desk.create()
    await desk.create()
    await desk.conn.execute(
        "insert into ticket_slas values ($1, $2, 'close', '2031-04-29 10:35:04Z'), ($1, $2, 'next_reply', '2031-04-28 18:01:08Z')",
        desk.company, made,
    )  # fmt: skip
    for spelled in (["sla"], "sla", '["sla"]'):
        plain, dated_row = await desk.call("tickets", properties=spelled)
        assert "active_sla" not in plain
        assert dated_row["active_sla"] == [
            {"type": "close", "date": "2031-04-29 10:35:04"}, {"type": "next_reply", "date": "2031-04-28 18:01:08"}
        ]  # fmt: skip
    assert all("active_sla" not in row for row in await desk.call("tickets"))


async def test_remind_at(desk):
    """ "Reminder date and time. Time Zone — UTC+0" """
    await dated(desk, await desk.create(), "remind_at", "2031-01-02 03:04:05+03")
    assert (await desk.call("tickets"))[0]["remind_at"] == "2031-01-02 00:04:05"


async def test_last_comment_is_the_last_of_any_kind(desk):
    """Ruling: "`last_comment` is the last of any kind." """
    made = await desk.create(message="first")
    await desk.conn.execute(
        "insert into comments (company_id, ticket_id, author, visibility, agent_id, created_at, message)"
        " values ($1, $2, 'user', 'private', $3, now(), 'internal')", desk.company, made, desk.agent("bob"),
    )  # fmt: skip
    assert (await desk.call("tickets"))[0]["last_comment"] == "internal"
