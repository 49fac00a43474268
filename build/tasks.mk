# What people type.

.PHONY: all guests benches hosted units store run test soak bench debug clean format format-check lines help \
        setup-run setup-test setup-debug setup-format

all: $(KERNEL) $(PROGRAM_TARGETS)
guests: $(KERNEL) $(GUEST_TARGETS)
benches: $(KERNEL) $(BENCH_TARGETS) $(BAREMETAL_TARGETS) $(PUMP) $(HTTPLOAD) $(HTTP_RING)
hosted: $(HOSTED_TARGETS)
units: $(UNIT_TARGETS)
store: $(STORE_IMAGE)

setup-run setup-test setup-debug setup-format: setup-%:
	@build/setup.sh $* $(filter gcc,$(TOOLCHAIN))

# `make run` (build/run.mk), stopped at its first instruction with gdb attached.
debug: IMAGE ?= $(OUT)/demo.img
debug: setup-debug all
	@build/tools/debug --kernel $(OUT)/exo.elf --initrd $(IMAGE) $(PROGRAMS:%=$(OUT)/bin/%.elf)

# The harness builds what it tests, since that is a test as well.
test: setup-test
	@ci/run-tests

soak: SECONDS ?= 600
soak: setup-test
	@ci/run-tests --soak $(SECONDS)

bench: setup-test benches out/store.img $(OUT)/llmd.img $(OUT)/services-private.img $(OUT)/services-llm.img
	@ci/run-bench --serving --engine $(BENCH_TARGETS) $(BAREMETAL_TARGETS)

C_FILES = $(shell find build exo libos services tests -name '*.[ch]' 2>/dev/null | sort)

format: setup-format
	@[ -z "$(C_FILES)" ] || clang-format-19 -i $(C_FILES)

format-check: setup-format
	@[ -z "$(C_FILES)" ] || clang-format-19 --dry-run -Werror $(C_FILES)

lines:
	@build/tools/lines --budget $(EXO_LINE_BUDGET) --exclude exo/debug exo

clean:
	rm -rf out

help:
	@echo 'make [all]     build the kernel and the services into $(OUT)'
	@echo 'make hosted    build what also runs on this machine into out/host'
	@echo 'make run       start the services; APP CONFIG MODEL HTTP_PORT SMP MEM CPU NET IMAGE CMDLINE'
	@echo 'make debug     the demonstration, stopped, with gdb attached; IMAGE'
	@echo 'make test      run every test; TESTS=<glob> selects'
	@echo 'make store     pack the store image: MODEL TRUST TOKENIZER (docs/guides/bundles.md)'
	@echo 'make soak      run guest tests with long parameters for SECONDS'
	@echo 'make bench     run benchmarks, write docs/performance/*.csv and *.md'
	@echo 'make format    lay out all C files; format-check only looks'
	@echo 'make lines     count the kernel against its budget'
	@echo 'make clean     remove out/'
	@echo 'variables      TOOLCHAIN=clang|gcc BUILD=release|debug V=1'

# What the harness asks: `make -s print-GUEST_TESTS`.
print-%:
	@echo $($*)
