# Host unit tests: tests/unit/NAME.c with the sources UNIT_SRCS_NAME that it tests, built for
# the machine that builds. Each runs under the address and undefined-behaviour sanitizers;
# those in UNIT_TSAN run a second time under the thread sanitizer, those in UNIT_ARM on an emulated
# Arm CPU.

include tests/unit/unit.mk

# tests/unit/host comes first: a header there stands in for one that needs aarch64.
UNIT_FLAGS := -std=c11 -O1 -g -fno-omit-frame-pointer -DEXO_HOST=1 -D_GNU_SOURCE -pthread \
              -Itests/unit/host -Iexo/include -Iexo -Ilibos/rt/include -Itests/unit \
              -Wall -Wextra -Wshadow -Wcast-qual -Wstrict-prototypes -Werror
UNIT_SANITIZE_asan := -fsanitize=address,undefined -fno-sanitize-recover=all
UNIT_SANITIZE_tsan := -fsanitize=thread

# $(call unit_test,<name>,<asan or tsan>)
define unit_test
out/unit/$(2)/$(1): $(foreach s,tests/unit/$(1).c $(UNIT_SRCS_$(1)),out/unit/$(2)/$(1).obj/$(s).o) $(UNIT_LIBS_$(1))
	$$(call say,HOSTLD,$$@)$(HOSTCC) $(UNIT_SANITIZE_$(2)) -pthread -o $$@ $$^ -lcmocka
out/unit/$(2)/$(1).obj/%.c.o: %.c $(MAKE_FRAGMENTS) | setup-test $(UNIT_NEEDS_$(1))
	$$(call say,HOSTCC,$$<)mkdir -p $$(@D) && \
	    $(HOSTCC) $(UNIT_FLAGS) $(UNIT_SANITIZE_$(2)) $(UNIT_FLAGS_$(1)) -MMD -MP -c -o $$@ $$<
endef

$(foreach t,$(UNIT_TESTS),$(eval $(call unit_test,$(t),asan)))
$(foreach t,$(UNIT_TSAN),$(eval $(call unit_test,$(t),tsan)))

# For an Arm CPU, without sanitizers: it runs in QEMU's user mode.
UNIT_ARM_CC := $(HOSTCC) --target=aarch64-linux-gnu

# $(call unit_arm_test,<name>)
define unit_arm_test
out/unit/arm/$(1): $(foreach s,tests/unit/$(1).c $(UNIT_ARM_SRCS_$(1)),out/unit/arm/$(1).obj/$(s).o)
	$$(call say,ARMLD,$$@)$(UNIT_ARM_CC) -fuse-ld=lld -static -o $$@ $$^ -lm
out/unit/arm/$(1).obj/%.o: % $(MAKE_FRAGMENTS) | setup-test
	$$(call say,ARMCC,$$<)mkdir -p $$(@D) && \
	    $(UNIT_ARM_CC) $(UNIT_FLAGS) -O2 $(UNIT_FLAGS_$(1)) $(UNIT_ARM_FLAGS_$(1)) -MMD -MP -c -o $$@ $$<
endef

$(foreach t,$(UNIT_ARM),$(eval $(call unit_arm_test,$(t))))

UNIT_TARGETS := $(UNIT_TESTS:%=out/unit/asan/%) $(UNIT_TSAN:%=out/unit/tsan/%) $(UNIT_ARM:%=out/unit/arm/%)
