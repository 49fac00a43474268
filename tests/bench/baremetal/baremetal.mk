# Programs for the bare machine: $(OUT)/baremetal/NAME.Image from each NAME of BAREMETAL_TESTS, which
# tests/bench/baremetal/NAME.c is, and the parts that all have.

BAREMETAL_TESTS := blk_random_read net_echo
BAREMETAL_PARTS := $(addprefix tests/bench/baremetal/,start.S machine.c virtio.c)
BAREMETAL_LDS   := tests/bench/baremetal/baremetal.lds

$(OUT)/user-obj/tests/bench/baremetal/%: USER_EXTRA_FLAGS := -mgeneral-regs-only

BAREMETAL_ELFS    := $(BAREMETAL_TESTS:%=$(OUT)/baremetal/%.elf)
BAREMETAL_TARGETS := $(BAREMETAL_ELFS:.elf=.Image)

$(BAREMETAL_ELFS): $(OUT)/baremetal/%.elf: $(OUT)/user-obj/tests/bench/baremetal/%.c.o \
                   $(call objects,user,$(BAREMETAL_PARTS)) $(BAREMETAL_LDS)
	$(call say,LD,$@)mkdir -p $(@D) && $(LD) $(LINK_FLAGS) -T $(BAREMETAL_LDS) -o $@ $(filter %.o,$^)

$(BAREMETAL_TARGETS): %.Image: %.elf
	$(call say,IMAGE,$@)$(OBJCOPY) -O binary $< $@
