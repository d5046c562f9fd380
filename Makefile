# Thin targets; what they do is in scripts/. `make` alone prints this list.

PREFIX ?= /usr/local
DESTDIR ?=
SECONDS ?= 60
SEEDS ?= 1000
LAB ?= all

.DEFAULT_GOAL := help
.PHONY: help demo test build install specs fuzz simulate bench lab check lint format dist \
  smoke-local smoke-remote install-githooks deps clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build ## install what is missing, build, and pipe 64 MiB between two processes that meet at a relay
	@scripts/demo.sh

test: ## everything: specs, explorer, unit tests, simulation, fuzzing, end-to-end tests, lab
	@scripts/test.sh

build: deps ## release binaries in .build/release
	@scripts/build.sh

install: build ## install the programs below DESTDIR/PREFIX/bin (PREFIX=/usr/local)
	@scripts/install.sh "$(DESTDIR)$(PREFIX)"

specs: deps ## regenerate code, tests and diagrams from specs/
	@scripts/specs.sh generate

fuzz: deps ## fuzz every decoder, SECONDS=60 in total
	@scripts/fuzz.sh "$(SECONDS)"

simulate: build ## run SEEDS=1000 simulated sessions
	@scripts/simulate.sh "$(SEEDS)"

bench: build ## measure transfers against iperf3, socat, magic-wormhole: rate, CPU time, memory, bytes on the wire
	@scripts/bench.sh

lab: build ## sessions through real NATs in network namespaces (root); LAB="verify", "grid", "cut", "idle", "rates"
	@scripts/lab.sh $(LAB)

check: lint test ## lint, then everything that `make test` runs

lint: ## formatting and the rules between rooms
	@scripts/lint.sh

format: ## reformat the Swift sources
	@scripts/lint.sh --fix

dist: build ## a tarball in dist/ that runs without development packages
	@scripts/dist.sh

smoke-local: build ## a few transfers between two processes of this machine
	@scripts/smoke.sh local

smoke-remote: dist ## the same with REMOTE_HOST=user@host over ssh
	@scripts/smoke.sh remote "$(REMOTE_HOST)"

install-githooks: ## run lint and spec check before each commit
	@git config core.hooksPath .githooks
	@echo "hooks of this clone: .githooks"

deps: ## install the Debian packages that are missing
	@scripts/deps.sh

clean: ## remove everything that was built
	@rm -rf .build fuzz/.build fuzz/work dist
