# Each verb is one call of uv. Without uv on the PATH, the first one puts it into .uv/, away from the system's Python.
PORT ?= 8000
ROUNDS ?= 5
SEED ?= 1
COUNT ?= 200
DEST ?= build/service
UV ?= $(or $(shell command -v uv),.uv/bin/uv)
PYTHON ?= python3

.DEFAULT_GOAL := help
.PHONY: help setup demo run discover discover-truth test test-fast check fix drill nouns product bench copy-speed options picture release

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(UV) ## install what the other commands need
	$(UV) sync --quiet

demo: $(UV) ## render the default service into build/demo and run it (PORT=8000)
	$(UV) run --quiet python hooks/demo.py --port $(PORT)

run: $(UV) ## answer the questions and render a service (DEST=../my-service)
	$(UV) run --quiet copier copy --vcs-ref HEAD $(CURDIR) $(DEST)

discover: $(UV) ## read an existing backend, and answer the questions from it (path=../old-service)
	$(UV) run --quiet discover $(path) --template $(CURDIR)

discover-truth: $(UV) ## compare discover with a ground truth (repos=FOLDER truth=FILE)
	$(UV) run --quiet python hooks/discover_truth.py $(repos) $(truth)

test: $(UV) ## run all tests, generated services included (about 35 minutes)
	$(UV) run --quiet pytest -n 2 --dist loadgroup

test-fast: $(UV) ## run the tests that build no service (about 6 minutes)
	$(UV) run --quiet pytest -n 2 -m "not slow"

check: $(UV) ## format, lint, types and the fast tests
	$(UV) run --quiet python hooks/check.py

fix: $(UV) ## format, and mend what a machine can mend
	$(UV) run --quiet python hooks/check.py --fix

drill: $(UV) ## check services with every set of parts (hours; PARTS="admin email" for one set)
	$(UV) run --quiet python hooks/drill.py $(PARTS)

nouns: $(UV) ## make random nouns in a service and check them (hours; SEED=1 COUNT=200)
	$(UV) run --quiet python hooks/nouns.py --seed $(SEED) --count $(COUNT)

product: $(UV) ## build the product of tests/product, check and measure it (about 15 minutes)
	$(UV) run --quiet python hooks/product.py

bench: $(UV) ## measure the default service against the floor (ROUNDS=5)
	$(UV) run --quiet python hooks/bench.py --rounds $(ROUNDS)

copy-speed: $(UV) ## measure a copy against one without questions and Jinja (ROUNDS=5)
	$(UV) run --quiet python hooks/copy_speed.py --rounds $(ROUNDS)

options: $(UV) ## write docs/options.md and its schema anew from the questions
	$(UV) run --quiet python hooks/options.py

picture: $(UV) ## make docs/first-light.svg anew from a running service
	$(UV) run --quiet python hooks/picture.py

release: $(UV) ## move the day that dependencies are tested on (DAY=2026-11-20)
	$(UV) run --quiet python hooks/release.py $(DAY)

.uv/bin/uv:
	$(PYTHON) -m venv .uv && .uv/bin/python -m pip install --quiet --disable-pip-version-check uv
