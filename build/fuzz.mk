# Fuzz targets: tests/fuzz/NAME.c with the parts and sources that it feeds (tests/fuzz/fuzz.mk), built for
# the machine that builds, with libFuzzer and the address and undefined-behaviour sanitizers.

include tests/fuzz/fuzz.mk

FUZZ_SANITIZE := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_CC       := $(HOSTCC) $(UNIT_FLAGS) $(FUZZ_SANITIZE)

# $(call fuzz_target,<name>)
define fuzz_target
out/fuzz/$(1): $(foreach s,tests/fuzz/$(1).c $(FUZZ_SRCS_$(1)),out/fuzz/$(1).obj/$(s).o) \
               $(call part_objects,fuzz,$(FUZZ_PARTS_$(1))) $(call of_parts,LIBS,$(FUZZ_PARTS_$(1)))
	$$(call say,HOSTLD,$$@)$(HOSTCC) $(FUZZ_SANITIZE) -o $$@ $$^
$(call objects_rule,fuzz/$(1).obj,HOSTCC,$(FUZZ_CC) $(call of_parts,FLAGS,$(FUZZ_PARTS_$(1))) $(FUZZ_FLAGS_$(1)),\
    setup-test $(call of_parts,NEEDS,$(FUZZ_PARTS_$(1))))
endef

$(call part_rules,fuzz,HOSTCC,$(FUZZ_CC),setup-test)
$(foreach t,$(FUZZ_TESTS),$(eval $(call fuzz_target,$(t))))
