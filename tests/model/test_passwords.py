from __future__ import annotations

import re

from pult.staff.passwords import fits, hashed


def test_a_password_fits_its_hash_and_no_other():
    stored = hashed("пароль 1")
    assert re.fullmatch(r"scrypt\$16384\$8\$1\$[A-Za-z0-9+/=]{24}\$[A-Za-z0-9+/=]{44}", stored)
    assert fits("пароль 1", stored)
    assert not fits("пароль 2", stored)


def test_each_hash_has_a_salt_of_its_own():
    assert hashed("a") != hashed("a")


def test_an_unknown_scheme_fits_nothing():
    assert not fits("x", "plain$x")
