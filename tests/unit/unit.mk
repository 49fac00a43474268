# Host unit tests: tests/unit/NAME.c, with cmocka or with a main() that prints TAP.
#
#   UNIT_SRCS_NAME   the sources under test
#   UNIT_FLAGS_NAME  further compiler flags
#   UNIT_LIBS_NAME   archives
#   UNIT_NEEDS_NAME  what must be there before anything is compiled
#   UNIT_TSAN        those that also run under the thread sanitizer

UNIT_TESTS := $(sort $(basename $(notdir $(wildcard tests/unit/*.c))))
UNIT_TSAN  :=

# The machine's double in tests/unit/host, with the parts of the kernel that everything needs.
UNIT_MACHINE := tests/unit/host/fake_arch.c exo/core/lock.c exo/core/pool.c exo/core/frame.c

UNIT_SRCS_test_fdt           := exo/boot/fdt.c
UNIT_SRCS_test_frame         := $(UNIT_MACHINE)
UNIT_SRCS_test_frame_threads := $(UNIT_MACHINE)
UNIT_SRCS_test_lock          := $(UNIT_MACHINE) exo/debug/lockcheck.c
UNIT_FLAGS_test_lock         := -DEXO_DEBUG=1
UNIT_SRCS_test_vspace        := $(UNIT_MACHINE) tests/unit/host/fake_cell.c exo/core/asid.c \
                                $(wildcard exo/core/vspace*.c)
UNIT_TSAN += test_lock test_frame_threads

# The whole portable kernel under system calls.
UNIT_SRCS_test_kernel  := tests/unit/host/fake_arch.c tests/unit/host/fake_kernel.c \
                          tests/unit/host/fake_virtio.c $(wildcard exo/core/*.c exo/sys/*.c) \
                          exo/virtio/device.c exo/debug/lockcheck.c
UNIT_FLAGS_test_kernel := -DEXO_DEBUG=1

UNIT_SRCS_test_toml  := $(wildcard libos/toml/*.c)
UNIT_FLAGS_test_toml := -Ilibos/toml/include

UNIT_SRCS_test_http  := services/llmd/http.c
UNIT_FLAGS_test_http := -Iservices/llmd $(LLHTTP_INCLUDE)
UNIT_LIBS_test_http  := $(LLHTTP_HOST)
UNIT_NEEDS_test_http := $(LLHTTP_READY)
