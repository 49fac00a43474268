# Tests that run inside QEMU. Each tests/guest/NAME.c is one program that the kernel starts as
# init and that prints TAP; tests/guest/lib/ is linked with each of them. A comment line
# `// config: ...` in NAME.c chooses the machines (ci/README.md). Optional, per test:
#
#   GUEST_SRCS_NAME      more sources
#   GUEST_FILES_NAME     files packed as boot modules: name=path
#
# GUEST_HELPERS are programs that other tests pack: tests/guest/helper/NAME.c.
#
# With tests/guest/NAME.libos beside it, a test is linked with what that configuration names
# (libos/README.md), and says test_main_libos().

GUEST_TESTS    := $(sort $(basename $(notdir $(wildcard tests/guest/*.c))))
GUEST_HELPERS  := $(sort $(basename $(notdir $(wildcard tests/guest/helper/*.c))))
GUEST_LIB_SRCS := $(sort $(wildcard tests/guest/lib/*.c tests/guest/lib/*.S))

GUEST_LIBOS_TESTS := $(sort $(basename $(notdir $(wildcard tests/guest/*.libos))))
GUEST_LIBOS_SRCS  := tests/guest/lib/test.c tests/guest/lib/account.c

# Handlers of upcalls, and what they call, leave the FP registers alone (rt/upcall.h).
$(OUT)/user-obj/tests/guest/%: USER_EXTRA_FLAGS := -Itests/guest/lib -mgeneral-regs-only

GUEST_SRCS_fuzz := $(sort $(wildcard tests/guest/fuzz/*.c tests/guest/fuzz/*.S))
$(foreach t,$(filter stress_%,$(GUEST_TESTS)),$(eval GUEST_SRCS_$(t) := tests/guest/stress/parallel.c))
$(foreach t,$(filter threads_%,$(GUEST_TESTS)),$(eval \
    GUEST_SRCS_$(t) := $(wildcard tests/guest/threads/*.c)))

include tests/guest/bundle/bundle.mk

GUEST_SRCS_nic_tap := $(wildcard libos/virtio/*.c) libos/net/nic.c libos/net/wire.c
GUEST_SRCS_drivers := $(sort $(wildcard libos/virtio/*.c libos/blk/*.c libos/rng/*.c \
                                        libos/supervise/*.c)) libos/net/nic.c libos/net/wire.c

# Those that call lwIP itself.
GUEST_SRCS_stack_tap   := tests/guest/peer/station.c
GUEST_SRCS_stack_lease := tests/guest/peer/station.c
GUEST_LWIP := $(call objects,libc,$(wildcard tests/guest/stack_*.c) tests/guest/peer/station.c)
$(GUEST_LWIP): USER_EXTRA_FLAGS = -Itests/guest/lib $(LWIP_INCLUDE)
$(GUEST_LWIP): | $(LWIP_READY)

$(foreach t,$(filter sockets_%,$(GUEST_TESTS)),$(eval \
    GUEST_SRCS_$(t) := tests/guest/sockets/suite.c))
$(OUT)/libc-obj/tests/guest/sockets/suite.c.o: USER_EXTRA_FLAGS = -Itests/guest/lib $(SOCKETS_INCLUDE)
$(OUT)/libc-obj/tests/guest/sockets/suite.c.o: | $(LWIP_READY)

# The tests of posix, and what they find at /rom.
$(foreach t,$(filter posix_%,$(GUEST_TESTS)),$(eval GUEST_SRCS_$(t) := tests/guest/posix/suite.c)\
    $(eval GUEST_FILES_$(t) := root.pack=$(OUT)/guest/posix.pack))
$(OUT)/guest/posix.pack: $(wildcard tests/guest/*.libos) build/tools/mkimage | setup
	@rm -rf $(@D)/posix.rom && mkdir -p $(@D)/posix.rom && \
	    cp tests/guest/*.libos $(@D)/posix.rom && build/tools/mkimage -o $@ $(@D)/posix.rom
