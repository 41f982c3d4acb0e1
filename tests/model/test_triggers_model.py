"""Conditions and actions, as they are written and as they are stored."""

from __future__ import annotations

import pytest

from pult.conditions.model import FieldNames, Ids, Names, condition
from pult.conditions.model import resolved as resolved_condition
from pult.kit.errors import BadValue
from pult.triggers.model import action, resolved

NAMES = Names(
    channels=frozenset({"api", "mail"}),
    groups=frozenset({"support"}),
    agents=frozenset({"anna"}),
    fields={
        "order": FieldNames("text", {}),
        "vip": FieldNames("checkbox", {}),
        "reason": FieldNames("list", {"Delivery": {}, "Payment": {}}),
        "product": FieldNames("nested_list", {"Bikes": {"Road": {}}, "Parts": {}}),
    },
)
IDS = Ids(
    channels={"api": 1, "mail": 2}, groups={"support": 3}, agents={"anna": 4},
    fields={"order": 5, "vip": 6, "reason": 7, "product": 8},
)  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ({"field": "status", "is": "open"}, {"field": "status", "operator": "is", "values": [1]}),
        (
            {"field": "status", "is_not": ["new", "on_hold"]},
            {"field": "status", "operator": "is_not", "values": [8, 5]},
        ),
        ({"field": "type", "is": "incident"}, {"field": "type", "operator": "is", "values": [4]}),
        ({"field": "channel", "is": ["api", "mail"]}, {"field": "channel", "operator": "is", "values": [1, 2]}),
        ({"field": "assignee", "is": "anna"}, {"field": "assignee", "operator": "is", "values": [4]}),
        ({"field": "group", "empty": True}, {"field": "group", "operator": "empty", "values": [True]}),
        ({"field": "tag", "is": "vip"}, {"field": "tag", "operator": "is", "values": ["vip"]}),
        (
            {"field": "subject", "contains": ["a", "b"]},
            {"field": "subject", "operator": "contains", "values": ["a", "b"]},
        ),
        ({"field": "vip", "is": True}, {"field": "field", "field_id": 6, "operator": "is", "values": [True]}),
        (
            {"field": "order", "contains": "7"},
            {"field": "field", "field_id": 5, "operator": "contains", "values": ["7"]},
        ),
        (
            {"field": "reason", "is": "Payment"},
            {"field": "field", "field_id": 7, "operator": "is", "values": ["Payment"]},
        ),
        ({"field": "product", "is": "Road"}, {"field": "field", "field_id": 8, "operator": "is", "values": ["Road"]}),
        (
            {"field": "product", "empty": False},
            {"field": "field", "field_id": 8, "operator": "empty", "values": [False]},
        ),
    ],
)
def test_conditions(raw, stored):
    assert resolved_condition(condition(raw, NAMES), IDS) == stored


