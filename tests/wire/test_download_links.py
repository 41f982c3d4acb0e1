"""Files leave by links: a plain GET, unguessable, ending, and never shown as a page of the desk (issue 2 F)."""

from __future__ import annotations

import re
import time

import pytest

from pult.kit.files import link

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
HTML = b"<html><script>alert(document.cookie)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


async def uploaded(desk, name, content, kind):
    form = {"api_token": desk.token, "subject": "s", "message": "m"}
    answer = await desk.send("create/ticket", data=form, files=[("files[]", (name, content, kind))])
    return (await desk.ticket(answer.json()["ticket_id"]))["comments"][0]["files"][0]


@pytest.mark.parametrize(
    ("name", "content", "kind", "shown"),
    [
        ("a.png", PNG, "image/png", True), ("a.jpg", b"\xff\xd8\xff rest", "image/jpeg", True),
        ("a.gif", b"GIF89a rest", "image/gif", True), ("a.html", HTML, "text/html", False), ("a.svg", SVG, "image/svg+xml", False),
        ("lie.png", HTML, "image/png", False), ("a.pdf", b"%PDF-1.7", "application/pdf", False), ("a.js", b"alert(1)", "text/javascript", False),
        ("a.xml", b"<x/>", "application/xml", False), ("a.png", PNG, "text/html", False), ("a.txt", b"text", "text/plain", False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
async def test_only_pictures_that_are_pictures_are_shown_in_place(desk, name, content, kind, shown):
    """Issue 2 F: "forced download and no sniffing for anything but safe images" """
    file = await uploaded(desk, name, content, kind)
    assert (file["name"], file["type"]) == (name, kind)
    answer = await desk.server.client.get(file["file"])
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == (kind if shown else "application/octet-stream")
    assert answer.headers["content-disposition"].startswith("inline" if shown else "attachment")
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_names_arrive_whole_and_harmless(desk):
    """wire.md §1: "Keep only the last path component (both / and \\)"; Cyrillic filenames"""
    for name, kept in (("Отчёт за май.txt", "Отчёт за май.txt"), ("C:\\Users\\x\\a.txt", "a.txt"), ("/etc/passwd", "passwd"),
                       ("../../x.txt", "x.txt"), ("🚲;a=b.txt", "🚲;a=b.txt"), ('a"b%20c.txt', 'a"b%20c.txt')):  # fmt: skip
        file = await uploaded(desk, name, b"x", "text/plain")
        assert file["name"] == kept
        answer = await desk.server.client.get(file["file"])
        assert answer.status_code == 200, name
        assert re.fullmatch(
            r"attachment; filename=\"[ -~]*\"; filename\*=UTF-8''[A-Za-z0-9_.~%-]+",
            answer.headers["content-disposition"],
        )


async def test_a_tampered_link_opens_nothing(desk):
    """Issue 2 F: "unguessable" """
    one = (await uploaded(desk, "a.txt", b"one", "text/plain"))["file"]
    two = (await uploaded(desk, "b.txt", b"two", "text/plain"))["file"]
    head, tail = one.split("/files/")
    company, number, expires, signature, name = tail.split("/")
    other = two.split("/files/")[1].split("/")[1]
    for wrong in (
        f"{company}/{other}/{expires}/{signature}/{name}", f"{company}/{number}/{int(expires) + 86400}/{signature}/{name}",
        f"{company}/{number}/0/{signature}/{name}", f"{company}/{number}/{expires}/{'0' * 32}/{name}",
        f"{int(company) + 1}/{number}/{expires}/{signature}/{name}", f"{company}/{number}/{expires}/{signature.upper()}x/{name}",
        f"{company}/{10**30}/{expires}/{signature}/{name}", f"{company}/{number}/{expires}/%00/{name}", f"{company}/x/{expires}/{signature}/{name}",
        f"{company}/{number}", "", "..%2f..%2fetc%2fpasswd",
    ):  # fmt: skip
        answer = await desk.server.client.get(f"{head}/files/{wrong}")
        assert (answer.status_code, answer.json()["code"]) == (404, 115), wrong
    renamed = f"{head}/files/{company}/{number}/{expires}/{signature}/any%20name"
    assert (await desk.server.client.get(renamed)).content == b"one"


async def test_a_link_ends(desk):
    """Issue 2 F: "expiring configurable" """
    file = await uploaded(desk, "a.txt", b"one", "text/plain")
    _, number, expires, _, _ = file["file"].split("/files/")[1].split("/")
    days = desk.server.application.settings.file_link_days
    assert 0 < int(expires) - time.time() - days * 86400 <= 86400
    secret = await desk.conn.fetchval("select secret from installations")
    for end, status in ((int(time.time()) - 1, 404), (int(time.time()) + 100, 200), (0, 200)):
        made = link(desk.server.base, secret, desk.company, int(number), end, "a.txt")
        assert (await desk.server.client.get(made)).status_code == status


async def test_head_and_ranges(desk):
    file = await uploaded(desk, "a.bin", bytes(range(100)), "application/octet-stream")
    head = await desk.server.client.head(file["file"])
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "100", b"")
    part = await desk.server.client.get(file["file"], headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
    assert (await desk.server.client.post(file["file"])).status_code == 405
