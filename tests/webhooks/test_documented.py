"""The code that docs/webhooks.md gives to receivers verifies what is really sent, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from pult.webhooks import model

PAGE = (Path(__file__).resolve().parents[2] / "docs/webhooks.md").read_text()
NEW, OLD, OTHER = ("whsec_" + secret for secret in ("bmV3IHNlY3JldA==", "b2xkIHNlY3JldA==", "b3RoZXIgc2VjcmV0"))
BODY = '{"ticket": {"subject": "Колесо"}}'.encode()


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


def python(secret, headers, body) -> bool:
    names: dict = {}
    exec(block("python"), names)
    return names["verified"](secret, headers, body)


def php(secret, headers, body) -> bool:
    told = json.dumps([secret, headers, body.decode()])
    program = block("php") + "echo verified(...json_decode(stream_get_contents(STDIN), true)) ? 'yes' : 'no';"
    done = subprocess.run(["php", "-r", program], input=told.encode(), capture_output=True, check=True)
    assert done.stdout in {b"yes", b"no"}, done.stdout
    return done.stdout == b"yes"


def signed(at: int) -> dict[str, str]:
    signature = model.signature("event-1", at, BODY, [NEW, OLD])
    return {"webhook-id": "event-1", "webhook-timestamp": str(at), "webhook-signature": signature}


@pytest.mark.parametrize("verified", [python, php])
def test_the_documented_code_verifies(verified):
    headers = signed(int(time.time()))
    assert verified(NEW, headers, BODY)
    assert verified(OLD, headers, BODY)
    assert not verified(OTHER, headers, BODY)
    assert not verified(NEW, headers, BODY + b" ")
    assert not verified(NEW, headers | {"webhook-id": "event-2"}, BODY)
    assert not verified(NEW, signed(int(time.time()) - 301), BODY)


def test_every_link_leads_somewhere():
    for link in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (Path(__file__).resolve().parents[2] / "docs" / link).exists(), link
