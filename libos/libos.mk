# The parts of the library OS as archives, and programs with a libOS configuration.
#
#   $(OUT)/libos/PART.a, $(OUT)/libos/PART-VARIANT.a   from libos/PART/*.[cS], libos/PART/VARIANT/
#
# $(call libos_program,<path under OUT without .elf>,<sources>,<configuration>) links what the
# configuration names and writes a link map beside the program.

LIBOS_PARTS := sched vm vfs posix single toml elf model virtio blk rng net entropy pager sockets
# Those that are compiled against the C library, and those whose code runs in upcall handlers.
LIBOS_LIBC_PARTS := vfs posix single toml model net entropy pager sockets
LIBOS_GENERAL_REGISTERS := sched vm

LIBOS_VARIANTS := $(foreach p,$(LIBOS_PARTS),$(foreach d,\
    $(sort $(dir $(wildcard libos/$(p)/*/*.c))),$(p)/$(notdir $(d:%/=%))))
LIBOS_ARCHIVES := $(LIBOS_PARTS:%=$(OUT)/libos/%.a) \
                  $(foreach v,$(LIBOS_VARIANTS),$(OUT)/libos/$(subst /,-,$(v)).a)

$(foreach p,$(LIBOS_GENERAL_REGISTERS),$(eval \
    $(OUT)/user-obj/libos/$(p)/%: USER_EXTRA_FLAGS := -mgeneral-regs-only))

# What libos/model wants besides: headers, and the instructions that one file is for.
$(OUT)/libc-obj/libos/toml/%: USER_EXTRA_FLAGS := -Ilibos/toml/include
$(OUT)/libc-obj/libos/model/%: USER_EXTRA_FLAGS = $(MODEL_FLAGS) $(ENGINE_FLAGS)
$(OUT)/libc-obj/libos/model/hash_arm.c.o: USER_EXTRA_FLAGS = $(MODEL_FLAGS) -march=armv8-a+crypto
$(OUT)/libc-obj/libos/pager/%: USER_EXTRA_FLAGS = $(MODEL_FLAGS)
$(call objects,libc,$(wildcard libos/model/*.c libos/pager/*.c)): | $(LIBSODIUM_READY)

$(OUT)/libc-obj/libos/net/%: USER_EXTRA_FLAGS = $(LWIP_INCLUDE)
# The sockets API, and what it needs built with its lwIP: $(OUT)/sockets-obj/<path>.o.
# Its lwipopts.h is found before that of libos/net.
SOCKETS_INCLUDE := -iquote libos/sockets/include -Ilibos/sockets/include $(LWIP_INCLUDE)
$(OUT)/libc-obj/libos/sockets/%: USER_EXTRA_FLAGS = $(SOCKETS_INCLUDE)
$(call objects,libc,$(wildcard libos/sockets/*.c)): | $(LWIP_READY)
$(OUT)/sockets-obj/%.c.o: %.c $(MAKE_FRAGMENTS) $(NEWLIB_READY) | setup $(LWIP_READY)
	$(call compile,$(LIBC_FLAGS) $(SOCKETS_INCLUDE))
LIBOS_ARCHIVES += $(OUT)/libos/net-sockets.a $(OUT)/libos/lwip-sockets.a
$(OUT)/libos/net-sockets.a: $(call objects,sockets,$(sort $(wildcard libos/net/*.c)))
	$(call say,AR,$@)mkdir -p $(@D) && rm -f $@ && $(AR) rcD $@ $^

$(OUT)/libc-obj/libos/entropy/%: USER_EXTRA_FLAGS = $(LIBSODIUM_INCLUDE)
$(call objects,libc,$(wildcard libos/net/*.c)): | $(LWIP_READY)
$(call objects,libc,$(wildcard libos/entropy/*.c)): | $(LIBSODIUM_READY)

# Libraries of others that a configuration names like a part.
LIBOS_ARCHIVES += $(OUT)/libos/libsodium.a $(OUT)/libos/lwip.a $(OUT)/libos/llhttp.a
$(OUT)/libos/libsodium.a: $(LIBSODIUM_GUEST)
	@mkdir -p $(@D) && cp $< $@

# $(call libos_archive,<name>,<folder>)
define libos_archive
$(OUT)/libos/$(1).a: $(call objects,$(if $(filter $(LIBOS_LIBC_PARTS),$(1)),libc,user),\
                     $(sort $(wildcard libos/$(2)/*.c libos/$(2)/*.S)))
	$$(call say,AR,$$@)mkdir -p $$(@D) && rm -f $$@ && $(AR) rcD $$@ $$^
endef
$(foreach p,$(LIBOS_PARTS),$(eval $(call libos_archive,$(p),$(p))))
$(foreach v,$(LIBOS_VARIANTS),$(eval $(call libos_archive,$(subst /,-,$(v)),$(v))))
$(eval $(call libos_archive,rt,rt))

$(OUT)/libos/%.start.c: %.libos build/tools/libos | setup
	@mkdir -p $(@D) && build/tools/libos start $< >$@
.PRECIOUS: $(OUT)/libos/%.start.c

# With the C library its functions come first: rt's are for programs without it.
define libos_program
$(OUT)/$(1).elf: $(call objects,libc,$(2)) $(call objects,libc,$(OUT)/libos/$(3:.libos=).start.c) \
                 $(LIBOS_ARCHIVES) $(OUT)/libos/rt.a $(RT_LDS) $(3) build/tools/libos | $(NEWLIB_READY)
	$$(call say,LD,$$@)mkdir -p $$(@D) && parts=$$$$(build/tools/libos archives $(3)) && \
	    $(LD) $(LINK_FLAGS) -T $(RT_LDS) -u _start -Map=$(OUT)/$(1).map -o $$@ $$(filter %.o,$$^) \
	    --start-group $$$$(for p in $$$$parts; do echo $(OUT)/libos/$$$$p.a; done) \
	    $$$$(grep -q '^parts.*newlib' $(3) && echo $(NEWLIB_LIBS)) $(OUT)/libos/rt.a --end-group
endef
