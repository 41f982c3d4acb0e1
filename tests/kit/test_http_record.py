from __future__ import annotations

import pytest
from aiohttp import web

from pult.kit.http_out import NotSent
from pult.kit.http_record import RecordingHttp


@pytest.fixture
async def address():
    async def answer(request):
        return web.Response(status=418, text=(await request.text())[::-1], headers={"X-Kind": "teapot"})

    application = web.Application()
    application.router.add_route("*", "/", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def test_requests_answers_and_failures_are_kept_in_order(address):
    http = RecordingHttp("127.0.0.0/8")
    answered = await http.request("PUT", address, headers={"A": "b"}, params={"c": "d"}, data=b"text")
    assert (answered.status, answered.body) == (418, b"txet")
    with pytest.raises(NotSent):
        await http.request("GET", "http://127.0.0.1:1/")
    with pytest.raises(Exception, match="answered 418"):
        _ = [chunk async for chunk in http.stream(address, limit=10)]
    await http.close()
    first, second, third = http.exchanges
    assert (first.method, first.url, dict(first.headers), dict(first.params), first.data) == (
        "PUT",
        address,
        {"A": "b"},
        {"c": "d"},
        b"text",
    )
    assert first.answered == answered
    assert first.took > 0
    assert second.answered is None
    assert second.error.startswith("NotSent: cannot connect")
    assert third.error == "Cut: answered 418"
