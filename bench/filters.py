"""Every filter of the list alone, and combinations of them, one client at a time: which shape of question is the slowest."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.wire import Request, call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.sample import Sample

CALLS = 24  # of each shape
SORTS = ["id", "status_id", "client_id", "assignee_id", "group", "last_updated_at", "published_at"]
OFFSETS = [0, 0, 0, 1, 50, 500, 5_000]
COMBINATIONS = 80

Shape = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """A shape of the list's parameters, and its requests."""

    name: str
    requests: list[Request]


def questions(sample: Sample, tokens: Sequence[str]) -> list[Question]:
    """All single filters and COMBINATIONS generated ones, always the same for a desk."""
    singles = single_filters(sample)
    shapes = [shape for options in singles.values() for shape in options]
    shapes += [{"offset": min(offset, sample.tickets // 100)} for offset in OFFSETS[3:]]
    shapes += [{"sort": sort, "order": order} for sort in SORTS for order in ("asc", "desc")]
    dice = random.Random(20_261)
    shapes += [_combination(singles, dice) for _ in range(COMBINATIONS)]
    unique = {json.dumps(shape, ensure_ascii=False, sort_keys=True): shape for shape in shapes}
    turns = itertools.cycle(tokens)
    return [
        Question(name, [call("tickets", "[", 2, api_token=next(turns), **shape) for _ in range(CALLS)])
        for name, shape in unique.items()
    ]


def single_filters(sample: Sample) -> dict[str, list[Shape]]:
    """For each filter the values that differ most: common, rare, several, none."""
    first, last = sample.agents[0], sample.agents[-1]
    busy, rare = sample.groups[0], sample.groups[-1]
    return {
        "fchannel": [{"fchannel": str(sample.channels[0])}, {"fchannel": ",".join(map(str, sample.channels[-2:]))}],
        "fgroup": [{"fgroup": str(busy)}, {"fgroup": f"{busy},{rare}"}],
        "fstatus": [{"fstatus": status} for status in ("3", "8", "4", "1,2,5,6,8", "9")],
        "ftype": [{"ftype": "question"}, {"ftype": "incident"}],
        "fpriority": [{"fpriority": "medium"}, {"fpriority": "extreme"}, {"fpriority": "low,urgent"}],
        "fassigned": [
            {"fassigned": {"assignee_id": first}},
            {"fassigned": {"assignee_id": last}},
            {"fassigned": {"assignee_id": "unassigned"}},
            {"fassigned": {"assignee_id": "unassigned", "group_id": "unassigned"}},
            {"fassigned": [{"assignee_id": first, "group_id": busy}, {"assignee_id": last, "group_id": rare}]},
        ],
        "client_id": [{"client_id": sample.busy_clients[0]}, {"client_id": sample.clients[0]}],
        "tag": [
            {"tag": sample.tags[0]},
            {"tag": sample.tags[-1]},
            {"tag": ", ".join(sample.tags[20:24])},
            {"tag": "no such tag"},
        ],
        "fields": _field_filters(sample),
        "created": [
            {"created_after": sample.days[5]},
            {"created_before": sample.days[1]},
            {"created_after": sample.days[2], "created_before": sample.days[3]},
        ],
        "updated": [
            {"updated_after": sample.days[5]},
            {"updated_before": sample.days[1]},
            {"updated_after": sample.days[2], "updated_before": sample.days[3]},
        ],
        "agent": [{"accessible_for_agent_id": last}],
        "sla": [{"properties": ["sla"]}],
    }


def _field_filters(sample: Sample) -> list[Shape]:
    shapes: list[Shape] = []
    for field_id, _, kind, values in sample.fields:
        wanted = (
            ["empty", "not_empty", *values[:1], *values[2:3]]
            if kind != "text"
            else ["empty", "not_empty", "no such value"]
        )
        shapes += [{"fields": [{"id": field_id, "value": value}]} for value in wanted]
    shapes += [{"field_value": value} for value in ("empty", "not_empty")]
    return shapes


def _combination(singles: dict[str, list[Shape]], dice: random.Random) -> Shape:
    """Two to four filters with an order and an offset."""
    shape: Shape = {}
    for name in dice.sample(list(singles), dice.randint(2, 4)):
        shape |= dice.choice(singles[name])
    if dice.random() < 0.7:
        shape |= {"sort": dice.choice(SORTS), "order": dice.choice(["asc", "desc"])}
    offset = dice.choice(OFFSETS)
    return shape | ({"offset": offset} if offset else {})
