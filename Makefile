# `make` alone prints this help: the text behind ## of each target.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UI := src/entrypoints/api/ui
PYTEST := $(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder
# WITH=shop.yml adds a Compose file of yours
COMPOSE := docker compose -f docker-compose.yml -f docker-compose.override.yml $(WITH:%=-f %)
ADMIN_KEY := deploy/secrets/admin_key
PROD := docker compose -f docker-compose.yml -f docker-compose.prod.yml $(WITH:%=-f %)

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/run-ready ## Start everything on this machine; needs neither Docker nor Redis
	@$(BIN)/task-manager local

.PHONY: test
test: $(VENV)/dev-ready ## Run the unit, contract and integration tests
	@$(PYTEST) -m "not slow"

.PHONY: test-slow
test-slow: $(VENV)/dev-ready ## Run the tests that load the machine, damage processes or drive a browser (WITHOUT=long)
	@$(PYTEST) -m "slow$(if $(WITHOUT), and not $(WITHOUT))" $$(grep -rl 'mark\.slow' tests clients/python/tests --include='test_*.py')

.PHONY: steady
steady: $(VENV)/dev-ready ## Repeat the tests with all cores busy and compare the runs (RUNS=10)
	@$(BIN)/python -m tests.steady --runs $(or $(RUNS),10)

.PHONY: unit
unit: $(VENV)/dev-ready ## Run the tests that need nothing but Python
	@$(BIN)/python -m pytest tests/unit

.PHONY: lint
lint: $(VENV)/dev-ready ## Check format, lint, types and import rules, also of the dashboard
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@cd clients/python && ../../$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/oxlint --deny-warnings $(UI)
	@$(BIN)/deno fmt --quiet --check $(UI)/*.js
	@$(BIN)/deno check --quiet $(UI)/*.js

.PHONY: format
format: $(VENV)/dev-ready ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/deno fmt --quiet $(UI)/*.js

.PHONY: check
check: lint test test-slow ## Run what CI runs: lint, then test

.PHONY: bench
bench: $(VENV)/dev-ready ## Measure against a plain service and peers, about 15 minutes (ONLY=submit,worker)
	@$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY))

.PHONY: scaling
scaling: $(VENV)/dev-ready ## Measure how cost grows with tasks, clients, children and more (ONLY=stored)
	@$(BIN)/python -m benchmarks.scaling $(if $(ONLY),--only $(ONLY))

.PHONY: openapi
openapi: $(VENV)/dev-ready ## Write docs/openapi.json and docs/problems.md from the code
	@$(BIN)/task-manager openapi > docs/openapi.json
	@$(BIN)/task-manager problems > docs/problems.md

.PHONY: screenshots
screenshots: $(VENV)/dev-ready ## Make the screenshots of docs/images from a running service
	@$(BIN)/python -m tests.screenshots

.PHONY: fuzz
fuzz: $(VENV)/dev-ready ## Let schemathesis look for responses that break the specification (EXAMPLES=1000)
	@EXAMPLES=$(or $(EXAMPLES),1000) $(BIN)/python -m pytest tests/integration/test_fuzz.py --timeout 3600

.PHONY: chaos
chaos: $(VENV)/dev-ready ## Run the fault table on real processes, about 40 minutes (ROWS=F-02,F-10 for some)
	@$(BIN)/python -m tests.chaos $(if $(ROWS),--rows $(ROWS))

.PHONY: soak
soak: $(VENV)/dev-ready ## Make random faults under random clients; fail on what no fault explains (MINUTES=10 SEED=1)
	@$(BIN)/python -m tests.chaos soak --minutes $(or $(MINUTES),10) --seed $(or $(SEED),1)

.PHONY: up
up: ## Start the development stack in Docker: the code is mounted and reloaded on a change
	@$(COMPOSE) build
	@$(COMPOSE) --progress quiet run --rm --no-deps -T --entrypoint task-manager api handlers > /dev/null
	@$(COMPOSE) up --detach --wait || { $(COMPOSE) logs --tail 5; exit 1; }
	@echo "Ready: http://127.0.0.1:$${TASKS_HTTP_PORT:-5000}   (make logs, make down)"

.PHONY: down
down: ## Stop the development stack; its tasks stay stored
	@$(COMPOSE) down

.PHONY: logs
logs: ## Follow the logs of the development stack
	@$(COMPOSE) logs --follow

.PHONY: prod
prod: ## Start the production stack in Docker
	@mkdir -p -m 700 $(dir $(ADMIN_KEY))
	@$(PROD) up --build --detach --wait || { $(PROD) logs --tail 5; exit 1; }
	@umask 077; $(PROD) exec -T api task-manager keys create admin --role admin --if-first > $(ADMIN_KEY).new
	@test ! -s $(ADMIN_KEY).new || mv $(ADMIN_KEY).new $(ADMIN_KEY)
	@rm -f $(ADMIN_KEY).new
	@echo "Ready: http://127.0.0.1:$${TASKS_HTTP_PORT:-5000}   (make prod-down)"
	@test ! -f $(ADMIN_KEY) || echo "The key of its admin, made at the first start: $(ADMIN_KEY)"

.PHONY: prod-down
prod-down: ## Stop the production stack; its tasks stay stored
	@$(PROD) down

.PHONY: lock
lock: $(VENV)/python ## Renew the lock files with hashes
	@$(BIN)/python -m pip install --quiet "uv>=0.13"
	@for extras in "" "local" "otel" "local otel dev"; do \
	  name=requirements$$(echo $$extras | awk 'NF {print "-" $$NF}').lock; \
	  echo "Locking $$name"; \
	  $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-emit-package task-manager-client \
	    $$(for extra in $$extras; do echo --extra $$extra; done) \
	    $$(test "$$name" = requirements.lock || echo --constraint requirements.lock) \
	    --output-file $$name pyproject.toml || exit 1; \
	done
	@for name in requirements arq; do \
	  echo "Locking benchmarks/peers/$$name.lock"; \
	  $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --output-file benchmarks/peers/$$name.lock benchmarks/peers/$$name.in || exit 1; \
	done

$(VENV)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed, and $(PYTHON) is older or missing. Name another one: make PYTHON=python3.12 run"; exit 1; }
	@echo "Setting up $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run-ready: $(VENV)/python requirements-local.lock pyproject.toml clients/python/pyproject.toml
	@echo "Installing what the service needs (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-local.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable clients/python
	@touch $@

$(VENV)/dev-ready: $(VENV)/run-ready requirements-dev.lock
	@echo "Installing what the tests and checks need (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	@touch $@
