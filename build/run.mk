# `make run`.

# Serves a model, in the foreground: the default one, or MODEL (build/store.mk). IMAGE names another
# boot image, which finds the devices that it is given (NET, DATA, STORE, DEVICES) and no others.
# APP names the service that is to be started alone.
ifeq ($(IMAGE),)
ifneq ($(filter run,$(MAKECMDGOALS)),)
ifneq ($(filter-out $(SERVICES),$(APP)),)
$(error APP=$(APP): no such service; there are: $(SERVICES))
endif
endif
# Kernels by their names without the formats at their ends, as llmd.kernel=list says them, and what
# ENGINE_KERNEL may be: reference, the others' beginnings, or one with a format, which the machine checks.
ENGINE_KERNELS := reference scalar-int neon-int16 sve256-int16 scalar-int4 neon-int4 neon-int4x4 \
                  scalar-int4pairs sve256-int4 dot-scalar sdot smmla scalar-int15 neon-int15
kernels_meant = $(filter reference,$1) $(foreach k,$(filter-out reference,$(ENGINE_KERNELS)),\
                    $(filter $(firstword $1)%,$k) $(filter $k-%,$1))
ifneq ($(filter run,$(MAKECMDGOALS)),)
ifneq ($(filter-out list,$(ENGINE_KERNEL)),)
ifneq ($(words $(ENGINE_KERNEL)) $(if $(strip $(call kernels_meant,$(ENGINE_KERNEL))),meant),1 meant)
$(error ENGINE_KERNEL=$(ENGINE_KERNEL): must be list, reference, or what a name begins with of: $(filter-out reference,$(ENGINE_KERNELS)))
endif
endif
$(call one_of,PRECISION,default reference,default or reference)
ifneq ($(and $(filter reference,$(PRECISION)),$(filter-out list,$(ENGINE_KERNEL))),)
$(error PRECISION=reference: ENGINE_KERNEL=$(ENGINE_KERNEL) says something else)
endif
endif
# Whoever serves or completes reads the words that begin so.
RUN_NAME = $(if $(filter llm,$(APP)),llm,llmd)
run: export NET ?= $(if $(filter llm,$(APP)),none,user)
run: export HTTP_PORT ?= $(if $(filter user,$(NET)),8080)
run: export STORE ?= $(STORE_IMAGE)
run: override export CMDLINE := $(RUN_NAME).bundle=$(STORE_BUNDLE) $(RUN_NAME).unsigned=$(STORE_UNSIGNED) \
                       $(and $(filter user,$(NET)),$(HTTP_PORT),llmd.url=http://127.0.0.1:$(HTTP_PORT)) \
                       $(if $(ENGINE_KERNEL),$(RUN_NAME).kernel=$(ENGINE_KERNEL)) \
                       $(if $(PRECISION),$(RUN_NAME).precision=$(PRECISION)) $(CMDLINE)
ifeq ($(ENGINE_KERNEL),list)
run:
	@echo 'kernels: $(ENGINE_KERNELS)'
else
run: setup-run all $(STORE_IMAGE)
	@build/tools/run-qemu --kernel $(KERNEL) --initrd $(SERVICES_IMAGE)
endif
else
run: setup-run all
	@build/tools/run-qemu --kernel $(KERNEL) --initrd '$(IMAGE)'
endif
