#!/usr/bin/env bash
# Every check that a change must pass, in the order in which they fail fastest. CI and people run the same.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
echo "== format and lint"; $bin/ruff format --check --quiet; $bin/ruff check --quiet
echo "== types";           $bin/mypy
echo "== tests";           tools/system-packages.sh
exec $bin/python -m pytest -n "${PULT_TEST_WORKERS:-2}" --dist loadgroup -q
