"""create/ticket, sentence by sentence. Each test quotes the sentence of the seed (or names the ruling) that it holds."""

from __future__ import annotations

import pytest

PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)


async def first_comment(desk, ticket_id):
    return (await desk.ticket(ticket_id))["comments"][-1]


async def test_success_answers_with_the_new_id(desk):
    """ "the server will return a message about the successful creation and the id of the new request" """
    answer = await desk.call("create/ticket", subject="Hi", message="there")
    assert answer == {"status": "success", "ticket_id": answer["ticket_id"]}
    assert type(answer["ticket_id"]) is int
    assert (await desk.ticket(answer["ticket_id"]))["ticket"]["subject"] == "Hi"


async def test_required_fields(desk):
    """ "* — required fields": api_token, subject, message"""
    refused = await desk.refused("create/ticket", subject="Hi")
    assert (refused["code"], refused["parameter"]) == (114, "message")
    refused = await desk.refused("create/ticket", message="Hi")
    assert (refused["code"], refused["parameter"]) == (111, "subject")
    refused = await desk.refused("create/ticket", subject="Hi", message="there", api_token="")
    assert (refused["code"], refused["parameter"]) == (112, "api_token")
    refused = await desk.refused("create/ticket", subject="Hi", message="there", api_token="0" * 40)
    assert (refused["code"], refused["parameter"]) == (112, "api_token")


async def test_subject_takes_any_characters(desk):
    """ "String (255 characters) Any characters are possible, including emoji" """
    for subject in ("🚲" * 255, "Привет <b>&amp;</b> \"'`;--", "ש×—\t\u202e"):
        ticket_id = await desk.create(subject=subject)
        assert (await desk.ticket(ticket_id))["ticket"]["subject"] == subject
    refused = await desk.refused("create/ticket", subject="x" * 256, message="m")
    assert (refused["code"], refused["parameter"]) == (111, "subject")


async def test_message_of_64_kilobytes(desk):
    """ "String, ~64kb." """
    text = "я" * 32768
    assert (await first_comment(desk, await desk.create(message=text)))["message"] == text
    refused = await desk.refused("create/ticket", subject="s", message=text + "x")
    assert (refused["code"], refused["parameter"]) == (111, "message")


async def test_message_supports_html(desk):
    """ "Supports HTML markup"; what could harm the reader goes, the original stays in the desk."""
    sent = '<p>See <a href="https://client.example/1">this</a> <b>now</b></p><script>alert(1)</script><img src=x onerror=alert(1)>'
    comment = await first_comment(desk, await desk.create(message=sent))
    assert "<b>now</b>" in comment["message"]
    assert 'href="https://client.example/1"' in comment["message"]
    assert "script" not in comment["message"]
    assert "onerror" not in comment["message"]
    original = await desk.conn.fetchval(
        "select original from comments where company_id = $1 and id = $2", desk.company, comment["id"]
    )
    assert original == sent


async def test_an_internal_comment_mentions_agents(desk):
    """ "If this is an internal comment private_comment = true, you can add a mention of agent [~test@gmail.com]" """
    emails = [
        row["email"] for row in await desk.conn.fetch("select email from agents where company_id = $1", desk.company)
    ]
    bob = next(email for email in emails if email.startswith("bob"))
    message = f"Look [~{bob.upper()}] and again [~{bob}], [~nobody@elsewhere.example]"
    mentioned = "select agent_id from comment_mentions where company_id = $1 and comment_id = $2"

    private = await first_comment(desk, await desk.create(message=message, private_comment=True))
    assert private["type"] == "private"
    assert [row["agent_id"] for row in await desk.conn.fetch(mentioned, desk.company, private["id"])] == [
        desk.agent("bob")
    ]
    public = await first_comment(desk, await desk.create(message=message))
    assert await desk.conn.fetch(mentioned, desk.company, public["id"]) == []


async def test_texts_of_255_characters(desk):
    """ "String (255 characters)" of client_name, company_name, additional_id, tag, client_country, client_city, client_address"""
    names = [
        "client_name",
        "company_name",
        "additional_id",
        "tag",
        "client_country",
        "client_city",
        "client_address",
        "template_name",
        "username",
    ]
    for name in names:
        refused = await desk.refused("create/ticket", subject="s", message="m", **{name: "x" * 256})
        assert (refused["code"], refused["parameter"]) == (111, name)
    for name in names:
        if name != "template_name":
            assert await desk.create(**{name: "ё" * 255})


