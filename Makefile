# Rollcall. `make help` lists what can be done.
SWIFT ?= swift
BUILD = .build
# Histories that `make check` plays, and that `make simulate` plays unless another number is given.
SEEDS ?= 50000
# Tests that run at once; without a bound the several hundred of them wait for each other's processor time.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH ?= 12

.PHONY: help demo test reload check build release format lint layers migrations bench setup clean-demo simulate faults mutants fuzz \
	dist dist-test rolling-upgrade matrix

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: ## install what Debian lacks (libpq, SQLite, PostgreSQL for the tests)
	@scripts/setup

demo: ## build, then see the main job with nothing set up: SQLite and a local Iterable
	@scripts/setup --build-only
	@$(SWIFT) build --product rollcall
	@$(BUILD)/debug/rollcall demo

build: ## a debug build of everything
	$(SWIFT) build --build-tests

test: ## the whole suite, against real SQLite and a private PostgreSQL that it starts and stops
	@scripts/setup
	@SWIFT=$(SWIFT) scripts/run-tests

ROUNDS ?= 600
faults: ## kill runs at ROUNDS random moments (600), each put right by the next run
	@scripts/setup
	$(SWIFT) build --build-tests
	ROLLCALL_FAULT_ROUNDS=$(ROUNDS) $(SWIFT) test --skip-build --filter 'RollcallTests.KillTests'

reload: ## RUNS runs (1,000) beside a session that empties and fills their tables without a pause
	@scripts/setup
	$(SWIFT) build --build-tests
	ROLLCALL_RELOAD_ROUNDS=$(or $(RUNS),1000) $(SWIFT) test --skip-build --filter 'RollcallTests.ReloadTests'

check: ## format, layers, warnings as errors, tests, 50,000 simulated histories: what CI runs
	@SWIFT=$(SWIFT) SEEDS=$(SEEDS) scripts/check

simulate: ## play SEEDS histories of crashes, lost answers and changing audiences; SEED=n replays one
	@$(SWIFT) build --product simulate
	$(BUILD)/debug/simulate $(if $(SEED),--seed $(SEED),--seeds $(SEEDS))

matrix: ## one story on each version of PostgreSQL, pooler, role, encoding and shape of table; ONLY="pgbouncer|TLS", ROLLCALL=binary
	@scripts/matrix $(if $(ONLY),--only '$(ONLY)')

mutants: ## break the engine on purpose, line by line, and see how soon the simulation notices
	@scripts/mutants

lint: ## formatting as swift format has it
	$(SWIFT) format lint --strict --parallel --recursive Sources Tests Package.swift

format: ## bring the formatting in order
	$(SWIFT) format --in-place --parallel --recursive Sources Tests Package.swift

layers: ## no target imports what its layer may not
	@scripts/check-layers

migrations: ## embed migrations/ into the binary after a change
	@scripts/embed-migrations

release: ## an optimised binary with the standard library inside, at .build/release/rollcall
	@scripts/setup --build-only
	$(SWIFT) build -c release --product rollcall --static-swift-stdlib -Xlinker -s

dist: release ## the files of a release in dist/: archive, Debian package, SBOM, SHA256SUMS
	@scripts/dist

dist-test: release ## install them on a clean Debian in a temporary folder, run them, remove them (as root, with debootstrap)
	@scripts/dist-test

rolling-upgrade: ## the version before (the newest tag, or PREVIOUS=revision) beside this one on one state; OLD= NEW= binaries
	@scripts/setup
	@$(if $(NEW),,$(SWIFT) build --product rollcall)
	@SWIFT=$(SWIFT) scripts/rolling-upgrade $(if $(OLD),--old $(OLD)) $(if $(NEW),--new $(NEW)) $(if $(PREVIOUS),--previous $(PREVIOUS))

BENCH ?=
bench: release ## compare Rollcall with the floors of the same machine; ratios; BENCH="--rows 10_000_000"
	@Benchmarks/run $(BENCH)

fuzz: ## coverage-guided fuzzing of every parser; TARGET=answers SECONDS=300 for one of them
	@scripts/fuzz $(TARGET) $(or $(SECONDS),30)

clean-demo: ## remove the demo's folder
	rm -rf rollcall-demo
