/*
 * The first capabilities: the root cell with everything that the kernel did not keep, and init's
 * environment, laid out as the boot image says (bootimage.h). From then on the kernel only answers.
 *
 * The boot image is as trusted as the kernel: what is wrong with it stops the machine, by name.
 */
#include "core/genesis.h"

#include <exo/bootimage.h>

#include "arch/arch.h"
#include "core/cell.h"
#include "core/frame.h"
#include "core/irq.h"
#include "core/sched.h"
#include "virtio/device.h"

struct cell *root_cell;
struct origin cpu_origins[EXO_CPUS_MAX];
static struct origin trace_origin, machine_origin, console_origin, rtc_origin;

#define ROOT_CAPS (1u << 24)
#define ROOT_ENVS (1u << 16)

struct init {
    struct cell *cell;
    struct env *env;
    struct vcpu *vcpu;
    const struct boot_header *header;
    const struct boot_segment *segments;
    struct origin *image, *data;
    uint64_t data_used; /* frames of `data` that are laid out */
};

static void
plant(struct init *init, uint32_t slot, struct origin *origin, uint16_t rights)
{
    uint64_t range = origin->base | (uint64_t)origin->count << 32;
    ensure(cap_plant(cap_slot_at(init->env, slot), origin, rights, range, NULL) == EXO_OK);
}

/* Objects that are there from the start and never end. */
static void
plant_eternal(struct init *init, uint32_t slot, struct origin *origin, enum exo_type type,
              pfn_t base, uint32_t count)
{
    origin_init(origin, type, init->cell);
    origin->eternal = true;
    origin->base = base;
    origin->count = count;
    origin->device = type == EXO_TYPE_FRAMES;
    plant(init, slot, origin, origin->device ? EXO_READ | EXO_WRITE | EXO_COPY : EXO_RIGHTS_ALL);
}

static void
publish(struct init *init, struct origin *origin, uint32_t slot)
{
    ensure(cell_publish(origin, cap_slot_at(init->env, slot)) == EXO_OK);
}

static void
plant_device(struct init *init, uint32_t slot, struct origin *origin, struct boot_range range)
{
    if (range.bytes != 0)
        plant_eternal(init, slot, origin, EXO_TYPE_FRAMES, range.base / PAGE_BYTES, 1);
}

static const struct boot_header *
check_image(void)
{
    const struct boot_range *initrd = &boot_machine.initrd;
    const struct boot_header *header = frame_to_kernel(initrd->base / PAGE_BYTES);
    if (initrd->bytes < sizeof(*header) ||
        memcmp(header->magic, BOOT_MAGIC, sizeof(header->magic)) != 0) {
        panic("no boot image (initrd), or not one of ours");
    }
    if (header->version != BOOT_VERSION || header->segment_count == 0 ||
        header->header_bytes > initrd->bytes || header->total_pages > pages_for(initrd->bytes)) {
        panic("boot image: version %u, %u pages, does not fit this kernel", header->version,
              header->total_pages);
    }
    return header;
}

static struct cell *
make_root_cell(uint64_t image_pages)
{
    uint32_t limit[EXO_RES_COUNT] = {
        [EXO_RES_CAPS] = ROOT_CAPS,
        [EXO_RES_ENVS] = ROOT_ENVS,
        [EXO_RES_CPU_SLOTS] = cpu_count * EXO_CPU_SLOTS,
    };
    limit[EXO_RES_FRAMES] = (uint32_t)(frame_free_count() - 1 + image_pages);
    root_cell = cell_create_root(limit);
    return root_cell;
}

/* An origin for a run of frames that the root cell owns; its frames are `base` on. */
static struct origin *
own_run(struct cell *cell, pfn_t base, uint64_t count)
{
    void *object;
    ensure(cell_new_object(cell, EXO_TYPE_FRAMES, sizeof(struct origin), &object) == EXO_OK);
    struct origin *origin = object;
    origin->base = base;
    origin->count = (uint32_t)count;
    ensure(cell_charge(cell, EXO_RES_FRAMES, (uint32_t)count) == EXO_OK);
    return origin;
}

static void
take_image(struct init *init)
{
    pfn_t base = boot_machine.initrd.base / PAGE_BYTES;
    uint64_t pages = pages_for(boot_machine.initrd.bytes);
    init->image = own_run(init->cell, base, pages);
    init->image->eternal = true; /* init's own text lies in it */
    frame_adopt(base, pages, init->image);
    plant(init, EXO_BOOT_IMAGE, init->image, EXO_READ | EXO_EXEC | EXO_COPY);
}

/* Pages for the writable segments, the stack, and the boot information with the device tree. */
static uint64_t
data_pages(const struct init *init)
{
    uint64_t pages = EXO_BOOT_STACK_BYTES / PAGE_BYTES + pages_for(sizeof(struct exo_boot_info)) +
                     pages_for(boot_machine.device_tree.bytes);
    for (uint32_t i = 0; i < init->header->segment_count; i++) {
        const struct boot_segment *segment = &init->segments[i];
        bool in_place = !(segment->prot & BOOT_WRITE);
        pages += in_place ? 0 : pages_for(segment->mem_bytes);
    }
    return pages;
}

static void
take_data(struct init *init)
{
    pfn_t base;
    uint64_t got, pages = data_pages(init);
    uint32_t budget = UINT32_MAX;
    if (pages > EXO_ALLOC_MAX) {
        panic("boot image: init needs %lu pages of data, more than %u", (unsigned long)pages,
              EXO_ALLOC_MAX);
    }
    init->data = own_run(init->cell, 0, pages);
    if (frame_take(pages, EXO_ALLOC_CONTIGUOUS, 0, init->data, &base, &got) != EXO_OK)
        panic("no memory for init's %lu pages of data", (unsigned long)pages);
    init->data->base = base;
    ensure(frame_clean(base, pages, &budget) == EXO_OK);
    publish(init, init->data, EXO_BOOT_DATA);
}

