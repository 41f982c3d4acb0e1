"""What a method of the wire is: its name, verbs, parameters, and the function that answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pult.api.parameters import Parameter
    from pult.api.wire_in import Form
    from pult.desk import Desk
    from pult.messaging.now import Messages
    from pult.tickets.caller import Caller


@dataclass(slots=True)
class Call:
    """One call: what was sent, by whom, how to notice that nobody waits any more, and how to say something at once."""

    desk: Desk
    caller: Caller
    form: Form
    given: dict[str, Any]
    gone: Callable[[], Awaitable[None]]
    messages: Messages


Handler = Callable[[Call], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Method:
    """`answer` and `sample` describe the JSON of success for the OpenAPI document."""

    name: str
    verbs: frozenset[str]
    parameters: Sequence[Parameter]
    handle: Handler
    summary: str
    answer: Mapping[str, Any]
    seed: str  # the document that specifies it
    files: bool = False
