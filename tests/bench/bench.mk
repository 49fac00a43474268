# Benchmarks: like guest tests, each tests/bench/NAME.c is one program, which prints lines
#
#   bench: NAME VALUE UNIT bar=BAR
#
# BENCH_SRCS_NAME and BENCH_FILES_NAME as in tests/guest/guest.mk.

BENCH_TESTS := $(sort $(basename $(notdir $(wildcard tests/bench/*.c))))

# What the host does in a test: sends frames over a tap device and counts what comes back; asks for
# a path over it, again and again.
PUMP     := out/host/pump
HTTPLOAD := out/host/httpload

$(PUMP) $(HTTPLOAD): out/host/%: tests/bench/tools/%.c tests/bench/tools/namespace.h tests/bench/work.h \
                     $(MAKE_FRAGMENTS) | setup-test
	$(call say,HOSTCC,$<)mkdir -p $(@D) && $(HOSTCC) -std=c17 -O2 -D_GNU_SOURCE $(WARNINGS) -o $@ $<

# What llmd is compared with: tests/bench/serving/README.md.
HTTP_RING := $(OUT)/bench/http_ring.img

include tests/bench/baremetal/baremetal.mk

BENCH_SRCS_blk_random_read := $(wildcard libos/virtio/*.c)
BENCH_SRCS_net_echo        := $(wildcard libos/virtio/*.c) libos/net/nic.c libos/net/wire.c
HTTP_RING_SRCS             := $(BENCH_SRCS_net_echo) tests/bench/serving/http_ring.c
