# Ferrio's tasks. `make help` lists them. PYTHON picks the interpreter: PYTHON=python3.13 make test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CARGO ?= cargo

.DEFAULT_GOAL := help
.PHONY: help demo test check lint rust-test python-test poll-tests macos-check loom miri soak fuzz attack asan debug-tests conformance ecosystem programs bench wheels docs workflows tools install clean

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: install ## fetch the status of local web sites on Ferrio, one by one and all at once
	@$(BIN)/python examples/site_status.py

test: lint rust-test loom python-test ## everything
	@$(BIN)/python scripts/conformance "$(BIN)/python" --quick

check: tools ## the quick loop: debug build, the fast tests on all processors
	@scripts/install debug "$(PYTHON)" "$(VENV)"
	$(CARGO) test -q --workspace --exclude ferrio-core
	@scripts/embedded "$(BIN)/python"
	$(BIN)/python -m pytest -m "not slow and not measures" -p xdist -n auto --dist loadfile

rust-test: install ## the Rust tests; those of ferrio-core in an interpreter that they embed
	$(CARGO) test -q --workspace --exclude ferrio-core
	$(CARGO) test -q -p ferrio-reactor --features poll-backend
	@scripts/embedded "$(BIN)/python"
	$(CARGO) test -q --release --manifest-path fuzz/Cargo.toml --target-dir target/fuzz

python-test: install ## pytest, the parity tests and the examples among it; PYTEST_OPTIONS are its options
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)

poll-tests: tools ## pytest and CPython's own tests with poll(2) in the place of epoll
	@scripts/install release "$(PYTHON)" .venv-poll poll-backend
	.venv-poll/bin/python -m pytest
	@.venv-poll/bin/python scripts/conformance .venv-poll/bin/python --modes loop

macos-check: ## the Python-free crates, type-checked for macOS (rustup target add aarch64-apple-darwin)
	$(CARGO) clippy -q --target aarch64-apple-darwin -p ferrio-reactor -p ferrio-sched -- -D warnings

loom: tools ## every order in which threads can hand work to the loop
	RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom $(CARGO) test -q -p ferrio-sched --lib orders

miri: ## the Python-free crates under Miri
	@scripts/miri

soak: install ## ten minutes of mixed load; the figures go to docs/reliability.md
	@$(BIN)/python scripts/reliability --soak 600

fuzz: install ## cargo-fuzz's targets, and 20,000 random programs on asyncio and on Ferrio; figures in docs/reliability.md
	@$(BIN)/python scripts/reliability --targets 120 --programs 20000

attack: install ## random programs with evil objects, signals, no memory, hostile peers; figures in docs/reliability.md
	@$(BIN)/python scripts/attack "$(BIN)/python" --api 5000 --transports 2000 --tls 400 --hostile 60 --signals 500 --memory 500 \
		--report

asan: install ## the tests, with the extension under AddressSanitizer
	@scripts/asan $(BIN)/python

debug-tests: tools ## the tests on a debug build of the interpreter, which checks itself and counts all references
	@scripts/debug_tests

conformance: install ## all of CPython's own asyncio tests, in every mode; one table, and docs/data/conformance.json
	@$(BIN)/python scripts/conformance "$(BIN)/python" --report

ecosystem: install ## the test suites of aiohttp, anyio, tornado, asyncpg... on asyncio and on Ferrio; docs/ecosystem.md
	@$(BIN)/python scripts/ecosystem "$(BIN)/python" --report

programs: install ## web servers with workers, FastAPI on PostgreSQL, Jupyter, dask; it installs what they need
	@scripts/programs "$(BIN)/python"

lint: install ## clippy, rustfmt, ruff, mypy, stubtest, the crates' licences and sources
	@scripts/dependencies
	$(CARGO) fmt --all --check
	PYO3_PYTHON=$(CURDIR)/$(BIN)/python $(CARGO) clippy -q --workspace --all-targets -- -D warnings
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) clippy -q --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --all-targets -- -D warnings
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	MYPYPATH=python $(BIN)/python -m mypy.stubtest --mypy-config-file pyproject.toml --allowlist scripts/stubtest_allowlist.txt \
		--ignore-unused-allowlist ferrio

bench: install ## Ferrio beside asyncio and every other loop that can be installed
	@scripts/peers "$(BIN)/python"
	@$(BIN)/python benches/run.py
	@$(BIN)/python benches/report.py

wheels: tools ## the packages for all interpreters, processors and C libraries, built into dist/ and checked
	@"$(PYTHON)" scripts/wheels --twice

docs: install ## the documentation's site, in target/site; links are checked
	@scripts/docs "$(VENV)"

workflows: ## check the workflows of .github/
	@scripts/workflows "$(PYTHON)"

install: tools ## build the release wheel and install it into .venv
	@scripts/install release "$(PYTHON)" "$(VENV)"

tools:
	@scripts/tools "$(PYTHON)"

clean: ## remove what was built
	rm -rf $(VENV) .venv-3.* .pythons target
