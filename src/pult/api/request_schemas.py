"""What a request may hold, as JSON schemas, from the tables of parameters that the parsers read it with.

JSON bodies carry values as they are. Query strings and forms carry text: there a structure is JSON text, which every
method takes (PHP's bracketed names too, but OpenAPI has no word for those).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pult.api.method import Method
    from pult.api.parameters import Parameter

    Schema = dict[str, Any]

TOKEN: Final = {
    "type": "string",
    "description": "API token of a channel; may stand in the query or in the header `Authorization: Bearer` instead.",
}
FILE: Final = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
FILES: Final = {
    "type": "array",
    "items": FILE,
    "description": "Files, up to 15 MB each, also as `files[0]`, `files[1]` …",
}


def bodies(method: Method) -> dict[str, Schema]:
    """Media type -> the body that the method takes in it."""
    form = _body(method, as_text=True)
    upload = {**form, "properties": {**form["properties"], "files[]": FILES}} if method.files else form
    json_body = {"schema": _body(method, as_text=False), "examples": _examples(method.parameters)}
    return {
        "application/json": json_body,
        "application/x-www-form-urlencoded": {"schema": form},
        "multipart/form-data": {"schema": upload},
    }


def query(method: Method) -> list[Schema]:
    """The method's parameters as the parameters of a query string, without the token."""
    return [_query_parameter(parameter) for parameter in method.parameters]


def example_of(parameter: Parameter) -> Any:
    """A value as a client would send it; None where the table has none."""
    return parameter.schema.get("example") if parameter.example is None else parameter.example


def described(parameter: Parameter) -> str:
    """The table's words, with the spelling, the rule on null and an example where it is not required.

    Readers of the document fill in each formal example that they find: nobody wants that of a filter.
    """
    text = parameter.doc
    if spelling := parameter.schema.get("description"):
        text += f" {spelling[0].upper()}{spelling[1:]}."
    if parameter.null == "refused":
        text += " null is refused."
    example = example_of(parameter)
    if example is not None and not parameter.required:
        text += f" Example: `{example if isinstance(example, str) else ', '.join(example)}`."
    return text


def _body(method: Method, *, as_text: bool) -> Schema:
    properties: Schema = {"api_token": TOKEN}
    for parameter in method.parameters:
        schema = _text_schema(parameter) if as_text else _schema(parameter)
        properties[parameter.name] = {**schema, "description": described(parameter)}
        if parameter.required:
            properties[parameter.name]["examples"] = [parameter.example]
    required = [parameter.name for parameter in method.parameters if parameter.required]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _schema(parameter: Parameter) -> Schema:
    return {key: value for key, value in parameter.schema.items() if key not in {"example", "description"}}


def _text_schema(parameter: Parameter) -> Schema:
    """The schema of the same value as the text of a form's part."""
    schema = _schema(parameter)
    if _is_structure(schema):
        return {"type": "string", "contentMediaType": "application/json", "contentSchema": _structure(schema)}
    types = schema.get("type")
    if isinstance(types, list) and "null" in types:
        others = [name for name in types if name != "null"]
        value = {**schema, "type": others[0] if len(others) == 1 else others}
        return {"anyOf": [value, {"type": "string", "const": "null"}]}
    return schema


def _query_parameter(parameter: Parameter) -> Schema:
    shown: Schema = {"name": parameter.name, "in": "query", "description": described(parameter)}
    if parameter.required:
        shown |= {"required": True, "example": parameter.example}
    schema = _schema(parameter)
    if _is_structure(schema):
        return {**shown, "content": {"application/json": {"schema": _structure(schema)}}}
    return {**shown, "schema": _text_schema(parameter)}


def _is_structure(schema: Schema) -> bool:
    """Whether the value holds objects; a list of plain values is a repeated name in a form."""
    return "object" in _types(schema) or _types(schema.get("items", {})) & {"object", "array"} != set()


def _structure(schema: Schema) -> Schema:
    """Without the plain spellings beside it: JSON text is for what is no plain text."""
    types = [name for name in ("array", "object") if name in _types(schema)]
    return {**schema, "type": types[0] if len(types) == 1 else types}


def _types(schema: Schema) -> set[str]:
    types = schema.get("type", [])
    return {types} if isinstance(types, str) else set(types)


def _examples(parameters: Sequence[Parameter]) -> Schema:
    required = {one.name: one.example for one in parameters if one.required}
    more = {one.name: example for one in parameters if (example := example_of(one)) is not None}
    return {
        "required": {"summary": "What is required", "value": required},
        "more": {"summary": "More parameters; ids are each desk's own", "value": more},
    }
