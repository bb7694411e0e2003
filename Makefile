# Every way in. `make help` lists them.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# uv installs in seconds what takes pip a minute; pip knows mirrors that uv is not told of.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
# Compiled once here, or else at every start of every process where nobody may write beside the sources.
UV := $(BIN)/uv pip install --quiet --compile-bytecode --no-deps --python $(BIN)/python
# A file at a time for each worker process: what its tests share is started once. The slowest, tests/acceptance, go first.
QUICK := --numprocesses auto --dist loadfile --no-loadscope-reorder -m "not long"
LONG := --numprocesses auto --dist worksteal -m long
PROVIDER ?= local

.PHONY: help setup demo test test-all check format run bench lock docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready ## virtual environment in .venv, from requirements.lock with hashes

demo: .venv/.demo ## the main job on real photographs, embedded services, no key needed (PROVIDER=openai: the real thing)
	$(BIN)/tessera demo --provider $(PROVIDER)

test: .venv/.tests ## all tests but the long ones, against real services out of wheels
	$(BIN)/python -m pytest $(QUICK)

test-all: .venv/.tests ## all tests: first the long ones, then those of `make test`
	$(BIN)/python -m pytest $(LONG)
	@$(MAKE) --no-print-directory test

check: .venv/.demo ## format, lint, types, import contracts, docs drift
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

format: .venv/.ready ## format and sort imports
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

run: .venv/.ready ## the service; stays up until Ctrl-C
	$(BIN)/tessera up

bench: .venv/.compared ## benchmarks; one table each, JSON in benchmarks/results
	$(BIN)/python -m benchmarks

docs: .venv/.ready ## regenerate the pages that follow from the code
	$(BIN)/python docs/generate.py

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command 'make lock'
lock: .venv/.ready ## resolve the dependencies anew into the lock files
	$(LOCK) pyproject.toml --group dev -o requirements.lock
	$(LOCK) pyproject.toml --extra local -c requirements.lock -o requirements-demo.lock
	$(LOCK) --group s3 -c requirements.lock -o requirements-tests.lock
	$(LOCK) --group compared -c requirements.lock -o requirements-compared.lock
	$(LOCK) --no-deps --no-header --group photos -o .venv/photos.lock && cat .venv/photos.lock >> requirements-demo.lock

clean: ## remove the virtual environment and the local data
	rm -rf .venv .tessera

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Tessera needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "No venv module: on Debian or Ubuntu install python3-venv, then try again."; rm -rf .venv; exit 1; }

.venv/.ready: requirements.lock pyproject.toml | .venv/bin/python
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock
	$(PIP) --require-hashes -r .venv/uv.lock
	$(UV) --require-hashes -r requirements.lock || $(PIP) --require-hashes -r requirements.lock
	$(UV) --no-build-isolation --editable .
	@touch $@

.venv/.demo: requirements-demo.lock .venv/.ready
	$(UV) --require-hashes -r requirements-demo.lock || $(PIP) --require-hashes -r requirements-demo.lock
	@touch $@

.venv/.tests: requirements-tests.lock .venv/.demo
	$(UV) --require-hashes -r $< || $(PIP) --require-hashes -r $<
	@touch $@

# Other people's libraries, for one benchmark: in a folder that our own environment does not see.
.venv/.compared: requirements-compared.lock .venv/.ready
	@rm -rf .venv/compared
	$(UV) --target .venv/compared --require-hashes -r $< || $(PIP) --target .venv/compared --require-hashes -r $<
	@touch $@
