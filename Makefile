# Everything a person or a machine does with this project. Nothing but Python 3.11 or newer and make is needed first.

# Another Python: make PYTHON=python3.12 run
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# First port of `make run`; the others follow it. How many web, live, worker and sweeper processes it starts.
PORT ?= 8000
INSTANCES ?= 1
# Of a chaos run: suite, default or deep, and what is to differ from that.
PROFILE ?= default
SEED ?=
DEPOSITS ?=
MINUTES ?=
# JOIN=1: one seed, joined to those that were run before into one receipt.
JOIN ?=
# What `make check` does, side by side.
CHECKS ?= types arrows style migrations
# More for pytest: make test ARGS='-k ledger -x'. More for the benchmark: make bench ARGS=…
ARGS ?=

# Compiled once and kept, whatever the machine's own setting is: every start is seconds faster. Not in the tree.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/.pycache

INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev
INSTALL := $(PYTHON) paysite/local_stack/install.py $(VENV)

# A failed recipe leaves no stamp behind.
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help run test chaos mutants check style types migrations arrows bench screenshots lighthouse chromium openapi-mock \
	format lock clean distclean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(INSTALLED) ## Start all of Paysite on this machine (PORT=8000, INSTANCES=1); Ctrl-C stops it
	@$(BIN)/python -m paysite.local_stack --port $(PORT) --instances $(INSTANCES)

test: $(INSTALLED_DEV) chromium openapi-mock ## Run every test (ARGS='-k word' for some of them)
	@$(BIN)/python -m $(if $(ARGS),pytest $(ARGS),tests)

chaos: $(INSTALLED_DEV) ## Kill everything while money moves, and write reports/chaos.md (SEED=, DEPOSITS=, MINUTES=)
	@$(BIN)/python -m tests.chaos --profile $(PROFILE) $(if $(SEED),--seed $(SEED)) \
		$(if $(DEPOSITS),--deposits $(DEPOSITS)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(JOIN),--join) $(ARGS)

check: $(INSTALLED_DEV) ## Check style, types, migrations and who imports whom
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target $(CHECKS)

types: $(INSTALLED_DEV)
	@$(BIN)/mypy

arrows: $(INSTALLED_DEV)
	@$(BIN)/python -m pytest -q -p no:cacheprovider tests/architecture

style: $(INSTALLED_DEV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

migrations: $(INSTALLED_DEV)
	@$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

mutants: $(INSTALLED_DEV) ## Remove the safeties one by one, and see that the tests notice (ARGS='same reference')
	@$(BIN)/python -m tests.mutants $(if $(ARGS),'$(ARGS)')

bench: $(INSTALLED_DEV) ## Measure deposits per second on this machine
	@$(BIN)/python -m tests.bench $(ARGS)

screenshots: $(INSTALLED_DEV) chromium ## Take pictures of every screen, light and dark, into docs/screens
	@$(BIN)/python -m tests.look.screenshots

lighthouse: $(INSTALLED_DEV) chromium ## Ask Lighthouse about five screens, five times each (needs npm; run it alone)
	@$(BIN)/python -m tests.look.lighthouse

format: $(INSTALLED_DEV) ## Put the code into the form that check asks for
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

# Browser tests look for it themselves and say what is missing; here it is only installed, where that is allowed.
chromium: $(INSTALLED_DEV)
	@$(BIN)/python -m paysite.local_stack.chromium

# Likewise; only where the protocols' descriptions lie beside the project.
openapi-mock: $(INSTALLED_DEV)
	@$(BIN)/python -m tests.openapi_mock.install

clean: ## Stop what runs, and forget all data
	@$(PYTHON) paysite/local_stack/clean.py .data
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis

distclean: clean ## Forget the installed packages as well
	@rm -rf $(VENV)

# For developers: pin the newest versions that requirements*.in allow. Needs uv on the path.
UV_COMPILE := uv --no-config pip compile --quiet --upgrade --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'
lock: ## Pin newer versions of everything (needs uv)
	@$(UV_COMPILE) requirements.in -o requirements.txt
	@$(UV_COMPILE) requirements-dev.in -o requirements-dev.txt

$(INSTALLED): requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is missing; Python 3.11 or newer is needed"; exit 1; }
	@$(INSTALL) requirements.txt
	@touch $@

$(INSTALLED_DEV): $(INSTALLED) requirements-dev.txt
	@$(INSTALL) requirements-dev.txt
	@touch $@
