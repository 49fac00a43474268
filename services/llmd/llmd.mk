# Completions over HTTP: what does not depend on where.
LLMD_HTTP_SRCS := $(addprefix services/llmd/,http.c http_date.c http_request.c http_response.c)
LLMD_SRCS := $(LLMD_HTTP_SRCS) $(addprefix services/llmd/,answer.c chat.c crew.c kernels.c messages.c metrics.c \
             model.c prompt_cache.c query.c request.c room.c serve.c \
             workers.c)

# Over sockets, wherever there are some.
LLMD_SOCKETS_SRCS := services/llmd/sockets.c services/llmd/sockets_loop.c

# On the machine that builds.
HOSTED += llmd
HOSTED_PARTS_llmd := llmd http engine
HOSTED_SRCS_llmd  := services/llmd/sockets_loop.c
HOSTED_LIBS_llmd  := -pthread

PARTS += http llmd
PART_SRCS_http  := $(LLMD_HTTP_SRCS)
PART_FLAGS_http := -Iservices/llmd $(LLHTTP_INCLUDE)
PART_LIBS_http  := $(LLHTTP_HOST)
PART_NEEDS_http := $(LLHTTP_READY)
PART_SRCS_llmd  := $(filter-out $(LLMD_HTTP_SRCS),$(LLMD_SRCS)) services/llmd/sockets.c \
                   $(wildcard services/llmd/hosted/*.c)
PART_FLAGS_llmd  = $(ENGINE_FLAGS) $(PART_FLAGS_http) -Iservices/llmd/hosted
PART_NEEDS_llmd := $(LLHTTP_READY)

# The same with the two threads of the configuration `posix`: for tests.
HOSTED += llmd-posix
HOSTED_PARTS_llmd-posix := $(HOSTED_PARTS_llmd)
HOSTED_SRCS_llmd-posix  := services/llmd/sockets_threads.c
HOSTED_LIBS_llmd-posix  := -pthread

# In the machine: a program for each libOS configuration, llmd (that is `private`), llmd-shared and
# so on. CONFIG says which one is run.
LLMD_CONFIGS := private shared sockets posix
CONFIG       ?= private
ifeq ($(filter $(CONFIG),$(LLMD_CONFIGS)),)
$(error CONFIG=$(CONFIG): no such configuration of llmd, only $(LLMD_CONFIGS))
endif
llmd_of       = $(patsubst llmd-private,llmd,$(1:%=llmd-%))
LLMD         := $(call llmd_of,$(CONFIG))

# In the machine a model is found, verified and computed with by these, whoever serves it.
LLMD_MODEL_SRCS   := $(addprefix services/llmd/,chunks.c compute.c crew.c crew_sched.c kernels.c metrics.c model.c \
                     shortage.c translations.c weights.c words.c workers.c) $(ENGINE_AARCH64_SRCS)
LLMD_MACHINE_SRCS := $(sort $(LLMD_SRCS) $(LLMD_MODEL_SRCS)) $(addprefix services/llmd/,service.c succession.c)
llmd_SRCS         := $(LLMD_MACHINE_SRCS) $(addprefix services/llmd/,link.c raw.c)
llmd-shared_SRCS  := $(llmd_SRCS)
llmd-sockets_SRCS := $(LLMD_MACHINE_SRCS) $(LLMD_SOCKETS_SRCS) services/llmd/sockets_main.c
llmd-posix_SRCS   := $(LLMD_MACHINE_SRCS) $(addprefix services/llmd/,sockets.c sockets_threads.c sockets_main.c)

PROGRAMS += $(call llmd_of,$(LLMD_CONFIGS))
$(foreach c,$(LLMD_CONFIGS),$(eval $(call llmd_of,$(c))_LIBOS := services/llmd/$(c).libos))

$(OUT)/libc-obj/services/engine/%: USER_EXTRA_FLAGS = $(ENGINE_FLAGS) $(ENGINE_AARCH64_FLAGS)
$(OUT)/libc-obj/services/llmd/%: USER_EXTRA_FLAGS = $(ENGINE_FLAGS) $(LLHTTP_INCLUDE) $(LWIP_INCLUDE) \
                                                         $(MODEL_FLAGS)
$(OUT)/libc-obj/services/llmd/sockets%: USER_EXTRA_FLAGS = $(ENGINE_FLAGS) $(LLHTTP_INCLUDE) $(SOCKETS_INCLUDE)
$(call objects,libc,$(sort $(foreach p,$(call llmd_of,$(LLMD_CONFIGS)),$($(p)_SRCS)))): \
    | $(LLHTTP_READY) $(LWIP_READY) $(LIBSODIUM_READY)

# A boot image of each for a store (build/store.mk says which).
IMAGES += $(call llmd_of,$(LLMD_CONFIGS))
$(foreach p,$(call llmd_of,$(LLMD_CONFIGS)),$(eval IMAGE_INIT_$(p) := $(p))\
    $(eval IMAGE_FILES_$(p) := trust=$(STORE_TRUST)))
