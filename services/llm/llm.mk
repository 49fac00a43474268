# Completion at a console, on the machine that builds.

HOSTED += llm
HOSTED_SRCS_llm   = $(wildcard services/llm/*.c) $(ENGINE_SRCS)
HOSTED_FLAGS_llm  = $(ENGINE_FLAGS) -Iservices/llm

# Models of any shape with random weights, to measure with.
HOSTED += make-model
HOSTED_SRCS_make-model  := tests/engine/make_model.c tests/engine/random_model.c
HOSTED_FLAGS_make-model := -Itests/engine -Wno-conversion
HOSTED_LIBS_make-model  := -lm
