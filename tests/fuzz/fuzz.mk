# Fuzz targets: tests/fuzz/NAME.c, each with LLVMFuzzerTestOneInput().
#
#   FUZZ_PARTS_NAME  the parts that it feeds (build/parts.mk)
#   FUZZ_SRCS_NAME   further sources
#   FUZZ_FLAGS_NAME  further compiler flags, of these

FUZZ_TESTS := $(sort $(basename $(notdir $(wildcard tests/fuzz/*.c))))

FUZZ_PARTS_fuzz_toml := toml

FUZZ_SRCS_fuzz_elf  := $(wildcard libos/elf/*.c)
FUZZ_FLAGS_fuzz_elf := -Ilibos/elf/include

FUZZ_PARTS_fuzz_http := http

FUZZ_SRCS_fuzz_messages  := services/llmd/messages.c
FUZZ_FLAGS_fuzz_messages := -Iservices/llmd
FUZZ_PARTS_fuzz_messages := engine

FUZZ_PARTS_fuzz_checkpoint := engine
FUZZ_PARTS_fuzz_tokenizer  := engine
FUZZ_PARTS_fuzz_gguf       := engine
FUZZ_PARTS_fuzz_bpe        := engine
FUZZ_SRCS_fuzz_bpe         := tests/engine/bpe.c
FUZZ_FLAGS_fuzz_bpe        := -Itests/engine

# Bundles: manifests and the store image.
$(foreach t,fuzz_manifest fuzz_image,$(eval FUZZ_PARTS_$(t) := bundles model toml))

FUZZ_SRCS_fuzz_pci  := tests/unit/host/fake_pci.c exo/core/lock.c exo/pci/function.c \
                       exo/pci/scan.c exo/pci/port.c exo/virtio/pci.c
FUZZ_FLAGS_fuzz_pci := -include exo/virtio/pci.h

FUZZ_SRCS_fuzz_packed  := libos/vfs/packed.c tests/unit/packed/packed_walk.c
FUZZ_FLAGS_fuzz_packed := -Ilibos/vfs/include -Ilibos/sched/include -Itests/unit/packed
