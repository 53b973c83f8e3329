# Thin on purpose: infra/bootstrap installs, .venv/bin/triptych works. `make demo` and `make test` are all most need.
.DEFAULT_GOAL := help
.PHONY: help bootstrap bootstrap-dev demo test test-fast lint doctor stack clean

TRIPTYCH := .venv/bin/triptych
PYTEST := .venv/bin/python -m pytest
# As root every real part must be there: nothing passes by skipping. Others see what was skipped and why.
REQUIRE ?= $(if $(filter 0,$(shell id -u)),$(REAL))
REAL := kernel,broker

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 20

bootstrap: ## set the machine up to run
	@KAFKA=$(KAFKA) infra/bootstrap

bootstrap-dev:
	@infra/bootstrap --dev

demo: bootstrap ## a real tool call, its syscalls, an attack, an explained finding (KAFKA=real: Kafka and Redis)
	@$(TRIPTYCH) demo $(if $(filter real,$(KAFKA)),--kafka local)

test: bootstrap-dev ## everything but the compose stack, on a real Kafka, Redis and kernel
	@TRIPTYCH_REQUIRE=$(REQUIRE) $(PYTEST) -m "not stack"

test-fast: bootstrap-dev ## what needs no real part
	@$(PYTEST) -m "not kernel and not broker and not stack and not demo"

lint: bootstrap-dev ## ruff and mypy
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy

doctor: bootstrap ## what this machine can do
	@$(TRIPTYCH) doctor

stack: bootstrap-dev ## docker-compose.yml, unmodified, with its story
	@TRIPTYCH_REQUIRE=stack $(PYTEST) -m stack

clean: ## remove what was made here, the environment included
	@rm -rf .venv .triptych build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
