/*
 * RAM at boot. What the kernel takes for good lies behind its image, around the device tree and the
 * initrd; the frame table says RESERVED of all of it, and everything else goes to the pool.
 */
#include "arch/mmu.h"

#include "boot/boot.h"
#include "core/frame.h"

#define BLOCK_BYTES (BLOCK_PAGES * PAGE_BYTES)
#define TAKEN_MAX   8

static struct boot_range taken[TAKEN_MAX]; /* the image is the first */
static uint32_t taken_count;

static uint64_t
page_up(uint64_t bytes)
{
    return (bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

/* The pages that a range touches. */
static struct boot_range
pages_of(struct boot_range range)
{
    pa_t base = range.base & ~(PAGE_BYTES - 1);
    return (struct boot_range){base, page_up(range.base + range.bytes) - base};
}

/* Range number i of those that are in use; false behind the last. */
static bool
used_range(uint32_t i, struct boot_range *range)
{
    if (i >= taken_count + 2)
        return false;
    *range = i < taken_count    ? taken[i]
             : i == taken_count ? pages_of(boot_machine.initrd)
                                : pages_of(boot_machine.device_tree);
    return true;
}

/* The used range with the lowest end behind `at` among those that begin before `end`. */
static bool
next_used(pa_t at, pa_t end, struct boot_range *first)
{
    struct boot_range range;
    bool found = false;
    for (uint32_t i = 0; used_range(i, &range); i++) {
        bool matters = range.bytes != 0 && range.base < end && range.base + range.bytes > at;
        if (matters && (!found || range.base < first->base)) {
            *first = range;
            found = true;
        }
    }
    return found;
}

/* The first pages in [from, limit) that nothing is in. */
static pa_t
find_free(pa_t from, pa_t limit, uint64_t bytes)
{
    struct boot_range used;
    while (next_used(from, from + bytes, &used))
        from = used.base + used.bytes;
    if (!range_fits(from, bytes, limit))
        panic("no %lu bytes of memory for the kernel", bytes);
    return from;
}

static void
remember(pa_t base, uint64_t bytes)
{
    struct boot_range *last = &taken[taken_count - 1];
    boot_machine.kernel_frames += bytes / PAGE_BYTES;
    if (last->base + last->bytes == base) {
        last->bytes += bytes;
        return;
    }
    ensure(taken_count < TAKEN_MAX);
    taken[taken_count++] = (struct boot_range){base, bytes};
}

void *
memory_take(uint64_t pages)
{
    const struct boot_range *ram = &boot_machine.ram, *last = &taken[taken_count - 1];
    pa_t base = find_free(last->base + last->bytes, ram->base + ram->bytes, pages * PAGE_BYTES);
    remember(base, pages * PAGE_BYTES);
    return memset(linear_from_pa(base), 0, pages * PAGE_BYTES);
}

/* Of the linear map, so it must lie in the image's block, which is mapped already. */
static uint64_t *
take_table(void)
{
    return memory_take(1);
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
    taken[taken_count++] = boot_machine.kernel;
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
    struct frame *table = memory_take(page_up(frames * sizeof(*table)) >> PAGE_SHIFT);
    frame_table_init(table, ram->base >> PAGE_SHIFT, frames);
    pa_t at = ram->base, end = ram->base + ram->bytes;
    struct boot_range used;
    while (at < end && next_used(at, end, &used)) {
        if (used.base > at)
            frame_give(at >> PAGE_SHIFT, (used.base - at) >> PAGE_SHIFT);
        at = used.base + used.bytes;
    }
    if (at < end)
        frame_give(at >> PAGE_SHIFT, (end - at) >> PAGE_SHIFT);
}
