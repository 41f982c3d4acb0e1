"""Every encoding and every habit that docs/wire/ lists under "transport", one row each."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

import pytest
from asgi_request import MULTIPART, URLENCODED, Receive, multipart, part, pieces_of, read, scope_of, shape

from pult.api.part_header import clean_file_name
from pult.api.php_names import MOST_PARAMETERS
from pult.api.wire_in import BadBody, BodyTooLarge, ClientGone, FileTooLarge, drain, read_form
from pult.kit.errors import BadValue

JSON = "application/json"

URLENCODED_ROWS = [
    ("subject=New+Email&status=3", {"subject": "New Email", "status": "3"}),
    ("tag=new%20ticket,test&field_value=any_value%3Btrue%3B93", {"tag": "new ticket,test", "field_value": "any_value;true;93"}),
    ("message=%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82+%F0%9F%98%80", {"message": "Привет 😀"}),
    ("message=Привет", {"message": "Привет"}),
    ("a=%zz%4&b=100%&c=%%41", {"a": "%zz%4", "b": "100%", "c": "%A"}),
    ("a&b=&=c&&d==e", {"a": "", "b": "", "d": "=e"}),
    ("fstatus[]=1&fstatus[]=2", {"fstatus": ["1", "2"]}),
    ("fstatus%5B%5D=1&fstatus%5b0%5d=2", {"fstatus": ["2"]}),
    ("fassigned[0][assignee_id]=7&fassigned[0][group_id]=2&fassigned[1][assignee_id]=8",
     {"fassigned": [{"assignee_id": "7", "group_id": "2"}, {"assignee_id": "8"}]}),
    ("lists[0][0][id]=61&lists[0][0][value]=Test&lists[0][1][id]=62", {"lists": [[{"id": "61", "value": "Test"}, {"id": "62"}]]}),
    ("lists[][id]=61&lists[][value]=Test", {"lists": [{"id": "61"}, {"value": "Test"}]}),
    ("a[1]=x&a[0]=y", {"a": {"1": "x", "0": "y"}}),
    ("a[3]=x&a[]=y", {"a": {"3": "x", "4": "y"}}),
    ("a[01]=x&a[]=y", {"a": {"01": "x", "0": "y"}}),
    ("a[99999999999999999999999999]=x&a[]=y", {"a": {"99999999999999999999999999": "x", "0": "y"}}),
    ("a=1&a[b]=2", {"a": {"b": "2"}}),
    ("a[b]=1&a=2", {"a": "2"}),
    ("a[b]=1&a[b][c]=2", {"a": {"b": {"c": "2"}}}),
    ("a[b]c=1", {"a": {"b": "1"}}),
    ("a[b=1", {"a_b": "1"}),
    ("subject=Array&message=x&lists[0]=Array", {"message": "x"}),
    ("status=1\r\n", {"status": "1"}),
    ("", {}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "values"), URLENCODED_ROWS)
async def test_urlencoded_reads_as_php_does(body, values):
    assert (await read(body.encode(), URLENCODED)).values == values


@pytest.mark.parametrize(("query", "values"), [row for row in URLENCODED_ROWS if "\r" not in row[0]])
async def test_a_query_string_reads_like_an_urlencoded_body(query, values):
    assert (await read(query=query.encode())).values == values


@pytest.mark.parametrize(
    ("body", "values"),
    [
        ('{"ticket_id": 5, "rate": 1.5, "private_comment": true, "status": null}',
         {"ticket_id": 5, "rate": 1.5, "private_comment": True, "status": None}),
        ('{"lists":[[{"id":"61","value":"Test"}]],"properties":["sla"]}', {"lists": [[{"id": "61", "value": "Test"}]], "properties": ["sla"]}),
        ('{"a":{"0":"x","1":"y"},"b":"Array"}', {"a": {"0": "x", "1": "y"}, "b": "Array"}),
        ('{"message":"\\u041f\\u0440 \\ud83d\\ude00"}', {"message": "Пр 😀"}),
        ('{"client_phone": 999999999999999999999999999999}', {"client_phone": 999999999999999999999999999999}),
        ('\ufeff {"a":1}\n', {"a": 1}),
        ("{}", {}), ("[]", {}), ("null", {}), ("", {}), (" \n", {}),
    ],
)  # fmt: skip
async def test_json_values_stay_what_they_are(body, values):
    assert (await read(body.encode(), JSON)).values == values


@pytest.mark.parametrize(
    "kind",
    [JSON, "application/json; charset=utf-8", "APPLICATION/JSON;charset=UTF8", "text/json", "application/vnd.api+json", "text/plain",
     "text/plain;charset=UTF-8", URLENCODED, "application/json, application/json", "application/octet-stream", "multipart/form-data", None, ""],
)  # fmt: skip
async def test_a_json_object_is_known_by_its_look(kind):
    assert (await read(b'{"subject": "a=b&c"}', kind)).values == {"subject": "a=b&c"}


@pytest.mark.parametrize("kind", [None, "", "text/plain", URLENCODED + "; charset=UTF-8"])
async def test_a_form_without_a_good_type_is_still_a_form(kind):
    assert (await read(b"a=1&b=2", kind)).values == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("body", "kind"), [(b"a=body", URLENCODED), (b'{"a": "body"}', JSON), (multipart(part("a", "body")), MULTIPART)]
)
async def test_the_body_wins_over_the_query(body, kind):
    form = await read(body, kind, query=b"a=query&b=query&a=again")
    assert form.values == {"a": "body", "b": "query"}
    assert form.repeated == {}


@pytest.mark.parametrize("kind", [None, JSON, URLENCODED, MULTIPART, "multipart/form-data", "application/xml"])
async def test_everything_in_the_query_and_an_empty_body(kind):
    assert (await read(b"", kind, query=b"api_token=x")).values == {"api_token": "x"}


async def test_repeated_plain_names_are_kept():
    body = multipart(part("emails", "a@x"), part("n", "1"), part("emails", "b@x"), part("emails", "c@x"))
    form = await read(body, MULTIPART)
    assert form.values == {"emails": "c@x", "n": "1"}
    assert form.repeated == {"emails": ["a@x", "b@x", "c@x"]}
    form = await read(b"e=1&e=2&f[]=1&f[]=2&g=1&g=2&g[]=3", URLENCODED, query=b"h=1&h=2&i=1&i=2&e=5&e=6")
    assert form.repeated == {"e": ["1", "2"], "h": ["1", "2"], "i": ["1", "2"]}
    assert form.values["g"] == ["3"]


async def test_multipart_texts_and_files():
    body = multipart(
        part("subject", "Тема"),
        part("files[]", b"\x00\xff\r\n--b0un", 'filename="a.JPG"', "Content-Type: image/JPEG; q=1"),
        part("lists[0][0][id]", "61"),
        part("empty", ""),
        part("files[]", b"", 'filename=""', "Content-Type: application/octet-stream"),
        part("file", b"", 'filename="empty.txt"'),
        part("lists[0][0][value]", "Test"),
        part("nested", "Array"),
    )
    expected = {
        "values": {"subject": "Тема", "lists": [[{"id": "61", "value": "Test"}]], "empty": ""},
        "repeated": {},
        "files": [
            ("files[]", "a.JPG", "image/jpeg", 10, b"\x00\xff\r\n--b0un"),
            ("file", "empty.txt", "application/octet-stream", 0, b""),
        ],
    }
    assert shape(await read(body, MULTIPART)) == expected
    for size in (1, 2, 3, 7, 31):
        assert shape(await read(pieces_of(body, size), MULTIPART)) == expected, size
    for at in range(len(body)):
        assert shape(await read([body[:at], body[at:]], MULTIPART)) == expected, at


@pytest.mark.parametrize("row", [r for r in URLENCODED_ROWS if r[0]])
async def test_urlencoded_in_pieces(row):
    body = row[0].encode()
    for size in (1, 2, 3, 5):
        assert (await read(pieces_of(body, size), URLENCODED)).values == row[1]


FILE_NAMES = [
    ('filename="/Users/ylia.kh/Downloads/IMG_2020.jpg"', "IMG_2020.jpg"),
    (r'filename="C:\Users\me\счёт.pdf"', "счёт.pdf"),
    (r'filename="C:\\Users\\me\\a.pdf"', "a.pdf"),
    ('filename="Договор №5.docx"', "Договор №5.docx"),
    ("filename=\"fallback.txt\"; filename*=UTF-8''%D0%9F%D0%B0%D0%BF%D0%BA%D0%B0%2F%D1%84.txt", "ф.txt"),
    ("filename*=utf-8''%D1%84.txt", "ф.txt"),
    ("filename*=koi8-r''%C6.txt; filename=plain.txt", "plain.txt"),
    ("filename*=windows-1251''%F4.txt", "ф.txt"),
    (r'filename="say \"hi\".txt"', 'say "hi".txt'),
    ('filename="say %22hi%22 100%.txt"', 'say "hi" 100%.txt'),
    ('filename="a;b=c.txt"', "a;b=c.txt"),
    ("filename=bare.txt", "bare.txt"),
    ('FileName="upper.txt"', "upper.txt"),
    ('filename="never closed.txt', "never closed.txt"),
    ('filename="a\x00b\x1f\u202ec.txt"', "abc.txt"),
    ('filename=".."', "file"), ('filename="/"', "file"), ('filename="\x01"', "file"), ('filename=""', "file"),
    ('filename="' + "x" * 300 + '.jpeg"', "x" * 250 + ".jpeg"),
    ('filename="' + "ы" * 300 + '"', "ы" * 255),
]  # fmt: skip


@pytest.mark.parametrize(("said", "name"), FILE_NAMES)
async def test_file_names(said, name):
    body = multipart(part("files[0]", "content", said))
    assert [(u.field, u.name, u.size) for u in (await read(body, MULTIPART)).files] == [("files[0]", name, 7)]
    assert [(u.field, u.name, u.size) for u in (await read(pieces_of(body, 5), MULTIPART)).files] == [
        ("files[0]", name, 7)
    ]


async def test_a_file_name_that_is_not_utf_8_comes_from_a_russian_windows():
    body = multipart(part("file", "x", 'filename="@"')).replace(b"@", "отчёт.xls".encode("cp1251"))
    assert (await read(body, MULTIPART)).files[0].name == "отчёт.xls"


def test_a_clean_name_is_never_a_path():
    for name in ("../../etc/passwd", "..\\..\\passwd", "/passwd", "passwd", " passwd "):
        assert clean_file_name(name) == "passwd"


@pytest.mark.parametrize(
    ("kind", "body", "values"),
    [
        (URLENCODED + "; charset=windows-1251", "a=" + quote("Привет".encode("cp1251")), {"a": "Привет"}),
        (URLENCODED + '; charset="ISO-8859-1"', "a=%E9", {"a": "é"}),
        (URLENCODED + "; charset=utf-8; charset=windows-1251", "a=%D1%84", {"a": "ф"}),
        (JSON + "; charset=cp1251", '{"a": "Привет"}'.encode("cp1251"), {"a": "Привет"}),
        (MULTIPART + "; charset=cp1251", multipart(part("a", "ф".encode("cp1251"))), {"a": "ф"}),
        (MULTIPART, multipart(part("a", "ф".encode("cp1251"), "Content-Type: text/plain; charset=windows-1251")), {"a": "ф"}),
        (MULTIPART, multipart(part("a", "ф", "Content-Type: text/plain; charset=utf-8")), {"a": "ф"}),
        ('multipart/form-data; boundary="b0und"; boundary=other', multipart(part("a", "1")), {"a": "1"}),
        ("Multipart/Form-Data;BOUNDARY=b0und", multipart(part("a", "1")), {"a": "1"}),
    ],
)  # fmt: skip
async def test_declared_character_sets_and_parameters(kind, body, values):
    assert (await read(body.encode() if isinstance(body, str) else body, kind)).values == values


async def test_a_repeated_header_counts_once():
    twice = [(b"content-type", b"application/json"), (b"content-length", b"7"), (b"content-type", URLENCODED.encode())]
    assert (await read(b"a=1&b=2", None, headers=twice)).values == {"a": "1", "b": "2"}


WRONG = [
    ("invalid UTF-8", b"ok=1&subject=%FF", URLENCODED, "subject"),
    ("invalid UTF-8 deep", b"lists[0][id]=%D0", URLENCODED, "lists"),
    ("NUL", b"subject=a%00b", URLENCODED, "subject"),
    ("NUL in a name", b"subject[%00]=1", URLENCODED, "subject"),
    ("not windows-1251", b"subject=%98", URLENCODED + "; charset=windows-1251", "subject"),
    ("too deep", b"a" + b"[b]" * 17 + b"=1", URLENCODED, "a"),
    ("too many", b"&".join(b"p%d=1" % n for n in range(1001)), URLENCODED, None),
    ("far too many", b"&" * 900_000, URLENCODED, None),
    ("unknown character set", b"a=1", URLENCODED + "; charset=utf-16", None),
    ("xml", b"<a/>", "application/xml", None),
    ("JSON in JSON's name only", b"a=1", JSON, None),
    ("JSON list", b"[1]", JSON, None), ("JSON text", b'"a"', JSON, None), ("JSON number", b"1", JSON, None),
    ("JSON cut off", b'{"a": 1', JSON, None), ("JSON with more", b'{"a": 1} 2', JSON, None),
    ("single quotes, as the seeds print it", b"{'subject': 'x'}", URLENCODED, None),
    ("JSON NUL", b'{"ok": 1, "subject": "a\\u0000b"}', JSON, "subject"),
    ("JSON NUL deep", b'{"ok": 1, "lists": [[{"value": "\\u0000"}]]}', JSON, "lists"),
    ("JSON NUL in a key", b'{"lists": {"\\u0000": 1}}', JSON, "lists"),
    ("JSON lone surrogate", b'{"ok": 1, "subject": "\\ud83d"}', JSON, "subject"),
    ("JSON lone low surrogate", b'{"ok": 1, "subject": "x\\ude00y"}', JSON, "subject"),
    ("JSON invalid UTF-8", b'{"ok": 1, "subject": "\xff"}', JSON, "subject"),
    ("JSON NaN", b'{"ok": 1, "offset": NaN}', JSON, "offset"),
    ("JSON number out of range", b'{"ok": 1, "offset": 1e999}', JSON, "offset"),
    ("JSON endless number", b'{"offset": ' + b"9" * 5000 + b"}", JSON, None),
    ("JSON bottomless", b'{"a":' + b"[" * 100_000, JSON, None),
    ("JSON too deep", b'{"ok": 1, "a":' + b"[" * 70 + b"]" * 70 + b"}", JSON, "a"),
    ("JSON too many keys", json.dumps({"a": {str(n): 1 for n in range(10_000)}}).encode(), JSON, None),
    ("no boundary", multipart(part("a", "1")), "multipart/form-data", None),
    ("empty boundary", multipart(part("a", "1")), "multipart/form-data; boundary=", None),
    ("endless boundary", multipart(part("a", "1")), "multipart/form-data; boundary=" + "b" * 300, None),
    ("another boundary", multipart(part("a", "1")), "multipart/form-data; boundary=other", None),
    ("cut off in a file", part("files[]", "x", 'filename="a"')[:-2], MULTIPART, "files"),
    ("cut off in a header", part("a", "1") + b"--b0und\r\nContent-Disp", MULTIPART, None),
    ("cut off after the headers' names", part("a", "1") + b"--b0und\r\nX: y\r\n", MULTIPART, None),
    ("no multipart at all", b"hello", MULTIPART, None),
    ("header without a colon", b"--b0und\r\nhello\r\n\r\n1\r\n--b0und--", MULTIPART, None),
    ("multipart invalid UTF-8", multipart(part("subject", b"\xff")), MULTIPART, "subject"),
    ("multipart NUL", multipart(part("subject", b"a\0b")), MULTIPART, "subject"),
    ("multipart too many", multipart(*(part(f"p{n}", "") for n in range(1001))), MULTIPART, None),
    ("multipart too many files", multipart(*(part("f[]", "x", 'filename="x"') for _ in range(101))), MULTIPART, "f"),
    ("multipart part in an unknown character set", multipart(part("a", "x", "Content-Type: text/plain; charset=utf-7")), MULTIPART, "a"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "kind", "parameter"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
async def test_what_cannot_be_read_is_refused_with_its_name(body, kind, parameter):
    for pieces in ([body], pieces_of(body, 4096), pieces_of(body[:3000], 1) if len(body) < 3000 else [body, b""]):
        receive = Receive(pieces)
        with pytest.raises(BadBody) as caught:
            await read_form(scope_of(kind), receive, body_limit=1 << 20, scratch="/nowhere")
        assert caught.value.parameter == parameter
        assert caught.value.text.isprintable()
        assert isinstance(caught.value, BadValue)
        assert receive.left == 0, "the rest of the body is read, so that the client can read the answer"


async def test_query_and_body_share_the_limit_of_parameters():
    query = "&".join(f"q{n}=1" for n in range(600)).encode()
    body = "&".join(f"b{n}=1" for n in range(MOST_PARAMETERS - 600)).encode()
    assert len((await read(body, URLENCODED, query=query)).values) == MOST_PARAMETERS
    with pytest.raises(BadBody):
        await read(body + b"&one=more", URLENCODED, query=query)


async def test_names_as_deep_as_allowed():
    value = (await read(b"a" + b"[b]" * 16 + b"=1", URLENCODED)).values["a"]
    for _ in range(16):
        value = value["b"]
    assert value == "1"


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"identity, gzip"])
async def test_compressed_bodies_are_refused_in_clear_words(encoding):
    receive = Receive([b"\x1f\x8b", b"more"])
    with pytest.raises(BadBody, match="uncompressed"):
        await read_form(
            scope_of(JSON, headers=[(b"content-encoding", encoding)]), receive, body_limit=100, scratch="/nowhere"
        )
    assert receive.left == 0


async def test_identity_is_no_compression():
    assert (await read(b"{}", JSON, headers=[(b"content-encoding", b"identity")])).values == {}


UNFINISHED = [
    (part("a", "1") + part("b", "hello")[:-2], {"a": "1", "b": "hello"}),
    (part("a", "1") + part("b", "hello"), {"a": "1", "b": "hello"}),
    (part("a", "1") + part("b", "hello") + b"--b0u", {"a": "1", "b": "hello"}),
    (part("a", "1") + part("b", "hello") + b"--b0und", {"a": "1", "b": "hello"}),
    (part("a", "1") + part("b", "hello") + b"--b0und\r\n", {"a": "1", "b": "hello"}),
    (part("f", "hello", 'filename="f.txt"') + b"--b0und", {}),
    (multipart(part("a", "1")) + b"epilogue", {"a": "1"}),
    (b"--b0und--\r\n", {}),
    (b"--b0und\r\n\r\nnameless\r\n--b0und--", {}),
]


@pytest.mark.parametrize(("body", "values"), UNFINISHED)
async def test_a_missing_last_boundary_is_forgiven_where_php_forgives(body, values):
    for size in (len(body), 1, 3):
        assert (await read(pieces_of(body, size), MULTIPART)).values == values


@pytest.mark.parametrize(
    ("kind", "start"), [(URLENCODED, b"a="), (JSON, b'{"a":"'), (MULTIPART, part("a", "")[:-2]), (None, b"x")]
)
async def test_a_body_over_the_limit(kind, start):
    announced = Receive([b"x", b""])
    with pytest.raises(BodyTooLarge) as caught:
        await read_form(
            scope_of(kind, headers=[(b"content-length", b"101")]), announced, body_limit=100, scratch="/nowhere"
        )
    assert caught.value.unread
    assert announced.left == 2, "nothing is read, so that Expect: 100-continue gets its answer at once"
    for pieces, unread in (([start, b"x" * 100], False), ([start, b"x" * 100, b"x"], True)):
        receive = Receive(pieces)
        with pytest.raises(BodyTooLarge) as caught:
            await read_form(scope_of(kind), receive, body_limit=100, scratch="/nowhere")
        assert caught.value.unread is unread
        assert bool(receive.left) is unread


async def test_a_body_at_the_limit_is_read():
    body = b"a=" + b"x" * 98
    assert (await read(body, URLENCODED, body_limit=100, headers=[(b"content-length", b"100")])).values == {
        "a": "x" * 98
    }


@pytest.mark.parametrize("kind", [URLENCODED, JSON, MULTIPART])
async def test_texts_have_a_limit_of_their_own(kind):
    start = {URLENCODED: b"a=", JSON: b'{"a":"', MULTIPART: part("a", "")[:-2]}[kind]
    with pytest.raises(BodyTooLarge):
        await read([start, *[b"x" * (1 << 20)] * 5], kind, body_limit=1 << 30)


async def test_a_file_over_the_limit_names_its_field_and_the_rest_is_read(tmp_path):
    body = multipart(
        part("ok[]", b"x" * 1000, 'filename="a"'), part("files[]", b"x" * 1001, 'filename="b"'), part("c", "1")
    )
    for pieces in ([body], pieces_of(body, 100)):
        receive = Receive(pieces)
        with pytest.raises(FileTooLarge) as caught:
            await read_form(scope_of(MULTIPART), receive, body_limit=1 << 20, file_limit=1000, scratch=tmp_path)
        assert caught.value.parameter == "files"
        assert receive.left == 0


async def test_large_files_go_to_disk_and_closing_removes_them(tmp_path):
    content = bytes(range(256)) * 4096
    form = await read(pieces_of(multipart(part("f", content, 'filename="f"')), 65536), MULTIPART,
                      body_limit=1 << 22, file_limit=len(content), scratch=tmp_path)  # fmt: skip
    (upload,) = form.files
    assert upload.size == len(content)
    assert upload.file._rolled
    assert upload.file.read() == content
    form.close()
    form.close()
    assert upload.file.closed
    assert list(tmp_path.iterdir()) == []


async def test_small_files_stay_in_memory():
    form = await read(multipart(part("f", b"x" * 1000, 'filename="f"')), MULTIPART)
    assert not form.files[0].file._rolled
    form.close()


@pytest.mark.parametrize("kind", [URLENCODED, JSON, MULTIPART])
async def test_a_client_that_hangs_up(kind):
    start = {URLENCODED: b"a=1", JSON: b'{"a":', MULTIPART: part("a", "1") + part("f", "x" * 99, 'filename="f"')}[kind]
    for pieces in ([], [start], pieces_of(start, 3)):
        with pytest.raises(ClientGone):
            await read_form(scope_of(kind), Receive(pieces, hang_up=True), body_limit=1000, scratch="/nowhere")


async def test_draining():
    assert await drain(Receive([b"x" * 10, b"x" * 10]), 100)
    endless = Receive([b"x" * 10] * 100)
    assert not await drain(endless, 100)
    assert endless.left
    with pytest.raises(ClientGone):
        await drain(Receive([b"x"], hang_up=True), 100)


async def test_axios_and_python_habits():
    assert (await read(b"{}", JSON, query=urlencode({"api_token": "t", "ticket_id": 5}).encode())).values == {
        "api_token": "t",
        "ticket_id": "5",
    }
