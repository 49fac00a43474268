# GGUF files of llama2.c checkpoints, and quantised ones: docs/guides/gguf.md.

HOSTED += gguf
HOSTED_PARTS_gguf := output engine
HOSTED_SRCS_gguf  := $(sort $(wildcard build/tools/gguf/*.c))
HOSTED_LIBS_gguf  := -lm
