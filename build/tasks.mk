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

# Serves a model, in the foreground: the default one, or MODEL (build/store.mk). IMAGE names another
# boot image, which finds the devices that it is given (NET, DATA, STORE, DEVICES) and no others.
# APP names the service that is to be started alone.
ifeq ($(IMAGE),)
ifneq ($(filter run,$(MAKECMDGOALS)),)
ifneq ($(filter-out $(SERVICES),$(APP)),)
$(error APP=$(APP): no such service; there are: $(SERVICES))
endif
endif
# Whoever serves or completes reads the words that begin so.
RUN_NAME = $(if $(filter llm,$(APP)),llm,llmd)
run: export NET ?= $(if $(filter llm,$(APP)),none,user)
run: export HTTP_PORT ?= $(if $(filter user,$(NET)),8080)
run: export STORE ?= $(STORE_IMAGE)
run: override export CMDLINE := $(RUN_NAME).bundle=$(STORE_BUNDLE) $(RUN_NAME).unsigned=$(STORE_UNSIGNED) \
                       $(and $(filter user,$(NET)),$(HTTP_PORT),llmd.url=http://127.0.0.1:$(HTTP_PORT)) \
                       $(if $(ENGINE_KERNEL),$(RUN_NAME).kernel=$(ENGINE_KERNEL)) \
                       $(if $(PRECISION),$(RUN_NAME).precision=$(PRECISION)) $(CMDLINE)
run: setup-run all $(STORE_IMAGE)
	@build/tools/run-qemu --kernel $(KERNEL) --initrd $(SERVICES_IMAGE)
else
run: setup-run all
	@build/tools/run-qemu --kernel $(KERNEL) --initrd $(IMAGE)
endif

# The same, stopped at its first instruction with gdb attached.
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
