"""The vendor's clients are PHP: its own curl posts to a real server here, and its own parse_str judges our names."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import socket
import subprocess
from urllib.parse import quote

import pytest
import uvicorn
from asgi_request import URLENCODED, read

from pult.api.wire_in import read_form

POST = """
$curl = curl_init();
$fields = %s;
curl_setopt_array($curl, [CURLOPT_URL => $argv[1], CURLOPT_RETURNTRANSFER => true, CURLOPT_CUSTOMREQUEST => 'POST', CURLOPT_TIMEOUT => 30,
    CURLOPT_POSTFIELDS => $fields] + %s);
$answer = curl_exec($curl);
if ($answer === false) { fwrite(STDERR, curl_error($curl)); exit(1); }
echo $answer;
"""


@pytest.fixture
async def echo(tmp_path):
    """The address of a server that answers with what it understood."""

    async def app(scope, receive, send):
        form = await read_form(scope, receive, body_limit=64 << 20, scratch=tmp_path)
        files = [
            {"field": u.field, "name": u.name, "type": u.content_type, "size": u.size, "sha256": hashlib.sha256(u.file.read()).hexdigest()}
            for u in form.files
        ]  # fmt: skip
        form.close()
        answer = json.dumps({"values": form.values, "repeated": form.repeated, "files": files}).encode()
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(answer)).encode())]}
        )
        await send({"type": "http.response.body", "body": answer})

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self):
            yield

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(uvicorn.Config(app, lifespan="off", log_level="warning"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/uapi/create/ticket"
        server.should_exit = True
        await serving


async def post(url: str, fields: str, options: str = "[]") -> dict:
    """Let PHP's curl post `fields`, a PHP expression."""
    php = await asyncio.create_subprocess_exec(
        "php", "-r", POST % (fields, options), url, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    answer, complaint = await php.communicate()
    assert php.returncode == 0, complaint.decode()
    return json.loads(answer[answer.index(b'{"values"') :])  # PHP warns of "Array to string conversion" on its output


async def test_the_seeds_sample_array(echo):
    answer = await post(echo, """[
        'api_token'=> 'e1cbe1c1c9d910ef2ae975215644cb53dd555de4', 'client_name' => "JON", 'client_email' => "jon@bonjovi.com",
        'message' => "Hello World", 'subject' => 'First msg', 'client_id' => 'new_client', 'type'  => 'question', 'priority'  => 'low',
        'status'  => '3', 'subject'  => 'POST UPDATE', 'tag'=>'new ticket,test', 'field_id'=> '10;12;9', 'field_value'=> 'any_value;true;93',
        'channel_id'=>683]""")  # fmt: skip
    assert answer == {
        "values": {
            "api_token": "e1cbe1c1c9d910ef2ae975215644cb53dd555de4", "client_name": "JON", "client_email": "jon@bonjovi.com",
            "message": "Hello World", "subject": "POST UPDATE", "client_id": "new_client", "type": "question", "priority": "low",
            "status": "3", "tag": "new ticket,test", "field_id": "10;12;9", "field_value": "any_value;true;93", "channel_id": "683",
        },
        "repeated": {},
        "files": [],
    }  # fmt: skip


async def test_true_false_null_and_lists(echo):
    answer = await post(echo, """['private_comment' => true, 'no' => false, 'none' => null, 'offset' => 0, 'price' => 1.5,
        'emails' => ['a@x', 'b@x'], 'one' => ['only'], 'lists' => [[['id' => '61', 'value' => 'Test']]],
        'fields[0][id]' => '61', 'fields[0][value]' => 'Тест', 'message' => 'Привет 😀']""")  # fmt: skip
    assert answer["values"] == {
        "private_comment": "1", "no": "", "none": "", "offset": "0", "price": "1.5", "emails": "b@x", "one": "only",
        "fields": [{"id": "61", "value": "Тест"}], "message": "Привет 😀",
    }  # fmt: skip
    assert answer["repeated"] == {"emails": ["a@x", "b@x"]}


async def test_http_build_query_and_json(echo):
    value = "['lists' => [[['id' => 61, 'value' => 'Тест & +'], ['id' => '62', 'value' => '']]], 'tag' => 'a, b', 'yes' => true, 'no' => false]"
    lists = [[{"id": "61", "value": "Тест & +"}, {"id": "62", "value": ""}]]
    assert (await post(echo, f"http_build_query({value})"))["values"] == {
        "lists": lists,
        "tag": "a, b",
        "yes": "1",
        "no": "0",
    }
    lists = [[{"id": 61, "value": "Тест & +"}, {"id": "62", "value": ""}]]
    typed = {"lists": lists, "tag": "a, b", "yes": True, "no": False}
    header = "[CURLOPT_HTTPHEADER => ['Content-Type: application/json']]"
    assert (await post(echo, f"json_encode({value})", header))["values"] == typed
    assert (await post(echo, f"json_encode({value}, JSON_UNESCAPED_UNICODE)"))[
        "values"
    ] == typed  # curl says urlencoded then
    as_get = "[CURLOPT_CUSTOMREQUEST => 'GET', CURLOPT_HTTPHEADER => ['Content-Type: application/json']]"
    assert (await post(echo, f"json_encode({value})", as_get))["values"] == typed


async def test_files_with_full_paths_and_cyrillic_names(echo, tmp_path):
    photo, act = tmp_path / "IMG_20201109_140523.jpg", tmp_path / 'Акт №5 "итог" C:\\a.pdf'
    photo.write_bytes(b"\xff\xd8" + bytes(range(256)) * 8000)  # above 1 MB: curl sends Expect: 100-continue
    act.write_bytes(b"")
    seed_header = "[CURLOPT_HTTPHEADER => ['Content-Type: multipart/form-data', 'Cookie: laravel_session=8dIFarAWQMZlGKACtWX2A1KIQ5rlysgpCh9aMJmZ']]"
    answer = await post(
        echo,
        f"""['files[]' => new CURLFile('{photo}'), 'files[1]' => new CURLFile('{act}', 'application/pdf'),
             'file' => new CURLFile('{act}', null, 'Отчёт.xlsx'), 'api_token' => 'ed22', 'message' => 'Julia']""",
        seed_header,
    )
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    empty = hashlib.sha256(b"").hexdigest()
    assert answer["values"] == {"api_token": "ed22", "message": "Julia"}
    assert answer["files"] == [
        {
            "field": "files[]",
            "name": photo.name,
            "type": "application/octet-stream",
            "size": 2_048_002,
            "sha256": digest,
        },
        {"field": "files[1]", "name": "a.pdf", "type": "application/pdf", "size": 0, "sha256": empty},
        {"field": "file", "name": "Отчёт.xlsx", "type": "application/octet-stream", "size": 0, "sha256": empty},
    ]


async def test_a_quote_in_a_file_name(echo, tmp_path):
    path = tmp_path / 'Акт "итог".pdf'
    path.write_bytes(b"x")
    answer = await post(echo, f"['files[]' => new CURLFile('{path}')]")
    assert [file["name"] for file in answer["files"]] == [path.name]


NAMES = [
    "a", "a.b", "a b", " a", "a[b", "a[b[c]", "[a]", "a[b]c", "a[ b]", "a[ ]", "a[]", "a[][]", "a.b[c.d]", "a[b][c", "a]", "", "a[[b]", "a[b.c",
    "a[b c.d[e]", "a[[]]", "a[b. c", "x.y[b.c", "a[0]", "a[1]", "a[01]", "a[x]", "a[x][]", "a[][x]", "a[0][0]", "a[-]", "a[ы]", "ы[0]", "a[2][", "a[b]]",
    "a[b][]c[d]", "a.[b]", "a[b]. [c]", "a[+1]", "a[1.5]",
]  # fmt: skip


async def test_names_mean_what_parse_str_says():
    """Every pair of names, in both orders, with values that tell them apart: PHP's answer is the expectation."""
    queries = [
        "&".join(f"{quote(name)}={n}" for n, name in enumerate(names))
        for one in NAMES
        for two in NAMES
        for names in ([one, two], [one, two, one])
    ]
    queries += ["a=%zz%4%", "a=%41+%2B&b", "&&a=1&&", "=1&a=2", "a=1=2", "%61=1", "a%5B%5D=1&a[]=2", "a=%E2%98%83"]
    program = "foreach (json_decode(stream_get_contents(STDIN)) as $q) { $all = null; parse_str($q, $all); $out[] = (object) $all; } echo json_encode($out);"
    php = await asyncio.create_subprocess_exec(
        "php", "-d", "display_errors=stderr", "-r", program, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    answer, _ = await php.communicate(json.dumps(queries).encode())
    for query, expected in zip(queries, json.loads(answer), strict=True):
        assert (await read(query.encode(), URLENCODED)).values == expected, query
