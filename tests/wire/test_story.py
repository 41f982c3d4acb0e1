"""A ticket's life on the wire, end to end."""

from __future__ import annotations


async def test_a_ticket_is_created_changed_shown_and_found(desk):
    ticket_id = await desk.create(
        subject="Wheel",
        message="It is <b>bent</b><script>alert(1)</script>",
        client_name="JON",
        client_email="jon@client.example",
        tag="new ticket,test",
        field_id=f"{desk.field('order')};{desk.field('vip')}",
        field_value="A-17;true",
    )
    await desk.update(ticket_id, priority="urgent", status="2", user_id=desk.agent("alice"), tag="done")
    one = await desk.ticket(ticket_id, accessible_for_agent_id=desk.agent("bob"))
    assert one["ticket"]["status_id"] == 2
    assert one["ticket"]["priority"] == "urgent"
    assert one["rights"] == "write"
    assert one["tags"] == ["done", "new ticket", "test"]
    assert one["comments"][0]["message"] == "It is <b>bent</b>"
    assert [change["new_status"] for change in one["changes"]] == [2, 8]
    assert one["changes"][0]["user_id"] == desk.agent("alice")
    assert await desk.listed(query="bent") == [ticket_id]
    assert await desk.listed(fields=[{"id": desk.field("order"), "value": "A-17"}]) == [ticket_id]
    assert await desk.listed(fstatus="8") == []
