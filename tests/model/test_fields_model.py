"""Values of additional fields, and how the levels of a nested list hold each other."""

from __future__ import annotations

import pytest

from pult.fields.model import BadFieldValue, Field, FieldNotKnown, Option, bit, filled, settle, tag_of

TEXT = Field(1, "Order", "text", None, add_tag=True, options=[])
BOX = Field(2, "VIP", "checkbox", None, add_tag=True, options=[])
LIST = Field(3, "Reason", "list", None, add_tag=False, options=[Option(31, "Delivery", None), Option(32, "31", None)])
TOP = Field(
    4, "Category", "nested_list", None, add_tag=False, options=[Option(41, "Bikes", None), Option(42, "Parts", None)]
)
MIDDLE = Field(
    5,
    "Model",
    "nested_list",
    4,
    add_tag=False,
    options=[Option(51, "Road", 41), Option(52, "City", 41), Option(53, "Chains", 42)],
)
LOW = Field(
    6,
    "Part",
    "nested_list",
    5,
    add_tag=False,
    options=[Option(61, "Frame", 51), Option(62, "Frame", 52), Option(63, "Wheels", 51)],
)
FIELDS = {field.id: field for field in (TEXT, BOX, LIST, TOP, MIDDLE, LOW)}
WHOLE = {4: "41", 5: "51", 6: "61"}


@pytest.mark.parametrize(
    ("wished", "changes"),
    [
        ({1: "A-17"}, {1: "A-17"}),
        ({1: 17}, {1: "17"}),
        ({2: True}, {2: "1"}),
        ({2: "false"}, {2: "0"}),
        ({2: "1"}, {2: "1"}),
        ({3: "31"}, {3: "31"}),  # an id goes before a text that looks like one
        ({3: "Delivery"}, {3: "31"}),
        ({4: "Bikes", 5: 51, 6: "Frame"}, {4: "41", 5: "51", 6: "61"}),
        ({6: "Frame", 5: "City", 4: "41"}, {4: "41", 5: "52", 6: "62"}),
        ({1: ""}, {}),
        ({3: None}, {}),
    ],
)
def test_values_on_an_empty_ticket(wished, changes):
    assert settle(FIELDS, {}, wished) == changes


@pytest.mark.parametrize(
    ("wished", "changes"),
    [
        ({5: "52"}, {5: "52", 6: None}),
        ({4: "42"}, {4: "42", 5: None, 6: None}),
        ({4: "42", 5: "Chains"}, {4: "42", 5: "53", 6: None}),
        ({6: "Wheels"}, {6: "63"}),
        ({4: "41", 5: "51"}, {}),
        ({4: ""}, {4: None, 5: None, 6: None}),
        ({5: "null"}, {5: None, 6: None}),
        ({4: "41", 5: "52", 6: "62"}, {5: "52", 6: "62"}),
    ],
)
def test_levels_below_a_changed_one_are_cleared(wished, changes):
    assert settle(FIELDS, WHOLE, wished) == changes


@pytest.mark.parametrize(
    ("current", "wished"),
    [
        ({}, {5: "51"}),  # the parent is not set
        ({}, {4: "41", 6: "61"}),
        (WHOLE, {4: "42", 5: "51"}),  # it does not stand under Parts
        (WHOLE, {5: "52", 6: "61"}),
        ({}, {3: "nowhere"}),
        ({}, {2: "perhaps"}),
        ({}, {1: "x" * 256}),
        ({}, {1: ["list"]}),
    ],
)
def test_what_does_not_fit_is_refused(current, wished):
    with pytest.raises(BadFieldValue):
        settle(FIELDS, current, wished)


def test_an_unknown_field_is_refused():
    with pytest.raises(FieldNotKnown) as caught:
        settle(FIELDS, {}, {99: "x"})
    assert caught.value.field_id == 99


def test_automatic_tags():
    assert tag_of(TEXT, "134") == "Order:134"
    assert tag_of(TEXT, "a,b") == "Order:a b"
    assert tag_of(BOX, "1") == "VIP:1"
    assert tag_of(BOX, "0") is None
    assert tag_of(LIST, "31") is None


def test_filled_bits():
    assert filled(FIELDS, {1: "x", 2: "0", 3: "31"}) == bit(1) | bit(3)
    assert filled(FIELDS, {2: "1"}) == bit(2)
    assert bit(63) == bit(126) == 1
    assert bit(62).bit_length() == 63  # a bigint that is never negative
