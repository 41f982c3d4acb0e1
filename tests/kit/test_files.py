"""The file store in a directory and on S3: the same behaviour; and the links, which PostgreSQL can make too."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import asyncpg
import boto3
import pytest
from moto.server import ThreadedMotoServer

from pult.kit.files import Directory, FileGone, company_of, expiry, link, new_key, open_store, signature, verify

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECRET = bytes(range(32))


@pytest.fixture(scope="module")
def s3_environment():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }
    boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    ).create_bucket(Bucket="desk")
    yield environment
    server.stop()


@pytest.fixture(params=["directory", "s3"])
def store(request, tmp_path, monkeypatch):
    if request.param == "directory":
        return open_store(tmp_path / "files")
    for name, value in request.getfixturevalue("s3_environment").items():
        monkeypatch.setenv(name, value)
    return open_store(f"s3://desk/{tmp_path.name}/files")


async def content(store, key, start=0, length=None):
    return b"".join([chunk async for chunk in await store.read(key, start, length)])


@pytest.mark.parametrize("size", [0, 1, 700_000, 17_000_000])
async def test_what_is_put_is_read(store, size):
    data = os.urandom(size)
    key = new_key(12)
    with tempfile.SpooledTemporaryFile(max_size=256 * 1024) as file:
        file.write(data)  # the position stands at the end, as after an upload
        await store.put(key, file)
    assert await content(store, key) == data


async def test_parts_of_a_file(store):
    key = new_key(1)
    await store.put(key, io.BytesIO(b"0123456789"))
    assert await content(store, key, 3) == b"3456789"
    assert await content(store, key, 3, 4) == b"3456"
    assert await content(store, key, 9, 1) == b"9"


async def test_what_is_not_there(store):
    with pytest.raises(FileGone):
        await store.read(new_key(1))
    await store.delete(new_key(1))


async def test_deleted_is_gone(store):
    key = new_key(1)
    await store.put(key, io.BytesIO(b"x"))
    await store.delete(key)
    with pytest.raises(FileGone):
        await store.read(key)


async def test_listing_knows_the_age(store):
    keys = {new_key(company) for company in (1, 1, 2, 30)}
    for key in keys:
        await store.put(key, io.BytesIO(b"x"))
    now = datetime.now(UTC)
    listed = [found async for found in store.list_older_than(now + timedelta(hours=1))]
    assert {key for key, _ in listed} == keys
    assert all(abs(written - now) < timedelta(minutes=5) for _, written in listed)
    assert [found async for found in store.list_older_than(now - timedelta(hours=1))] == []


@pytest.mark.parametrize(
    "key", ["../etc/passwd", "c1/ab/../../x", "/etc/passwd", "c1/ab/xyz", "", f"c1/ab/{32 * 'a'}\n"]
)
async def test_only_our_own_keys(store, key):
    with pytest.raises(ValueError, match="not a key"):
        await store.put(key, io.BytesIO(b"x"))
    with pytest.raises(ValueError, match="not a key"):
        await store.read(key)
    with pytest.raises(ValueError, match="not a key"):
        await store.delete(key)


def test_keys_are_random_and_tell_their_company():
    keys = {new_key(77) for _ in range(1000)}
    assert len(keys) == 1000
    assert {company_of(key) for key in keys} == {77}


class BrokenOff(io.BytesIO):
    def read(self, size=-1):
        if self.tell():
            raise ConnectionResetError
        return super().read(10)


async def test_a_broken_upload_leaves_nothing(tmp_path):
    store = Directory(tmp_path)
    with pytest.raises(ConnectionResetError):
        await store.put(new_key(1), BrokenOff(b"x" * 100))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_what_a_killed_writer_left_is_listed_and_can_be_deleted(tmp_path):
    store = Directory(tmp_path)
    left = new_key(1) + ".part"
    (tmp_path / left).parent.mkdir(parents=True)
    (tmp_path / left).write_bytes(b"half")
    assert [key async for key, _ in store.list_older_than(datetime.now(UTC) + timedelta(hours=1))] == [left]
    await store.delete(left)
    assert not (tmp_path / left).exists()


async def test_written_files_are_synced_before_they_have_their_name(tmp_path, monkeypatch):
    """The order is the promise: content to disk, then the name, then the folder that holds the name."""
    key = new_key(1)
    seen = []
    real = os.fsync

    def watched(descriptor):
        seen.append((os.path.realpath(f"/proc/self/fd/{descriptor}"), (tmp_path / key).exists()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    await Directory(tmp_path).put(key, io.BytesIO(b"x"))
    path = str((tmp_path / key).resolve())
    assert seen[-2:] == [(f"{path}.part", False), (os.path.dirname(path), True)]
    assert {os.path.dirname(os.path.dirname(path)), str(tmp_path.resolve())} <= {folder for folder, _ in seen}


async def test_two_readers_and_writers_at_once(store):
    keys = [new_key(1) for _ in range(16)]
    await asyncio.gather(*(store.put(key, io.BytesIO(key.encode() * 1000)) for key in keys))
    assert await asyncio.gather(*(content(store, key) for key in keys)) == [key.encode() * 1000 for key in keys]


@pytest.mark.parametrize("address", ["s3://", "s3:///prefix"])
def test_an_address_without_bucket(address):
    with pytest.raises(ValueError, match="s3://bucket"):
        open_store(address)


def test_a_directory_costs_no_s3():
    program = "import sys, pult.kit.files as f; f.open_store(sys.argv[1]); assert 'obstore' not in sys.modules"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-c", program, folder], check=True)


SCRIPT = """
import asyncio, io
from pult.kit.files import new_key, open_store