async def test_client_name_and_email(desk):
    """ "client_name Client name", "client_email Client email" """
    one = await desk.ticket(await desk.create(client_name="Johnny 🎸", client_email="SuperJohny@gmail.com"))
    assert one["ticket"]["client_name"] == "Johnny 🎸"
    assert one["comments"][0]["client"]["emails"] == [{"email": "SuperJohny@gmail.com"}]
    assert one["comments"][0]["client_name"] == "Johnny 🎸"


async def test_client_id_is_a_number_or_new_client(desk):
    """ "Numeric identifier or string "new_client" to create a new client" """
    dana = desk.ids["clients"]["dana"]["id"]
    for spelled in (dana, str(dana), f" {dana} "):
        assert (await desk.ticket(await desk.create(client_id=spelled)))["ticket"]["client_id"] == dana
    made = (await desk.ticket(await desk.create(client_id="new_client", client_name="JON")))["ticket"]
    assert made["client_id"] != dana
    assert made["client_name"] == "JON"
    for wrong in (dana + 1000, 0, -1, "old_client", 2**31, "1.5"):
        refused = await desk.refused("create/ticket", subject="s", message="m", client_id=wrong)
        assert (refused["code"], refused["parameter"]) == (119, "client_id")


async def test_private_comment(desk):
    """ "Create the first comment private. Only accepts true" """
    assert (await first_comment(desk, await desk.create()))["type"] == "public"
    assert (await first_comment(desk, await desk.create(private_comment=True)))["type"] == "private"


async def test_row_19_private_comment_in_all_spellings_of_true(desk):
    """wire.md §9 row 19: "all truthy spellings; others = public" """
    for truthy in ("true", "1", 1, "TRUE", "True"):
        assert (await first_comment(desk, await desk.create(private_comment=truthy)))["type"] == "private"
    for other in (False, "false", 0, "0", "", None, "no", "2"):
        assert (await first_comment(desk, await desk.create(private_comment=other)))["type"] == "public"


async def test_additional_id_is_shown_in_information_about_the_ticket_only(desk):
    """ "System field that is not visible in Web interface. Shown only in API requests for information about the ticket" """
    ticket_id = await desk.create(additional_id="CRM-🆔-77")
    assert (await desk.ticket(ticket_id))["ticket"]["additional_id"] == "CRM-🆔-77"
    assert "CRM-" not in str(await desk.call("tickets"))
    assert (await desk.ticket(await desk.create()))["ticket"]["additional_id"] is None


async def test_type_and_priority(desk):
    """ "Possible values: question; task; problem; incident. By default: question", "low; medium; urgent; extreme. By default: medium" """
    plain = (await desk.ticket(await desk.create()))["ticket"]
    assert (plain["type"], plain["priority"]) == ("question", "medium")
    for kind in ("question", "task", "problem", "incident"):
        assert (await desk.ticket(await desk.create(type=kind)))["ticket"]["type"] == kind
    for priority in ("low", "medium", "urgent", "extreme"):
        assert (await desk.ticket(await desk.create(priority=priority)))["ticket"]["priority"] == priority


async def test_status(desk):
    """ "Accepts a number that corresponds to the status identifier in the system. By default: 8 (new)" """
    assert (await desk.ticket(await desk.create()))["ticket"]["status_id"] == 8
    assert (await desk.ticket(await desk.create(status=None)))["ticket"]["status_id"] == 8
    for status in range(1, 10):
        assert (await desk.ticket(await desk.create(status=status)))["ticket"]["status_id"] == status
    assert (await desk.ticket(await desk.create(status="3")))["ticket"]["status_id"] == 3


async def test_row_4_status_10_is_accepted(desk):
    """wire.md §9 row 4: "accept 10" """
    assert (await desk.ticket(await desk.create(status=10)))["ticket"]["status_id"] == 10


async def test_a_value_outside_a_documented_list_is_refused(desk):
    """Ruling: "A value outside a documented list (type, priority, status, phone_type) …: error 111 with parameter, nothing stored" """
    for wrong in (
        {"type": "quest"}, {"type": 1}, {"priority": "high"}, {"status": 11}, {"status": 0}, {"status": "new"},
        {"phone_type": "work", "client_phone": "79120000000"}, {"status": -8}, {"type": ["task"]}, {"priority": True},
    ):  # fmt: skip
        refused = await desk.refused("create/ticket", subject="s", message="m", **wrong)
        assert (refused["code"], refused["parameter"]) == (111, next(iter(wrong)))


@pytest.mark.parametrize(
    "tag", ["new ticket, test", "new ticket,test", " new ticket ,, test , test,", ["new ticket", "test"]]
)
async def test_row_20_tags_are_separated_by_commas(desk, tag):
    """ "contains tags separated by commas and spaces"; wire.md §9 row 20: "comma, optional blanks" """
    assert (await desk.ticket(await desk.create(tag=tag)))["tags"] == ["new ticket", "test"]


