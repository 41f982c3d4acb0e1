"""schema.sql is where the migrations lead."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_migrations_lead_to_schema_sql(database_url):
    spec = importlib.util.spec_from_file_location("schema", ROOT / "tools" / "schema.py")
    schema = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(schema)
    assert (ROOT / "schema.sql").read_text() == schema.dump(database_url), (
        "run tools/schema.py and look at the difference"
    )
