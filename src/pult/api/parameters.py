"""The parameters of the wire's methods as tables: one table serves the parser, the OpenAPI document and the docs' test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pult.kit.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pult.api.readers import Reader


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a method.

    `null`: what JSON null and the text "null" mean: "absent" (as if not given; the text is then just text),
    "clears" (given, as None), or "refused" (the seed's "does not accept null"). Blank text is always "not given".
    `schema`: the JSON schema of its natural JSON form. `many`: repeated form parts make a list.
    """

    name: str
    read: Reader
    schema: Mapping[str, Any]
    doc: str
    null: Literal["absent", "clears", "refused"] = "absent"
    many: bool = False
    blank_clears: bool = False
    required: bool = False
    example: Any = field(default=None)


def read_all(
    parameters: Sequence[Parameter], values: Mapping[str, Any], repeated: Mapping[str, list[str]]
) -> dict[str, Any]:
    """What was given, by name, as honest types. BadValue names the first parameter that is wrong."""
    given: dict[str, Any] = {}
    for parameter in parameters:
        if parameter.name not in values:
            continue
        raw = values[parameter.name]
        if parameter.many:
            raw = repeated.get(parameter.name) or _numbered(raw)
        if _is_null(raw, parameter):
            if parameter.null == "refused":
                raise BadValue(f"{parameter.name}: null is not accepted", parameter=parameter.name)
            if parameter.null == "clears":
                given[parameter.name] = None
        elif isinstance(raw, str) and not raw.strip():
            if parameter.blank_clears:
                given[parameter.name] = None
        elif raw not in ([], {}):
            given[parameter.name] = parameter.read(raw, parameter.name)
    return given


def _numbered(raw: Any) -> Any:
    """The list that PHP means by numbered keys: once it has taken something out of a list, holes in the numbers stay."""
    if isinstance(raw, dict) and all(isinstance(key, str) and key.isdecimal() for key in raw):
        return list(raw.values())
    return raw


def _is_null(raw: Any, parameter: Parameter) -> bool:
    return raw is None or (parameter.null != "absent" and isinstance(raw, str) and raw.strip() == "null")
