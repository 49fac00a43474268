# Programs for the machine that builds, from the sources that also run above the kernel.
#
#   HOSTED += NAME      out/host/NAME from the parts HOSTED_PARTS_NAME (build/parts.mk) and from
#                       HOSTED_SRCS_NAME, and out/host-asan/NAME under sanitizers
#   HOSTED_FLAGS_NAME   further compiler flags of these sources
#   HOSTED_LIBS_NAME    what the linker needs besides

HOSTED_FLAGS := -std=c11 -O3 -g -march=native -Wno-invalid-feature-combination -D_GNU_SOURCE -ffile-prefix-map=$(CURDIR)/= $(WARNINGS)
HOSTED_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all

# $(call hosted_program,<name>,<folder under out>,<flags for compiling and linking>)
define hosted_program
out/$(2)/$(1): $(HOSTED_SRCS_$(1):%=out/$(2)/$(1).obj/%.o) $(call part_objects,$(2),$(HOSTED_PARTS_$(1))) \
               $(call of_parts,LIBS,$(HOSTED_PARTS_$(1)))
	$$(call say,HOSTLD,$$@)$(HOSTCC) $(3) -o $$@ $$^ $(HOSTED_LIBS_$(1))
$(call objects_rule,$(2)/$(1).obj,HOSTCC,$(HOSTCC) $(HOSTED_FLAGS) $(3) $(call of_parts,FLAGS,$(HOSTED_PARTS_$(1))) \
    $(HOSTED_FLAGS_$(1)),setup $(call of_parts,NEEDS,$(HOSTED_PARTS_$(1))))
endef

$(call part_rules,host,HOSTCC,$(HOSTCC) $(HOSTED_FLAGS),setup)
$(call part_rules,host-asan,HOSTCC,$(HOSTCC) $(HOSTED_FLAGS) $(HOSTED_SANITIZE),setup)
$(foreach h,$(HOSTED),$(eval $(call hosted_program,$(h),host)))
$(foreach h,$(HOSTED),$(eval $(call hosted_program,$(h),host-asan,$(HOSTED_SANITIZE))))

HOSTED_TARGETS := $(HOSTED:%=out/host/%)
