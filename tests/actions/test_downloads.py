"""Files leave the house: through a real server, as a browser, curl and an integration's script would fetch them."""

from __future__ import annotations

import asyncio
import io
import re
import socket
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest
import uvicorn
from litestar import Litestar, Request, Response, route
from litestar.params import FromPath  # noqa: TC002 - Litestar reads the annotations
from litestar.response import Stream  # noqa: TC002 - the same

from pult.attachments import store as rows
from pult.downloads import Link, disposition, download
from pult.kit.files import Directory, expiry, link, new_key

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10
PAGE = b"<script>alert(document.domain)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


@pytest.fixture(scope="module")
async def desk(module_database_url, tmp_path_factory):
    """A served desk: `add` a file, `get` its link."""
    async with asyncpg.create_pool(module_database_url, min_size=1, max_size=4) as pool:
        files = Directory(tmp_path_factory.mktemp("files"))
        secret = await rows.signing_secret(pool)

        @route(
            "/files/{company_id:int}/{file_id:int}/{expires:int}/{signature:str}/{name:path}",
            http_method=["GET", "HEAD"],
        )
        async def handler(
            request: Request,
            company_id: FromPath[int],
            file_id: FromPath[int],
            expires: FromPath[int],
            signature: FromPath[str],
        ) -> Response[bytes] | Stream:
            asked = Link(company_id, file_id, expires, signature)
            return await download(request, asked, reader=pool, files=files, secret=secret, now=NOW)

        handler_app = Litestar([handler], openapi_config=None)
        listening = socket.create_server(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(handler_app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        async with httpx.AsyncClient() as client:
            yield Desk(pool, files, secret, address, client, await a_comment(pool))
        server.should_exit = True
        await serving


async def a_comment(pool):
    return await pool.fetchrow(
        """
        with company as (insert into companies (key, name) values ('c', 'C') returning id),
             client as (insert into clients (company_id) select id from company returning company_id, id),
             channel as (insert into channels (company_id, type, name, application_id) select id, 'api', 'A', 'x' from company returning id),
             ticket as (insert into tickets (company_id, subject, status, type, priority, client_id, channel_id, created_at, updated_at)
                        select c.company_id, 's', 8, 1, 2, c.id, n.id, now(), now() from client c, channel n returning company_id, id)
        select company_id, id as ticket_id from ticket
        """
    )


class Desk:
    def __init__(self, pool, files, secret, address, client, ticket):
        self.pool, self.files, self.secret, self.address, self.client = pool, files, secret, address, client
        self.company_id, self.ticket_id = ticket["company_id"], ticket["ticket_id"]

    async def add(self, content, name="a.bin", media_type="application/octet-stream"):
        key = new_key(self.company_id)
        await self.files.put(key, io.BytesIO(content))
        file_id = await self.pool.fetchval(
            """
            with comment as (insert into comments (company_id, ticket_id, author, visibility, created_at, message)
                             values ($1, $2, 'client', 'public', now(), 'm') returning id)
            insert into files (company_id, comment_id, name, type, size, key)
            select $1, id, $3, $4, $5, $6 from comment returning id
            """,
            *(self.company_id, self.ticket_id, name, media_type, len(content), key),
        )
        return file_id, key

    def link(self, file_id, name="a.bin", days=30):
        return link(self.address, self.secret, self.company_id, file_id, expiry(NOW, days), name)

    async def get(self, content, name="a.bin", media_type="application/octet-stream", method="GET", **headers):
        file_id, _ = await self.add(content, name, media_type)
        return await self.client.request(method, self.link(file_id, name), headers=headers)


async def test_a_plain_get(desk):
    content = bytes(range(256)) * 4000
    answer = await desk.get(content, "Счёт №5.pdf", "application/pdf")
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-length"] == str(len(content))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"____ _5.pdf\"; filename*=UTF-8''%D0%A1%D1%87%D1%91%D1%82%20%E2%84%965.pdf"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["cache-control"].startswith("private")
    assert "set-cookie" not in answer.headers
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("content", "media_type", "shown"),
    [
        (PNG, "image/png", True),
        (b"\xff\xd8\xff\xe0 jpeg", "image/jpeg", True),
        (b"GIF89a gif", "image/gif", True),
        (b"RIFF\x01\x02\x03\x04WEBPVP8 ", "image/webp", True),
        (PNG, "IMAGE/PNG; charset=x", True),
        (PAGE, "image/png", False),
        (b"", "image/png", False),
        (PNG, "image/jpeg", False),
        (SVG, "image/svg+xml", False),
        (PAGE, "text/html", False),
        (PAGE, "text/plain", False),
        (b"%PDF-1.7", "application/pdf", False),
        (PAGE, "application/xhtml+xml", False),
        (PAGE, "text/html\r\nX-Injected: 1", False),
    ],
)
async def test_only_real_pictures_are_shown(desk, content, media_type, shown):
    answer = await desk.get(content, "x", media_type)
    assert answer.content == content
    assert answer.headers["content-type"] == (
        media_type.lower().partition(";")[0] if shown else "application/octet-stream"
    )
    assert answer.headers["content-disposition"].startswith("inline" if shown else "attachment")
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert "x-injected" not in answer.headers


async def test_head_says_the_same_without_the_bytes(desk):
    file_id, _ = await desk.add(PNG, "a.png", "image/png")
    got, asked = [await desk.client.request(method, desk.link(file_id)) for method in ("GET", "HEAD")]
    assert asked.content == b""
    for headers in (got.headers, asked.headers):
        del headers["date"]
    assert dict(asked.headers) == dict(got.headers)
    assert asked.headers["content-length"] == str(len(PNG))


@pytest.mark.parametrize(
    ("asked", "status", "content", "shown"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=8-100", 206, b"89", "bytes 8-9/10"),
        ("bytes=0-", 200, b"0123456789", None),
        ("bytes=-100", 200, b"0123456789", None),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("bytes=5-2", 200, b"0123456789", None),
        ("bytes=-", 200, b"0123456789", None),
        ("bytes=a-b", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
        ("bytes=" + "9" * 30 + "-", 200, b"0123456789", None),
    ],
)
async def test_ranges(desk, asked, status, content, shown):
    answer = await desk.get(b"0123456789", range=asked)
    assert (answer.status_code, answer.content) == (status, content)
    assert answer.headers.get("content-range") == shown
    assert answer.headers["content-length"] == str(len(content))


async def test_a_range_of_what_it_was(desk):
    file_id, _ = await desk.add(b"0123456789")
    whole = await desk.client.get(desk.link(file_id))
    same = {"range": "bytes=2-3", "if-range": whole.headers["etag"]}
    assert (await desk.client.get(desk.link(file_id), headers=same)).content == b"23"
    assert (await desk.client.get(desk.link(file_id), headers=same | {"if-range": '"other"'})).content == b"0123456789"


async def test_an_empty_file(desk):
    answer = await desk.get(b"")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    assert (await desk.get(b"", range="bytes=0-0")).status_code == 416


async def test_wrong_links(desk):
    file_id, key = await desk.add(b"secret content")
    good = desk.link(file_id)
    signature = good.split("/")[-2]
    wrong = [
        good.replace(signature, "0" * 32),
        good.replace(signature, signature.upper()),
        good.replace(signature, signature[:-1]),
        good.replace(f"/{file_id}/", f"/{file_id + 1}/"),
        good.replace(f"/files/{desk.company_id}/", f"/files/{desk.company_id + 1}/"),
        re.sub(r"/\d+/([0-9a-f]{32})", r"/0/\1", good),
        good.replace(f"/{file_id}/", f"/{10**40}/"),
        good.replace(f"/{file_id}/", "/-1/"),
        link(desk.address, desk.secret, desk.company_id, file_id, int(NOW.timestamp()), "a"),  # ended this second
        link(desk.address, desk.secret, desk.company_id, file_id + 1000, 0, "a"),  # well signed, no such file
    ]
    for address in wrong:
        answer = await desk.client.get(address)
        assert (answer.status_code, answer.json()["code"]) == (404, 115), address
        assert answer.json()["error"]
        assert answer.headers["content-type"].startswith("application/json")
    assert (await desk.client.get(good)).content == b"secret content"
    await desk.files.delete(key)
    answer = await desk.client.get(good)
    assert (answer.status_code, answer.json()["code"]) == (404, 115)


async def test_links_for_ever(desk):
    file_id, _ = await desk.add(b"x")
    assert "/0/" in desk.link(file_id, days=0)
    assert (await desk.client.get(desk.link(file_id, days=0))).content == b"x"


async def test_the_name_in_the_address_is_only_for_the_eyes(desk):
    file_id, _ = await desk.add(b"x", "real.txt")
    for name in ("other.html", "a/b/c", "%2e%2e%2f", "😀 ?#.txt"):
        answer = await desk.client.get(desk.link(file_id, name))
        assert answer.content == b"x"
        assert 'filename="real.txt"' in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    "name", ['a"b.txt', "a\\b", "x\r\nSet-Cookie: a=b", "100%.txt", "😀", "", "a;b=c", "<script>.html", "\x7f\x00"]
)
def test_no_name_breaks_out_of_its_header(name):
    header = disposition(name, inline=False)
    assert re.fullmatch(r"attachment; filename=\"[ !#$&-\[\]-~]*\"; filename\*=UTF-8''[A-Za-z0-9%._~-]*", header), (
        header
    )


async def test_a_large_file_in_pieces_to_a_slow_reader(desk):
    content = bytes(range(256)) * 40_000
    file_id, _ = await desk.add(content)
    received = bytearray()
    async with desk.client.stream("GET", desk.link(file_id)) as answer:
        async for piece in answer.aiter_bytes(1000):
            received += piece
    assert received == content


async def test_readers_that_go_away_do_no_harm(desk):
    file_id, _ = await desk.add(bytes(5_000_000))
    for _ in range(20):
        async with desk.client.stream("GET", desk.link(file_id)) as answer:
            await anext(answer.aiter_raw())
    assert (await desk.client.get(desk.link(file_id), headers={"range": "bytes=0-0"})).content == b"\0"
