"""Every method of the wire is whole: described, callable from the SDK, held by golden files, and guarded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from routes_whole import missing

from pult.api.routes import METHODS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", METHODS)
def test_method_is_whole(name):
    assert list(missing(METHODS[name], ROOT)) == []


def test_a_method_without_anything_is_found():
    assert list(missing(replace(METHODS["ticket"], name="delete/ticket"), ROOT)) == [
        "delete/ticket: no page docs/wire/delete-ticket.md",
        "delete/ticket: Client has no delete_ticket()",
        "delete/ticket: AsyncClient has no delete_ticket()",
        "delete/ticket: no golden file tests/wire/golden/delete-ticket-*.json",
        "delete/ticket: no row in MATRIX of tests/wire/test_authorisation.py",
    ]


@pytest.mark.parametrize("name", METHODS)
def test_a_parameter_that_the_sdk_lacks_is_found(name):
    method = METHODS[name]
    mood = replace(method.parameters[0], name="mood")
    called = name.replace("/", "_")
    assert list(missing(replace(method, parameters=[*method.parameters, mood]), ROOT)) == [
        f"{name}: Client.{called}() has no mood",
        f"{name}: AsyncClient.{called}() has no mood",
    ]


def test_files_that_the_sdk_cannot_send_are_found():
    assert list(missing(replace(METHODS["update/ticket"], files=True), ROOT)) == [
        "update/ticket: Client.update_ticket() has no files",
        "update/ticket: AsyncClient.update_ticket() has no files",
    ]
