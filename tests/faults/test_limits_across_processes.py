"""Ten searches a minute and token, however many processes and connections they come by."""

from __future__ import annotations

import asyncio

import httpx
from served import TOKEN


async def test_thirty_parallel_searches_over_two_processes(serve, desk_dir):
    desk = await asyncio.to_thread(serve)
    limits = httpx.Limits(max_connections=30, max_keepalive_connections=30)
    async with httpx.AsyncClient(timeout=30, limits=limits) as http:
        await asyncio.gather(*(http.get(f"{desk.base}/health/live") for _ in range(30)))
        loads = desk.connections()
        assert len(loads) == 2, loads
        assert min(loads) >= 5, loads  # both processes are asked
        search = {"api_token": TOKEN, "query": "wheel"}
        answers = await asyncio.gather(*(http.post(f"{desk.base}/uapi/tickets", json=search) for _ in range(30)))
        without = await http.post(f"{desk.base}/uapi/tickets", json={"api_token": TOKEN})
    served = [answer for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert (len(served), len(refused)) == (10, 20)
    assert all(answer.json() == [] for answer in served)
    for answer in refused:
        assert (answer.json()["code"], answer.json()["parameter"]) == (121, "query")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert without.status_code == 200, "a list without a search is not limited"
