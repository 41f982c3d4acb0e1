"""How parameters are spelled and answers read; the vendor's own spellings too. And that both clients are twins."""

from __future__ import annotations

import ast
import inspect
import tomllib
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import httpx
import pytest

import pult_client
from pult_client import CLEAR, AsyncClient, Client, NewTicket, NotFound, PultError, answers, request
from pult_client.exchange import exchange

SDK = Path(pult_client.__file__).parents[2]


def test_json_has_the_wires_names_and_values():
    asked = request.update_ticket(
        7,
        {
            "assignee_id": CLEAR,
            "group_id": None,
            "tag": ("a", "b"),
            "field_id": [10, 12, 9],
            "field_value": ["x", False, CLEAR],
            "lists": [[{"id": 61, "value": CLEAR}]],
        },
    )
    assert asked.body("t") == {
        "json": {
            "api_token": "t",
            "ticket_id": 7,
            "assignee_id": None,
            "tag": "a,b",
            "field_id": "10;12;9",
            "field_value": "x;false;",
            "lists": [[{"id": 61, "value": None}]],
        }
    }
    assert request.create_ticket((), {"author": "client"}).values == {"from": "client"}
    assert request.update_ticket(7, {"field_id": [1, 2], "field_value": ["a;b", "c"]}).values["field_value"] == [
        "a;b",
        "c",
    ]


def test_with_files_structures_are_spelled_as_php_spells_them():
    given = {"lists": [[{"id": 61, "value": "Bikes"}]], "private_comment": True, "new_address": False}
    body = request.create_ticket([("a.txt", b"x")], given).body("t")
    assert body["data"] == {
        "api_token": "t",
        "lists[0][0][id]": "61",
        "lists[0][0][value]": "Bikes",
        "private_comment": "true",
    }
    assert body["files"] == [("files[]", ("a.txt", b"x", "text/plain"))]


def test_times_go_out_in_utc():
    moscow = timezone(timedelta(hours=3))
    asked = request.tickets(
        {"created_after": datetime(2016, 11, 25, 3, 0, tzinfo=moscow), "updated_after": "2016-11-25"}
    )
    assert asked.values == {"created_after": "2016-11-25 00:00", "updated_after": "2016-11-25"}
    exact = request.tickets({"created_after": datetime(2016, 11, 25, 3, 0, 7, tzinfo=UTC)})
    assert exact.values == {"created_after": "2016-11-25 03:00:07"}


TICKET = {
    "id": "15", "status_id": "8", "subject": "s", "client_id": "9", "client_name": None, "assignee_id": "0", "group": "0",
    "channel_id": "3", "company_id": "1", "email": "0", "priority": "medium", "type": "question", "additional_id": None,
    "published_at": "2016-11-25 15:08:00", "last_updated_at": "2016-11-25 15:09:00", "sentiment": "calm",
}  # fmt: skip
COMMENT = {
    "id": "1", "ticket_id": "15", "message": "m", "from": "client", "type": "public", "user_id": None, "client_id": "9",
    "is_first": "1", "delivered": "0", "readed": 0, "published_at": "2016-11-25 15:08:00", "file": None, "files": None,
    "cc": [], "bcc": None, "client": {"id": 9, "name": "Jon", "emails": [{"email": "j@x.example"}], "phones": []},
    "user": [],
}  # fmt: skip


def test_the_vendors_numbers_in_text_and_words_for_nothing_are_read():
    found = answers.ticket({"ticket": TICKET, "comments": [COMMENT], "changes": [], "tags": ["a"], "mood": 1})
    assert (found.id, found.status_id, found.client_id, found.client_name) == (15, 8, 9, "")
    assert (found.assignee_id, found.group, found.email) == (None, None, None)
    assert found.published_at == datetime(2016, 11, 25, 15, 8, tzinfo=UTC)
    assert found.more == {"sentiment": "calm", "mood": 1}
    [comment] = found.comments
    assert (comment.is_first, comment.delivered, comment.files, comment.bcc, comment.user) == (
        True,
        False,
        (),
        (),
        None,
    )
    assert comment.client.emails == ("j@x.example",)


def test_an_answer_that_lacks_what_it_must_have_is_an_error():
    with pytest.raises(PultError, match="subject is missing"):
        answers.ticket({"ticket": {key: part for key, part in TICKET.items() if key != "subject"}})
    with pytest.raises(PultError, match="status_id"):
        answers.ticket({"ticket": {**TICKET, "status_id": "open"}})
    with pytest.raises(PultError, match="no ticket"):
        answers.ticket({"status": "success"})
    with pytest.raises(PultError, match="should be an object"):
        answers.tickets(["15"])


def outcome(answer):
    course = exchange(request.create_ticket((), {}), retries=0, timeout=1)
    next(course)
    with pytest.raises(StopIteration) as end:
        course.send(httpx.Response(200, json=answer))
    return end.value.value


def test_the_vendors_errors_come_with_http_200():
    with pytest.raises(NotFound) as error:
        outcome({"error": "wrong user", "code": "117"})
    assert (error.value.code, error.value.text) == (117, "wrong user")


def test_a_ticket_whose_message_was_not_delivered_was_made_all_the_same():
    made = answers.new_ticket(
        outcome({"status": "failed", "ticket_id": 5, "message_status": "not delivered", "comment_id": 6})
    )
    assert made == NewTicket(ticket_id=5, status="failed", message_status="not delivered", comment_id=6)


def test_the_clients_are_twins():
    def methods(kind, *, without):
        found = {name: one for name, one in vars(kind).items() if callable(one) and not name.startswith("_")}
        return {name: inspect.signature(one).parameters for name, one in found.items() if name != without}

    assert methods(Client, without="close") == methods(AsyncClient, without="aclose")
    assert inspect.signature(Client) == inspect.signature(AsyncClient)


def test_the_distribution_stands_alone():
    sources = list((SDK / "src").rglob("*.py"))
    assert len(sources) > 5
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.partition(".")[0] == "pult"], path
    project = tomllib.loads((SDK / "pyproject.toml").read_text())["project"]
    assert [need.partition(">")[0] for need in project["dependencies"]] == ["httpx"]
