# make serve: everything set up, Pult on an embedded PostgreSQL.   make test: everything set up, all tests.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: serve dev test sure bench soak format lint types plan generate lock clean

serve: $(VENV)/.installed
	@exec $(BIN)/pult serve

test: sure

$(VENV)/bin/pip:
	@tools/venv.sh "$(PYTHON)" "$(VENV)"

$(VENV)/.installed: $(VENV)/bin/pip pyproject.toml hatch_build.py package-lock.json requirements/runtime.lock
	$(BIN)/pip install --quiet --require-hashes -r requirements/runtime.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed requirements/dev.lock
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.lock
	@touch $@

dev: $(VENV)/.dev

# What CI runs: formatted, linted, typed, the plan kept, the tests passed.
sure: dev
	@tools/sure.sh

bench: dev
	$(BIN)/python -m bench

soak: dev
	$(BIN)/python -m pytest tests/soak -q

format: dev
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lint: dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: dev
	$(BIN)/mypy

plan: dev
	$(BIN)/python -m pytest tests/plan -q

# Typed functions from SQL; schema.sql from the migrations.
generate: dev
	$(BIN)/python tools/generate.py
	$(BIN)/python tools/schema.py

lock: $(VENV)/bin/pip
	tools/lock.sh

clean:
	rm -rf $(VENV) src/pult/static/vendor .mypy_cache .ruff_cache .pytest_cache
