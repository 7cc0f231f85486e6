# A bare Python 3.11 or newer with pip is enough: the environments are made here, as constraints.txt
# pins them, and brought up to date whenever pyproject.toml or constraints.txt changes.

PYTHON ?= python3
VENV ?= .venv
REFERENCE ?= .venv-reference
WORKERS ?= 2
ARGS ?=

IN := $(VENV)/bin/python
IN_REFERENCE := $(REFERENCE)/bin/python
PIP := -m pip --disable-pip-version-check install --constraint constraints.txt
PINS := pyproject.toml constraints.txt
FOR_DEMO := all,demo
FOR_DEV := all,dev,demo
FOR_REFERENCE := all,dev,demo,bench,reference
# The oldest runtime that the files are for; it lives in a folder of its own.
OLDEST := onnxruntime==1.20.0

# $(call install,PYTHON,EXTRAS): archc itself, editable. The build backend is installed first and
# used from there, because pip does not apply constraints to an isolated build.
define install
	$(1) $(PIP) hatchling editables
	$(1) $(PIP) --no-build-isolation --editable ".[$(2)]"
endef

PYTEST := -m pytest -n $(WORKERS) --dist worksteal

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test test-all test-reference lint types format bench clean distclean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.for-demo ## build two networks, verify them, and run them on a photograph and on digits
	$(IN) bench/demo.py $(ARGS)

test: lint types ## lint, types and every test that takes seconds
	$(IN) $(PYTEST) -m "not slow and not reference" $(ARGS)

test-all: lint types pytest-all test-reference-all ## also the slow tests and the reference comparisons

test-reference: $(REFERENCE)/.for-reference ## comparisons with torchvision, timm and transformers
	$(IN_REFERENCE) $(PYTEST) -m "reference and not slow" $(ARGS)

.PHONY: pytest-all test-reference-all
pytest-all: $(VENV)/.for-dev
	$(IN) $(PYTEST) -m "not reference" $(ARGS)
test-reference-all: $(REFERENCE)/.for-reference
	$(IN_REFERENCE) $(PYTEST) -m reference $(ARGS)

lint: $(VENV)/.for-dev ## ruff: rules and format
	$(IN) -m ruff check
	$(IN) -m ruff format --check

types: $(VENV)/.for-dev ## mypy --strict over the core and the backends
	$(IN) -m mypy

format: $(VENV)/.for-dev ## put every file into its canonical form
	$(IN) -m ruff check --fix
	$(IN) -m ruff format

bench: $(REFERENCE)/.for-reference ## every benchmark; ratios from one run
	$(IN_REFERENCE) bench/run.py $(ARGS)

clean: ## remove what tools and builds left, but no environment
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find archc backends bench tests -name __pycache__ -prune -exec rm -rf {} +

distclean: clean ## remove the environments too
	rm -rf $(VENV) $(REFERENCE)

# ---- environments; each keeps itself out of version control

$(VENV)/bin/python $(REFERENCE)/bin/python:
	$(PYTHON) -m venv $(@:/bin/python=)
	echo '*' > $(@:/bin/python=)/.gitignore

$(VENV)/.for-demo: $(PINS) | $(IN)
	$(call install,$(IN),$(FOR_DEMO))
	touch $@

$(VENV)/.for-dev: $(PINS) | $(IN)
	$(call install,$(IN),$(FOR_DEV))
	touch $@

# torchvision and timm come without their dependencies: torch is there, and stays as it is pinned.
$(REFERENCE)/.for-reference: $(PINS) | $(IN_REFERENCE)
	$(call install,$(IN_REFERENCE),$(FOR_REFERENCE))
	$(IN_REFERENCE) $(PIP) --no-deps torchvision timm
	$(IN_REFERENCE) -m pip install --quiet --no-deps --upgrade --target $(REFERENCE)/oldest $(OLDEST)
	touch $@
