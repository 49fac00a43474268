# How one source file becomes an object. Objects of the kernel and of programs live apart,
# since their flags differ: $(OUT)/exo-obj/<path>.o and $(OUT)/user-obj/<path>.o.

.PHONY: setup
setup:
	@build/setup.sh build $(filter gcc,$(TOOLCHAIN))

# Changed flags rebuild everything, wherever they are written.
MAKE_FRAGMENTS := GNUmakefile $(wildcard $(foreach f,build bundles exo libos services tests,$(addprefix $f/,*.mk */*.mk */*/*.mk)))

# $(call objects,<kind>,<sources>)
objects = $(addprefix $(OUT)/$(1)-obj/,$(addsuffix .o,$(2)))

# $(call compile,<flags>)
compile = $(call say,CC,$<)mkdir -p $(@D) && $(CC) $(1) -MMD -MP -c -o $@ $<

$(OUT)/exo-obj/%.c.o: %.c $(MAKE_FRAGMENTS) | setup
	$(call compile,$(EXO_FLAGS) $(EXO_EXTRA_FLAGS))
$(OUT)/exo-obj/%.S.o: %.S $(MAKE_FRAGMENTS) | setup
	$(call compile,$(EXO_FLAGS) $(EXO_EXTRA_FLAGS))
$(OUT)/user-obj/%.c.o: %.c $(MAKE_FRAGMENTS) | setup
	$(call compile,$(USER_FLAGS) $(USER_EXTRA_FLAGS))
$(OUT)/user-obj/%.S.o: %.S $(MAKE_FRAGMENTS) | setup
	$(call compile,$(USER_FLAGS) $(USER_EXTRA_FLAGS))

# The header dependencies that the compiler wrote last time.
-include $(shell find $(OUT) out/host out/host-asan out/unit out/fuzz -name '*.d' 2>/dev/null)
