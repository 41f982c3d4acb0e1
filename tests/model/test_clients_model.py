"""What identifies a client."""

from __future__ import annotations

import pytest

from pult.clients.model import BadContact, email, phone, username


@pytest.mark.parametrize(
    ("given", "compared"),
    [
        ("79123456789", "79123456789"),
        ("+7 (912) 345-67-89", "79123456789"),
        ("8 912 345 67 89", "79123456789"),
        ("+86 123 4567 8901", "8612345678901"),
        ("+81234567890", "81234567890"),  # Japan, not a Russian trunk prefix
        ("0079123456789", "79123456789"),
    ],
)
def test_a_phone_is_its_digits(given, compared):
    assert phone(given).value == compared
    assert phone(given).shown == given


@pytest.mark.parametrize("given", ["", "none", "12", "1" * 21, "-"])
def test_no_phone(given):
    with pytest.raises(BadContact):
        phone(given)


def test_an_address_is_compared_in_lower_case():
    assert email(" Dana@Client.Example ").value == "dana@client.example"


@pytest.mark.parametrize("given", ["dana", "@", "a b@c", "a@b@c", "Dana <dana@client.example>", "a@b\n"[:2] + " c"])
def test_no_address(given):
    with pytest.raises(BadContact):
        email(given)


@pytest.mark.parametrize("given", ["ivanov", "@ivanov", " @Ivanov "])
def test_a_nickname_is_the_same_with_and_without_at(given):
    assert username(given).value == "ivanov"


@pytest.mark.parametrize("given", ["@", "two words", " "])
def test_no_nickname(given):
    with pytest.raises(BadContact):
        username(given)
