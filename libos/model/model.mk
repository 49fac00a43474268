# Bundles: the loader and the stores. Who compiles them needs MODEL_FLAGS and $(LIBSODIUM_READY),
# who links them libsodium.

TOML_SRCS  := $(wildcard libos/toml/*.c)
MODEL_SRCS := $(addprefix libos/model/,block.c hash.c image.c loader.c manifest.c \
              pager.c pager_order.c signature.c tree.c trust.c why.c) $(TOML_SRCS)
# Needs the engine's reader of checkpoints.
MODEL_SHAPE_SRCS  := libos/model/shape.c
MODEL_FLAGS       := -Ilibos/model/include -Ilibos/toml/include $(LIBSODIUM_INCLUDE)

PARTS += toml model
PART_SRCS_toml   := $(TOML_SRCS)
PART_FLAGS_toml  := -Ilibos/toml/include
PART_SRCS_model  := $(filter-out $(TOML_SRCS),$(MODEL_SRCS))
PART_FLAGS_model := $(MODEL_FLAGS)
PART_LIBS_model  := $(LIBSODIUM_HOST)
PART_NEEDS_model := $(LIBSODIUM_READY)
