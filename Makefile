PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
LOCKED := deploy/requirements.txt
LOCKED_DEV := deploy/requirements-dev.txt

.DEFAULT_GOAL := help

help:  ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 12

$(STAMP): pyproject.toml $(LOCKED) $(LOCKED_DEV)
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=/path/to/it")'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --require-hashes -r $(LOCKED_DEV)
	PYTHONWARNINGS=ignore $(INSTALL) --no-deps --no-build-isolation --editable .
	$(BIN)/python -m detector.warm
	@touch $@

setup: $(STAMP)  ## make .venv with the command .venv/bin/detector

demo: $(STAMP)  ## a fleet of agents on the embedded broker, runaways caught live (SECONDS=N ends it)
	$(BIN)/detector demo $(if $(SECONDS),--seconds $(SECONDS))

test: $(STAMP)  ## all tests that this machine can run
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(STAMP)  ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

audit: $(STAMP)  ## known vulnerabilities of the locked versions
	$(BIN)/python -m tests.support.audit $(LOCKED_DEV)

lock: $(STAMP)  ## renew the locked versions within the ranges of pyproject.toml
	$(LOCK) pyproject.toml -o $(LOCKED)
	$(LOCK) pyproject.toml --extra dev -c $(LOCKED) -o $(LOCKED_DEV) \
	  $$(sed -n 's/^\([a-z0-9.-]*\)==.*/--no-emit-package \1/p' $(LOCKED))
	{ echo '-r requirements.txt'; cat $(LOCKED_DEV); } > $(LOCKED_DEV).new
	mv $(LOCKED_DEV).new $(LOCKED_DEV)

boards: $(STAMP)  ## write the Grafana boards of deploy/grafana/boards anew (URL=https://… of the detector's pages)
	$(BIN)/python -m deploy.grafana $(if $(URL),--detector-url $(URL))

bench: $(STAMP)  ## CPU an event by stage beside its floor and an idiomatic app; build/bench.json
	$(BIN)/python -m tests.bench

chaos: $(STAMP)  ## workers, broker and Alertmanager die on Apache Kafka: is anything lost or doubled? (SEED=N, STEPS=N)
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(STEPS),--steps $(STEPS))

soak: $(STAMP)  ## a week of traffic in an hour: memory and lag (HOURS=N or SECONDS=N for less); build/soak.json
	$(BIN)/python -m tests.soak --seconds $(or $(SECONDS),$(shell echo $$(( $(or $(HOURS),1) * 3600 ))))

overload: $(STAMP)  ## ten times what the stages can hold, as a backlog: memory, and how it is worked off
	$(BIN)/python -m tests.soak.overload

clean:  ## remove what was built here
	rm -rf $(VENV) build *.egg-info

.PHONY: help setup demo test lint audit lock boards bench chaos soak overload clean
