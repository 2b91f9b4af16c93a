# Two commands: `make demo` sets everything up and runs the main job; `make test` passes the tests.
# Everything lives in .venv and target/; `make clean` removes both.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
export CARGO_TERM_COLOR ?= auto

RUST_SOURCES := Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name Cargo.toml)

.PHONY: build demo test fuzz test-rust test-python test-recovery test-kernels lint format bench bench-full wheel lock clean

build: $(VENV)/.built

$(VENV)/.deps: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Groundswell needs python3 of 3.11 or later; $$($(PYTHON) --version) is too old. Say PYTHON=/path/to/python3.12 make …"; exit 1; }
	@command -v cargo >/dev/null || { echo "Groundswell needs cargo (Rust 1.90 or later): see the installation page of the Rust project."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

$(VENV)/.built: $(VENV)/.deps $(RUST_SOURCES) pyproject.toml
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	    --no-deps --no-build-isolation --editable .
	@touch $@

demo: build
	@$(BIN)/python -m benches.demo

# Two at a time, since each uses one processor; the longest first.
test: build
	@$(MAKE) --no-print-directory --jobs=2 test-python test-recovery test-kernels test-rust

test-rust: $(VENV)/.deps
	env -u MAKEFLAGS cargo test --workspace --locked --quiet --exclude groundswell-py

# Whatever is killed, damaged or full: nearly half of the time that all tests in Python take.
RECOVERY := tests/recovery
test-python: build
	$(BIN)/python -m pytest --ignore=$(RECOVERY)

test-recovery: build
	$(BIN)/python -m pytest $(RECOVERY)

# The promises once more, by the instructions that another CPU may have instead of this one's best. Those without VBMI
# differ from those with it in how a list is read. Deleted devices are a set like any other to them, waves choose by
# way of selections, and what is refused never gets to a kernel.
BEYOND := not (deleted or waves or refusals)
PROMISES := (golden or selection or engine or uuid or shard or live_fleet) and $(BEYOND)
test-kernels: build
	for kernel in $$($(BIN)/python -c 'from groundswell import _core; print(*_core.KERNELS[:-1])'); do \
	    case $$kernel in avx512) promises='uuid and $(BEYOND)' ;; *) promises='$(PROMISES)' ;; esac; \
	    echo "by the instructions: $$kernel"; \
	    GROUNDSWELL_KERNEL=$$kernel $(BIN)/python -m pytest tests/property tests/conformance/test_golden.py -k "$$promises" || exit 1; \
	done

# All parsers, for so many seconds each; findings come to fuzz-findings/, and once fixed to tests/data/fuzz/PARSER/.
SECONDS := 60
fuzz: build
	PYTHONPATH=tests $(BIN)/python -m fuzz --seconds $(SECONDS)

lint: build
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest groundswell._core
	$(BIN)/lint-imports

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

lock:
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --group dev --all-extras --universal --generate-hashes --no-header \
	    --no-emit-index-url --python-version 3.11 --upgrade -o requirements-dev.txt
	cargo update

clean:
	rm -rf $(VENV) target dist .demo
