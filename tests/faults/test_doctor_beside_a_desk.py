"""`pult doctor` of a desk that runs and of one that does not."""

from __future__ import annotations

import asyncio

import httpx
from served import alive, pult


async def test_doctor_of_a_running_and_of_a_stopped_desk(serve, desk_dir):
    desk = await asyncio.to_thread(serve)
    postmaster = desk.postmaster()
    beside = await asyncio.to_thread(pult, "doctor", "--data-dir", str(desk_dir))
    assert beside.returncode == 0, beside.stdout
    assert beside.stdout.splitlines()[-1] == "all is well"
    assert desk.postmaster() == postmaster
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{desk.base}/health/ready")).status_code == 200
    assert await asyncio.to_thread(desk.stop) == 0
    stopped = await asyncio.to_thread(pult, "doctor", "--data-dir", str(desk_dir))
    assert stopped.returncode == 0, stopped.stdout
    assert stopped.stdout.splitlines()[-1] == "all is well"
    assert not alive(postmaster)
    assert not (desk_dir / "postgres" / "data" / "postmaster.pid").exists(), "it stops what it started"
