# The inference engine. It is built for whoever uses it: the host's tests and programs, and guests.

# Which characters are letters, numbers and spaces.
UNICODE_CLASSES := out/generated/unicode_classes.c
$(UNICODE_CLASSES): build/tools/mkunicode
	$(call say,UNICODE,$@)mkdir -p $(@D) && build/tools/mkunicode -o $@

ENGINE_COMMON_SRCS  := $(sort $(wildcard services/engine/*.c)) $(UNICODE_CLASSES)
ENGINE_SRCS         := $(ENGINE_COMMON_SRCS) $(wildcard services/engine/portable/*.c)
ENGINE_AARCH64_SRCS := $(ENGINE_COMMON_SRCS) $(wildcard services/engine/aarch64/*.[cS])

# Sums in the order that is written, on every machine: no fused multiply-add behind our back. Vectors
# wider than those of the machine are passed between functions that are inline, or of one file.
ENGINE_FLAGS := -Iservices/engine/include -Iservices/engine -ffp-contract=off -fno-math-errno -Wno-psabi

# Integers one at a time: where they are emulated, the vector instructions that a compiler picks cost
# more than what they replace. What pays is written in vectors.
ENGINE_AARCH64_FLAGS := -fno-tree-vectorize -fno-tree-slp-vectorize

PARTS += engine
PART_SRCS_engine      := $(ENGINE_SRCS)
PART_FLAGS_engine     := $(ENGINE_FLAGS)
PART_ARM_SRCS_engine  := $(ENGINE_AARCH64_SRCS)
PART_ARM_FLAGS_engine := $(ENGINE_AARCH64_FLAGS)
