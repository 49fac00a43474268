# The kernel: exo.elf (with symbols, for gdb) and exo.Image (what QEMU boots).
#
# It is linked twice. The first link has an empty symbol table; from its functions mksyms makes
# the table that backtraces use, and the second link holds it. The table is the last thing in
# .rodata, behind all code, so no function moves; mksyms --check proves that.

include exo/exo.mk

EXO_ALL_SRCS := $(EXO_SRCS) $(if $(filter debug,$(BUILD)),$(EXO_DEBUG_SRCS))
EXO_OBJS     := $(call objects,exo,$(EXO_ALL_SRCS))
KERNEL       := $(OUT)/exo.Image

# What runs once, at boot, or seldom is made small.
EXO_SMALL      := exo/boot/% exo/pci/% %/genesis.c %/its.c %/smp.c %/core/env.c %/core/split.c \
                  %/core/reclaim.c %/sys/cell.c %/sys/device.c %/virtio/device.c \
                  %/virtio/port.c %/virtio/region.c
EXO_SMALL_OBJS := $(call objects,exo,$(filter $(EXO_SMALL),$(EXO_ALL_SRCS)))
$(EXO_SMALL_OBJS): EXO_EXTRA_FLAGS := -Os

link_kernel = $(LD) $(LINK_FLAGS) -T exo/exo.lds -o $@ $(filter %.o,$^)

$(OUT)/symbols-empty.S: build/tools/mksyms | setup
	@mkdir -p $(@D) && build/tools/mksyms --empty -o $@

$(OUT)/exo-pass1.elf: $(EXO_OBJS) $(call objects,exo,$(OUT)/symbols-empty.S) exo/exo.lds
	$(call say,LD,$@)$(link_kernel)

$(OUT)/symbols.S: $(OUT)/exo-pass1.elf build/tools/mksyms
	$(call say,SYMS,$@)build/tools/mksyms --nm $(NM) -o $@ $<

$(OUT)/exo.elf: $(EXO_OBJS) $(call objects,exo,$(OUT)/symbols.S) exo/exo.lds
	$(call say,LD,$@)$(link_kernel)
	@build/tools/mksyms --nm $(NM) --check $(OUT)/symbols.S $@

$(KERNEL): $(OUT)/exo.elf
	$(call say,IMAGE,$@)$(OBJCOPY) -O binary $< $@
ifeq ($(BUILD),release)
	@bytes=$$(stat -c %s $@); [ $$bytes -le $(EXO_IMAGE_LIMIT) ] || \
	    { echo "$@: $$bytes bytes, more than the limit of $(EXO_IMAGE_LIMIT)" >&2; rm $@; exit 1; }
endif
