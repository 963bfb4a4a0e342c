# What a developer types. `make help` lists it all; the work is in dev/ (TypeScript that Node runs as it is).
.DEFAULT_GOAL := help
SHELL := /bin/bash
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
export NODE_NO_WARNINGS := 1

NODES ?= 3

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Try it
.PHONY: demo
demo: setup ## A real cluster, the operator, a sample app, and a guided tour of it
	@node dev/demo/main.ts

.PHONY: dev
dev: node_modules/.package-lock.json ## Three sidecars and the example app in one process: no cluster, no Redis
	@npm run -s dev

.PHONY: cluster
cluster: setup ## Bring up a Kubernetes cluster on this machine (NODES=1..5)
	@node dev/cluster/main.ts up --nodes $(NODES)

.PHONY: cluster-down
cluster-down: node_modules/.package-lock.json ## Take the cluster down and leave nothing behind
	@node dev/cluster/main.ts down

.PHONY: images
images: setup ## Pack the images for the cluster, without Docker
	@node dev/images/main.ts build all

##@ Work on it
.PHONY: verify
verify: node_modules/.package-lock.json ## Format, lint, types, generated files, unit tests: about half a minute
	@node dev/verify/main.ts

.PHONY: format
format: node_modules/.package-lock.json ## Format every file
	@npm run -s format

.PHONY: generate
generate: node_modules/.package-lock.json ## Write the CRD and the install manifest from the types
	@node dev/generate/main.ts

.PHONY: test
test: setup ## Every tier that this machine can run (TIERS="unit redis" for some; ARGS=… for jest)
	@node dev/test/main.ts $(TIERS) $(if $(ARGS),-- $(ARGS))

.PHONY: bench
bench: setup ## Measure against peers in one run and write bench.json (ONLY=name for one entry)
	@node test/bench/main.ts $(if $(ONLY),--only $(ONLY))

.PHONY: simulate
simulate: node_modules/.package-lock.json ## The election in a simulated world, seed after seed (SEEDS=…; SEED=n replays one)
	@node test/simulate/main.ts $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: chaos
chaos: setup ## Break a real cluster on purpose while it is written to (SEED=… ROUNDS=… FAULTS=…, ARGS=--help)
	@node dev/chaos/main.ts $(if $(SEED),--seed $(SEED)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(FAULTS),--faults $(FAULTS)) $(ARGS)

##@ Prepare
.PHONY: setup
setup: node_modules/.package-lock.json ## Install what the other targets need from the system (asks for nothing; needs root to install)
	@dev/setup.sh

node_modules/.package-lock.json: package-lock.json
	@dev/npm-ci.sh
