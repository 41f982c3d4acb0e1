"""What is measured: each operation's requests, and how the second limit compares."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.wire import MARK, Request, built, call
from pult.cli.demo import vocabulary
from pult.tickets.model import PRIORITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.sample import Sample

LIST = '[{"id":'
MESSAGE = (
    "Здравствуйте! Заказ пришёл вчера, но переднее колесо погнуто и тормоз задевает обод. Подскажите, как его обменять? "
    "I can bring the bicycle to the shop on Friday afternoon, the receipt and the box are still here. Thank you very much."
)


@dataclass(frozen=True, slots=True)
class Operation:
    """`make` gives the requests that take turns, for a desk, its tokens and a round (each round's differ where they write)."""

    name: str
    what: str
    make: Callable[[Sample, Sequence[str], int], list[Request]]
    writes: bool = False
    custom_plans: bool = False  # how the server's connections for it are set
    tapes: int = 200  # how many different calls are recorded for the bare limit


def _list(sample: Sample, tokens: Sequence[str], *, sort: str) -> list[Request]:
    """Every status that has a whole page, with the tokens in turn."""
    return [
        call("tickets", LIST, 20_000, api_token=token, fstatus=str(status), sort=sort, order="desc")
        for token, status in zip(tokens[:70], itertools.cycle(sample.statuses), strict=False)
    ]


def by_status_and_id(sample: Sample, tokens: Sequence[str], _round: int) -> list[Request]:
    return _list(sample, tokens, sort="id")


def by_status_and_update(sample: Sample, tokens: Sequence[str], _round: int) -> list[Request]:
    return _list(sample, tokens, sort="last_updated_at")


def by_tag_and_field(sample: Sample, tokens: Sequence[str], _round: int) -> list[Request]:
    """A tag among the ten commonest together with a value of a list field."""
    lists = [(field_id, value) for field_id, _, kind, values in sample.fields if kind == "list" for value in values]
    pairs = itertools.islice(itertools.product(sample.tags[:10], lists), 60)
    return [
        call("tickets", "[", 2, api_token=tokens[place], tag=tag, fields=[{"id": field_id, "value": value}])
        for place, (tag, (field_id, value)) in enumerate(pairs)
    ]


def page(offset: int) -> Callable[[Sample, Sequence[str], int], list[Request]]:
    """The page at `offset` of the closed tickets; the last one that there is where the desk has fewer."""

    def make(sample: Sample, tokens: Sequence[str], _round: int) -> list[Request]:
        place = min(offset, int(sample.tickets * 0.9) // 100)
        return [call("tickets", LIST, 20_000, api_token=token, fstatus=3, offset=place) for token in tokens[:20]]

    return make


def ticket(sample: Sample, tokens: Sequence[str], _round: int) -> list[Request]:
    return [
        call("ticket", f'{{"ticket":{{"id" : {ticket_id},', 5_000, api_token=tokens[0], ticket_id=ticket_id)
        for ticket_id in sample.long_tickets
    ]


def create_for_new(_sample: Sample, tokens: Sequence[str], _round: int) -> list[Request]:
    email = f"{MARK}@bench.example"
    return [
        _create(tokens[0], place, subject=f"Колесо погнуто {MARK}", client_name="Dana", client_email=email)
        for place in range(20)
    ]


def create_for_known(sample: Sample, tokens: Sequence[str], _round: int) -> list[Request]:
    return [
        _create(tokens[0], place, subject="Колесо погнуто", client_email=email)
        for place, email in enumerate(sample.emails)
    ]


def _create(token: str, place: int, **parameters: str) -> Request:
    """The `place`-th message of twenty: one of them has the common word, so that new tickets are as searchable as old ones."""
    message = MESSAGE + (f" {vocabulary.COMMON}!" if place % 20 == 7 else "")
    return call("create/ticket", '{"status":"success","ticket_id":', **parameters, api_token=token, message=message)


def update(sample: Sample, tokens: Sequence[str], turn: int) -> list[Request]:
    """Priority and status, other ones each time that a ticket's turn comes: every call changes something.

    Five steps from one round to the next: further than a round gets.
    """
    values = list(itertools.product(PRIORITIES, (1, 5, 6)))
    passes = max(2, min(len(values), 30_000 // len(sample.open_tickets)))
    return [
        call(
            "update/ticket",
            '{"status":"success"}',
            api_token=tokens[0],
            ticket_id=ticket_id,
            priority=priority,
            status=status,
        )
        for priority, status in (values[(turn * 5 + step) % len(values)] for step in range(passes))
        for ticket_id in sample.open_tickets
    ]


def search(word: str, *, share: float) -> Callable[[Sample, Sequence[str], int], list[Request]]:
    """One word, the tokens in turn; a whole page where as many tickets have it."""

    def make(sample: Sample, tokens: Sequence[str], _round: int) -> list[Request]:
        hits = sample.comments * share
        expect = LIST if hits > 1 else "["
        return [call("tickets", expect, 20_000 if hits > 1_000 else 2, api_token=token, query=word) for token in tokens]

    return make


def health(_sample: Sample, _tokens: Sequence[str], _round: int) -> list[Request]:
    return [built("GET", "/health/live", b"", "")]


def unknown(_sample: Sample, _tokens: Sequence[str], _round: int) -> list[Request]:
    return [built("POST", "/nothing/of/this/name", b"{}", "{", status=404)]


OPERATIONS = (
    Operation("list", "100 tickets of a status, newest first", by_status_and_id, custom_plans=True),
    Operation("list_updated", "the same, last changed first", by_status_and_update, custom_plans=True),
    Operation("list_filtered", "with a tag and a field's value", by_tag_and_field, custom_plans=True),
    Operation("page_50", "page at offset 50", page(50), custom_plans=True, tapes=20),
    Operation("page_500", "page at offset 500", page(500), custom_plans=True, tapes=20),
    Operation("page_5000", "page at offset 5,000", page(5_000), custom_plans=True, tapes=20),
    Operation("ticket", "a ticket with 20 comments", ticket, tapes=1_000),
    Operation("create_new", "a ticket of an unknown client", create_for_new, writes=True),
    Operation("create_known", "a ticket of a known client", create_for_known, writes=True, tapes=1_000),
    Operation("update", "priority and status", update, writes=True, tapes=8_000),
    Operation(
        "search_rare",
        "word in 0.002 % of the comments",
        search(vocabulary.RARE, share=0.000_02),
        custom_plans=True,
        tapes=100,
    ),
    Operation(
        "search_medium",
        "word in 0.1 % of the comments",
        search(vocabulary.MEDIUM, share=0.001),
        custom_plans=True,
        tapes=100,
    ),
    Operation(
        "search_common",
        "word in 5 % of the comments",
        search(vocabulary.COMMON, share=0.05),
        custom_plans=True,
        tapes=100,
    ),
)
EMPTY = (
    Operation("health", "/health/live, the empty handler", health),
    Operation("refusal", "the wire's cheapest answer: no such method", unknown),
)
