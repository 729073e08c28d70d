# The two commands to know: `make serve` and `make test`. `make help` lists the rest.
.DEFAULT_GOAL := help
.SUFFIXES:
MAKEFLAGS += --no-print-directory
# Tests start dozens of servers; each would compile the whole project again.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
# Installed first and by itself, so that a CPU build that is already there is kept.
TORCH := torch==2.13.0
TEMPLATES := backend/lorahub_server/doors/web/templates
# Test processes. Each starts servers of its own, so more than the cores is slower.
WORKERS ?= 2
# Passed on: make serve ARGS="--port 9000", make test ARGS="-k pull"
ARGS ?=

##@ Use
.PHONY: serve
serve: $(VENV)/.server ## Install and run the hub on http://127.0.0.1:8000 (LORAHUB_DATA, LORAHUB_HOST, LORAHUB_PORT)
	@$(BIN)/lorahub-server serve $(ARGS)

.PHONY: demo
demo: $(VENV)/.worker ## Run a hub full of rendered adapters, from ./demo-data (see demo/README.md)
	@$(BIN)/python demo/demo.py $(ARGS)

##@ Develop
.PHONY: test
test: $(VENV)/.dev ## Install what the tests need and run them
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not slow and not bench" $(ARGS)

.PHONY: test-slow
test-slow: $(VENV)/.dev ## Run the tests that take minutes
	@$(BIN)/pytest -m slow $(ARGS)

.PHONY: bench
bench: $(VENV)/.dev ## Measure (tests/bench); needs a quiet machine
	@$(BIN)/pytest tests/bench -m bench -s $(ARGS)

.PHONY: lint
lint: $(VENV)/.dev ## Run every linter and the type checker
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint $(TEMPLATES) --lint --quiet
	$(BIN)/djlint $(TEMPLATES) --check --quiet

.PHONY: format
format: $(VENV)/.dev ## Format the code and the templates
	$(BIN)/ruff check --fix-only --exit-zero
	$(BIN)/ruff format
	$(BIN)/djlint $(TEMPLATES) --reformat --quiet || true

.PHONY: migration
migration: $(VENV)/.dev ## Write a migration from the tables: make migration m="add stars"
	@test -n "$(m)" || { echo 'Say what it does: make migration m="add stars"' >&2; exit 2; }
	$(BIN)/alembic upgrade head
	$(BIN)/alembic revision --autogenerate -m "$(m)"

.PHONY: hooks
hooks: $(VENV)/.dev ## Check every commit of this clone with pre-commit
	$(BIN)/pre-commit install

.PHONY: wheel
wheel: $(VENV)/.dev ## Build the wheel into dist/
	$(BIN)/python -m build --wheel --outdir dist

.PHONY: clean
clean: ## Remove the environment, caches and builds (never the hub's data)
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## Show this
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The environment. Each stamp says that the extras it names are as pyproject.toml wants them.
$(VENV)/.server: pyproject.toml | $(BIN)/pip
	@echo "Installing the server into $(VENV) ..."
	@$(PIP) install --quiet --editable '.[server]'
	@touch $@

$(VENV)/.worker: pyproject.toml | $(BIN)/pip
	@echo "Installing the server and what renders (PyTorch) into $(VENV) ..."
	@$(PIP) install --quiet '$(TORCH)'
	@$(PIP) install --quiet --editable '.[worker]'
	@touch $@ $(VENV)/.server

$(VENV)/.dev: pyproject.toml | $(BIN)/pip
	@echo "Installing what tests and linters need into $(VENV) ..."
	@$(PIP) install --quiet '$(TORCH)'
	@$(PIP) install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.server $(VENV)/.worker

$(BIN)/pip:
	@PYTHON="$(PYTHON)" sh tools/make-venv.sh $(VENV)
