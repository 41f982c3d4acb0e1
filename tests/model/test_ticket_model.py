"""What a wish makes of a ticket: no database, no clock."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pult.fields.model import Field, Option
from pult.staff.model import Agent, Channel, Group
from pult.tickets.model import (
    NOTHING,
    AgentNotInGroup,
    AgentUnknown,
    AutomaticTag,
    GroupUnknown,
    Staff,
    Ticket,
    Wish,
    apply,
    opened,
)

SUPPORT, BILLING = 1, 2
ALICE = Agent(11, "Alice", "alice@desk.example", "admin", SUPPORT, [SUPPORT, BILLING], restricted=False, access={})
BOB = Agent(12, "Bob", "bob@desk.example", "agent", SUPPORT, [SUPPORT], restricted=False, access={})
EVE = Agent(13, "Eve", "eve@desk.example", "agent", None, [], restricted=False, access={})
STAFF = Staff({a.id: a for a in (ALICE, BOB, EVE)}, {g: Group(g, "") for g in (SUPPORT, BILLING)})
REASON = Field(
    5, "Reason", "list", None, add_tag=True, options=[Option(51, "Delivery", None), Option(52, "Payment", None)]
)
TEXT = Field(6, "Order", "text", None, add_tag=False, options=[])
FIELDS = {REASON.id: REASON, TEXT.id: TEXT}
CHANNEL = Channel(21, "api", "Form", SUPPORT, None)
TICKET = Ticket(100, "Wheel", 1, 1, 2, 31, CHANNEL.id, SUPPORT, BOB.id)


def change(wish: Wish, ticket: Ticket = TICKET):
    return apply(ticket, wish, STAFF, FIELDS)


def holder(wish: Wish, ticket: Ticket = TICKET):
    after = change(wish, ticket).ticket
    return after.group_id, after.assignee_id


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (Wish(assignee=ALICE.id), (SUPPORT, ALICE.id)),  # a member of the ticket's group stays in it
        (Wish(assignee=EVE.id), (None, EVE.id)),  # of no group at all
        (Wish(assignee=None), (SUPPORT, None)),
        (Wish(group=None), (None, BOB.id)),
        (Wish(group=None, assignee=None), (None, None)),
        (Wish(group=BILLING), (BILLING, None)),  # Bob is no member
        (Wish(group=SUPPORT), (SUPPORT, BOB.id)),
        (Wish(group=BILLING, assignee=ALICE.id), (BILLING, ALICE.id)),
        (Wish(group=BILLING, assignee=None), (BILLING, None)),
        (Wish(group=None, assignee=ALICE.id), (None, ALICE.id)),
        (Wish(), (SUPPORT, BOB.id)),
    ],
)
def test_who_holds_the_ticket(wish, expected):
    assert holder(wish) == expected


def test_an_agent_outside_the_tickets_group_takes_it_into_the_default_group():
    assert holder(Wish(assignee=BOB.id), replace(TICKET, group_id=BILLING, assignee_id=None)) == (SUPPORT, BOB.id)


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        (Wish(assignee=99), AgentUnknown),
        (Wish(group=99), GroupUnknown),
        (Wish(group=BILLING, assignee=BOB.id), AgentNotInGroup),
        (Wish(group=99, assignee=None), GroupUnknown),
    ],
)
def test_nobody_gets_a_ticket_that_cannot_be_theirs(wish, error):
    with pytest.raises(error):
        change(wish)


def test_a_new_ticket_goes_to_the_channels_group_and_to_nobody():
    ticket = opened(Wish(subject="Hi"), CHANNEL, STAFF, FIELDS)
    assert (ticket.group_id, ticket.assignee_id, ticket.status, ticket.type, ticket.priority) == (
        SUPPORT,
        None,
        8,
        1,
        2,
    )


def test_a_new_ticket_of_an_agent_lies_in_the_agents_default_group():
    ticket = opened(Wish(subject="Hi", assignee=ALICE.id), replace_group(CHANNEL, BILLING), STAFF, FIELDS)
    assert (ticket.group_id, ticket.assignee_id) == (SUPPORT, ALICE.id)


def replace_group(channel: Channel, group_id: int) -> Channel:
    return Channel(channel.id, channel.type, channel.name, group_id, channel.email)


NEW = replace(TICKET, status=8)


def test_the_first_change_opens_a_new_ticket():
    changed = change(Wish(priority=3), NEW)
    assert (changed.ticket.status, changed.old_status, changed.new_status) == (1, 8, 1)
    assert {entry["target"] for entry in changed.data} == {"priority", "status"}


def test_silence_keeps_it_new():
    changed = change(Wish(priority=3, silent=True), NEW)
    assert (changed.ticket.status, changed.old_status, changed.new_status) == (8, 0, 0)


def test_an_explicit_status_wins():
    assert change(Wish(priority=3, status=6), NEW).ticket.status == 6
    assert change(Wish(priority=3, status=8), NEW).ticket.status == 8


@pytest.mark.parametrize("wish", [Wish(), Wish(subject="Wheel"), Wish(priority=2), Wish(status=8), Wish(group=SUPPORT)])
def test_what_changes_nothing_moves_nothing(wish):
    changed = change(wish, NEW)
    assert changed.data == []
    assert changed.ticket == NEW


def test_the_history_says_what_was_and_what_is():
    data = change(Wish(subject="Brake", assignee=ALICE.id, type=2, client_id=32)).data
    assert {entry["target"]: (entry["old_value"], entry["value"]) for entry in data} == {
        "subject": ("Wheel", "Brake"),
        "assignee": (BOB.id, ALICE.id),
        "type": ("question", "task"),
        "client": (31, 32),
    }


def test_an_automatic_tag_follows_its_field():
    first = change(Wish(fields={REASON.id: "51"}))
    assert first.tags == {"Reason:Delivery": REASON.id}
    second = change(Wish(fields={REASON.id: "Payment"}), first.ticket)
    assert (second.tags, second.untagged) == ({"Reason:Payment": REASON.id}, ["Reason:Delivery"])
    third = change(Wish(fields={REASON.id: ""}), second.ticket)
    assert (third.tags, third.untagged) == ({}, ["Reason:Payment"])
    targets = [entry["target"] for entry in third.data]
    assert targets == ["ticket_field", "removed_tags"]


def test_an_automatic_tag_cannot_be_taken_away_alone():
    ticket = change(Wish(fields={REASON.id: 51})).ticket
    with pytest.raises(AutomaticTag):
        change(Wish(untagged=["Reason:Delivery"]), ticket)


def test_a_tag_set_by_hand_outlives_the_field_of_the_same_name():
    ticket = replace(TICKET, tags={"Reason:Delivery": None})
    with_field = change(Wish(fields={REASON.id: 51}), ticket)
    assert with_field.tags == {}
    assert change(Wish(fields={REASON.id: None}), with_field.ticket).untagged == []


def test_tags_are_added_and_taken_away():
    ticket = replace(TICKET, tags={"old": None})
    changed = change(Wish(tags=["new", "old"], untagged=["gone"]), ticket)
    assert (changed.tags, list(changed.untagged)) == ({"new": None}, [])
    assert list(change(Wish(untagged=["old"]), ticket).untagged) == ["old"]


def test_nothing_given_is_its_own_value():
    assert Wish().group is NOTHING
