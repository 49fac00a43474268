# The runtime that every program is linked with: start-up, system calls, upcall entry.

RT_SRCS := $(sort $(wildcard libos/rt/*.c libos/rt/*.S))
