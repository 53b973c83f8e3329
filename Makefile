# Thin on purpose: infra/bootstrap installs, .venv/bin/triptych works. `make demo` and `make test` are all most need.
.DEFAULT_GOAL := help
.PHONY: help bootstrap bootstrap-dev demo test test-fast lint doctor stack peers siem chaos lab conformance kernels bpf
.PHONY: bench clean

TRIPTYCH := .venv/bin/triptych
PYTEST := .venv/bin/python -m pytest
# As root every real part must be there: nothing passes by skipping. Others see what was skipped and why.
REQUIRE ?= $(if $(filter 0,$(shell id -u)),$(REAL))
REAL := kernel,broker
BENCHES := bench-gateway bench-sensor bench-attribution bench-latency bench-streams bench-score bench-rules bench-soak

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 24

bootstrap: ## set the machine up to run
	@KAFKA=$(KAFKA) infra/bootstrap

bootstrap-dev:
	@infra/bootstrap --dev

demo: bootstrap ## a real tool call, its syscalls, an attack, an explained finding (KAFKA=real: Kafka and Redis)
	@$(TRIPTYCH) demo $(if $(filter real,$(KAFKA)),--kafka local)

test: bootstrap-dev ## everything but stack, peers and siem, on a real Kafka, Redis and kernel
	@TRIPTYCH_REQUIRE=$(REQUIRE) $(PYTEST) -m "not stack and not peers and not siem"

test-fast: bootstrap-dev ## what needs no real part
	@$(PYTEST) -m "not kernel and not broker and not stack and not demo and not peers and not siem"

lint: bootstrap-dev ## ruff and mypy
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy

doctor: bootstrap ## what this machine can do
	@$(TRIPTYCH) doctor

stack: bootstrap-dev ## docker-compose.yml, unmodified, with its story
	@TRIPTYCH_REQUIRE=stack $(PYTEST) -m stack

peers: bootstrap-dev ## the gateway between servers and clients of others, from npm and PyPI
	@.venv/bin/python -m triptych.infra.conformance.install
	@.venv/bin/python -m triptych.infra.examples.install
	@TRIPTYCH_REQUIRE=peers $(PYTEST) -m peers

siem: ## findings read by rsyslog, kcat, kafkajs and confluent-kafka over TLS with least privilege; languages by their own parsers
	@SIEM=1 infra/bootstrap --dev
	@.venv/bin/python -m triptych.infra.siem.install
	@TRIPTYCH_REQUIRE=siem $(PYTEST) -m siem

chaos: bootstrap-dev ## workers, brokers and Redis killed under load: what is lost, and that the tests would see it
	@.venv/bin/python -m triptych.infra.chaos $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick)

lab: bootstrap ## what each layer finds of 43 attack stories on real servers (QUICK=1: few sessions; STORIES=FILE: yours too)
	@.venv/bin/python -m triptych.infra.lab $(if $(QUICK),--quick) $(if $(STORIES),--stories $(STORIES))

conformance: bootstrap-dev ## the public MCP conformance suite, directly and through the gateway
	@.venv/bin/python -m triptych.infra.conformance $(ONLY)

kernels: bootstrap-dev ## the sensor's kernel half on Debian's kernels under qemu, into bpf/README.md (ten minutes)
	@.venv/bin/python -m triptych.infra.kernels

bpf: bootstrap-dev ## the prebuilt kernel programs, after a change of bpf/ (clang, libbpf-dev, llvm)
	@.venv/bin/python -m triptych.infra.kernels.build

bench: bootstrap ## every figure beside its bar, in infra/bench/results; or one: bench-gateway
	@$(MAKE) --no-print-directory --keep-going --jobs=1 $(BENCHES) bench-detection

.PHONY: bench-detection
bench-detection: bootstrap ## the score on AgentDojo (AGENTDOJO=FILE) and on the lab, with a page in infra/bench/results
	@.venv/bin/python -m triptych.infra.bench.detection $(if $(AGENTDOJO),--agentdojo $(AGENTDOJO)) $(if $(QUICK),--quick)

.PHONY: $(BENCHES)
$(BENCHES): bench-%: bootstrap
	@.venv/bin/python -m triptych.infra.bench.$*

clean: ## remove what was made here, the environment included
	@rm -rf .venv .triptych build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