async def test_tags_in_a_wrong_format(desk):
    """wire.md §5.2: 116 tags in a wrong format"""
    for wrong in ({"a": "b"}, [["a"]], True, [None]):
        assert (await desk.refused("create/ticket", subject="s", message="m", tag=wrong))["code"] == 116


async def test_assignee_within_the_default_group(desk):
    """ "ID of the agent to which the request will be assigned within the default group" """
    for agent in (desk.agent("charlie"), str(desk.agent("charlie"))):
        held = (await desk.ticket(await desk.create(assignee_id=agent)))["ticket"]
        assert (held["assignee_id"], held["group"]) == (desk.agent("charlie"), desk.group("billing"))


async def test_assignee_within_the_group_given(desk):
    """ "if the group_id parameter is given and the agent is in this group, the assignment will be within the specified group" """
    made = await desk.create(assignee_id=desk.agent("alice"), group_id=desk.group("billing"))
    held = (await desk.ticket(made))["ticket"]
    assert (held["assignee_id"], held["group"]) == (desk.agent("alice"), desk.group("billing"))


async def test_an_agent_who_is_no_member_of_the_group(desk):
    """Ruling: "with a group_id of which the agent is no member: error 117 naming assignee_id" """
    refused = await desk.refused(
        "create/ticket", subject="s", message="m", assignee_id=desk.agent("bob"), group_id=desk.group("billing")
    )
    assert (refused["code"], refused["parameter"]) == (117, "assignee_id")


async def test_an_invalid_assignee_is_an_error(desk):
    """ "if an invalid ID was specified, the system will not clear the field, but will return an error" """
    for wrong in (999_999, 0, -1, "bob", 2**31, 2**63, 10**30, True, [1], {"id": 1}, 1.5):
        refused = await desk.refused("create/ticket", subject="s", message="m", assignee_id=wrong)
        assert (refused["code"], refused["parameter"]) == (117, "assignee_id")


async def test_group(desk):
    """ "ID of the group to which the request will be assigned"; wire.md §5.3: wrong group 118"""
    held = (await desk.ticket(await desk.create(group_id=desk.group("billing"))))["ticket"]
    assert (held["assignee_id"], held["group"]) == (None, desk.group("billing"))
    for wrong in (999_999, "x", 0, -1, 2**31):
        refused = await desk.refused("create/ticket", subject="s", message="m", group_id=wrong)
        assert (refused["code"], refused["parameter"]) == (118, "group_id")


async def test_neither_group_nor_agent_is_the_channels_group(desk):
    """Ruling: "Neither given on create: the channel's group, nobody." """
    held = (await desk.ticket(await desk.create()))["ticket"]
    assert (held["assignee_id"], held["group"]) == (None, desk.group("support"))
    held = (await desk.ticket(await desk.create(channel_id=desk.channel("second"))))["ticket"]
    assert (held["assignee_id"], held["group"]) == (None, None)


async def test_the_channel_is_the_tokens_where_none_is_given(desk):
    """ "If not specified, or specified incorrectly, the ticket will be created in the channel to which the token belongs" """
    for wrong in ({}, {"channel_id": 999_999}, {"channel_id": "x"}, {"channel_id": None}, {"channel_id": -5},
                  {"channel_id": 2**63}, {"channel_id": [1]}, {"channel_id": ""}, {"channel_id": True}):  # fmt: skip
        assert (await desk.ticket(await desk.create(**wrong)))["ticket"]["channel_id"] == desk.channel("api")
    second = desk.channel("second")
    for spelled in (second, str(second)):
        assert (await desk.ticket(await desk.create(channel_id=spelled)))["ticket"]["channel_id"] == second


async def test_the_ticket_takes_the_channels_type(desk):
    """ "The request type will correspond to the channel type" """
    made = await desk.create(channel_id=desk.channel("mail"), client_email="John@client.example")
    assert (await desk.ticket(made))["ticket"]["email"] == "John@client.example"
    [listed] = await desk.call("tickets", fchannel=desk.channel("mail"))
    assert listed["channel_email"].startswith("support@")
    made = await desk.create(client_email="Johann@client.example")
    assert (await desk.ticket(made))["ticket"]["email"] is None


async def test_files(desk):
    """ "An array of attached files. multipart/form-data" """
    form = {"api_token": desk.token, "subject": "Files", "message": "two"}
    for names in (("files[]", "files[]"), ("files[0]", "files[1]"), ("files", "files")):
        uploads = [
            (names[0], ("C:\\photos\\Колесо.png", PNG, "image/png")),
            (names[1], ("/tmp/b.txt", b"bee", "text/plain")),
        ]
        answer = (await desk.send("create/ticket", data=form, files=uploads)).json()
        files = (await first_comment(desk, answer["ticket_id"]))["files"]
        assert [(file["name"], file["type"]) for file in files] == [
            ("Колесо.png", "image/png"),
            ("b.txt", "text/plain"),
        ]
        got = await desk.server.client.get(files[1]["file"])
        assert (got.status_code, got.content) == (200, b"bee")


