"""The document at /openapi.json: valid, complete, and true of what the server takes and answers."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from openapi_answers import holds
from openapi_spec_validator import OpenAPIV31SpecValidator

from pult.api import errors, openapi, request_schemas
from pult.api.parameters import read_all
from pult.api.routes import METHODS

if TYPE_CHECKING:
    from pult.api.method import Method

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,no_failure_of_our_own"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(openapi.document("1.2.3", "https://desk.example"))


def every_method() -> Any:
    return pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)


def operations(document: dict[str, Any], method: Method) -> dict[str, Any]:
    return document["paths"][f"/uapi/{method.name}"]


def bodies(document: dict[str, Any], method: Method) -> dict[str, Any]:
    return operations(document, method)["post"]["requestBody"]["content"]


def test_the_document_is_valid_openapi(document):
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    assert document["info"]["version"] == "1.2.3"
    assert document["servers"] == [{"url": "https://desk.example"}]


def test_it_has_every_method_and_verb_and_no_other(document):
    told = {(path, verb.upper()) for path, verbs in document["paths"].items() for verb in verbs}
    assert told == {(f"/uapi/{method.name}", verb) for method in METHODS.values() for verb in method.verbs}


@every_method()
def test_it_has_every_parameter_and_no_other(document, method):
    names = {parameter.name for parameter in method.parameters}
    for media_type, body in bodies(document, method).items():
        files = {"files[]"} if method.files and media_type == "multipart/form-data" else set()
        assert set(body["schema"]["properties"]) == names | {"api_token"} | files, media_type
    if "GET" in method.verbs:
        query = operations(document, method)["get"]["parameters"]
        assert {parameter["name"] for parameter in query} == names
    required = {parameter.name for parameter in method.parameters if parameter.required}
    assert all(set(body["schema"].get("required", [])) == required for body in bodies(document, method).values())


@every_method()
def test_every_schema_in_a_request_is_a_schema(document, method):
    for body in bodies(document, method).values():
        Draft202012Validator.check_schema(body["schema"])
    for parameter in operations(document, method).get("get", {}).get("parameters", []):
        schema = parameter.get("schema") or parameter["content"]["application/json"]["schema"]
        Draft202012Validator.check_schema(schema)


@every_method()
def test_the_parsers_take_every_example(document, method):
    json_body = bodies(document, method)["application/json"]
    for example in json_body["examples"].values():
        Draft202012Validator(json_body["schema"]).validate(example["value"])
        assert set(read_all(method.parameters, example["value"], {})) == set(example["value"])
    for parameter in method.parameters:
        if (example := request_schemas.example_of(parameter)) is not None:
            assert parameter.name in read_all([parameter], {parameter.name: example}, {})


@every_method()
def test_no_filter_is_filled_in_by_an_example(document, method):
    """A reader of the document fills in each formal example that it finds, and sends them all."""
    needed = {parameter.name for parameter in method.parameters if parameter.required}
    for media_type in FORMS:
        properties = bodies(document, method)[media_type]["schema"]["properties"]
        assert {name for name, schema in properties.items() if {"example", "examples"} & set(schema)} == needed
    for parameter in operations(document, method).get("get", {}).get("parameters", []):
        assert ("example" in parameter) == (parameter["name"] in needed)


def test_a_structure_is_json_text_in_a_form_and_a_query(document):
    form = document["paths"]["/uapi/tickets"]["post"]["requestBody"]["content"][FORMS[0]]["schema"]["properties"]
    assert form["fassigned"]["contentMediaType"] == "application/json"
    assert form["fields"]["contentSchema"]["type"] == "array"
    query = {one["name"]: one for one in document["paths"]["/uapi/tickets"]["get"]["parameters"]}
    assert set(query["fassigned"]["content"]) == {"application/json"}
    assert query["properties"]["schema"]["type"] == "array"  # plain values: a repeated name


def test_null_may_be_sent_where_it_clears(document):
    content = document["paths"]["/uapi/update/ticket"]["post"]["requestBody"]["content"]
    for media_type, null in (("application/json", None), (FORMS[0], "null")):
        schema = content[media_type]["schema"]["properties"]["assignee_id"]
        Draft202012Validator(schema).validate(null)
        Draft202012Validator(schema).validate(7)
        assert not Draft202012Validator(schema).is_valid("anybody")


def test_every_code_that_the_wire_knows_is_explained():
    known = {*errors.CODES.values(), *errors.PARAMETER_CODES.values()}
    known |= {errors.INTERNAL, errors.WRONG_TOKEN, errors.UNKNOWN_METHOD, errors.TOO_FAST}
    known |= {errors.code_of(errors.NoMessage("")), errors.code_of(errors.WrongTags(""))}
    assert known <= set(openapi.CODES)


async def test_the_answers_are_as_the_document_says(desk):
    told = {
        "subject": "Wheel",
        "message": "<b>bent</b>",
        "client_email": "jon@client.example",
        "client_phone": "79123456789",
    }
    fields = {"field_id": f"{desk.field('order')};{desk.field('vip')}", "field_value": "A-17;true", "tag": "hot"}
    form = {"api_token": desk.token, **told, **fields, "channel_id": str(desk.channel("mail"))}
    made = await desk.send("create/ticket", data=form, files={"files[]": ("Счёт.txt", b"1 wheel", "text/plain")})
    holds("create/ticket", made.json())
    ticket_id = made.json()["ticket_id"]
    changes = {"assignee_id": desk.agent("bob"), "user_id": desk.agent("alice"), "priority": "urgent", "status": 2}
    holds("update/ticket", await desk.call("update/ticket", ticket_id=ticket_id, **changes))
    one = await desk.ticket(ticket_id, accessible_for_agent_id=desk.agent("bob"), properties=["sla"])
    assert one["comments"][0]["files"]
    assert one["changes"]
    assert one["custom_fields"]
    holds("ticket", one)
    await desk.create(private_comment=True, **{"from": "user"})
    page = await desk.call("tickets", accessible_for_agent_id=desk.agent("alice"), properties=["sla"])
    assert len(page) == 2
    holds("tickets", page)


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("create/ticket", {"subject": "no message"}),
        ("update/ticket", {"ticket_id": 2**31 - 1, "status": 1}),
        ("ticket", {}),
        ("tickets", {"offset": None}),
        ("tickets", {"api_token": "nobody's"}),
    ],
)
async def test_the_errors_are_as_the_document_says(desk, method, parameters):
    answer = await desk.send(method, json={"api_token": desk.token, **parameters})
    assert answer.status_code == 200
    holds(method, answer.json(), failed=True)


async def test_other_addresses_and_verbs_are_as_the_document_says(desk, document):
    responses = document["components"]["responses"]
    for answer, name in (
        (await desk.send("no/such"), "UnknownMethod"),
        (await desk.send("tickets", "DELETE"), "WrongVerb"),
    ):
        content = responses[name]["content"]["application/json"]["schema"]
        Draft202012Validator({**document, **content}).validate(answer.json())
        assert {header.lower() for header in responses[name]["headers"]} <= set(answer.headers)


async def test_the_server_shows_its_document_and_the_page_without_a_line_of_script(server):
    shown = await server.client.get(f"{server.base}/openapi.json")
    assert shown.headers["content-type"].startswith("application/json")
    assert shown.json()["servers"] == [{"url": server.base}]
    page = await server.client.get(f"{server.base}/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    sources = [part.split('"')[0] for part in page.text.replace('src="', 'href="').split('href="')[1:]]
    for source in sources:
        if source.startswith("/static/"):
            asset = await server.client.get(server.base + source)
            assert asset.status_code == 200, source
    assert all(source.startswith(("/", "data:,")) for source in sources)
    assert page.text.count("<script") == page.text.count("<script src=")


async def test_schemathesis_finds_nothing_wrong(desk, tmp_path: Path):
    """Some 2,000 calls made up from the document: examples, each schema's bounds and beyond, and random ones."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{desk.server.base}/openapi.json"]
    command += ["--header", f"Authorization: Bearer {desk.token}", "--checks", CHECKS, "--no-color"]
    command += ["--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--generation-deterministic"]
    running = await asyncio.create_subprocess_exec(
        *command,
        cwd=tmp_path,
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("schemathesis_checks.py"))},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await running.communicate()
    assert running.returncode == 0, said.decode()
    assert b"Tested: 13" in said, said.decode()
    assert await desk.conn.fetchval("select count(*) from tickets where company_id = $1", desk.company) > 10
