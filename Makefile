# Thin on purpose: the work is in the CLIs umeter, umeter-sim and umeter-station (build/venv/bin, --help tells all).
PYTHON ?= python3
BIN := build/venv/bin
HEADLESS ?=
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test bench lint clean

help:  ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup:  ## fetch and pin everything the other targets need (they do it by themselves)
	@$(PYTHON) tools/bootstrap.py

demo: setup  ## broker, station and a simulated 8-user board; HEADLESS=1 runs the story and checks it
	@$(BIN)/umeter-sim $(if $(HEADLESS),story,demo)

test: setup  ## all tests
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

bench: setup  ## the measured figures: a table, and build/bench.json
	@$(BIN)/umeter-sim bench

lint: setup  ## ruff
	@$(BIN)/ruff check .

clean:  ## remove everything that set-up and runs have made
	rm -rf build node_modules
