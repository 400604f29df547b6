# The two commands a user needs: `make serve` and `make test`. Everything lives in .venv; stamp files make a second
# run instant. PYTHON= chooses another interpreter (3.11 or later).

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 5432
DATA_DIR ?= ./data

# Of `make bench`: a folder with vectors.npy and queries.npy, rows of made-up data, and QUICK=1 for a short run.
DATA ?=
ROWS ?=
QUICK ?=

VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m
SOURCES := server engine quantization simd tests bench

# The Python.h of the interpreter in .venv, which only the benchmark's hnswlib (compiled from source) needs.
PYTHON_H = $(shell $(BIN)/python -c 'import sysconfig; print(sysconfig.get_paths()["include"])')/Python.h

.PHONY: serve test test-fast check format bench congruence-record clean

serve: $(VENV)/.serve
	$(BIN)/ruvector-server serve --host $(HOST) --port $(PORT) --data-dir $(DATA_DIR)

test: $(VENV)/.test
	$(RUN) pytest -n 2

test-fast: $(VENV)/.test
	$(RUN) pytest -n 2 -m "not slow"

check: $(VENV)/.test $(VENV)/.bench
	$(RUN) ruff check $(SOURCES)
	$(RUN) ruff format --check $(SOURCES)
	$(RUN) mypy
	$(BIN)/lint-imports

format: $(VENV)/.test
	$(RUN) ruff check --fix $(SOURCES)
	$(RUN) ruff format $(SOURCES)

bench: $(VENV)/.bench
	$(RUN) bench $(if $(DATA),--data $(DATA)) $(if $(ROWS),--rows $(ROWS)) $(if $(QUICK),--quick)

# Write the expected answers of tests/congruence/*.test anew, from the real PostgreSQL.
congruence-record: $(VENV)/.test
	$(RUN) tests.congruence.record

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Dependency groups need pip 25.1, so pip comes first.
$(VENV)/.venv:
	$(PYTHON) -m venv $(VENV)
	$(RUN) pip install --quiet --upgrade "pip>=25.1"
	@touch $@

$(VENV)/.serve: $(VENV)/.venv pyproject.toml
	$(RUN) pip install --quiet --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.serve pyproject.toml
	$(RUN) pip install --quiet --group test
	@touch $@

$(VENV)/.bench: $(VENV)/.serve pyproject.toml
	$(RUN) pip install --quiet --group bench
	@if [ -f "$(PYTHON_H)" ] && $(RUN) pip install --quiet "hnswlib>=0.8"; then :; \
	else echo "Without hnswlib, which needs Python.h (package libpython3-dev): its ceiling is not measured."; fi
	@touch $@
