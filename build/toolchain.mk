# Compilers, linker and flags. Nothing here runs a tool: they may not be installed yet when
# make reads this file. Compilation waits for `setup` (order-only), which installs them.

LD      := ld.lld-19
NM      := llvm-nm-19
OBJCOPY := llvm-objcopy-19
AR      := llvm-ar-19
HOSTCC  := clang-19
PYTHON  := python3

CC_clang := clang-19 --target=aarch64-none-elf -nostdlibinc
CC_gcc   := aarch64-linux-gnu-gcc -fno-pic -fno-pie -mno-outline-atomics \
            -fno-tree-loop-distribute-patterns
CC       := $(CC_$(TOOLCHAIN))

ifeq ($(CC),)
$(error TOOLCHAIN=$(TOOLCHAIN): must be clang or gcc)
endif
ifeq ($(filter release debug,$(BUILD)),)
$(error BUILD=$(BUILD): must be release or debug)
endif

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wcast-qual -Wstrict-prototypes \
            -Wmissing-prototypes -Werror

# The baseline is Armv8.0-A: BTI and return-address signing use the hint space and are NOPs
# where the CPU has neither.
TARGET_FLAGS := -std=c11 -O2 -g -ffreestanding -nostdlib -march=armv8-a -mcmodel=small \
                -mbranch-protection=standard -fno-common -fno-stack-protector \
                -fno-omit-frame-pointer -fno-asynchronous-unwind-tables \
                -ffunction-sections -fdata-sections -ffile-prefix-map=$(CURDIR)/= $(WARNINGS)
ifeq ($(BUILD),debug)
TARGET_FLAGS += -DEXO_DEBUG=1
endif

# The kernel never touches FP/SIMD registers, and runs C before the MMU is on, where an
# unaligned access faults. It signs no return addresses: the keys that are loaded are the program's.
# Optimised as a whole where the linker can: the call paths inline across files.
EXO_LTO    := $(if $(filter clang-release,$(TOOLCHAIN)-$(BUILD)),-flto)
EXO_FLAGS  := $(TARGET_FLAGS) $(EXO_LTO) -mbranch-protection=bti -mgeneral-regs-only -mstrict-align -Iexo/include -Iexo
USER_FLAGS := $(TARGET_FLAGS) -Iexo/include \
              $(patsubst %,-I%,$(filter-out libos/posix/include libos/sockets/include,$(sort $(wildcard libos/*/include))))

LINK_FLAGS := --nostdlib --static --gc-sections --build-id=none --fatal-warnings \
              -z max-page-size=4096 -z separate-loadable-segments -z noexecstack
