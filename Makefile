# Each command sets up all that it needs: a virtual environment in .venv, with the locked packages.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready

.PHONY: run test lint types bench long lock clean

run: $(READY)  ## the main job, on real input
	$(BIN)/kernel apply examples/earthquakes

test: $(READY)  ## all tests; some only wait, so there are more processes than cores
	$(BIN)/python -m pytest -n 4

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)  ## the packages, and a program that uses them as its author does
	$(BIN)/mypy
	$(BIN)/mypy examples/embedded

bench: $(READY)  ## measure the hot paths; prints ratios
	$(BIN)/python -m benchmarks

long: $(READY)  ## the tests that take their time
	$(BIN)/python -m pytest -m long -n 2 --dist worksteal -o faulthandler_timeout=1800 \
		--ignore tests/test_benchmarks.py
	$(BIN)/python -m pytest -m long -o faulthandler_timeout=1800 tests/test_benchmarks.py

lock:  ## resolve the packages anew
	uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
		--generate-hashes --no-header --no-emit-index-url --quiet --upgrade -o requirements.lock

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

clean:
	rm -rf .venv
