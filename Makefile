# shelflife: `make demo` runs the whole loop, `make test` every test; both set themselves up.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Node 20 works, and is said to be old at every synth.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20

PYTHON ?= python3
UV_VERSION := 0.13.8
VENV := .venv
BIN := $(VENV)/bin
CACHE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/shelflife
UV := $(BIN)/uv
READY := .build/setup/ready

.PHONY: help
help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

.PHONY: demo
demo: $(READY) ## The whole loop on real data: train, deploy, drift, retrain, better model
	@$(BIN)/shelflife demo

.PHONY: up
up: $(READY) ## The local cloud in the foreground, with every stack deployed; Ctrl-C stops it
	@$(BIN)/shelflife up

.PHONY: down
down: $(READY) ## Stop the local cloud of this folder
	@$(BIN)/shelflife down

.PHONY: test
test: $(READY) ## Every test, offline once packages are cached
	@$(BIN)/python -m infra.build.layers local aws
	@$(BIN)/python -m pytest $(TESTS)

.PHONY: load
load: $(READY) ## 10,000 requests of clients side by side while traffic is moved; some minutes
	@LOAD_REQUESTS=10000 $(BIN)/python -m pytest tests/e2e/test_load.py

.PHONY: move
move: $(READY) ## A stock MLflow server with 1,000 runs and 100,000 points is moved over, killed half way; some minutes
	@MOVING_RUNS=1000 $(BIN)/python -m pytest -s tests/e2e/test_moving.py

.PHONY: check
check: $(READY) ## The quick gate: format, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --cache-dir .build/imports
	@$(BIN)/mypy

.PHONY: bench
bench: $(READY) ## Speed, size and memory, as medians
	@$(BIN)/python -m tests.bench

.PHONY: docs
docs: $(READY) ## The documentation site, into docs/.site
	@$(BIN)/zensical build -f docs/mkdocs.yml

.PHONY: lock
lock: $(UV) ## Resolve the dependency groups of pyproject.toml into the lock files
	@bash infra/build/lock.sh $(UV)

.PHONY: setup
setup: $(READY) ## The virtual environment and the layers of this machine

.PHONY: clean
clean: ## Remove everything that was built; stop the cloud first
	@if [ -x $(BIN)/shelflife ] && [ -e .build/local/cloud.json ]; then $(BIN)/shelflife down || true; fi
	@rm -rf .build $(VENV) docs/.site infra/cdk.out infra/node_modules

# A marker names the inputs that it was made from, so that a cut-off set-up is simply done again.
$(READY): tests/requirements.txt pyproject.toml infra/build/layers.py $(wildcard layers/*/requirements.txt) infra/build/setup.sh
	@bash infra/build/setup.sh $(PYTHON) $(VENV) $(UV_VERSION) "$(CACHE)"
	@mkdir -p $(@D) && touch $@

$(UV): infra/build/setup.sh
	@bash infra/build/setup.sh $(PYTHON) $(VENV) $(UV_VERSION) "$(CACHE)" uv-only
