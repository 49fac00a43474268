# The C library, and how what uses it is compiled: README.md here.
#
#   $(OUT)/libc-obj/<path>.o   an object that uses the C library, and may use FP registers

NEWLIB_READY := out/ports/newlib/ready
NEWLIB_TREE  := out/ports/newlib/tree
# libgcc's path is the shell's to find: it may be installed after make has read this.
NEWLIB_LIBS  := $(NEWLIB_TREE)/lib/libc.a $(NEWLIB_TREE)/lib/libm.a \
                /usr/lib/gcc-cross/aarch64-linux-gnu/*/libgcc.a

# What newlib was built with, its callers need as well; and its headers hide what a system does not
# claim to have.
LIBC_FLAGS := $(filter-out -ffreestanding,$(USER_FLAGS)) -ftls-model=local-exec \
              -D__DYNAMIC_REENT__ -D_GNU_SOURCE \
              -D_POSIX_THREADS=200809L -D_POSIX_TIMERS=200809L -D_POSIX_MONOTONIC_CLOCK=200809L \
              -D_POSIX_CLOCK_SELECTION=200809L -D_UNIX98_THREAD_MUTEX_ATTRIBUTES=1 \
              -Ilibos/posix/include -isystem $(NEWLIB_TREE)/include

$(NEWLIB_READY): $(wildcard build/ports/newlib/*) build/ports/fetch build/ports/sources.txt | setup
	$(call say,PORT,newlib)mkdir -p $(@D) && tree=$$(build/ports/newlib/build) && \
	    ln -sfn "$$tree" $(NEWLIB_TREE) && touch $@

$(OUT)/libc-obj/%.c.o: %.c $(MAKE_FRAGMENTS) $(NEWLIB_READY) | setup
	$(call compile,$(LIBC_FLAGS) $(USER_EXTRA_FLAGS))
$(OUT)/libc-obj/%.S.o: %.S $(MAKE_FRAGMENTS) | setup
	$(call compile,$(LIBC_FLAGS) $(USER_EXTRA_FLAGS))