@pytest.mark.parametrize(
    ("raw", "parameter"),
    [
        ({}, "field"),
        ({"field": 5, "is": 1}, "field"),
        ({"field": "colour", "is": "red"}, "field"),
        ({"field": "status"}, "field"),
        ({"field": "status", "is": "open", "empty": True}, "field"),
        ({"field": "status", "like": "open"}, "like"),
        ({"field": "status", "is": "opened"}, "is"),
        ({"field": "status", "is": 1}, "is"),
        ({"field": "status", "is": []}, "is"),
        ({"field": "status", "contains": "op"}, "contains"),
        ({"field": "vip", "is": "true"}, "is"),
        ({"field": "vip", "contains": "t"}, "contains"),
        ({"field": "order", "is": True}, "is"),
        ({"field": "reason", "is": "Quality"}, "is"),
        ({"field": "group", "is": "sales"}, "is"),
        ({"field": "group", "empty": "yes"}, "empty"),
        ({"field": "subject", "contains": 5}, "contains"),
    ],
)
def test_no_conditions(raw, parameter):
    with pytest.raises(BadValue) as caught:
        condition(raw, NAMES)
    assert caught.value.parameter == parameter


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        ({"set": "priority", "to": "urgent"}, {"kind": "set", "target": "priority", "value": 3}),
        ({"set": "status", "to": "on_hold"}, {"kind": "set", "target": "status", "value": 5}),
        ({"set": "type", "to": "task"}, {"kind": "set", "target": "type", "value": 2}),
        ({"set": "group", "to": "support"}, {"kind": "set", "target": "group", "value": 3}),
        ({"set": "assignee", "to": "anna"}, {"kind": "set", "target": "assignee", "value": 4}),
        ({"set": "vip", "to": True}, {"kind": "set", "target": "field", "field_id": 6, "value": True}),
        ({"set": "order", "to": "{{ ticket.id }}"}, {"kind": "set", "target": "field", "field_id": 5, "value": "{{ ticket.id }}"}),
        ({"set": "reason", "to": "Payment"}, {"kind": "set", "target": "field", "field_id": 7, "value": "Payment"}),
        ({"set": "product", "to": ["Bikes", "Road"]}, {"kind": "set", "target": "field", "field_id": 8, "value": ["Bikes", "Road"]}),
        ({"set": "product", "to": "Parts"}, {"kind": "set", "target": "field", "field_id": 8, "value": ["Parts"]}),
        ({"add_tag": "vip"}, {"kind": "add_tag", "value": "vip"}),
        ({"remove_tag": "vip"}, {"kind": "remove_tag", "value": "vip"}),
        ({"comment": "Hi {{client.name}}\nbye"}, {"kind": "comment", "value": "Hi {{client.name}}\nbye", "public": False}),
        ({"comment": "Hi", "public": True}, {"kind": "comment", "value": "Hi", "public": True}),
        ({"webhook": "https://x.example/a?b={{ ticket.id }}"}, None),
        ({"webhook": "https://x.example/a?b=1"}, {"kind": "webhook", "value": "https://x.example/a?b=1"}),
    ],
)  # fmt: skip
def test_actions(raw, stored):
    found = resolved(action(raw, NAMES), IDS)
    assert found == (stored or {"kind": "webhook", "value": raw["webhook"]})


@pytest.mark.parametrize(
    ("raw", "parameter"),
    [
        ({}, None),
        ({"add_tags": "a"}, "add_tags"),
        ({"add_tag": "a", "remove_tag": "b"}, "add_tag"),
        ({"add_tag": ""}, "add_tag"),
        ({"add_tag": "a,b"}, "add_tag"),
        ({"add_tag": ["a"]}, "add_tag"),
        ({"add_tag": "x" * 256}, "add_tag"),
        ({"add_tag": "a", "public": True}, "public"),
        ({"set": "priority"}, "set"),
        ({"set": "colour", "to": "red"}, "set"),
        ({"set": "channel", "to": "api"}, "set"),
        ({"set": "subject", "to": "x"}, "set"),
        ({"set": "priority", "to": "asap"}, "to"),
        ({"set": "priority", "to": 3}, "to"),
        ({"set": "group", "to": "sales"}, "to"),
        ({"set": "vip", "to": "yes"}, "to"),
        ({"set": "product", "to": ["Parts", "Road"]}, "to"),
        ({"set": "product", "to": []}, "to"),
        ({"set": "order", "to": "x" * 256}, "to"),
        ({"comment": "Hi {{ client.nick }}"}, "comment"),
        ({"comment": "Hi {{ }}"}, "comment"),
        ({"comment": " "}, "comment"),
        ({"comment": "a\0b"}, "comment"),
        ({"comment": "x" * (64 * 1024 + 1)}, "comment"),
        ({"comment": "Hi", "public": "yes"}, "public"),
        ({"comment": "Hi", "to": "x"}, "to"),
        ({"webhook": "ftp://x.example"}, "webhook"),
        ({"webhook": "x.example"}, "webhook"),
    ],
)
def test_no_actions(raw, parameter):
    with pytest.raises(BadValue) as caught:
        action(raw, NAMES)
    assert caught.value.parameter == parameter
