# GGUF files of llama2.c checkpoints, and quantised ones: docs/guides/gguf.md.

HOSTED += gguf
HOSTED_SRCS_gguf  = $(sort $(wildcard build/tools/gguf/*.c)) $(ENGINE_SRCS)
HOSTED_FLAGS_gguf = $(ENGINE_FLAGS)
HOSTED_LIBS_gguf := -lm
