/*
 * RAM at boot. What the kernel takes for good lies behind its image, around the device tree and the
 * initrd; the frame table says RESERVED of all of it, and everything else goes to the pool.
 */
#include "arch/mmu.h"

#include "boot/boot.h"
#include "core/frame.h"

#define BLOCK_BYTES (BLOCK_PAGES * PAGE_BYTES)
#define TAKEN_MAX   24

/* Initrd, device tree, image, and what boot takes. */
static struct boot_range taken[TAKEN_MAX];
static uint32_t taken_count;

/* The pages that a range touches. */
static struct boot_range
pages_of(struct boot_range range)
{
    pa_t base = range.base & ~(PAGE_BYTES - 1);
    return (struct boot_range){base, pages_for(range.base + range.bytes) * PAGE_BYTES - base};
}

/* The taken range with the lowest base among those in [at, end); NULL: none. */
static const struct boot_range *
next_taken(pa_t at, pa_t end)
{
    const struct boot_range *first = NULL;
    for (const struct boot_range *range = taken; range < &taken[taken_count]; range++)
        if (range->bytes != 0 && range->base < end && range->base + range->bytes > at &&
            (first == NULL || range->base < first->base))
            first = range;
    return first;
}

/* The first pages from `from` on, at a multiple of `alignment`, that nothing is in. */
static pa_t
find_free(pa_t from, uint64_t alignment, uint64_t bytes)
{
    const struct boot_range *used;
    from = (from + alignment - 1) & ~(alignment - 1);
    while ((used = next_taken(from, from + bytes)) != NULL)
        from = (used->base + used->bytes + alignment - 1) & ~(alignment - 1);
    if (!range_fits(from, bytes, boot_machine.ram.base + boot_machine.ram.bytes))
        panic("no %lu bytes of memory for the kernel", bytes);
    return from;
}

void *
memory_take(uint64_t pages)
{
    struct boot_range *last = &taken[taken_count - 1];
    uint64_t bytes = pages * PAGE_BYTES;
    pa_t next = last->base + last->bytes;
    pa_t base = find_free(next, PAGE_BYTES, bytes);
    boot_machine.kernel_frames += pages;
    if (base != next) {
        ensure(taken_count < TAKEN_MAX);
        *++last = (struct boot_range){base, 0};
        taken_count++;
    }
    last->bytes += bytes;
    return memset(linear_from_pa(base), 0, bytes);
}

/* What lies between it and the last is for later. */
void *
memory_take_aligned(uint64_t alignment)
{
    struct boot_range *last = &taken[taken_count - 1];
    pa_t base = find_free(last->base + last->bytes, alignment, PAGE_BYTES);
    ensure(taken_count < TAKEN_MAX);
    taken[taken_count++] = *last;
    *last = (struct boot_range){base, PAGE_BYTES};
    boot_machine.kernel_frames++;
    return memset(linear_from_pa(base), 0, PAGE_BYTES);
}

/* Of the linear map, so it must lie in the image's block, which is mapped already. */
static pa_t
take_table(void)
{
    return linear_to_pa(memory_take(1));
}

void
memory_init(void)
{
    struct boot_range *ram = &boot_machine.ram;
    pa_t base = (ram->base + BLOCK_BYTES - 1) & ~(BLOCK_BYTES - 1);
    pa_t end = (ram->base + ram->bytes) & ~(BLOCK_BYTES - 1);
    *ram = (struct boot_range){base, end > base ? end - base : 0};
    if (!range_fits(boot_machine.kernel.base - base, boot_machine.kernel.bytes, ram->bytes)) {
        panic("the kernel at %lx (%lx bytes) is not in RAM, %lx to %lx", boot_machine.kernel.base,
              boot_machine.kernel.bytes, base, end);
    }
    taken[0] = pages_of(boot_machine.initrd);
    taken[1] = pages_of(boot_machine.device_tree);
    taken[2] = boot_machine.kernel;
    taken_count = 3;
    boot_machine.kernel_frames = boot_machine.kernel.bytes / PAGE_BYTES;
    for (pa_t pa = base; pa < end; pa += BLOCK_BYTES)
        mmu_map_ram(pa, take_table);
    arch_tables_written();
}

void
memory_give_rest(void)
{
    const struct boot_range *ram = &boot_machine.ram;
    uint64_t frames = ram->bytes >> PAGE_SHIFT;
    struct frame *table = memory_take(pages_for(frames * sizeof(*table)));
    frame_table_init(table, ram->base >> PAGE_SHIFT, frames);
    pa_t at = ram->base, end = ram->base + ram->bytes;
    while (at < end) {
        const struct boot_range *used = next_taken(at, end);
        pa_t stop = used != NULL ? used->base : end;
        if (stop > at)
            frame_give(at >> PAGE_SHIFT, (stop - at) >> PAGE_SHIFT);
        at = used != NULL ? used->base + used->bytes : end;
    }
}
