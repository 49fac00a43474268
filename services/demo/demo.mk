# What `make run` boots: one program that shows the machine at work.

demo_SRCS := $(sort $(wildcard services/demo/*.c))

ifneq ($(demo_SRCS),)
PROGRAMS += demo
IMAGES += demo
IMAGE_INIT_demo := demo
endif
