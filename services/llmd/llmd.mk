# Completions over HTTP: what does not depend on where.
LLMD_HTTP_SRCS := $(addprefix services/llmd/,http.c http_date.c http_request.c http_response.c)
LLMD_SRCS := $(LLMD_HTTP_SRCS) $(addprefix services/llmd/,answer.c metrics.c model.c query.c request.c serve.c)

# On the machine that builds.
HOSTED += llmd
HOSTED_SRCS_llmd  = $(LLMD_SRCS) services/llmd/hosted/main.c $(ENGINE_SRCS)
HOSTED_FLAGS_llmd = $(ENGINE_FLAGS) -Iservices/llmd $(LLHTTP_INCLUDE)
HOSTED_ARCHIVES_llmd = $(LLHTTP_HOST)
HOSTED_NEEDS_llmd = $(LLHTTP_READY)

# In the machine: the configuration `private`. The image carries the model as files.
PROGRAMS   += llmd
llmd_SRCS  := $(LLMD_SRCS) $(addprefix services/llmd/,service.c weights.c disk.c link.c raw.c) \
              $(ENGINE_AARCH64_SRCS)
llmd_LIBOS := services/llmd/private.libos

$(OUT)/libc-obj/services/engine/%: USER_EXTRA_FLAGS = $(ENGINE_FLAGS)
$(OUT)/libc-obj/services/llmd/%: USER_EXTRA_FLAGS = $(ENGINE_FLAGS) $(LLHTTP_INCLUDE) $(LWIP_INCLUDE) \
                                                         $(MODEL_FLAGS)
$(call objects,libc,$(llmd_SRCS)): | $(LLHTTP_READY) $(LWIP_READY) $(LIBSODIUM_READY)

# The boot image for a store (build/store.mk says which).
IMAGES           += llmd
IMAGE_INIT_llmd  := llmd
IMAGE_FILES_llmd := trust=$(STORE_TRUST)