async def main():
    store, key = open_store("s3://desk/scripts"), new_key(1)
    await store.put(key, io.BytesIO(b"x" * 300_000))
    async for _ in await store.read(key):
        break  # leaves a stream half read
    await store.delete(new_key(1))

asyncio.run(main())
"""


def test_fifty_short_programs_leave_cleanly(s3_environment):
    environment = os.environ | s3_environment
    for _ in range(50):
        done = subprocess.run(  # noqa: PLW1510 - the code is asserted
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")


# Links ---------------------------------------------------------------------------------------------------------------


def test_a_link_opens_its_own_file_only():
    signed = signature(SECRET, 1, 17, 0)
    assert verify(SECRET, 1, 17, 0, signed, NOW)
    assert len(signed) == 32
    assert not verify(SECRET, 2, 17, 0, signed, NOW)
    assert not verify(SECRET, 1, 18, 0, signed, NOW)
    assert not verify(SECRET, 1, 17, expiry(NOW, 1), signed, NOW)
    assert not verify(bytes(32), 1, 17, 0, signed, NOW)
    for wrong in ("", signed[:-1], signed.upper(), "я" * 32, "\ud800", "0" * 32):
        assert not verify(SECRET, 1, 17, 0, wrong, NOW)
    assert signature(SECRET, 1, 17, 0) != signature(SECRET, 11, 7, 0)


def test_a_link_ends():
    expires = expiry(NOW, 30)
    assert datetime.fromtimestamp(expires, UTC) == datetime(2026, 12, 22, tzinfo=UTC)
    assert expiry(NOW + timedelta(hours=11), 30) == expires
    assert expiry(NOW, 0) == 0
    signed = signature(SECRET, 1, 17, expires)
    assert verify(SECRET, 1, 17, expires, signed, datetime(2026, 12, 21, 23, 59, 59, tzinfo=UTC))
    assert not verify(SECRET, 1, 17, expires, signed, datetime(2026, 12, 22, tzinfo=UTC))


IN_SQL = """
select $4 || '/files/' || company_id || '/' || id || '/' || $2::bigint || '/' ||
       left(encode(sha256($1 || sha256($1 || convert_to(
            company_id || '/' || id || '/' || $2::bigint, 'UTF8'))), 'hex'), 32) || '/' ||
       (select coalesce(string_agg(case when chr(byte) ~ '[A-Za-z0-9_.~-]' then chr(byte)
                                        else '%' || upper(lpad(to_hex(byte), 2, '0')) end, '' order by place), '')
          from (select place, get_byte(convert_to(name, 'UTF8'), place) as byte
                  from generate_series(0, octet_length(name) - 1) as place) as bytes)
  from (values ($3::integer, $5::bigint, $6::text)) as file (company_id, id, name)
"""
NAMES = ["a.pdf", "Счёт № 5 (копия).pdf", "😀 50%/\\\"'?#&+;.txt", "~-_.", "", "\x7f\x01"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("expires", [0, expiry(NOW, 30)])
async def test_postgresql_makes_the_same_link(module_database_url, name, expires):
    conn = await asyncpg.connect(module_database_url)
    try:
        made = await conn.fetchval(IN_SQL, SECRET, expires, 2_000_000_000, "http://desk", 9_000_000_000_000, name)
    finally:
        await conn.close()
    assert made == link("http://desk", SECRET, 2_000_000_000, 9_000_000_000_000, expires, name)
    assert made.endswith("/" + quote(name, safe=""))
