# Host unit tests: tests/unit/NAME.c with the parts and sources that it tests (tests/unit/unit.mk), built
# for the machine that builds. Each runs under the address and undefined-behaviour sanitizers;
# those in UNIT_TSAN run a second time under the thread sanitizer, those in UNIT_ARM on an emulated
# Arm CPU.

include tests/unit/unit.mk

# tests/unit/host comes first: a header there stands in for one that needs aarch64.
UNIT_FLAGS := -std=c11 -O1 -g -fno-omit-frame-pointer -DEXO_HOST=1 -D_GNU_SOURCE -pthread \
              -Itests/unit/host -Iexo/include -Iexo -Ilibos/rt/include -Itests/unit \
              -Wall -Wextra -Wshadow -Wcast-qual -Wstrict-prototypes -Werror
UNIT_SANITIZE_asan := -fsanitize=address,undefined -fno-sanitize-recover=all
UNIT_SANITIZE_tsan := -fsanitize=thread

UNIT_CC_asan := $(HOSTCC) $(UNIT_FLAGS) $(UNIT_SANITIZE_asan)
UNIT_CC_tsan := $(HOSTCC) $(UNIT_FLAGS) $(UNIT_SANITIZE_tsan)

# $(call unit_flags,<name>), $(call unit_needs,<name>): of the sources that are compiled for it alone
unit_flags = $(call of_parts,FLAGS,$(UNIT_PARTS_$(1))) $(UNIT_FLAGS_$(1))
unit_needs = setup-test $(call of_parts,NEEDS,$(UNIT_PARTS_$(1)))

# $(call unit_test,<name>,<asan or tsan>)
define unit_test
out/unit/$(2)/$(1): $(foreach s,tests/unit/$(1).c $(UNIT_SRCS_$(1)),out/unit/$(2)/$(1).obj/$(s).o) \
                    $(filter-out $(UNIT_WITHOUT_$(1):%=\%/%.o),$(call part_objects,unit/$(2),$(UNIT_PARTS_$(1)))) \
                    $(call of_parts,LIBS,$(UNIT_PARTS_$(1)))
	$$(call say,HOSTLD,$$@)$(HOSTCC) $(UNIT_SANITIZE_$(2)) -pthread -o $$@ $$^ -lcmocka
$(call objects_rule,unit/$(2)/$(1).obj,HOSTCC,$(UNIT_CC_$(2)) $(call unit_flags,$(1)),$(call unit_needs,$(1)))
endef

$(foreach s,asan tsan,$(call part_rules,unit/$(s),HOSTCC,$(UNIT_CC_$(s)),setup-test))
$(foreach t,$(UNIT_TESTS),$(eval $(call unit_test,$(t),asan)))
$(foreach t,$(UNIT_TSAN),$(eval $(call unit_test,$(t),tsan)))

# For an Arm CPU, without sanitizers: it runs in QEMU's user mode.
UNIT_ARM_LD := $(HOSTCC) --target=aarch64-linux-gnu
UNIT_ARM_CC := $(UNIT_ARM_LD) $(UNIT_FLAGS) -O2

# $(call unit_arm_test,<name>)
define unit_arm_test
out/unit/arm/$(1): $(foreach s,tests/unit/$(1).c $(UNIT_SRCS_$(1)),out/unit/arm/$(1).obj/$(s).o) \
                   $(call arm_part_objects,unit/arm,$(UNIT_PARTS_$(1)))
	$$(call say,ARMLD,$$@)$(UNIT_ARM_LD) -fuse-ld=lld -static -o $$@ $$^ -lm
$(call objects_rule,unit/arm/$(1).obj,ARMCC,$(UNIT_ARM_CC) $(call unit_flags,$(1)) \
    $(call of_parts,ARM_FLAGS,$(UNIT_PARTS_$(1))),$(call unit_needs,$(1)))
endef

$(call arm_part_rules,unit/arm,ARMCC,$(UNIT_ARM_CC),setup-test)
$(foreach t,$(UNIT_ARM),$(eval $(call unit_arm_test,$(t))))

UNIT_TARGETS := $(UNIT_TESTS:%=out/unit/asan/%) $(UNIT_TSAN:%=out/unit/tsan/%) $(UNIT_ARM:%=out/unit/arm/%)
