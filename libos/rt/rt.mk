# The runtime that every program is linked with: start-up, system calls, upcall entry.

RT_SRCS := $(sort $(wildcard libos/rt/*.c libos/rt/*.S))

# Upcall handlers find the interrupted thread's FP registers live, so nothing here touches them.
$(OUT)/user-obj/libos/rt/%: USER_EXTRA_FLAGS := -mgeneral-regs-only
