# `make run` searches, `make test` and `make lint` check, `make docs` builds the site. They need make, and
# Python 3.11 or newer with venv, and install everything else into .venv: once, and again when the requirements change.
#
#   make run STUDY=my_study.yaml    run another study
#   make test ARGS="-k pareto"      pass arguments to pytest, or to `gansearch run`
#   make test ARGS="-m campaign"    run the tests that take minutes each
#   PYTHON=python3.12 make test     use another Python

PYTHON ?= python3
STUDY = studies/shrink_generator.yaml
ARGS =

BIN = .venv/bin
INSTALL = $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt

PLUGINS = $(wildcard plugins/*/pyproject.toml)
# Scripts import their neighbours, and several folders have a measure.py: mypy sees one folder at a time.
BENCHMARKS = $(sort $(dir $(wildcard benchmarks/*/*.py)))

.PHONY: run test lint docs
.DELETE_ON_ERROR:

run: .venv/installed
	$(BIN)/gansearch run $(STUDY) $(ARGS)

# Tests wait for the processes that they start, so one more tests than there are cores.
PROCESSES = $(shell $(PYTHON) -c 'import os; print(min(4, 1 + len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2))')

test: .venv/installed-dev
	$(BIN)/python -m pytest --numprocesses=$(PROCESSES) --dist=worksteal $(ARGS)

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@for folder in $(BENCHMARKS); do (cd $$folder && MYPYPATH=../..:../detectors:../train_step \
	  ../../$(BIN)/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache --no-error-summary *.py) || exit; done
	$(BIN)/lint-imports

docs: .venv/installed-dev
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs docs/_build

.venv/installed: pyproject.toml constraints.txt plugins/gansearch-imagenet/pyproject.toml | $(BIN)/pip
	@echo "installing gansearch and what compares colour pictures into .venv; the first time takes a minute or two"
	@$(INSTALL) --editable ".[export,ray,report]" --editable ./plugins/gansearch-imagenet
	@touch $@

.venv/installed-dev: pyproject.toml constraints.txt $(PLUGINS) | $(BIN)/pip
	@echo "installing gansearch, its plugins and what tests them into .venv; the first time takes a minute or two"
	@$(INSTALL) --editable ".[dev]" $(PLUGINS:%/pyproject.toml=--editable ./%)
	@# axe-core, which tests pages; without the browsers' driver that carries it, since selenium is there.
	@$(INSTALL) --no-deps axe-playwright-python
	@touch .venv/installed $@

# pip, because it comes last: a venv that was left half made has a Python and no pip.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "gansearch needs Python 3.11 or newer; $(PYTHON) is: $$($(PYTHON) --version 2>&1)"; \
	  echo "Name a newer one, as in: PYTHON=python3.12 make $(MAKECMDGOALS)"; \
	  exit 1; } >&2
	@$(PYTHON) -m venv .venv

# A Python that was asked for is not quietly replaced by the one that .venv was made with.
ifneq ($(origin PYTHON),file)
ifneq ($(wildcard $(BIN)/pip),)
WANTED := $(shell $(PYTHON) --version 2>&1)
FOUND := $(shell $(BIN)/python --version 2>&1)
ifneq ($(WANTED),$(FOUND))
$(error PYTHON=$(PYTHON) is $(WANTED), but .venv was made with $(FOUND); remove .venv first)
endif
endif
endif
