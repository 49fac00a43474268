# Completion at a console: in the machine, with what llmd loads models with; PROMPT= and TOKENS= of
# `make run APP=llm` say what (build/tools/run-qemu).
PROGRAMS += llm
LLM_BENCH_SRCS := bench.c bench_parts.c bench_products.c
llm_SRCS  = $(addprefix services/llm/,$(LLM_BENCH_SRCS) complete.c machine.c) $(LLMD_MODEL_SRCS)
llm_LIBOS := services/llm/llm.libos
$(OUT)/libc-obj/services/llm/%: USER_EXTRA_FLAGS = $(ENGINE_FLAGS) $(MODEL_FLAGS) -Iservices/llmd

# On the machine that builds.

HOSTED += llm
LLM_HOSTED_SRCS  := $(addprefix services/llm/,$(LLM_BENCH_SRCS) complete.c host.c load.c)
HOSTED_PARTS_llm := cpu engine
HOSTED_SRCS_llm  := $(LLM_HOSTED_SRCS)

# What the CPU has.
PARTS += cpu
PART_SRCS_cpu     := services/llm/portable/cpu.c
PART_FLAGS_cpu     = $(ENGINE_FLAGS) -Iservices/llm
PART_ARM_SRCS_cpu := services/llm/aarch64/cpu.c

# Models of any shape with random weights, to measure with.
HOSTED += make-model
HOSTED_SRCS_make-model  := tests/engine/make_model.c tests/engine/random_model.c
HOSTED_FLAGS_make-model := -Itests/engine -Wno-conversion
HOSTED_LIBS_make-model  := -lm

# What decoding on this machine is compared with (docs/performance/engine.md): another compiler.
out/host/plain-loop: tests/engine/plain_loop.c | setup
	$(call say,HOSTCC,$<)mkdir -p $(@D) && gcc -O3 -march=native -Wall -Wextra -Werror -o $@ $< -lm

# For an Arm CPU, to measure with in QEMU's user mode.
LLM_ARM_SRCS := $(LLM_HOSTED_SRCS) services/llm/aarch64/cpu.c $(ENGINE_AARCH64_SRCS)
out/arm/llm: $(LLM_ARM_SRCS) $(wildcard services/engine/*.h services/engine/aarch64/*.inc services/engine/include/engine/*.h) | setup
	$(call say,ARMCC,$@)mkdir -p $(@D) && $(HOSTCC) --target=aarch64-linux-gnu -fuse-ld=lld -static \
	    -std=c11 -O2 -g -D_GNU_SOURCE $(WARNINGS) $(ENGINE_FLAGS) $(ENGINE_AARCH64_FLAGS) \
	    -Iservices/llm -o $@ $(LLM_ARM_SRCS) -lm
