"""A ticket's life through both clients, on a real server."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest

from pult_client import CLEAR, NotFound, PultError, Status, TooFast, WrongToken

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
def client(connect, desk):
    return connect(desk.server.base, desk.token)


async def test_a_ticket_with_files_is_made_changed_shown_and_found(client, desk, tmp_path):
    report = tmp_path / "Отчёт за «май».txt"
    report.write_text("bent")
    levels = [level["id"] for level in desk.ids["fields"]["product"]["levels"]]
    made = await client.create_ticket(
        subject="Wheel 🚲",
        message="It is <b>bent</b>",
        files=[report, ("wheel.png", PNG), ("notes", io.BytesIO(b"x"), "text/x-notes")],
        client_name="Jon",
        client_email="jon@client.example",
        client_phone=79995556677,
        phone_type="mobile",
        private_comment=False,
        additional_id=None,
        author="user",
        user_id=desk.agent("alice"),
        status=Status.NEW,
        tag=["new ticket", "test"],
        field_id=[desk.field("order"), desk.field("vip")],
        field_value=["A-17", True],
        lists=[[{"id": levels[0], "value": "Bikes"}, {"id": levels[1], "value": "Road"}]],
        assignee_id=desk.agent("bob"),
    )
    await client.update_ticket(
        made.ticket_id, priority="urgent", assignee_id=CLEAR, tag="done", user_id=desk.agent("alice"), silent=False
    )
    ticket = await client.ticket(made.ticket_id, accessible_for_agent_id=desk.agent("bob"), properties=["sla"])
    assert (ticket.id, ticket.status_id, ticket.priority) == (made.ticket_id, Status.OPEN, "urgent")
    assert (ticket.subject, ticket.assignee_id, ticket.group) == ("Wheel 🚲", None, desk.group("support"))
    assert (ticket.tags, ticket.rights) == (("done", "new ticket", "test"), "write")
    values = {field.ticket_field_id: field.value for field in ticket.custom_fields}
    assert values[desk.field("order")] == "A-17"
    assert values[desk.field("vip")] == "1"
    assert set(values) >= set(levels[:2])
    assert datetime.now(UTC) - ticket.published_at < timedelta(minutes=5)
    [comment] = ticket.comments
    assert (comment.message, comment.author, comment.type) == ("It is <b>bent</b>", "user", "public")
    assert comment.is_first is True
    assert comment.user.id == desk.agent("alice")
    assert [(file.name, file.type) for file in comment.files] == [
        ("Отчёт за «май».txt", "text/plain"),
        ("wheel.png", "image/png"),
        ("notes", "text/x-notes"),
    ]
    contents = [(await desk.server.client.get(file.file)).content for file in comment.files]
    assert contents == [b"bent", PNG, b"x"]
    assert [(change.old_status, change.new_status) for change in ticket.changes] == [(8, 1), (0, 8)]
    assert {thing.target for thing in ticket.changes[0].data} >= {"assignee", "priority", "new_tags"}
    assert ticket.more == {}
    [row] = await client.tickets(
        query="bent",
        fstatus=[Status.OPEN, Status.DONE],
        fassigned=[{"assignee_id": "unassigned"}],
        fields=[{"id": desk.field("order"), "value": "A-17"}],
        tags=["test", "nobody has this"],
        created_after=ticket.published_at,
        updated_before=ticket.last_updated_at,
        sort="last_updated_at",
        order="asc",
    )
    assert (row.id, row.status, row.tags) == (ticket.id, 1, ("done", "new ticket", "test"))
    assert row.created_at == ticket.published_at
    assert {field.id: field.value for field in row.ticket_fields}[desk.field("order")] == "A-17"
    assert row.more == {}


async def test_what_is_none_stays_and_what_is_clear_goes(client, desk):
    made = await client.create_ticket(
        subject="s", message="m", group_id=desk.group("billing"), field_id=desk.field("order"), field_value="a;b"
    )
    await client.update_ticket(made.ticket_id, subject="t", group_id=None, field_id=None)
    ticket = await client.ticket(made.ticket_id)
    assert (ticket.subject, ticket.group, ticket.custom_fields[0].value) == ("t", desk.group("billing"), "a;b")
    await client.update_ticket(made.ticket_id, group_id=CLEAR, field_id=desk.field("order"), field_value=CLEAR)
    ticket = await client.ticket(made.ticket_id)
    assert (ticket.group, ticket.custom_fields) == (None, ())


async def test_the_prefix_of_the_vendor_is_an_address_too(connect, desk):
    client = connect(f"{desk.server.base}/uapi/", desk.token)
    made = await client.create_ticket(subject="s", message="m")
    assert (await client.ticket(made.ticket_id)).subject == "s"


async def test_every_ticket_is_walked_once_over_all_pages(client, desk):
    made = [await desk.create(subject=f"n{number}", status=1 + number % 2) for number in range(250)]
    walked, later = [], None
    async for row in client.iter_tickets():
        walked.append(row.id)
        later = later or await desk.create(subject="made meanwhile")
    assert walked == [*made, later]
    assert [row.id async for row in client.iter_tickets(fstatus=Status.OPEN)] == made[::2]
    assert [row.id async for row in client.iter_tickets(query="n7")] == [made[7]]
    assert [row.id for row in await client.tickets(offset=2)] == made[50::-1]
    assert await client.tickets(offset=3) == []


async def test_errors_say_what_is_wrong(client, connect, desk):
    with pytest.raises(NotFound) as missing:
        await client.ticket(999_999)
    error = missing.value
    assert (error.code, error.parameter) == (113, "ticket_id")
    assert error.text in str(error)
    assert error.request_id in str(error)
    with pytest.raises(NotFound) as agent:
        await client.create_ticket(subject="s", message="m", author="user", user_id=999_999)
    assert (agent.value.code, agent.value.parameter) == (117, "user_id")
    with pytest.raises(PultError) as wrong:
        await client.create_ticket(subject="s", message="m", priority="whenever")
    assert (type(wrong.value), wrong.value.code, wrong.value.parameter) == (PultError, 111, "priority")
    with pytest.raises(WrongToken):
        await connect(desk.server.base, "0" * 40).tickets()
    with pytest.raises(PultError) as astray:
        await connect(f"{desk.server.base}/nowhere", desk.token).tickets()
    assert astray.value.code == 115
    assert await client.tickets() == []


async def test_too_many_searches_say_how_long_to_wait(connect, desk):
    client = connect(desk.server.base, desk.token, timeout=5)
    for _ in range(10):
        assert await client.tickets(query="nothing") == []
    with pytest.raises(TooFast) as fast:
        await client.tickets(query="nothing")
    assert fast.value.code == 121
    assert 5 < fast.value.retry_after <= 60


async def test_what_cannot_be_meant_is_refused_before_it_is_sent(client, desk):
    with pytest.raises(TypeError, match="prioritty"):
        await client.create_ticket(subject="s", message="m", prioritty="low")
    with pytest.raises(ValueError, match="fstatus is empty"):
        await client.tickets(fstatus=[])
    with pytest.raises(ValueError, match="time zone"):
        await client.tickets(created_after=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="comma"):
        await client.update_ticket(1, tag=["a, b"])
    assert await desk.listed() == []
