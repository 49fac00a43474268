# Fuzz targets: tests/fuzz/NAME.c, each with LLVMFuzzerTestOneInput().
#
#   FUZZ_SRCS_NAME   the sources that it feeds
#   FUZZ_FLAGS_NAME  further compiler flags
#   FUZZ_LIBS_NAME   archives
#   FUZZ_NEEDS_NAME  what must be there before anything is compiled

FUZZ_TESTS := $(sort $(basename $(notdir $(wildcard tests/fuzz/*.c))))

FUZZ_SRCS_fuzz_toml  := $(wildcard libos/toml/*.c)
FUZZ_FLAGS_fuzz_toml := -Ilibos/toml/include

FUZZ_SRCS_fuzz_elf  := $(wildcard libos/elf/*.c)
FUZZ_FLAGS_fuzz_elf := -Ilibos/elf/include -Ilibos/rt/include

FUZZ_SRCS_fuzz_http   = $(LLMD_HTTP_SRCS)
FUZZ_FLAGS_fuzz_http := -Iservices/llmd $(LLHTTP_INCLUDE)
FUZZ_LIBS_fuzz_http  := $(LLHTTP_HOST)
FUZZ_NEEDS_fuzz_http := $(LLHTTP_READY)

FUZZ_SRCS_fuzz_checkpoint  := $(ENGINE_SRCS)
FUZZ_FLAGS_fuzz_checkpoint := $(ENGINE_FLAGS)
FUZZ_SRCS_fuzz_tokenizer   := $(ENGINE_SRCS)
FUZZ_FLAGS_fuzz_tokenizer  := $(ENGINE_FLAGS)
FUZZ_SRCS_fuzz_bpe         := $(ENGINE_SRCS) tests/engine/bpe.c
FUZZ_FLAGS_fuzz_bpe        := $(ENGINE_FLAGS) -Itests/engine
FUZZ_SRCS_fuzz_gguf        := $(ENGINE_SRCS)
FUZZ_FLAGS_fuzz_gguf       := $(ENGINE_FLAGS)

# Bundles: manifests and the store image.
FUZZ_BUNDLES := fuzz_manifest fuzz_image
$(foreach t,$(FUZZ_BUNDLES),\
    $(eval FUZZ_SRCS_$(t)  := $(wildcard tests/unit/bundle/image_*.c) $(MODEL_SRCS))\
    $(eval FUZZ_FLAGS_$(t) := $(MODEL_FLAGS))\
    $(eval FUZZ_LIBS_$(t)  := $(LIBSODIUM_HOST))\
    $(eval FUZZ_NEEDS_$(t) := $(LIBSODIUM_READY)))

FUZZ_SRCS_fuzz_pci  := tests/unit/host/fake_pci.c exo/core/lock.c exo/pci/function.c \
                       exo/pci/scan.c exo/pci/port.c exo/virtio/pci.c
FUZZ_FLAGS_fuzz_pci := -include exo/virtio/pci.h

FUZZ_SRCS_fuzz_packed  := libos/vfs/packed.c tests/unit/packed/packed_walk.c
FUZZ_FLAGS_fuzz_packed := -Ilibos/vfs/include -Ilibos/sched/include -Itests/unit/packed
