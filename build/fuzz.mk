# Fuzz targets: tests/fuzz/NAME.c with the sources FUZZ_SRCS_NAME that it feeds, built for the
# machine that builds, with libFuzzer and the address and undefined-behaviour sanitizers.

include tests/fuzz/fuzz.mk

FUZZ_SANITIZE := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_FLAGS    := $(UNIT_FLAGS)

# $(call fuzz_target,<name>)
define fuzz_target
out/fuzz/$(1): $(foreach s,tests/fuzz/$(1).c $(FUZZ_SRCS_$(1)),out/fuzz/$(1).obj/$(s).o) $(FUZZ_LIBS_$(1))
	$$(call say,HOSTLD,$$@)$(HOSTCC) $(FUZZ_SANITIZE) -o $$@ $$^
out/fuzz/$(1).obj/%.c.o: %.c $(MAKE_FRAGMENTS) | setup-test $(FUZZ_NEEDS_$(1))
	$$(call say,HOSTCC,$$<)mkdir -p $$(@D) && \
	    $(HOSTCC) $(FUZZ_FLAGS) $(FUZZ_SANITIZE) $(FUZZ_FLAGS_$(1)) -MMD -MP -c -o $$@ $$<
endef

$(foreach t,$(FUZZ_TESTS),$(eval $(call fuzz_target,$(t))))
