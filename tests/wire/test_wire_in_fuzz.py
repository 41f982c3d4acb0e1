"""Whatever bytes come, the reader gives a form that can be stored, or one of its own errors."""

from __future__ import annotations

import json
from urllib.parse import quote_plus

import pytest
from asgi_request import MULTIPART, SCRATCH, URLENCODED, Receive, multipart, part, pieces_of, read, scope_of, shape
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pult.api.wire_in import BadBody, ClientGone, Form, read_form

bounded = settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

KINDS = st.sampled_from(
    ["application/json", "text/json; charset=cp1251", URLENCODED, URLENCODED + "; charset=windows-1251", MULTIPART, MULTIPART + "; charset=latin1",
     "multipart/form-data", "multipart/form-data; boundary=", "text/plain", "application/xml", "", None]
)  # fmt: skip
WIRE_BYTES = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from([
            b"--b0und", b"--b0und--", b"\r\n", b"\r\n\r\n", b'Content-Disposition: form-data; name="a"', b'; filename="x"', b"; filename*=UTF-8''%D1",
            b"Content-Type: text/plain; charset=", b"windows-1251", b"&", b"=", b"[", b"]", b"[]", b"a", b"0", b"%00", b"%FF", b"%D0%9F", b"+", b"Array",
            b"{", b"}", b'"', b":", b",", b"\\u0000", b"\\ud83d", b"null", b"NaN", b"1e999", b"\xef\xbb\xbf", b"\0", b" ", b"\\",
        ]),
    ),
    max_size=40,
).map(b"".join)  # fmt: skip
PARTS = st.lists(
    st.builds(
        part,
        st.sampled_from(["a", "a[]", "a[b][0]", "files[]", "", 'x"; y="', "ф"]),
        st.one_of(st.binary(max_size=30), st.sampled_from(["Array", "текст", "\r\n--b0und", "\r\n--b0un"])),
        st.sampled_from(['filename="a"', 'filename=""', "x=y", "Content-Type: text/plain; charset=cp1251", "X: ", "Content-Type:\tx"]),
    ),
    max_size=5,
)  # fmt: skip


@st.composite
def damaged_multipart(draw):
    body = multipart(*draw(PARTS))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(body)))
        body = (
            body[:at]
            + draw(st.sampled_from([b"", b"\r", b"\n", b"-", b"--b0und", b" ", b":", b'"']))
            + body[at + draw(st.integers(0, 3)) :]
        )
    return body


async def outcome(body, kind, query=b""):
    """What the reader makes of it, comparable: the form's shape, or the error and its parameter."""
    try:
        form = await read(body, kind, query=query, body_limit=2000, file_limit=25)
    except BadBody as error:
        return type(error), error.parameter
    assert_storable(form)
    return shape(form)


def assert_storable(form: Form) -> None:
    texts: list = [form.values, form.repeated]
    while texts:
        value = texts.pop()
        if isinstance(value, dict):
            texts += [*value, *value.values()]
        elif isinstance(value, list):
            texts += value
        elif isinstance(value, str):
            assert "\0" not in value
            value.encode()
    for upload in form.files:
        assert 0 < len(upload.name) <= 255
        assert "/" not in upload.name
        assert "\\" not in upload.name
        assert upload.size <= 25
        upload.name.encode()


@bounded
@given(body=WIRE_BYTES, kind=KINDS, query=WIRE_BYTES, size=st.integers(1, 50))
async def test_any_bytes_under_any_type_in_any_pieces(body, kind, query, size):
    assert await outcome([body], kind, query) == await outcome(pieces_of(body, size), kind, query)


@bounded
@given(
    kind=KINDS,
    body=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))),
)
async def test_plain_noise(kind, body):
    await outcome(body, kind)


@bounded
@given(body=damaged_multipart(), size=st.integers(1, 60))
@example(body=part("a", "x") + b"--b0und \t\r\n" + part("b", "y").removeprefix(b"--b0und\r\n") + b"--b0und--", size=3)
@example(body=part("a", "x") + b"--b0undX\r\n" + part("b", "y").removeprefix(b"--b0und\r\n") + b"--b0und--", size=3)
@example(body=multipart(part("a", "x")) + multipart(part("b", "y")), size=3)
async def test_the_short_cut_for_small_multipart_agrees_with_the_push_parser(body, size):
    at_once = await outcome([body], MULTIPART)
    assert at_once == await outcome([body, b""], MULTIPART)
    assert at_once == await outcome(pieces_of(body, size), MULTIPART)


@bounded
@given(header=st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")), body=WIRE_BYTES)
async def test_any_content_type(header, body):
    await outcome(body, header)
    await outcome(body, "multipart/form-data; boundary=" + header)


@bounded
@given(body=WIRE_BYTES, kind=KINDS, size=st.integers(1, 50))
async def test_hanging_up_at_any_moment(body, kind, size):
    with pytest.raises((ClientGone, BadBody)):
        await read_form(scope_of(kind), Receive(pieces_of(body, size), hang_up=True), body_limit=2000, scratch=SCRATCH)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10).filter(
    lambda text: text != "Array"
)
NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0[. "), min_size=1, max_size=8)
KEY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0]"), min_size=1, max_size=6).filter(
    lambda key: key != " "
)
VALUE = st.recursive(
    TEXT,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3), st.dictionaries(KEY, inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


def http_build_query(values: dict) -> bytes:
    """PHP's function of that name, for text, lists and dicts."""
    pairs = []

    def add(name, value):
        if isinstance(value, str):
            pairs.append(f"{quote_plus(name)}={quote_plus(value)}")
        else:
            for key, item in enumerate(value) if isinstance(value, list) else value.items():
                add(f"{name}[{key}]", item)

    for name, value in values.items():
        add(name, value)
    return "&".join(pairs).encode()


def as_php_arrays(value):
    """A dict numbered 0, 1, 2 … is a list to PHP."""
    if isinstance(value, list):
        return [as_php_arrays(item) for item in value]
    if isinstance(value, dict):
        inner = {key: as_php_arrays(item) for key, item in value.items()}
        return list(inner.values()) if list(inner) == [str(n) for n in range(len(inner))] else inner
    return value


@bounded
@given(values=st.dictionaries(NAME, VALUE, max_size=4))
async def test_what_php_builds_comes_back(values):
    expected = {name: as_php_arrays(value) for name, value in values.items()}
    assert (await read(http_build_query(values), URLENCODED)).values == expected
    assert (await read(query=http_build_query(values))).values == expected


@bounded
@given(
    values=st.dictionaries(
        TEXT,
        st.recursive(st.none() | st.booleans() | st.integers() | TEXT, st.lists, max_leaves=8),
        min_size=1,
        max_size=4,
    )
)
async def test_what_json_says_comes_back(values):
    assert (await read(json.dumps(values).encode(), "application/json")).values == values
    assert (await read(json.dumps(values, ensure_ascii=False).encode(), None)).values == values
