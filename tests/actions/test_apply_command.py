"""`pult apply` as a command: what it prints, what it asks, and how it ends."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest

from pult.cli.apply import run
from pult.settings import Settings, with_served_address

EXAMPLE = (Path(__file__).parents[2] / "docs" / "desk.toml").read_text()
SMALL = """
[[agent]]
key = "anna"
name = "Anna"
email = "anna@northwind.example"
role = "admin"
"""


@pytest.fixture
def settings(database_url):
    return Settings(database_url=database_url, public_url="https://desk.example/")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "desk.toml"
    path.write_text(EXAMPLE)
    return path


def apply(settings, file, *, json=False, prune=False, yes=False):
    return run(settings, file, json=json, prune=prune, yes=yes)


def test_json_is_the_only_thing_on_standard_output(settings, file, capsys):
    assert apply(settings, file, json=True) == 0
    first = capsys.readouterr()
    answer = json.loads(first.out)
    assert answer["channels"]["api"]["token"] == "e1cbe1c1c9d910ef2ae975215644cb53dd555de4"
    assert answer["channels"]["api"]["inbound_url"].startswith("https://desk.example/inbound/")
    link, warning = first.err.splitlines()
    assert re.fullmatch(
        r"one-time link for boris@northwind\.example, for 7 days: https://desk\.example/desk/welcome/\S+", link
    )
    assert warning == f"warning: {answer['warnings'][0]}"  # the example's receiver is on loopback
    assert apply(settings, file, json=True) == 0
    second = capsys.readouterr()
    assert json.loads(second.out) == answer
    assert second.err == f"{warning}\n"  # as long as it never answered


def test_people_read_what_happened(settings, file, capsys):
    file.write_text(EXAMPLE.replace('token = "e1cbe1c1c9d910ef2ae975215644cb53dd555de4"\n', ""))
    assert apply(settings, file) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == ["made company main", "made group support", "made group billing", "made agent anna"]
    assert "made channel api" in lines
    assert any(re.fullmatch(r"token of channel api, shown this once: [0-9a-f]{40}", line) for line in lines)
    assert any(line.startswith("one-time link for boris@northwind.example") for line in lines)
    assert apply(settings, file) == 0
    assert capsys.readouterr().out == "left as it was: 23\n"


def test_mistakes_are_told_with_file_and_line(settings, file, capsys):
    text = EXAMPLE.replace('default_group = "support"\nrights', 'default_group = "suport"\nrights')
    file.write_text(text.replace('role = "admin"', 'role = "boss"'))
    assert apply(settings, file, json=True) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        f'{file}:21: [[agent]] "anna": role "boss": should be one of admin, agent, observer',
        f'{file}:32: [[agent]] "boris": default_group "suport": no such group (known: billing, support)',
    ]


def test_a_mistake_that_only_the_database_knows_is_told_with_its_line_too(settings, file, capsys):
    assert apply(settings, file) == 0
    capsys.readouterr()
    file.write_text(EXAMPLE.replace('type = "text"', 'type = "checkbox"'))
    assert apply(settings, file) == 1
    assert capsys.readouterr().err == (
        f'{file}:89: [[field]] "order": type "checkbox": the field was made with type text, which cannot change;'
        " give this one a key of its own\n"
    )


def test_a_file_that_cannot_be_read(settings, tmp_path, capsys):
    assert apply(settings, tmp_path / "missing.toml") == 1
    assert apply(settings, tmp_path) == 1
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    assert apply(settings, tmp_path / "binary.toml") == 1
    assert capsys.readouterr().err.splitlines() == [
        f"cannot read {tmp_path}/missing.toml: No such file or directory",
        f"cannot read {tmp_path}: Is a directory",
        f"{tmp_path}/binary.toml:1: the file is no UTF-8 text",
    ]


def test_a_database_that_is_not_there(tmp_path, file, capsys):
    settings = Settings(database_url=f"postgresql://nobody@/nothing?host={tmp_path}")
    assert apply(settings, file) == 1
    assert capsys.readouterr().err.startswith("pult apply: ")


def test_prune_says_what_it_will_do_and_stores_nothing_without_a_yes(settings, file, capsys, monkeypatch):
    assert apply(settings, file) == 0
    file.write_text(SMALL.replace('"Anna"', '"Anna Maria"'))
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))  # no terminal: an answer that nobody gave
    capsys.readouterr()
    assert apply(settings, file, prune=True) == 2
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert lines[0] == "Not in the file, so --prune will:"
    assert any(line.endswith("boris@northwind.example") for line in lines)
    assert lines[-1] == "Nothing was stored. With --yes it is done without asking."
    file.write_text(EXAMPLE)
    assert apply(settings, file) == 0
    assert capsys.readouterr().out == "left as it was: 23\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 2), ("\n", 2), ("", 2)])
def test_prune_asks_at_a_terminal(settings, file, capsys, monkeypatch, answer, code):
    assert apply(settings, file) == 0
    file.write_text(SMALL)
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    capsys.readouterr()
    assert apply(settings, file, prune=True) == code
    assert ("deactivate" in capsys.readouterr().out) == (code == 0)


def test_prune_with_yes_goes_on_and_then_has_nothing_left_to_ask(settings, file, capsys):
    assert apply(settings, file) == 0
    file.write_text(SMALL)
    assert apply(settings, file, prune=True, yes=True) == 0
    told = capsys.readouterr()
    assert "Not in the file, so --prune will:" in told.err
    assert "deactivate group" in told.out
    assert apply(settings, file, prune=True) == 0
    assert capsys.readouterr() == ("left as it was: 2\n", "")


def test_links_lead_to_where_the_desk_serves(tmp_path):
    settings = Settings(data_dir=tmp_path)
    assert with_served_address(settings).address == "http://127.0.0.1:8080"
    settings.served.parent.mkdir()
    settings.served.write_text("http://127.0.0.1:8099")
    assert with_served_address(settings).address == "http://127.0.0.1:8099"
    given = Settings(data_dir=tmp_path, public_url="https://desk.example/")
    assert with_served_address(given).address == "https://desk.example"
