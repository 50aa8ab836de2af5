# Verbs of the house. `make help` lists them; everything installs what it needs first, and only what is missing.

PYTHON ?= python3
export PYTHON
SHELL := /bin/bash
# Without byte code each of the hundreds of processes that demo and tests start compiles five thousand modules anew.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# Twice the cores of a small machine: tests wait for processes half of the time.
WORKERS ?= 4
# What takes longest begins first, by the durations of earlier runs; tests that share something stay together.
SPREAD := -n $(WORKERS) -p tests.balance --dist loadgroup --no-loadscope-reorder
KILLS ?= 200
SEED ?= 1
define section
@printf '\n=== %s ===\n' '$(1)'
endef

.DEFAULT_GOAL := help
.PHONY: help demo test thorough lint types bench screening chaos first-contact tamper dashboard wheel \
        runtime dev browser sources lock format contracts dashboard-check wheel-test pytest skips openapi docs

help: ## Show this help
	@printf 'Changeline. First: make demo, then make test.\n\n'
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

demo: runtime dashboard ## Carry a sample change request to a merged branch and open the control room; no key needed
	@$(BIN)/python -m cli.demo

test: ## Run everything that CI runs
	@scripts/test.sh

thorough: dev dashboard browser sources ## Run the long proofs: products of combinations, real packages, many kills
	$(call section,Long tests)
	@$(PYTEST) $(SPREAD) -q -rsfE -m thorough --durations 10 tests
	$(call section,Kills)
	@$(BIN)/python -m chaos --kills $(KILLS) --seed $(SEED)

lint: dev ## Check style and formatting
	$(call section,Lint)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: dev ## Check types strictly
	$(call section,Types)
	@$(BIN)/mypy

bench: dev dashboard browser ## Measure overheads, each beside its floor
	@$(BIN)/python -m bench

screening: dev ## Print what the screening makes of its corpus of honest tickets and attacks (JSON=1)
	@$(BIN)/python -m scripts.screening $(if $(JSON),--json)

chaos: runtime dashboard ## Kill and freeze the real processes (KILLS=200 SEED=1) and compare what comes out
	@$(BIN)/python -m chaos --kills $(KILLS) --seed $(SEED) $(if $(RESUME),--resume $(RESUME))

first-contact: runtime dashboard ## Carry repositories of many shapes through the whole line (CASES="plain go-plain")
	@.cache/tools/bin/python -m first_contact.packages
	@$(BIN)/python -m first_contact $(CASES)

tamper: runtime dashboard ## Carry tampered and honest changes through the whole line (NAMES="make shadow-flat" SAMPLE=20 SEED=1 ALONE=1)
	@$(BIN)/python -m tamper $(NAMES) $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED)) $(if $(ALONE),--witnesses-alone)

dashboard: ## Build the dashboard into controller/_dashboard
	@scripts/dashboard.sh build

wheel: dashboard ## Build the wheel into .cache/dist
	@scripts/wheel.sh

format: dev ## Format and fix what can be fixed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: ## Compile the lock files anew (UPGRADE=1 takes newer releases)
	@scripts/lock.sh $(if $(UPGRADE),--upgrade)

docs: dev ## Write the generated pages and the dashboard's types anew
	@$(BIN)/python -m scripts.settings_reference
	@$(BIN)/python -m scripts.cli_reference
	@$(BIN)/python -m scripts.dependencies
	@$(BIN)/python -m scripts.state_machine
	@$(BIN)/python -m scripts.stage_pages
	@$(BIN)/python -m scripts.pause_reasons
	@$(BIN)/python -m scripts.event_types
	@$(BIN)/python -m scripts.repository_schema
	@$(BIN)/python -m scripts.evidence_schema
	@$(MAKE) --no-print-directory openapi

# --- what the verbs stand on ---

runtime:
	@scripts/environment.sh runtime

dev:
	@scripts/environment.sh dev

browser:
	@scripts/system.sh browser

sources: dev
	@scripts/sources.sh

openapi: dev
	@$(BIN)/python -m scripts.openapi
	@scripts/dashboard.sh types

contracts: dev
	$(call section,Import contracts)
	@$(BIN)/lint-imports

dashboard-check:
	$(call section,Dashboard)
	@scripts/dashboard.sh check
	@scripts/dashboard.sh build

pytest: dev dashboard browser sources
	$(call section,Tests)
	@$(PYTEST) $(SPREAD) -q -rsfE -m 'not thorough' --durations 10 --ignore tests/wheel tests

wheel-test: dev dashboard
	$(call section,Installed wheel)
	@scripts/wheel.sh test

skips:
	$(call section,Skipped on this machine)
	@if [ -s .cache/skipped ]; then sort -u .cache/skipped | sed 's/^/  /'; else echo '  nothing'; fi