async def test_the_side_of_the_first_comment(desk):
    """ "The side on whose behalf the first comment is created. Possible values: user; client; trigger." """
    bob, vip_first = desk.agent("bob"), desk.ids["triggers"]["vip_first"]["id"]
    said = await first_comment(desk, await desk.create(**{"from": "user", "user_id": bob}))
    assert (said["from"], said["user_id"], said["client_id"]) == ("user", bob, None)
    assert said["user"]["name"] == "Bob"
    said = await first_comment(
        desk, await desk.create(**{"from": "client"}, client_id=desk.ids["clients"]["dana"]["id"])
    )
    assert (said["from"], said["user_id"], said["client_id"]) == ("client", None, desk.ids["clients"]["dana"]["id"])
    said = await first_comment(desk, await desk.create(**{"from": "trigger", "trigger_id": vip_first}))
    assert (said["from"], said["user_id"], said["client_id"]) == ("trigger", None, None)


async def test_the_side_needs_its_identifier(desk):
    """ "If a user or trigger parameter is passed, the request must contain parameters with the desired identifiers" """
    refused = await desk.refused("create/ticket", subject="s", message="m", **{"from": "user", "user_id": 999_999})
    assert (refused["code"], refused["parameter"]) == (117, "user_id")
    refused = await desk.refused("create/ticket", subject="s", message="m", **{"from": "trigger"})
    assert (refused["code"], refused["parameter"]) == (111, "trigger_id")
    refused = await desk.refused(
        "create/ticket", subject="s", message="m", **{"from": "trigger", "trigger_id": 999_999}
    )
    assert (refused["code"], refused["parameter"]) == (111, "trigger_id")


async def test_row_18_a_missing_user_id_is_the_default_agent(desk):
    """wire.md §9 row 18: "missing user_id → default agent" """
    for without in ({}, {"user_id": ""}, {"user_id": None}):
        said = await first_comment(desk, await desk.create(**{"from": "user"}, **without))
        assert (said["from"], said["user_id"]) == ("user", desk.agent("alice"))


async def test_an_unknown_side_counts_as_client(desk):
    """Ruling: "`from` defaults to client. An unknown `from` counts as client." """
    for side in (
        {},
        {"from": "whatsapp"},
        {"from": ""},
        {"from": None},
        {"from": 5},
        {"from": ["user"]},
        {"from": {"a": 1}},
    ):
        assert (await first_comment(desk, await desk.create(**side)))["from"] == "client"


async def test_row_18_templates_need_a_channel_that_has_them(desk):
    """wire.md §9 row 18; a template is WhatsApp's: an API channel and an e-mail channel cannot send one"""
    for channel in ("api", "mail"):
        for template in ({"template_id": 8094}, {"template_name": "Main"}):
            refused = await desk.refused(
                "create/ticket", **template, **{"from": "user"}, client_phone="79511234567",
                template_variables=["John", "18:00", "London"], channel_id=desk.channel(channel), template_lang="ru",
            )  # fmt: skip
            assert refused["parameter"] in template


async def test_row_25_and_26_no_messenger_keys_without_a_messenger(desk):
    """wire.md §9 rows 25 and 26: "add comment_id only next to message_status", which only messengers have"""
    answer = await desk.call("create/ticket", subject="s", message="m", client_phone="79254697403")
    assert set(answer) == {"status", "ticket_id"}


async def test_unknown_parameters_are_ignored(desk):
    """wire.md §1: "Ignore silently, never reject" """
    made = await desk.create(
        clientName="x", limit=5, client="JON", email="no mail", tags="a", private=True, status_id=3
    )
    shown = await desk.ticket(made)
    assert shown["ticket"]["status_id"] == 8
    assert shown["tags"] == []


async def test_row_28_samples_are_illustrations_and_strict_json_is_accepted(desk):
    """wire.md §9 row 28"""
    for body in ("{'subject': 'New Email', 'message': 'Hi'}", '{"subject": "a" "message": "b"}', '{"subject": "a",}'):
        answer = await desk.send("create/ticket", params={"api_token": desk.token}, content=body,
                                 headers={"content-type": "application/json"})  # fmt: skip
        assert (answer.status_code, answer.json()["code"]) == (200, 111)
    assert await desk.listed() == []
