# Completions over HTTP, on the machine that builds.

HOSTED += llmd
HOSTED_SRCS_llmd  = $(addprefix services/llmd/,http.c metrics.c model.c serve.c hosted/main.c) \
                    $(ENGINE_SRCS)
HOSTED_FLAGS_llmd = $(ENGINE_FLAGS) -Iservices/llmd $(LLHTTP_INCLUDE)
HOSTED_ARCHIVES_llmd = $(LLHTTP_HOST)
HOSTED_NEEDS_llmd = $(LLHTTP_READY)
