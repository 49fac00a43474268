# The first program, and the boot images that `make run` boots: init, the manifests of the services
# that there are, and their programs. There is one for each configuration of llmd.

PROGRAMS   += init
init_SRCS  := $(sort $(wildcard services/init/*.c))
init_LIBOS := services/init/init.libos

$(OUT)/libc-obj/services/init/%: USER_EXTRA_FLAGS = $(LIBSODIUM_INCLUDE)
$(call objects,libc,$(init_SRCS)): | $(LIBSODIUM_READY)

# What `make run APP=NAME` can start alone.
SERVICES := llmd llm

# The boot image that has APP: llm is for one who has the machine for himself, and has its own.
SERVICES_IMAGE  = $(OUT)/services-$(if $(filter llm,$(APP)),llm,$(CONFIG)).img
IMAGES += services-llm
IMAGE_INIT_services-llm  := init
IMAGE_FILES_services-llm := llm=$(OUT)/bin/llm.stripped trust=$(STORE_TRUST) \
    services/llm.toml=services/llm/llm.toml

# $(call services_image,<configuration of llmd>): its manifest is that of llmd, or has its own name.
define services_image
IMAGES += services-$(1)
IMAGE_INIT_services-$(1)  := init
IMAGE_FILES_services-$(1) := llmd=$(OUT)/bin/$(call llmd_of,$(1)).stripped trust=$(STORE_TRUST) \
    services/llmd.toml=$(firstword $(wildcard services/llmd/$(call llmd_of,$(1)).toml) \
                         services/llmd/llmd.toml)
endef
