# The kernel's sources. Every file in these folders belongs to it; exo/debug/ (audit, lock-order
# checks) only to BUILD=debug.

EXO_SRCS := $(sort $(foreach d,boot arch core pci sys virtio,$(wildcard exo/$(d)/*.c exo/$(d)/*.S)))

EXO_DEBUG_SRCS := $(sort $(wildcard exo/debug/*.c exo/debug/*.S))
