# The inference engine. It is built for whoever uses it: the host's tests and programs, and guests.

ENGINE_SRCS := $(sort $(wildcard services/engine/*.c))

# Sums in the order that is written, on every machine: no fused multiply-add behind our back.
ENGINE_FLAGS := -Iservices/engine/include -ffp-contract=off -fno-math-errno
