"""The SDK's tests: both clients, awaited alike, against the wire tests' real server and against a scripted one.

async def test_something(connect, desk): client = connect(desk.server.base, desk.token)
"""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from pathlib import Path

import pytest

from pult_client import AsyncClient, Client

# The desk of the wire's tests; a conftest of another directory cannot be imported by its name.
_spec = importlib.util.spec_from_file_location("wire_desk", Path(__file__).parents[1] / "wire" / "conftest.py")
_wire_desk = sys.modules["wire_desk"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_wire_desk)
server, new_desk, desk = _wire_desk.server, _wire_desk.new_desk, _wire_desk.desk


class Awaited:
    """The waiting client in threads, so that the loop of the server under it goes on."""

    def __init__(self, client):
        self.client = client

    def __getattr__(self, name):
        return lambda *args, **given: asyncio.to_thread(getattr(self.client, name), *args, **given)

    async def iter_tickets(self, **filters):
        rows = self.client.iter_tickets(**filters)
        while (row := await asyncio.to_thread(next, rows, None)) is not None:
            yield row

    async def aclose(self):
        await asyncio.to_thread(self.client.close)


@pytest.fixture(params=[Client, AsyncClient], ids=["waiting", "async"])
async def connect(request):
    """Makes clients of the one kind and of the other, and closes them."""
    made = []

    def make(base_url, token="t0ken", **options):
        client = request.param(base_url, token, **options)
        made.append(Awaited(client) if isinstance(client, Client) else client)
        return made[-1]

    yield make
    for client in made:
        await client.aclose()
