"""Every table, key, type and word of a desk file stands in docs/configuration.md, and nothing else does."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from pult.channels.registry import TYPES
from pult.clients.model import PHONE_TYPES
from pult.conditions.model import BUILT_IN, OPERATORS, WORDS
from pult.deskfile.client_tables import MESSENGERS
from pult.deskfile.document import KEYS
from pult.sla.calendar import DAYS
from pult.triggers.model import ACTIONS, EVENTS, TEMPLATE_NAMES

PAGE = (Path(__file__).resolve().parents[2] / "docs/configuration.md").read_text()


def sections(page, level):
    """Heading -> text down to the next heading of the same or a higher level."""
    parts = re.split(rf"^#{{2,{level}}} ", page, flags=re.MULTILINE)
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts[1:]}


def documented(text):
    """The first column of the tables in a section."""
    return re.findall(r"^\| `([^`]+)` \| \S", text, re.MULTILINE)


def differing(known, text):
    return sorted(set(known) ^ set(documented(text)))


@pytest.mark.parametrize("table", KEYS)
def test_every_key_of_every_table(table):
    heading = "`[company]`" if table == "company" else f"`[[{table}]]`"
    text = sections(PAGE, 3)[heading]
    assert differing(KEYS[table], text) == []


def test_no_table_is_documented_that_is_not_known():
    headings = {heading.strip("`[]") for heading in sections(PAGE, 2)}
    assert headings == set(KEYS)


@pytest.mark.parametrize("name", TYPES)
def test_every_setting_of_every_type_of_channel(name):
    found = [
        text for heading, text in sections(PAGE, 3).items() if re.match("Types? ", heading) and f"`{name}`" in heading
    ]
    assert len(found) == 1
    fields = msgspec.structs.fields(TYPES[name].settings)
    assert differing([field.encode_name for field in fields], found[0]) == []
    for field in fields:
        row = re.search(rf"^\| `{field.encode_name}` \| (.*)", found[0], re.MULTILINE)
        assert ("required" in row[1]) == field.required, field.name
        if isinstance(field.default, str):
            assert f"`{field.default}`" in row[1], field.name


def test_every_word_of_conditions_and_actions():
    conditions, actions = sections(PAGE, 3)["Conditions"], sections(PAGE, 3)["Actions"]
    assert differing((*OPERATORS, *BUILT_IN), conditions) == []
    assert differing(ACTIONS, actions) == []
    for field, words in WORDS.items():
        row = re.search(rf"^\| `{field}` \| (.*)", conditions, re.MULTILINE)
        assert re.findall(r"`(\w+)`", row[1]) == list(words)
    assert re.findall(r"\{\{ ([a-z.]+) \}\}", actions) == list(TEMPLATE_NAMES)


@pytest.mark.parametrize(
    ("table", "key", "words"),
    [
        ("trigger", "on", EVENTS),
        ("schedule", "week", DAYS),
        ("client", "phones", PHONE_TYPES),
        ("client", "messengers", MESSENGERS),
    ],
)
def test_every_word_of_a_key(table, key, words):
    row = re.search(rf"^\| `{key}` \| (.*)", sections(PAGE, 3)[f"`[[{table}]]`"], re.MULTILINE)
    assert set(words) <= set(re.findall(r"`([\w]+)`", row[1]))


def test_a_missing_key_and_one_too_many_are_found():
    assert differing(["a", "b"], "| Key | Meaning |\n|---|---|\n| `a` | this |\n| `c` | that |\n") == ["b", "c"]
