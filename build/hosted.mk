# Programs for the machine that builds, from the sources that also run above the kernel.
#
#   HOSTED += NAME      out/host/NAME from HOSTED_SRCS_NAME, and out/host-asan/NAME under sanitizers
#   HOSTED_FLAGS_NAME   further compiler flags
#   HOSTED_ARCHIVES_NAME  archives that are built here
#   HOSTED_LIBS_NAME    what the linker needs besides
#   HOSTED_NEEDS_NAME   what must be there before anything is compiled

HOSTED_FLAGS := -std=c11 -O3 -g -march=native -Wno-invalid-feature-combination -D_GNU_SOURCE -ffile-prefix-map=$(CURDIR)/= $(WARNINGS)
HOSTED_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all

# $(call hosted_program,<name>,<folder under out>,<flags for compiling and linking>)
define hosted_program
out/$(2)/$(1): $(foreach s,$(HOSTED_SRCS_$(1)),out/$(2)/$(1).obj/$(s).o) $(HOSTED_ARCHIVES_$(1))
	$$(call say,HOSTLD,$$@)$(HOSTCC) $(3) -o $$@ $$^ $(HOSTED_LIBS_$(1))
out/$(2)/$(1).obj/%.c.o: %.c $(MAKE_FRAGMENTS) | setup $(HOSTED_NEEDS_$(1))
	$$(call say,HOSTCC,$$<)mkdir -p $$(@D) && \
	    $(HOSTCC) $(HOSTED_FLAGS) $(HOSTED_FLAGS_$(1)) $(3) -MMD -MP -c -o $$@ $$<
endef

$(foreach h,$(HOSTED),$(eval $(call hosted_program,$(h),host)))
$(foreach h,$(HOSTED),$(eval $(call hosted_program,$(h),host-asan,$(HOSTED_SANITIZE))))

HOSTED_TARGETS := $(HOSTED:%=out/host/%)
