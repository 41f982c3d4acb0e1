"""The floors of docs/architecture.md as import contracts. A room that does not exist yet is no breach."""

from __future__ import annotations

import re

FLOORS = [  # from the top; an import goes down only. ":" rooms of a floor may know each other, "|" they may not
    "__main__ : cli",
    "app",
    "assembly",  # puts the parts of a process together
    "api : web : inbound : worker : channels : reactions : downloads : pages",
    "deskfile",  # configures every slice below
    "messaging | mail | sla | triggers | reminders | webhooks | live",
    "tickets",
    "clients : staff : fields : reports : attachments : conditions : deliveries",
    "desk",  # what a verb is given; knows no noun
    "kit : settings",
]


def contracts(package: str) -> str:
    """import-linter's configuration, in its INI form: every room stands on a floor, and its imports go down."""
    layers = "\n    ".join(re.sub(r"\w+", r"(\g<0>)", floor) for floor in FLOORS)
    return f"""[importlinter]
root_package = {package}

[importlinter:contract:floors]
name = Imports go down
type = layers
containers = {package}
layers =
    {layers}
exhaustive = True
"""
