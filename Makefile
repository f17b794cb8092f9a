# Thin on purpose: the work is in the CLIs umeter, umeter-sim and umeter-station (build/venv/bin, --help tells all).
PYTHON ?= python3
BIN := build/venv/bin
HEADLESS ?=
PORT ?= auto
# A file stays with one of the two: its tests may share what they have set up, and their order.
BOTH := -n 2 --dist loadfile
QUICK := $(BOTH) -m "not slow"
# Tests of the firmware have no use for it, and it takes seconds to load.
PLAIN := -p no:schemathesis

# Programs are started by the hundred in the tests: what is compiled is kept, whatever others want.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow bench lint clean flash deploy monitor

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 11

setup:  ## fetch and pin everything the other targets need (they do it by themselves)
	@$(PYTHON) tools/bootstrap.py

demo: setup  ## the pages, with 60 days of history and live boards; HEADLESS=1 tells a story and checks it
	@$(BIN)/umeter-sim $(if $(HEADLESS),story,demo)

test: setup  ## the tests, but for the longest; PYTEST_ARGS="-k sale host_tests/unit" picks some
ifdef PYTEST_ARGS
	@$(BIN)/python -m pytest $(PYTEST_ARGS)
else
	@$(BIN)/python -m pytest $(QUICK) $(PLAIN) host_tests/unit
	@$(BIN)/python -m pytest $(QUICK) host_tests/station host_tests/faults host_tests/micropython host_tests/e2e
	@$(BIN)/python -m pytest -m "not slow" host_tests/browser
endif

test-slow: setup  ## those: updates on trial, a second interpreter, all scenarios cut, every page in a browser
	@$(BIN)/python -m pytest $(BOTH) -m slow host_tests --ignore host_tests/browser
	@$(BIN)/python -m pytest -m slow host_tests/browser

bench: setup  ## the measured figures: a table, and build/bench.json
	@$(BIN)/umeter-sim bench

flash: setup  ## MicroPython onto a board: IMAGE=file.bin [PORT=/dev/ttyUSB0]
	@$(BIN)/umeter flash --port $(PORT) --image $(or $(IMAGE),$(error IMAGE=the .bin of MicroPython for this chip))

deploy: setup  ## the meter onto a board: METER=build/m1, the folder that provision has made [PORT=]
	@$(BIN)/umeter deploy --port $(PORT) $(or $(METER),$(error METER=the folder that umeter provision has made)) $(METER)

monitor: setup  ## what a running board says, and its channels [PORT=]
	@$(BIN)/umeter monitor --port $(PORT)

lint: setup  ## ruff
	@$(BIN)/ruff check .

clean:  ## remove everything that set-up and runs have made
	rm -rf build node_modules tools/umeter_station/web/static/vendor
