#!/usr/bin/env bash
# Pins everything, with hashes, without naming any index.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
$bin/pip install --quiet pip-tools
flags=(--quiet --strip-extras --allow-unsafe --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header --no-annotate)
$bin/pip-compile "${flags[@]}" --extra otel -o requirements/runtime.lock pyproject.toml
$bin/python - > requirements/dev.in <<'PY'
import tomllib
print("-c runtime.lock")
print("\n".join(tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"]))
PY
$bin/pip-compile "${flags[@]}" -o requirements/dev.lock requirements/dev.in
