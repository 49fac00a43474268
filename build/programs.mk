# Programs that run above the kernel, and the boot images that carry them.
#
#   PROGRAMS += NAME         a service: $(OUT)/bin/NAME.elf from NAME_SRCS
#   IMAGES   += NAME         a boot image: $(OUT)/NAME.img
#     IMAGE_INIT_NAME        the program that the kernel starts
#     IMAGE_FILES_NAME       files packed as modules: name=path
#   NAME_LIBOS               a service's libOS configuration; without one it is linked with rt alone
#   GUEST_TESTS, GUEST_HELPERS, BENCH_TESTS: see tests/guest/guest.mk, tests/bench/bench.mk

include libos/rt/rt.mk
include $(sort $(wildcard services/*/*.mk))
$(foreach c,$(LLMD_CONFIGS),$(eval $(call services_image,$(c))))
include tests/guest/guest.mk
include tests/bench/bench.mk

RT_OBJS := $(call objects,user,$(RT_SRCS))
RT_LDS  := libos/rt/rt.lds

include libos/libos.mk

# Test programs may include what tests/guest/lib offers.
$(OUT)/user-obj/tests/%: USER_EXTRA_FLAGS := -Itests/guest/lib
$(OUT)/libc-obj/tests/%: USER_EXTRA_FLAGS := -Itests/guest/lib

# $(call program,<path under OUT without .elf>,<sources>)
define program
$(OUT)/$(1).elf: $(call objects,user,$(2)) $(RT_OBJS) $(RT_LDS)
	$$(call say,LD,$$@)mkdir -p $$(@D) && $(LD) $(LINK_FLAGS) -T $(RT_LDS) -o $$@ $$(filter %.o,$$^)
endef

# A module is packed without its debug information; gdb reads the .elf beside it.
%.stripped: %.elf
	@$(OBJCOPY) --strip-debug $< $@

# $(call image,<path under OUT without .img>,<init, path under OUT>,<files>)
define image
$(OUT)/$(1).img: $(OUT)/$(2).elf $(foreach f,$(3),$(lastword $(subst =, ,$(f)))) build/tools/mkboot \
                 $(if $(filter trust=%,$(3)),$(STORE_TRUSTED))
	$$(call say,BOOT,$$@)mkdir -p $$(@D) && build/tools/mkboot -o $$@ --init $(OUT)/$(2).elf \
	    $(3)
endef

$(foreach p,$(PROGRAMS),$(eval $(if $($(p)_LIBOS),\
    $(call libos_program,bin/$(p),$($(p)_SRCS),$($(p)_LIBOS)),$(call program,bin/$(p),$($(p)_SRCS)))))
$(foreach i,$(IMAGES),$(eval $(call image,$(i),bin/$(IMAGE_INIT_$(i)),$(IMAGE_FILES_$(i)))))

$(foreach h,$(GUEST_HELPERS),$(eval $(call program,guest/$(h),\
    tests/guest/helper/$(h).c $(GUEST_SRCS_$(h)) $(GUEST_LIB_SRCS))))
$(foreach t,$(filter-out $(GUEST_LIBOS_TESTS),$(GUEST_TESTS)),$(eval $(call program,guest/$(t),\
    tests/guest/$(t).c $(GUEST_SRCS_$(t)) $(GUEST_LIB_SRCS))))
$(foreach t,$(GUEST_LIBOS_TESTS),$(eval $(call libos_program,guest/$(t),\
    tests/guest/$(t).c $(GUEST_SRCS_$(t)) $(GUEST_LIBOS_SRCS),tests/guest/$(t).libos)))
$(foreach t,$(GUEST_TESTS),$(eval $(call image,guest/$(t),guest/$(t),$(GUEST_FILES_$(t)))))

$(foreach b,$(BENCH_TESTS),$(eval $(call program,bench/$(b),\
    tests/bench/$(b).c $(BENCH_SRCS_$(b)) $(GUEST_LIB_SRCS))))
$(foreach b,$(BENCH_TESTS),$(eval $(call image,bench/$(b),bench/$(b),$(BENCH_FILES_$(b)))))

$(eval $(call program,bench/http_ring,$(HTTP_RING_SRCS)))
$(eval $(call image,bench/http_ring,bench/http_ring,,))

PROGRAM_TARGETS := $(PROGRAMS:%=$(OUT)/bin/%.elf) $(IMAGES:%=$(OUT)/%.img)
GUEST_TARGETS   := $(GUEST_TESTS:%=$(OUT)/guest/%.img)
BENCH_TARGETS   := $(BENCH_TESTS:%=$(OUT)/bench/%.img)
