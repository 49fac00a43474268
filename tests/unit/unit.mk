# Host unit tests: tests/unit/NAME.c, with cmocka or with a main() that prints TAP.
#
#   UNIT_SRCS_NAME   the sources under test
#   UNIT_FLAGS_NAME  further compiler flags
#   UNIT_LIBS_NAME   archives
#   UNIT_NEEDS_NAME  what must be there before anything is compiled
#   UNIT_TSAN        those that also run under the thread sanitizer
#   UNIT_ARM         those that also run on an emulated Arm CPU, from UNIT_ARM_SRCS_NAME

UNIT_TESTS := $(sort $(basename $(notdir $(wildcard tests/unit/*.c))))
UNIT_TSAN  :=
UNIT_ARM   :=

# The machine's double in tests/unit/host, with the parts of the kernel that everything needs.
UNIT_MACHINE := tests/unit/host/fake_arch.c exo/core/lock.c exo/core/pool.c exo/core/frame.c

UNIT_SRCS_test_fdt           := exo/boot/fdt.c
UNIT_SRCS_test_frame         := $(UNIT_MACHINE)
UNIT_SRCS_test_frame_threads := $(UNIT_MACHINE)
UNIT_SRCS_test_lock          := $(UNIT_MACHINE) exo/debug/lockcheck.c
UNIT_FLAGS_test_lock         := -DEXO_DEBUG=1
UNIT_TSAN += test_lock test_frame_threads

# Address spaces, with the cell that pays for them a double.
VSPACE_TESTS := test_vspace test_vspace_protect test_vspace_flush test_vspace_shadow
$(foreach t,$(VSPACE_TESTS),\
    $(eval UNIT_SRCS_$(t) := $(UNIT_MACHINE) $(addprefix tests/unit/,host/fake_cell.c vspace/space.c) \
                             exo/core/asid.c $(wildcard exo/core/vspace*.c)))

# The whole portable kernel under system calls, with devices that are doubles.
UNIT_KERNEL := $(addprefix tests/unit/host/,fake_arch.c fake_kernel.c fake_virtio.c) \
               $(wildcard exo/core/*.c exo/sys/*.c) exo/debug/lockcheck.c \
               $(addprefix exo/virtio/,device.c queue.c region.c block.c port.c)
UNIT_SRCS_test_kernel  := $(UNIT_KERNEL)
UNIT_FLAGS_test_kernel := -DEXO_DEBUG=1
UNIT_SRCS_test_irq     := $(UNIT_KERNEL)
UNIT_FLAGS_test_irq    := -DEXO_DEBUG=1
UNIT_SRCS_test_virtio_threads  := $(UNIT_KERNEL)
UNIT_FLAGS_test_virtio_threads := -DEXO_DEBUG=1
UNIT_TSAN += test_irq test_virtio_threads

# These take the kernel as it was compiled for test_kernel.
VIRTIO_TESTS := $(addprefix test_virtio_,session queue region faults extent races random)
PORT_TESTS   := test_port test_port_frames test_port_interrupts
$(foreach t,$(VIRTIO_TESTS),\
    $(eval UNIT_SRCS_$(t) := $(addprefix tests/unit/devices/,machine.c buffers.c)))
$(foreach t,$(PORT_TESTS),\
    $(eval UNIT_SRCS_$(t) := $(addprefix tests/unit/devices/,machine.c nic.c)))
$(foreach t,test_kernel_random $(VIRTIO_TESTS) $(PORT_TESTS),\
    $(eval UNIT_FLAGS_$(t) := $(UNIT_FLAGS_test_kernel))\
    $(eval UNIT_LIBS_$(t)  := $(UNIT_KERNEL:%=out/unit/asan/test_kernel.obj/%.o)))

UNIT_SRCS_test_toml  := $(wildcard libos/toml/*.c)
UNIT_FLAGS_test_toml := -Ilibos/toml/include

UNIT_SRCS_test_elf  := $(wildcard libos/elf/*.c)
UNIT_FLAGS_test_elf := -Ilibos/elf/include -Ilibos/rt/include

UNIT_SRCS_test_service_manifest  := services/init/manifest.c $(wildcard libos/toml/*.c)
UNIT_FLAGS_test_service_manifest := -Iservices/init -Ilibos/toml/include

HTTP_TESTS := test_http test_http_refusals test_http_time
$(foreach t,$(HTTP_TESTS),\
    $(eval UNIT_SRCS_$(t)  = $$(LLMD_HTTP_SRCS) tests/unit/http/other_end.c)\
    $(eval UNIT_FLAGS_$(t) := -Iservices/llmd -Itests/unit $(LLHTTP_INCLUDE))\
    $(eval UNIT_LIBS_$(t)  := $(LLHTTP_HOST))\
    $(eval UNIT_NEEDS_$(t) := $(LLHTTP_READY)))

UNIT_SRCS_test_query  := services/llmd/query.c
UNIT_FLAGS_test_query := $(ENGINE_FLAGS) -Iservices/llmd

UNIT_SRCS_test_words  := services/llmd/words.c services/engine/error.c
UNIT_FLAGS_test_words := $(ENGINE_FLAGS) -Iservices/llmd

# The inference engine, and models to run it on.
UNIT_ENGINE       := $(ENGINE_SRCS) tests/engine/random_model.c tests/engine/evaluate.c tests/engine/team.c
UNIT_ENGINE_FLAGS := $(ENGINE_FLAGS) -Itests/engine
UNIT_SRCS_test_engine  := $(UNIT_ENGINE)
UNIT_FLAGS_test_engine := $(UNIT_ENGINE_FLAGS)
UNIT_TSAN += test_engine
UNIT_SRCS_test_packing  := $(UNIT_ENGINE)
UNIT_FLAGS_test_packing := $(UNIT_ENGINE_FLAGS)
UNIT_TSAN += test_packing
UNIT_SRCS_test_placement  := $(UNIT_ENGINE) tests/engine/write_gguf.c
UNIT_FLAGS_test_placement := $(UNIT_ENGINE_FLAGS)
UNIT_SRCS_test_checkpoint    := $(UNIT_ENGINE)
UNIT_FLAGS_test_checkpoint   := $(UNIT_ENGINE_FLAGS)
UNIT_SRCS_test_tokenizer     := $(ENGINE_SRCS)
UNIT_FLAGS_test_tokenizer    := $(UNIT_ENGINE_FLAGS)
UNIT_SRCS_test_engine_real   := services/engine/real.c
UNIT_FLAGS_test_engine_real  := $(UNIT_ENGINE_FLAGS) -Iservices/engine
ROWS16_TESTS := test_kernels test_kernels_packing
$(foreach t,$(ROWS16_TESTS),\
    $(eval UNIT_SRCS_$(t)      := $(ENGINE_SRCS) tests/unit/kernels/rows.c)\
    $(eval UNIT_FLAGS_$(t)     := $(UNIT_ENGINE_FLAGS) -Itests/unit/kernels)\
    $(eval UNIT_ARM_SRCS_$(t)  := $(ENGINE_AARCH64_SRCS) tests/unit/kernels/rows.c)\
    $(eval UNIT_ARM_FLAGS_$(t) := $(ENGINE_AARCH64_FLAGS)))
UNIT_SRCS_test_kernels_steps      := $(UNIT_ENGINE)
UNIT_FLAGS_test_kernels_steps     := $(UNIT_ENGINE_FLAGS)
UNIT_ARM_SRCS_test_kernels_steps  := $(ENGINE_AARCH64_SRCS) $(filter tests/%,$(UNIT_ENGINE))
UNIT_ARM_FLAGS_test_kernels_steps := $(ENGINE_AARCH64_FLAGS)
UNIT_ARM += $(ROWS16_TESTS) test_kernels_steps
# With what says what the CPU has: on an older one they leave out what that lacks.
KERNELS_TESTS := test_kernels_int4 test_kernels_dot test_choice
$(foreach t,$(KERNELS_TESTS),\
    $(eval UNIT_SRCS_$(t)      := $(ENGINE_SRCS) services/llm/portable/cpu.c)\
    $(eval UNIT_FLAGS_$(t)     := $(UNIT_ENGINE_FLAGS) -Iservices/llm)\
    $(eval UNIT_ARM_SRCS_$(t)  := $(ENGINE_AARCH64_SRCS) services/llm/aarch64/cpu.c)\
    $(eval UNIT_ARM_FLAGS_$(t) := $(ENGINE_AARCH64_FLAGS)))
UNIT_ARM += $(KERNELS_TESTS)
UNIT_SRCS_test_kernels_wrong  := $(filter-out services/engine/portable/kernels.c,$(UNIT_ENGINE)) \
                                 tests/engine/built_kernels.c services/llmd/kernels.c services/llmd/metrics.c
UNIT_FLAGS_test_kernels_wrong := $(UNIT_ENGINE_FLAGS) -Iservices/llmd
UNIT_SRCS_test_sampling      := $(ENGINE_SRCS)
UNIT_FLAGS_test_sampling     := $(UNIT_ENGINE_FLAGS)
UNIT_SRCS_test_batch         := $(UNIT_ENGINE)
UNIT_FLAGS_test_batch        := $(UNIT_ENGINE_FLAGS)
UNIT_SRCS_test_llm           := $(UNIT_ENGINE) tests/engine/bpe.c tests/engine/perplexity.c services/llm/complete.c services/llm/load.c
UNIT_FLAGS_test_llm          := $(UNIT_ENGINE_FLAGS) -Iservices/llm -Itests/unit
UNIT_ARM_SRCS_test_llm       := $(UNIT_ARM_SRCS_test_kernels_steps) tests/engine/bpe.c tests/engine/perplexity.c services/llm/complete.c services/llm/load.c
UNIT_ARM_FLAGS_test_llm      := $(ENGINE_AARCH64_FLAGS)
UNIT_ARM += test_llm
UNIT_SRCS_test_crew          := $(UNIT_ENGINE) $(addprefix services/llmd/,crew.c metrics.c workers.c \
                                hosted/crew_linux.c)
UNIT_FLAGS_test_crew         := $(UNIT_ENGINE_FLAGS) -Iservices/llmd -Iservices/llmd/hosted
UNIT_TSAN += test_crew
UNIT_SRCS_test_serve         := $(UNIT_ENGINE) $(LLMD_HTTP_SRCS) $(wildcard tests/unit/serve/*.c) \
                                $(addprefix services/llmd/,answer.c metrics.c prompt_cache.c query.c \
                                request.c serve.c)
UNIT_FLAGS_test_serve        := -include tests/unit/serve/counted.h -Itests/unit/serve \
                                $(UNIT_ENGINE_FLAGS) -Iservices/llmd $(LLHTTP_INCLUDE)
UNIT_LIBS_test_serve         := $(LLHTTP_HOST)
UNIT_NEEDS_test_serve        := $(LLHTTP_READY)
UNIT_SRCS_test_gguf          := $(UNIT_ENGINE) tests/engine/write_gguf.c
UNIT_FLAGS_test_gguf         := $(UNIT_ENGINE_FLAGS)
UNIT_SRCS_test_bpe           := $(ENGINE_SRCS) tests/engine/bpe.c tests/engine/bpe_slow.c tests/engine/bpe_use.c
UNIT_FLAGS_test_bpe          := $(UNIT_ENGINE_FLAGS) -Itests/unit
# These take the engine as it was compiled for the tests beside them.
UNIT_LIBS_test_bpe_file      := $(UNIT_SRCS_test_bpe:%=out/unit/asan/test_bpe.obj/%.o)
UNIT_FLAGS_test_bpe_file     := $(UNIT_ENGINE_FLAGS)
UNIT_LIBS_test_gguf_vocabulary  = $(UNIT_SRCS_test_gguf:%=out/unit/asan/test_gguf.obj/%.o)
UNIT_FLAGS_test_gguf_vocabulary := $(UNIT_ENGINE_FLAGS)
UNIT_SRCS_test_gguf_tool     := $(UNIT_ENGINE) tests/engine/perplexity.c \
                                $(filter-out %/main.c,$(wildcard build/tools/gguf/*.c))
UNIT_FLAGS_test_gguf_tool    := $(UNIT_ENGINE_FLAGS) -Ibuild/tools/gguf -Itests/unit
UNIT_SRCS_test_variants      := $(UNIT_ENGINE) $(wildcard tests/engine/variant*.c)
UNIT_FLAGS_test_variants     := $(UNIT_ENGINE_FLAGS)

# Bundles: the loader over a store in memory.
PAGER_TESTS  := test_pager test_pager_failures
BUNDLE_TESTS := test_bundle $(PAGER_TESTS) test_bundle_flips test_bundle_blocks test_image test_signature test_tree
$(foreach t,$(BUNDLE_TESTS),\
    $(eval UNIT_SRCS_$(t)  := $(wildcard tests/unit/bundle/*.c) $(MODEL_SRCS))\
    $(eval UNIT_FLAGS_$(t) := $(MODEL_FLAGS))\
    $(eval UNIT_LIBS_$(t)  := $(LIBSODIUM_HOST))\
    $(eval UNIT_NEEDS_$(t) := $(LIBSODIUM_READY)))
$(foreach t,$(PAGER_TESTS),\
    $(eval UNIT_SRCS_$(t)  += tests/unit/pager/machine.c)\
    $(eval UNIT_FLAGS_$(t) += -Itests/unit/pager))
UNIT_TSAN += test_bundle_blocks $(PAGER_TESTS)

# The registers are the real ones' (exo/virtio/pci.h), over a double of configuration space.
UNIT_SRCS_test_pci  := tests/unit/host/fake_pci.c exo/core/lock.c exo/pci/function.c exo/pci/scan.c \
                       exo/pci/port.c exo/virtio/pci.c
UNIT_FLAGS_test_pci := -include exo/virtio/pci.h

UNIT_SRCS_test_packed  := libos/vfs/packed.c tests/unit/packed/packed_walk.c
UNIT_FLAGS_test_packed := -Ilibos/vfs/include -Ilibos/sched/include

UNIT_SRCS_test_wire  := libos/net/wire.c libos/net/ip4.c
UNIT_FLAGS_test_wire := -Ilibos/net/include
