# Bundles: the loader and the stores. Who compiles them needs MODEL_FLAGS and $(LIBSODIUM_READY),
# who links them libsodium.

MODEL_SRCS := $(addprefix libos/model/,block.c hash.c image.c loader.c manifest.c \
              pager.c pager_order.c signature.c tree.c trust.c why.c) $(wildcard libos/toml/*.c)
# Needs the engine's reader of checkpoints.
MODEL_SHAPE_SRCS  := libos/model/shape.c
MODEL_FLAGS       := -Ilibos/model/include -Ilibos/toml/include $(LIBSODIUM_INCLUDE)