/* Maps frames of the run that `slot` names. */
static void
map(struct init *init, uint32_t slot, va_t va, pfn_t base, uint64_t pages, uint32_t prot)
{
    struct vspace *space = &init->env->space;
    uint32_t budget = UINT32_MAX;
    uint64_t done;
    lock_acquire(&space->lock);
    cap_widen_hull(cap_slot_at(init->env, slot), va, pages);
    err_t err = vspace_map(space, va, base, pages, prot, VSPACE_MEMORY, &budget, &done);
    lock_release(&space->lock);
    if (err != EXO_OK) {
        panic("boot image: cannot map %lu pages at %lx: error %ld", (unsigned long)pages,
              (unsigned long)va, (long)err);
    }
}

/* The next frames of the data run, mapped; their kernel address. */
static char *
map_data(struct init *init, va_t va, uint64_t pages, uint32_t prot)
{
    pfn_t base = init->data->base + init->data_used;
    init->data_used += pages;
    map(init, EXO_BOOT_DATA, va, base, pages, prot);
    return frame_to_kernel(base);
}

static void
map_segment(struct init *init, const struct boot_segment *segment)
{
    uint64_t pages = pages_for(segment->mem_bytes);
    pfn_t image = init->image->base + segment->file_offset / PAGE_BYTES;
    if (segment->prot & BOOT_WRITE) {
        char *to = map_data(init, segment->va, pages, segment->prot);
        memcpy(to, frame_to_kernel(image), segment->file_bytes);
    } else {
        map(init, EXO_BOOT_IMAGE, segment->va, image, pages, segment->prot);
    }
}

/* Boot information, with the device tree behind it. The seed is init's alone from now on. */
static void
describe_machine(struct init *init)
{
    uint64_t tree = boot_machine.device_tree.bytes;
    uint64_t pages = pages_for(sizeof(struct exo_boot_info));
    struct exo_boot_info *info =
        (void *)map_data(init, EXO_BOOT_INFO_VA, pages + pages_for(tree), EXO_PROT_READ);
    info->size = sizeof(*info);
    info->version = EXO_ABI_VERSION;
    machine_describe(&info->machine);
    info->image_bytes = boot_machine.initrd.bytes;
    info->data_frames = init->data->count;
    info->device_tree_bytes = (uint32_t)tree;
    memcpy(info->cmdline, boot_machine.cmdline, sizeof(info->cmdline));
    while (info->cmdline_bytes < sizeof(info->cmdline) && info->cmdline[info->cmdline_bytes])
        info->cmdline_bytes++;
    memcpy(info->seed, boot_machine.seed, sizeof(info->seed));
    memset(boot_machine.seed, 0, sizeof(boot_machine.seed));
    memcpy((char *)info + pages * PAGE_BYTES,
           (const char *)frame_to_kernel(boot_machine.device_tree.base / PAGE_BYTES) +
               boot_machine.device_tree.base % PAGE_BYTES,
           tree);
}

static void
make_vcpu(struct init *init)
{
    struct vcpu_start start = {
        .control_va = EXO_BOOT_CONTROL_VA,
        .entry = init->header->init_entry,
        .stack = EXO_BOOT_STACK_TOP,
        .argument = EXO_BOOT_INFO_VA,
    };
    ensure(vcpu_create(init->env, &start, &init->vcpu) == EXO_OK);
    publish(init, &init->vcpu->origin, EXO_BOOT_VCPU);
}

static void
plant_machine(struct init *init)
{
    plant(init, EXO_BOOT_CELL, &init->cell->origin, EXO_RIGHTS_ALL);
    plant_eternal(init, EXO_BOOT_TRACE, &trace_origin, EXO_TYPE_TRACE, 0, 0);
    plant_eternal(init, EXO_BOOT_MACHINE, &machine_origin, EXO_TYPE_MACHINE, 0, 0);
    plant_device(init, EXO_BOOT_CONSOLE, &console_origin, boot_machine.uart);
    plant_device(init, EXO_BOOT_RTC, &rtc_origin, boot_machine.rtc);
    plant_eternal(init, EXO_BOOT_IRQ, &irq_range, EXO_TYPE_IRQ, IRQ_SPI_FIRST, arch_irq_spis());
    for (uint32_t i = 0; i < cpu_count; i++)
        plant_eternal(init, EXO_BOOT_CPU + i, &cpu_origins[i], EXO_TYPE_CPU, 0, EXO_CPU_SLOTS);
    for (uint32_t i = 0; i < device_count; i++)
        plant_eternal(init, EXO_BOOT_DEVICE + i, &devices[i].origin, EXO_TYPE_DEVICE, 0,
                      DEVICE_QUEUES_MAX);
}

void
genesis(void)
{
    struct init init = {.header = check_image()};
    init.segments = (const struct boot_segment *)(const void *)(init.header + 1);
    init.cell = make_root_cell(pages_for(boot_machine.initrd.bytes));
    ensure(env_create(init.cell, &init.env) == EXO_OK);
    publish(&init, &init.env->origin, EXO_BOOT_ENV);
    plant_machine(&init);
    take_image(&init);
    take_data(&init);
    for (uint32_t i = 0; i < init.header->segment_count; i++)
        map_segment(&init, &init.segments[i]);
    (void)map_data(&init, EXO_BOOT_STACK_TOP - EXO_BOOT_STACK_BYTES,
                   EXO_BOOT_STACK_BYTES / PAGE_BYTES, EXO_PROT_READ | EXO_PROT_WRITE);
    describe_machine(&init);
    make_vcpu(&init);
    vcpu_release(init.vcpu);
}
