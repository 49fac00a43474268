# Host unit tests: tests/unit/NAME.c, with cmocka or with a main() that prints TAP.
#
#   UNIT_PARTS_NAME    the parts that it tests, and what tests share (build/parts.mk)
#   UNIT_SRCS_NAME     further sources, compiled for it alone
#   UNIT_FLAGS_NAME    further compiler flags, of these
#   UNIT_WITHOUT_NAME  sources of its parts that a double among its own stands in for
#   UNIT_TSAN          those that also run under the thread sanitizer
#   UNIT_ARM           those that also run on an emulated Arm CPU

UNIT_TESTS := $(sort $(basename $(notdir $(wildcard tests/unit/*.c))))
UNIT_TSAN  :=
UNIT_ARM   :=

# The machine's double in tests/unit/host, with the parts of the kernel that everything needs.
PARTS += machine
PART_SRCS_machine := tests/unit/host/fake_arch.c exo/core/lock.c exo/core/pool.c exo/core/frame.c

UNIT_SRCS_test_fdt            := exo/boot/fdt.c
UNIT_PARTS_test_frame         := machine
UNIT_PARTS_test_frame_threads := machine
UNIT_SRCS_test_lock           := $(PART_SRCS_machine) exo/debug/lockcheck.c
UNIT_FLAGS_test_lock          := -DEXO_DEBUG=1
UNIT_TSAN += test_lock test_frame_threads

# Address spaces, with the cell that pays for them a double.
PARTS += vspace
PART_SRCS_vspace := $(addprefix tests/unit/,host/fake_cell.c vspace/space.c) exo/core/asid.c \
                    $(wildcard exo/core/vspace*.c)
VSPACE_TESTS := test_vspace test_vspace_protect test_vspace_flush test_vspace_shadow
$(foreach t,$(VSPACE_TESTS),$(eval UNIT_PARTS_$(t) := machine vspace))

# The whole portable kernel under system calls, with devices that are doubles.
PARTS += kernel devices
PART_SRCS_kernel   := $(addprefix tests/unit/host/,fake_arch.c fake_kernel.c fake_virtio.c) \
                      $(wildcard exo/core/*.c exo/sys/*.c) exo/debug/lockcheck.c \
                      $(addprefix exo/virtio/,device.c queue.c region.c block.c port.c)
PART_FLAGS_kernel  := -DEXO_DEBUG=1
PART_SRCS_devices  := $(wildcard tests/unit/devices/*.c)
PART_FLAGS_devices := $(PART_FLAGS_kernel)

VIRTIO_TESTS := $(addprefix test_virtio_,session ends queue region faults extent races random)
PORT_TESTS   := test_port test_port_frames test_port_interrupts
KERNEL_TESTS := test_kernel test_kernel_random test_irq test_virtio_threads
$(foreach t,$(KERNEL_TESTS),$(eval UNIT_PARTS_$(t) := kernel))
$(foreach t,$(VIRTIO_TESTS) $(PORT_TESTS),$(eval UNIT_PARTS_$(t) := kernel devices))
UNIT_TSAN += test_irq test_virtio_threads

UNIT_PARTS_test_toml := toml

UNIT_SRCS_test_elf  := $(wildcard libos/elf/*.c)
UNIT_FLAGS_test_elf := -Ilibos/elf/include

UNIT_PARTS_test_service_manifest := toml
UNIT_SRCS_test_service_manifest  := services/init/manifest.c
UNIT_FLAGS_test_service_manifest := -Iservices/init

PARTS += other_end
PART_SRCS_other_end  := tests/unit/http/other_end.c
PART_FLAGS_other_end := $(PART_FLAGS_http)
PART_NEEDS_other_end := $(PART_NEEDS_http)
HTTP_TESTS := test_http test_http_refusals test_http_time
$(foreach t,$(HTTP_TESTS),$(eval UNIT_PARTS_$(t) := http other_end))

UNIT_SRCS_test_succession  := services/llmd/succession.c services/llmd/shortage.c
UNIT_FLAGS_test_succession := -Iservices/llmd

UNIT_SRCS_test_query  := services/llmd/query.c
UNIT_FLAGS_test_query := $(ENGINE_FLAGS) -Iservices/llmd

UNIT_SRCS_test_words  := services/llmd/words.c services/engine/error.c
UNIT_FLAGS_test_words := $(ENGINE_FLAGS) -Iservices/llmd

# The inference engine, models to run it on, and what says what the CPU has: on an older one tests of
# kernels leave out what that lacks.
PARTS += models rows products
PART_SRCS_models  := $(addprefix tests/engine/,random_model.c evaluate.c team.c)
PART_FLAGS_models := $(ENGINE_FLAGS) -Itests/engine
PART_SRCS_rows    := tests/unit/kernels/rows.c
PART_FLAGS_rows   := $(ENGINE_FLAGS) -Itests/unit/kernels
PART_SRCS_products  := tests/unit/kernels/products.c
PART_FLAGS_products := $(PART_FLAGS_rows)

$(foreach t,test_tokenizer test_sampling,$(eval UNIT_PARTS_$(t) := engine))
$(foreach t,test_engine test_packing test_checkpoint test_kernels_steps test_batch,\
    $(eval UNIT_PARTS_$(t) := engine models))
$(foreach t,test_kernels test_kernels_packing,$(eval UNIT_PARTS_$(t) := engine rows products))
$(foreach t,test_kernels_int4 test_kernels_formats,$(eval UNIT_PARTS_$(t) := engine cpu products))
$(foreach t,test_kernels_dot test_choice,$(eval UNIT_PARTS_$(t) := engine cpu))
UNIT_TSAN += test_engine test_packing test_batch
UNIT_ARM  += test_kernels test_kernels_packing test_kernels_steps test_kernels_int4 test_kernels_dot test_kernels_formats \
             test_choice

PARTS += llmd_kernels
PART_SRCS_llmd_kernels  := services/llmd/kernels.c services/llmd/metrics.c
PART_FLAGS_llmd_kernels := $(PART_FLAGS_models) -Iservices/llmd
UNIT_PARTS_test_kernels_wrong   := engine models llmd_kernels
UNIT_SRCS_test_kernels_wrong    := tests/engine/built_kernels.c
UNIT_WITHOUT_test_kernels_wrong := services/engine/portable/kernels.c

UNIT_SRCS_test_engine_real  := services/engine/real.c
UNIT_FLAGS_test_engine_real := $(ENGINE_FLAGS)

PARTS += gguf_files
PART_SRCS_gguf_files  := tests/engine/write_gguf.c
PART_FLAGS_gguf_files := $(PART_FLAGS_models)
$(foreach t,test_placement test_gguf test_gguf_vocabulary,$(eval UNIT_PARTS_$(t) := engine models gguf_files))
UNIT_PARTS_test_model := engine models llmd_kernels
UNIT_SRCS_test_model  := services/llmd/model.c
UNIT_PARTS_test_gguf_tool := output engine models
UNIT_SRCS_test_gguf_tool  := tests/engine/perplexity.c $(filter-out %/main.c,$(wildcard build/tools/gguf/*.c))
UNIT_FLAGS_test_gguf_tool := -Ibuild/tools/gguf
UNIT_PARTS_test_variants  := engine models
UNIT_SRCS_test_variants   := $(wildcard tests/engine/variant*.c)

PARTS += bpe
PART_SRCS_bpe  := $(addprefix tests/engine/,bpe.c bpe_slow.c bpe_use.c)
PART_FLAGS_bpe := $(PART_FLAGS_models)
$(foreach t,test_bpe test_bpe_file,$(eval UNIT_PARTS_$(t) := engine bpe))

UNIT_PARTS_test_chat := engine bpe
UNIT_SRCS_test_chat  := services/llmd/chat.c services/llmd/messages.c
UNIT_FLAGS_test_chat := -Iservices/llmd

UNIT_PARTS_test_llm := engine models
UNIT_SRCS_test_llm  := $(addprefix tests/engine/,bpe.c perplexity.c) $(addprefix services/llm/,complete.c load.c)
UNIT_FLAGS_test_llm := -Iservices/llm
UNIT_ARM += test_llm

UNIT_PARTS_test_crew := engine models
UNIT_SRCS_test_crew  := $(addprefix services/llmd/,crew.c metrics.c workers.c hosted/crew_linux.c)
UNIT_FLAGS_test_crew := -Iservices/llmd -Iservices/llmd/hosted
UNIT_TSAN += test_crew

# Here memory is counted, in all sources that ask for some.
UNIT_PARTS_test_serve := engine http
UNIT_SRCS_test_serve  := $(PART_SRCS_models) $(wildcard tests/unit/serve/*.c) \
                         $(addprefix services/llmd/,answer.c chat.c messages.c metrics.c prompt_cache.c query.c request.c room.c \
                           serve.c)
UNIT_FLAGS_test_serve := -include tests/unit/serve/counted.h -Itests/unit/serve -Itests/engine

# Here comparisons are counted, in all sources that look for something by its bytes.
UNIT_PARTS_test_index   := engine
UNIT_SRCS_test_index    := $(addprefix services/engine/,index.c gguf.c vocabulary.c)
UNIT_FLAGS_test_index   := -include tests/unit/index/counted.h -Itests/engine
UNIT_WITHOUT_test_index := $(UNIT_SRCS_test_index)

# Bundles: the loader over a store in memory.
PARTS += bundles pager
PART_SRCS_bundles  := $(wildcard tests/unit/bundle/*.c)
PART_FLAGS_bundles := $(MODEL_FLAGS)
PART_NEEDS_bundles := $(PART_NEEDS_model)
PART_SRCS_pager    := $(wildcard tests/unit/pager/*.c)
PART_FLAGS_pager   := $(MODEL_FLAGS) -Itests/unit/pager
PART_NEEDS_pager   := $(PART_NEEDS_model)
PAGER_TESTS  := test_pager test_pager_failures
BUNDLE_TESTS := test_bundle test_bundle_flips test_bundle_blocks test_image test_signature test_tree
$(foreach t,$(BUNDLE_TESTS),$(eval UNIT_PARTS_$(t) := bundles model toml))
$(foreach t,$(PAGER_TESTS),$(eval UNIT_PARTS_$(t) := pager model toml))
UNIT_TSAN += test_bundle_blocks $(PAGER_TESTS)

# <virtio/queue.h> is the driver's there, not the kernel's.
UNIT_SRCS_test_windows  := libos/pager/windows.c libos/model/why.c
UNIT_FLAGS_test_windows := $(MODEL_FLAGS) -DEXO_VIRTIO_QUEUE_H -include libos/virtio/include/virtio/queue.h \
                           $(addprefix -Ilibos/,pager pager/include vm/include blk/include virtio/include sched/include)

# The registers are the real ones' (exo/virtio/pci.h), over a double of configuration space.
UNIT_SRCS_test_pci  := tests/unit/host/fake_pci.c exo/core/lock.c exo/pci/function.c exo/pci/scan.c \
                       exo/pci/port.c exo/virtio/pci.c
UNIT_FLAGS_test_pci := -include exo/virtio/pci.h

UNIT_SRCS_test_packed  := libos/vfs/packed.c tests/unit/packed/packed_walk.c
UNIT_FLAGS_test_packed := -Ilibos/vfs/include -Ilibos/sched/include

# A driver's half of a queue, with calls that go to the test. By its path: the kernel's half has the
# same name.
UNIT_FLAGS_test_vq := -include tests/unit/vq/svc.h -Ilibos/virtio/include \
                      -include libos/virtio/include/virtio/queue.h

UNIT_SRCS_test_wire  := libos/net/wire.c libos/net/ip4.c
UNIT_FLAGS_test_wire := -Ilibos/net/include
