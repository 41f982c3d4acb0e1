"""Traces of a real desk arrive at an OTLP collector; nothing secret is in them."""

from __future__ import annotations

import asyncio
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from served import TOKEN


@pytest.fixture
def collector():
    """(address, list of (path, body)) of a collector on loopback."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", got
    server.shutdown()
    server.server_close()


async def test_a_call_is_a_span(serve, database_url, tmp_path, collector):
    address, got = collector
    environ = {"PULT_DATABASE_URL": database_url, "PULT_OTLP_URL": address}
    desk = await asyncio.to_thread(serve, tmp_path / "traced", environ=environ)
    token = desk.said().partition("API token: ")[2].split()[0]
    async with httpx.AsyncClient() as http:
        form = {"api_token": token, "subject": "Wheel", "message": "bent", "client_email": "dana@client.example"}
        made = await http.post(f"{desk.base}/create/ticket", json=form)
        assert made.json()["status"] == "success"
        await http.post(f"{desk.base}/tickets", json={"api_token": TOKEN})
    assert await asyncio.to_thread(desk.stop) == 0  # what waits is sent on the way out
    assert {path for path, _ in got} == {"/v1/traces"}
    sent = b"".join(body for _, body in got)
    for word in (b"service.name", b"pult", b"create/ticket", b"tickets"):
        assert word in sent
    for secret in (token.encode(), TOKEN.encode(), b"dana@client.example"):
        assert secret not in sent


async def test_a_collector_that_is_away_disturbs_nobody(serve, database_url, tmp_path):
    environ = {"PULT_DATABASE_URL": database_url, "PULT_OTLP_URL": "http://127.0.0.1:1"}
    desk = await asyncio.to_thread(serve, tmp_path / "untraced", environ=environ)
    token = desk.said().partition("API token: ")[2].split()[0]
    async with httpx.AsyncClient(timeout=10) as http:
        for _ in range(3):
            assert (await http.post(f"{desk.base}/tickets", json={"api_token": token})).json() == []
    assert await asyncio.to_thread(desk.stop) == 0
