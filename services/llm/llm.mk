# Completion at a console, on the machine that builds.

HOSTED += llm
HOSTED_SRCS_llm   = $(wildcard services/llm/*.c) $(ENGINE_SRCS)
HOSTED_FLAGS_llm  = $(ENGINE_FLAGS) -Iservices/llm
