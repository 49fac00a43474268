/* Addresses, and runs of frames mapped at them. */
#include "private.h"

static _Atomic uint64_t next_va = RT_VA_START;

uint64_t
rt_va_take(uint64_t pages, uint64_t align_bytes)
{
    uint64_t align = align_bytes < EXO_PAGE_BYTES ? EXO_PAGE_BYTES : align_bytes;
    uint64_t next, va = atomic_load(&next_va);
    uint64_t at;
    do {
        at = (va + align - 1) & ~(align - 1);
        next = at + (pages + 1) * EXO_PAGE_BYTES;
    } while (!atomic_compare_exchange_weak(&next_va, &va, next));
    return at;
}

uint64_t
rt_va_mark(void)
{
    return atomic_load(&next_va);
}

void
rt_va_release(uint64_t mark)
{
    atomic_store(&next_va, mark);
}

int64_t
rt_map_pages(uint64_t va, uint32_t slot, uint32_t first, uint32_t pages, uint32_t prot)
{
    const struct exo_map entry = {va, slot, first, pages, prot};
    return rt_map(EXO_SELF, &entry, 1);
}

uint64_t
rt_frames_free(void)
{
    struct exo_cell_info cell = {.size = sizeof(cell)};
    if (exo_cell_info(EXO_BOOT_CELL, &cell) != EXO_OK)
        return 0;
    return cell.limit[EXO_RES_FRAMES] - cell.own[EXO_RES_FRAMES] - cell.carved[EXO_RES_FRAMES];
}

int64_t
rt_unmap_pages(uint64_t va, uint32_t pages)
{
    const struct exo_map entry = {.va = va, .pages = pages};
    return rt_unmap(EXO_SELF, &entry, 1);
}

int64_t
rt_protect_pages(uint64_t va, uint32_t slot, uint32_t first, uint32_t pages, uint32_t prot)
{
    const struct exo_map entry = {va, slot, first, pages, prot};
    return rt_protect(EXO_SELF, &entry, 1);
}

void *
rt_map_at_any(uint32_t slot, uint32_t first, uint32_t pages, uint32_t prot, int64_t *error)
{
    bool blocks = prot & EXO_PROT_BLOCK;
    uint64_t va = rt_va_take(pages, blocks ? (uint64_t)EXO_BLOCK_PAGES * EXO_PAGE_BYTES : 0);
    *error = rt_map_pages(va, slot, first, pages, prot);
    return *error == EXO_OK ? (void *)(uintptr_t)va : NULL;
}

int64_t
rt_memory_take_from(uint32_t cell, uint32_t pages, uint32_t prot, struct rt_memory *memory)
{
    *memory = (struct rt_memory){.slot = rt_slot_take(), .pages = pages};
    struct exo_frames frames = exo_frames_alloc(cell, memory->slot, pages, EXO_ALLOC_CONTIGUOUS, 0);
    int64_t err = frames.status;
    if (err == EXO_OK) {
        memory->pfn = frames.pfn;
        memory->at = rt_map_at_any(memory->slot, 0, pages, prot, &err);
    }
    if (err != EXO_OK)
        rt_memory_put(memory);
    return err;
}

int64_t
rt_memory_take(uint32_t pages, uint32_t prot, struct rt_memory *memory)
{
    return rt_memory_take_from(EXO_BOOT_CELL, pages, prot, memory);
}

void
rt_memory_put(struct rt_memory *memory)
{
    (void)rt_drop(memory->slot);
    rt_slot_put(memory->slot);
    memory->slot = EXO_NONE;
    memory->at = NULL;
}
