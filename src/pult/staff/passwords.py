"""Passwords as they are kept: scrypt with a salt of their own, in one text that says how it was made."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

_N, _R, _P = 2**14, 8, 1  # about 50 ms and 16 MB for each try
_SALT_BYTES = 16
_HASH_BYTES = 32


def hashed(password: str) -> str:
    """The text scrypt$N$r$p$salt$hash, salt and hash in base64."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return "$".join(["scrypt", str(_N), str(_R), str(_P), _text(salt), _text(_scrypt(password, salt, _N, _R, _P))])


def fits(password: str, stored: str) -> bool:
    """Whether `stored` was made of this password."""
    parts = stored.split("$")
    if len(parts) != 6 or parts[0] != "scrypt":
        return False
    n, r, p = map(int, parts[1:4])
    salt, wanted = parts[4:]
    return hmac.compare_digest(_scrypt(password, base64.b64decode(salt), n, r, p), base64.b64decode(wanted))


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, dklen=_HASH_BYTES)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
