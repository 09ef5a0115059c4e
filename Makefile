# SPDX-License-Identifier: MIT
# Makefile - short names for what developers do. The build itself is CMake's, in build/.

PREFIX ?= /usr/local
CMAKE_OPTIONS ?=

.PHONY: all run test fuzz libfuzz schedules test-aarch64 test-s390x soak faults bench peers install asan tsan valgrind instructions trace-cost model mutants \
    format format-check docs ci clean help

all: ## Build everything into build/ (CMAKE_OPTIONS=... is handed on)
	@cmake -S . -B build $(CMAKE_OPTIONS)
	@cmake --build build -j $$(nproc)

run: ## Install what is missing, build, run the demo (ARGS=...)
	@./run $(ARGS)

test: ## Install what is missing, build, run the tests (ARGS='-R NAME')
	@./test $(ARGS)

fuzz: all ## Run random programs, a million operations, some minutes (ARGS=SEED replays one)
	@WEFT_TEST_SCALE=140 $(if $(ARGS),WEFT_TEST_SEED=$(ARGS)) build/tests/test_random_program

libfuzz: ## Fuzz each target in tests/fuzz with libFuzzer, and go on where it stopped (MINUTES=10, ARGS=arguments)
	@scripts/fuzz $$(($(or $(MINUTES),10) * 60)) $(ARGS)

test-aarch64 test-s390x: test-%: ## Run the tests for another processor, under qemu-user (ARGS='-R NAME')
	@scripts/test-on $* $(ARGS)

bench: all ## Measure this machine (ARGS='allreduce --ranks 2,4')
	@build/tools/weft/weft bench $(ARGS)

soak: all ## Random programs of 64 ranks that die and shrink (MINUTES=30)
	@WEFT_SOAK_SECONDS=$$(($(or $(MINUTES),30) * 60)) build/tests/test_soak

faults: all ## Each fault, 20 times each: the table in docs/guarantees.md
	@WEFT_FAULT_RUNS=20 build/tests/test_faults

peers: ## Install what `weft bench --peers` measures beside, and build that (needs root)
	@scripts/peers

install: all ## Install below PREFIX=/usr/local
	@cmake --install build --prefix "$(abspath $(PREFIX))"

asan: ## Run the tests under AddressSanitizer and UBSan
	@scripts/ci asan

tsan: ## Run the tests under ThreadSanitizer
	@scripts/ci tsan

valgrind: ## Run a part of the tests under memcheck (ARGS='split threads': only these)
	@scripts/valgrind $(ARGS)

instructions: ## Count the instructions of calls of 8 bytes, by callgrind (ARGS=weft_barrier)
	@scripts/count-instructions $(ARGS)

trace-cost: ## Measure what a trace adds to a call, on a quiet machine (ARGS=LAUNCHES)
	@scripts/trace-cost $(ARGS)

model: ## Check memory orders under many schedules, about a minute (ARGS='-h': options)
	@cmake -S . -B build -DWEFT_BUILD_TESTS=ON $(CMAKE_OPTIONS) >/dev/null
	@cmake --build build --target weft_model -j $$(nproc) >/dev/null
	@$(if $(ARGS),build/tests/model/weft_model $(ARGS),build/tests/model/weft_model -l | cut -d' ' -f1 | \
	    xargs -P $$(nproc) -n 1 build/tests/model/weft_model -n 1000000 -x 1000000 -t 0.5)

mutants: ## Weaken each memory order, one at a time; the checker must find it (ARGS='slot.h')
	@scripts/mutants $(ARGS)

schedules: ## Play whole communicators on one thread, in orders that seeds decide (MINUTES=5; ARGS='-s SEED': replay one)
	@cmake -S . -B build -DWEFT_BUILD_TESTS=ON $(CMAKE_OPTIONS) >/dev/null
	@cmake --build build --target weft_schedules -j $$(nproc) >/dev/null
	@build/tests/schedules/weft_schedules $(or $(ARGS),-x 1000000 -t $$(($(or $(MINUTES),5) * 60)))

format: ## Lay out all sources as .clang-format says
	@scripts/format

format-check: ## Say which sources are not laid out so
	@scripts/format --check

docs: ## Make the reference of the public headers in build/docs (doxygen)
	@scripts/docs

ci: ## Run every check beside ./test (ARGS='gcc asan': only these)
	@scripts/ci $(ARGS)

clean: ## Remove build/
	@rm -rf build

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9 -]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile
