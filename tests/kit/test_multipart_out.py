"""Forms with a file, read back by the standard library's parser of MIME."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest

from pult.kit.http_out import NotSent
from pult.kit.multipart_out import FilePart, form


def part(*chunks, name="a.txt", mime="text/plain", size=None):
    async def streamed():
        for chunk in chunks:
            yield chunk

    return FilePart("document", name, mime, sum(map(len, chunks)) if size is None else size, streamed())


async def whole(fields, file):
    headers, body = form(fields, file)
    raw = b"".join([chunk async for chunk in body])
    assert len(raw) == int(headers["Content-Length"])
    read = message_from_bytes(b"Content-Type: %b\r\n\r\n" % headers["Content-Type"].encode() + raw, policy=policy.HTTP)
    return list(read.iter_parts())


async def test_a_form_is_read_back():
    field, file = await whole({"chat_id": "7001"}, part(b"\r\n--", b"binary\x00\xff\r\n"))
    assert field.get_param("name", header="content-disposition") == "chat_id"
    assert field.get_content().strip() == "7001"
    assert file.get_filename() == "a.txt"
    assert file.get_content_type() == "text/plain"
    assert file.get_payload(decode=True) == b"\r\n--binary\x00\xff\r\n"


@pytest.mark.parametrize(
    ("name", "mime"),
    [('a"\r\nX-Evil: 1\r\n\r\n.txt', "text/plain"), ("a.txt", "text/plain\r\nX-Evil: 1"), ("a.txt", "")],
)
async def test_names_and_types_break_nothing(name, mime):
    _, file = await whole({'na"me': "x"}, part(b"abc", name=name, mime=mime))
    assert "X-Evil" not in file
    assert file.get_payload(decode=True) == b"abc"
    assert file.get_content_type() == (mime if mime == "text/plain" else "application/octet-stream")


async def test_an_empty_file():
    [file] = await whole({}, part())
    assert file.get_payload(decode=True) == b""


@pytest.mark.parametrize("size", [2, 4])
async def test_a_file_of_another_size_never_ends(size):
    _, body = form({}, part(b"ab", b"c", size=size))
    sent = b""
    with pytest.raises(NotSent, match="another size"):
        async for chunk in body:
            sent += chunk
    assert not sent.endswith(b"--\r\n")


async def test_a_file_that_cannot_be_read_never_ends():
    async def broken():
        yield b"ab"
        raise OSError("disk")

    _, body = form({}, FilePart("document", "a", "text/plain", 5, broken()))
    with pytest.raises(NotSent, match="OSError"):
        [chunk async for chunk in body]
