"""Whether an answer is what the OpenAPI document says of its method, and of its two kinds the one that is meant."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from pult.api import openapi


def holds(method: str, answer: Any, *, failed: bool = False) -> None:
    document = json.loads(openapi.document("1.2.3", "https://desk.example"))
    responses = document["paths"][f"/uapi/{method}"]["post"]["responses"]
    either = responses["200"]["content"]["application/json"]["schema"]["oneOf"]
    valid = [Draft202012Validator({**document, **schema}).is_valid(answer) for schema in either]
    assert valid == [not failed, failed], answer
