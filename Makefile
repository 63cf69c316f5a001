# `make` alone lists what can be made.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
EMULATOR := .local/ministack
PARQUET_BENCH := .local/bench-parquet-env
WRANGLER_BENCH := .local/bench-wrangler-env
CHECKS := .local/checks
RUN := $(VENV)/bin/python
CODE := shared/src services/ingestion/src services/location/src services/purge/src \
        services/adjudication/src infra tests
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-versions zips check lint-data-map prove bench bench-mutex bench-parquet spark-files deploy destroy format clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready $(EMULATOR)/.ready ## install everything into .venv and .local (the others call it)

$(VENV)/.ready: tests/requirements.txt shared/pyproject.toml $(wildcard services/*/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(RUN) $(PIP_INSTALL) --require-hashes -r tests/requirements.txt
	$(RUN) $(PIP_INSTALL) --no-deps --no-build-isolation -e shared $(addprefix -e ,$(wildcard services/*/))
	@touch $@

$(EMULATOR)/.ready: infra/local/requirements.txt
	$(PYTHON) -m venv $(EMULATOR)
	$(EMULATOR)/bin/python $(PIP_INSTALL) --require-hashes -r infra/local/requirements.txt
	@touch $@

$(CHECKS)/.ready: infra/checks/requirements.txt
	$(PYTHON) -m venv $(CHECKS)
	$(CHECKS)/bin/python $(PIP_INSTALL) --require-hashes -r infra/checks/requirements.txt
	@touch $@

demo: setup ## erase people from a lake, DynamoDB and PostgreSQL on this machine, and prove it
	@$(RUN) -m infra.demo

up: setup ## start the local cloud and keep it running (KEEP=dir keeps its state)
	@$(RUN) -m infra.local up $(if $(KEEP),--keep $(KEEP))

# Optional: a second DynamoDB for the mutex's tests, which say so and skip without it.
.local/node_modules/.ready:
	@mkdir -p $(@D)
	@if command -v npm >/dev/null; then \
	    npm install --silent --no-audit --no-fund --prefix .local dynalite@4.0.0 && touch $@; \
	else echo "npm is missing: tests on dynalite are skipped"; fi || true

test: setup .local/node_modules/.ready ## run every test
	$(RUN) -m pytest -n 2 --dist loadfile $(TESTS)

test-versions: setup ## the unit tests under every other Python of 3.11 to 3.13 that this machine has
	@$(RUN) -m infra.versions

zips: setup ## build each service's zip for Lambda, both architectures, and print the sizes
	@infra/build --target aws-arm64
	@infra/build --target aws-x86_64

check: setup ## linters, types, import rules, templates and permissions
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy $(CODE)
	$(VENV)/bin/lint-imports --no-cache
	$(RUN) -m pytest -q tests/architecture
	@$(MAKE) --no-print-directory $(CHECKS)/.ready
	$(CHECKS)/bin/python -m infra.checks

prove: setup ## search for a broken rule of the mutex, at length: MINUTES=30
	$(RUN) -m tests.property.mutex.prove --minutes $(or $(MINUTES),30)

bench: bench-mutex bench-parquet ## all benchmarks; each writes its section of tests/benchmarks/README.md

bench-mutex: setup .local/node_modules/.ready ## the mutex beside others from PyPI
	$(RUN) -m tests.benchmarks.mutex

$(PARQUET_BENCH)/.ready: tests/benchmarks/parquet/requirements.txt
	$(PYTHON) -m venv $(PARQUET_BENCH)
	$(PARQUET_BENCH)/bin/python $(PIP_INSTALL) --require-hashes -r tests/benchmarks/parquet/requirements.txt
	@touch $@

spark-files: $(PARQUET_BENCH)/.ready ## write the Spark files that the tests read anew (needs Java)
	$(PARQUET_BENCH)/bin/python -m tests.contract.parquet.spark write tests/contract/parquet/spark

$(WRANGLER_BENCH)/.ready: tests/benchmarks/parquet/wrangler/requirements.txt
	$(PYTHON) -m venv $(WRANGLER_BENCH)
	$(WRANGLER_BENCH)/bin/python $(PIP_INSTALL) --require-hashes -r tests/benchmarks/parquet/wrangler/requirements.txt
	@touch $@

bench-parquet: $(PARQUET_BENCH)/.ready $(WRANGLER_BENCH)/.ready $(EMULATOR)/.ready ## erasing inside pages beside what people do today (Spark needs Java): [BENCH='--quick ...']
	PYTHONPATH=shared/src:services/purge/src $(PARQUET_BENCH)/bin/python -m tests.benchmarks.parquet $(BENCH)

deploy: setup ## deploy a stage to AWS: STAGE=dev [SERVICE=purge] [YES=1] [PARAMETERS='purge.MemoryMegabytes=4096 ...'] [MAP=file]
	@$(RUN) -m infra.deploy $(STAGE) $(SERVICE) $(if $(YES),--yes) $(if $(MAP),--data-map $(MAP)) $(foreach each,$(PARAMETERS),--set '$(each)')

destroy: setup ## remove a stage, or one service of it: STAGE=dev [SERVICE=purge] [YES=1] [DATA=delete REALLY=dev]
	@$(RUN) -m infra.destroy $(STAGE) $(SERVICE) $(if $(YES),--yes) $(if $(DATA),--data) $(if $(REALLY),--really $(REALLY))

format: setup ## write the code as the formatter wants it
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

lint-data-map: setup ## compare the data map of STAGE (or of a file, MAP=) with the stores as they are
	@$(RUN) -m infra.data_map_lint $(if $(STAGE),--stage $(STAGE)) $(if $(MAP),--file $(MAP))

clean: ## remove what setup and the local cloud made
	rm -rf $(VENV) .local build .mypy_cache .ruff_cache .hypothesis
