"""Providers' calls, put aside while somebody probes."""

from __future__ import annotations

from pult.messaging import overheard
from pult.messaging.contract import Hook


def call(body: bytes = b"{}") -> Hook:
    return Hook("POST", {"a": "b"}, {"x-signature": "s"}, body)


def test_nothing_is_kept_unless_somebody_listens(tmp_path):
    place = overheard.place(tmp_path, 7)
    overheard.overhear(place, call(), 200)
    assert not place.exists()
    with overheard.listening(place, 60):
        assert overheard.heard(place) == []
    assert not place.exists()


def test_calls_are_kept_as_they_came_for_their_owner_alone(tmp_path):
    place = overheard.place(tmp_path, 7)
    with overheard.listening(place, 60):
        for number in range(12):
            overheard.overhear(place, call(b"\xff%d" % number), 200 + number)
        found = overheard.heard(place)
        assert [(one.hook, one.status) for one in found] == [(call(b"\xff%d" % n), 200 + n) for n in range(12)]
        assert {path.stat().st_mode & 0o777 for path in place.iterdir()} == {0o600}
        assert place.stat().st_mode & 0o777 == 0o700


def test_neither_many_nor_large_ones_fill_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(overheard, "MOST", 3)
    place = overheard.place(tmp_path, 7)
    with overheard.listening(place, 60):
        overheard.overhear(place, call(b"x" * (overheard.LARGEST + 1)), 200)
        for _ in range(5):
            overheard.overhear(place, call(), 200)
        assert len(overheard.heard(place)) == 3


def test_a_probe_that_was_killed_is_not_listened_for(tmp_path):
    place = overheard.place(tmp_path, 7)
    with overheard.listening(place, 0):
        overheard.overhear(place, call(), 200)
        assert overheard.heard(place) == []


def test_what_a_probe_left_that_was_killed_is_not_taken_for_new(tmp_path):
    place = overheard.place(tmp_path, 7)
    place.mkdir(parents=True)
    overheard.overhear(place, call(), 200)
    with overheard.listening(place, 60):
        assert overheard.heard(place) == []
