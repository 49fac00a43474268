# What `make run` boots: one program that shows the machine at work.

demo_SRCS := $(sort $(wildcard services/demo/*.c))

ifneq ($(demo_SRCS),)
PROGRAMS += demo
IMAGES += demo
IMAGE_INIT_demo := demo
endif

# The scenes handle upcalls (rt/upcall.h).
$(OUT)/user-obj/services/demo/%: USER_EXTRA_FLAGS := -mgeneral-regs-only
