# Every target makes the virtual environment first, when it is missing or stale.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# The plugin where it answers, else the older program; their project names; what PD is reached by.
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
CLUSTER ?= chaosbot
PLAYGROUND ?= chaosbot-playground
BASE_IMAGE ?= chaosbot-base:local
PD_1_PORT ?= 12379
PD_2_PORT ?= 22379
PD_3_PORT ?= 32379
export BASE_IMAGE PD_1_PORT PD_2_PORT PD_3_PORT
TESTERS ?= 3
KILLS ?= 500
RUNS ?= 1000
PDS := $(PD_1_PORT:%=127.0.0.1:%) $(PD_2_PORT:%=127.0.0.1:%) $(PD_3_PORT:%=127.0.0.1:%)
COMPOSE_CLUSTER = $(COMPOSE) --project-name $(CLUSTER) --file docker-compose.yaml
COMPOSE_PLAYGROUND = $(COMPOSE) --project-name $(PLAYGROUND) --file docker-compose.playground.yaml

.DEFAULT_GOAL := help
.PHONY: help install demo up up-playground image-playground down test check bench soak format pictures lock clean

help:  ## show these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

install: $(READY)  ## make the virtual environment, with chaosbot in it

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Chaosbot needs Python 3.11 or newer; PYTHON=python3.12 make ... names another." >&2; exit 2; }
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "This Python makes no virtual environments; on Debian: apt install python3-venv." >&2; exit 2; }
	@echo "Installing Chaosbot into $(VENV) ..." >&2
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

demo: $(READY)  ## the whole thing on this machine: a local Slack, a local cluster, the bot
	@$(BIN)/chaosbot demo $(ARGS)

up:  ## a TiKV cluster in containers, with Prometheus
	@$(COMPOSE_CLUSTER) --profile load build --quiet ycsb
	@$(COMPOSE_CLUSTER) up --detach
	@$(PYTHON) docker/wait.py $(PDS)

up-playground: image-playground  ## the same of stand-ins, without a registry
	@$(COMPOSE_PLAYGROUND) up --detach --no-build
	@$(PYTHON) docker/wait.py $(PDS)

image-playground:  ## the image of the stand-ins, for containers
	@test $(BASE_IMAGE) != chaosbot-base:local || docker/playground/base-image
	@$(COMPOSE_PLAYGROUND) build --quiet pd-1

down:  ## stop and remove both, with their data and what a run left in their networks
	@left=$$(docker ps --all --quiet --filter network=$(CLUSTER)_cluster --filter network=$(PLAYGROUND)_cluster); \
	  test -z "$$left" || docker rm --force $$left >/dev/null
	@$(COMPOSE_CLUSTER) --profile load --profile bot down --volumes --remove-orphans
	@$(COMPOSE_PLAYGROUND) down --volumes --remove-orphans

test: $(READY)  ## all tests; most of them wait for something, so several are done at once
	@$(BIN)/pytest --numprocesses $(TESTERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(READY)  ## format, lint, types, imports
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

soak: $(READY)  ## kill the bot KILLS times, run RUNS runs, and say in one line of JSON what was lost
	@$(BIN)/python -m bench.soak --kills $(KILLS) --runs $(RUNS) $(if $(SEED),--seed $(SEED)) $(ARGS)

format: $(READY)  ## format and mend what can be mended
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(READY)  ## measure, and print the figures
	@$(BIN)/python -m bench $(ARGS)

pictures: $(READY)  ## make the pictures of the README anew, from the running program
	@$(BIN)/python docs/pictures.py

lock: $(READY)  ## resolve the dependencies anew
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group dev pyproject.toml \
	  --no-header --no-emit-index-url --upgrade -o requirements.lock

clean:  ## remove what was made
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
