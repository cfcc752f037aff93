# AODv2. `make help` lists what there is; scripts/setup installs what a target needs.

PYTHON := .venv/bin/python
CLANG ?= clang
# Asked for when a recipe runs, not before: there may be no compiler until scripts/setup has run.
MULTIARCH = $(shell cc -dumpmachine)
# v3 (5.1+) has 32-bit instructions, which the verifier of 5.10 follows best.
BPF_FLAGS = -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Iebpf -I/usr/include/$(MULTIARCH)
BPF_HEADERS := $(wildcard ebpf/*.h)
BPF_OBJECTS := aod/bpf/smb.bpf.o aod/bpf/mid_release.bpf.o
NATIVE := $(wildcard native/*.c native/*.h native/*.py)
C_FILES := $(wildcard ebpf/*.[ch] native/*.[ch] tests/kernel/*.[ch] tests/bench/*.c tests/fuzz/*.[ch])

# Every compiler that is here; scripts/fresh has them tried on Debian 12 and 13.
COMPILERS := gcc gcc-12 gcc-14 $(CLANG)
# The flags of pyproject.toml. cffi's own code has parameters that it does not use.
SHIM_FLAGS := -O2 -Wall -Wextra -Wno-unused-parameter -Werror -fPIC -Iebpf -Inative
SHIM_FILES := build/native/_native.c $(wildcard native/*.c)

.DEFAULT_GOAL := help
.PHONY: help run demo test test-fast build bpf lint warnings format bench campaign overload
.PHONY: sanitize fuzz fresh fresh-quick install uninstall clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## run the daemon here with conf/aod.yaml; where this kernel cannot: make demo
	@scripts/run

demo: build ## the whole thing in a throw-away VM: an injected fault, its bundle in demo-output/
	@scripts/setup vm
	@$(PYTHON) -m scripts.vm.demo

test: build bpf ## set everything up and run all tests and checks, one real boot included
	@scripts/setup vm dev
	@$(MAKE) --no-print-directory lint
	$(PYTHON) -m pytest --cov --cov-report=

test-fast: build bpf ## the tests that need no VM
	@scripts/setup dev
	$(PYTHON) -m pytest --ignore=tests/vm

build: build/.installed ## build the eBPF object and the shim, install the package into .venv

build/.setup: scripts/setup scripts/requirements.txt
	@scripts/setup build
	@mkdir -p build && touch $@

build/.installed: build/.setup $(BPF_OBJECTS) $(NATIVE) $(BPF_HEADERS) pyproject.toml
	@.venv/bin/pip install --quiet --no-deps --no-build-isolation --disable-pip-version-check -e .
	@touch $@

bpf: $(BPF_OBJECTS) build/producer.bpf.o ## build the eBPF objects only

aod/bpf/%.bpf.o: ebpf/%.bpf.c $(BPF_HEADERS) | build/.setup
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -c $< -o $@

build/producer.bpf.o: tests/kernel/producer.bpf.c tests/kernel/producer.h $(BPF_HEADERS) | build/.setup
	@mkdir -p $(@D)
	$(CLANG) $(BPF_FLAGS) -Itests/kernel -c $< -o $@

sanitize: build bpf ## the shim's tests under ASan and UBSan
	@scripts/setup dev
	$(PYTHON) -m pytest tests/sanitized

fuzz: build ## coverage-guided fuzzing, FUZZ_SEC (600) seconds a target; a line each
	@scripts/setup dev
	@$(PYTHON) -m tests.fuzz

warnings: build ## compile the shim with each compiler that is here; a warning is an error
	@include=$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))') && \
	for compiler in $(COMPILERS); do \
		command -v $$compiler >/dev/null || continue; \
		for file in $(SHIM_FILES); do \
			$$compiler $(SHIM_FLAGS) -I$$include -c $$file -o /dev/null || exit 1; \
		done; \
		echo "no warnings: $$($$compiler --version | head -1)"; \
	done

lint: build warnings ## ruff, mypy --strict, clang-format, no warnings of the compilers
	@scripts/setup dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	clang-format --dry-run -Werror $(C_FILES)

format: build ## let the formatters write
	@scripts/setup dev
	.venv/bin/ruff format
	.venv/bin/ruff check --fix
	clang-format -i $(C_FILES)

bench: build bpf ## measure: one line of JSON per figure
	@scripts/setup vm test
	@$(PYTHON) -m tests.bench

campaign: build bpf ## kill everything at any moment, 550 times, under load (minutes; root)
	@scripts/setup test
	@$(PYTHON) -m tests.campaign $(ARGUMENTS)

overload: build bpf ## stop, fill and starve it, and see that nothing grows without an end (root)
	@scripts/setup test
	@$(PYTHON) -m tests.overload $(ARGUMENTS)

fresh: ## all of it on minimal Debian 12 and 13, from zero, in chroots (root)
	@scripts/fresh/run

fresh-quick: ## of that, what CI does: build, --check and the tests that need no VM
	@scripts/fresh/run quick

install: ## install as a systemd service (root)
	@scripts/install

uninstall: ## remove the service, keep configuration and bundles (root)
	@scripts/install --remove

clean: ## remove what was built (the caches stay; `rm -rf .venv .cache` for those)
	rm -rf build aod/bpf aod/_native*.so *.egg-info demo-output
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
