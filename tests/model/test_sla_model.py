"""Times allowed and business hours, as they are written."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from pult.kit.errors import BadValue
from pult.sla.calendar import holiday, hours, week, zone
from pult.sla.model import Allowance, allowance


@pytest.mark.parametrize(
    ("text", "days", "minutes"),
    [
        ("30m", 0, 30),
        ("1h", 0, 60),
        ("1h30m", 0, 90),
        ("1h 30m", 0, 90),
        ("2d", 2, 0),
        ("1d4h", 1, 240),
        ("90m", 0, 90),
    ],
)
def test_allowances(text, days, minutes):
    assert allowance(text) == Allowance(days=days, minutes=minutes)


@pytest.mark.parametrize("text", ["", "0m", "0h0m", "30", "30 minutes", "m", "30m1h", "-1h", "1.5h", "١h", "99999d"])
def test_no_allowances(text):
    with pytest.raises(BadValue):
        allowance(text)


@pytest.mark.parametrize(
    ("text", "intervals"),
    [
        ("09:00-18:00", [(540, 1080)]),
        ("00:00-24:00", [(0, 1440)]),
        ("09:00 - 13:00, 14:00-18:00", [(540, 780), (840, 1080)]),
        ("09:00-13:00,13:00-18:00", [(540, 780), (780, 1080)]),
    ],
)
def test_hours(text, intervals):
    assert hours(text) == intervals


@pytest.mark.parametrize(
    "text",
    ["", "9:00-18:00", "09:00", "18:00-09:00", "09:00-09:00", "22:00-24:01", "10:60-11:00", "14:00-18:00, 09:00-13:00",
     "09:00-13:00, 12:00-18:00", "09:00-13:00,", "closed"],
)  # fmt: skip
def test_no_hours(text):
    with pytest.raises(BadValue):
        hours(text)


def test_the_week_starts_on_monday_and_closed_days_are_empty():
    assert week([("tue", [(0, 60)]), ("mon", [(60, 120)])]) == [[(60, 120)], [(0, 60)], [], [], [], [], []]


@pytest.mark.parametrize("value", ["2026-12-31", date(2026, 12, 31)])
def test_holidays(value):
    assert holiday(value) == date(2026, 12, 31)


@pytest.mark.parametrize(
    "value", ["2026-02-30", "31.12.2026", "20261231", "2026-W01-1", 20261231, datetime(2026, 12, 31, tzinfo=UTC), None]
)
def test_no_holidays(value):
    with pytest.raises(BadValue):
        holiday(value)


def test_zones():
    assert zone("Asia/Almaty") == "Asia/Almaty"
    for name in ("Mars/Base", "../UTC", "/etc/passwd", "Europe", "", "a\0b"):
        with pytest.raises(BadValue):
            zone(name)
