/* The calls: making, removing and changing regions. */
#include "private.h"

struct vm_counts counts;
static struct rt_lock lock;

void
vm_lock(void)
{
    rt_lock(&lock);
}

static struct vm_object *
next_dead(void)
{
    rt_lock(&lock);
    struct vm_object *object = object_take_dead();
    rt_unlock(&lock);
    return object;
}

/* A handler leaves dead objects to the next thread that comes by: a pager may wait. */
void
vm_unlock(void)
{
    struct vm_object *object;
    rt_unlock(&lock);
    while (rt_control()->inside == 0 && object_has_dead() && (object = next_dead()) != NULL)
        object_bury(object);
}

struct vm_counts
vm_counts(void)
{
    vm_lock();
    struct vm_counts now = counts;
    vm_unlock();
    return now;
}

static int64_t
check_prot(uint32_t prot)
{
    if (prot & ~(uint32_t)(VM_READ | VM_WRITE | VM_EXEC))
        return EXO_E_ARG;
    return (prot & VM_WRITE) && (prot & VM_EXEC) ? EXO_E_WX : EXO_OK;
}

static int64_t
check_range(uint64_t va, uint64_t bytes, uint64_t align)
{
    if (va % align != 0 || bytes % align != 0)
        return EXO_E_ALIGN;
    return bytes == 0 || va < VM_START || va >= VM_END || bytes > VM_END - va ? EXO_E_RANGE
                                                                              : EXO_OK;
}

/* Blocks are not cut: both ends have to lie between them. */
static bool
cuts_block(uint64_t va)
{
    const struct region *region = region_find(va);
    return region != NULL && (region->flags & VM_BLOCKS) && va % BLOCK_BYTES != 0;
}

static int64_t
check_cut(uint64_t va, uint64_t end)
{
    if (cuts_block(va) || cuts_block(end))
        return EXO_E_ALIGN;
    return regions_have_room() ? EXO_OK : EXO_E_LIMIT;
}

/* Nothing is left there. */
static void
clear(uint64_t va, uint64_t end)
{
    struct region *region;
    region_split(va);
    region_split(end);
    while ((region = region_from(va)) != NULL && region->start < end) {
        pages_forget(region->start, region->end);
        if (region->object != NULL)
            object_release(region->object);
        region_remove(region);
    }
}

static int64_t
place(uint64_t *va, uint64_t bytes, uint32_t flags)
{
    uint64_t align = flags & VM_BLOCKS ? BLOCK_BYTES : PAGE;
    if (flags & VM_FIXED) {
        int64_t err = check_range(*va, bytes, align);
        return err == EXO_OK ? check_cut(*va, *va + bytes) : err;
    }
    *va = regions_have_room() ? region_room(bytes, align) : 0;
    return *va != 0 ? EXO_OK : EXO_E_LIMIT;
}

int64_t
vm_map(uint64_t *va, uint64_t bytes, uint32_t prot, uint32_t flags, struct vm_object *object,
       uint64_t offset)
{
    int64_t err = check_prot(prot);
    if (err == EXO_OK && ((flags & ~(uint32_t)(VM_FIXED | VM_SHARED | VM_BLOCKS)) ||
                          ((flags & VM_BLOCKS) && object != NULL && object->pager->bring == NULL) ||
                          (prot != VM_READ && object != NULL && object->pager->bring != NULL)))
        err = EXO_E_ARG;
    if (err == EXO_OK && offset % PAGE != 0)
        err = EXO_E_ALIGN;
    if (err == EXO_OK)
        err = check_range(VM_START, bytes, flags & VM_BLOCKS ? BLOCK_BYTES : PAGE);
    if (err != EXO_OK)
        return err;
    vm_lock();
    err = place(va, bytes, flags);
    if (err == EXO_OK) {
        clear(*va, *va + bytes);
        region_add(&(struct region){*va, *va + bytes, prot, flags, object, offset});
        if (object != NULL)
            object->references++;
    }
    vm_unlock();
    return err;
}

int64_t
vm_unmap(uint64_t va, uint64_t bytes)
{
    int64_t err = check_range(va, bytes, PAGE);
    if (err != EXO_OK)
        return err;
    vm_lock();
    err = check_cut(va, va + bytes);
    if (err == EXO_OK)
        clear(va, va + bytes);
    vm_unlock();
    return err;
}

/* What is mapped is unmapped: the next touch maps it with the new protection. */
static int64_t
protect(uint64_t va, uint64_t end, uint32_t prot)
{
    region_split(va);
    region_split(end);
    while (va < end) {
        struct region *region = region_find(va);
        if (region == NULL)
            return EXO_E_RANGE;
        region->prot = prot;
        pages_hide(region->start, region->end);
        va = region->end;
    }
    return EXO_OK;
}

int64_t
vm_protect(uint64_t va, uint64_t bytes, uint32_t prot)
{
    int64_t err = check_prot(prot);
    if (err == EXO_OK)
        err = check_range(va, bytes, PAGE);
    if (err != EXO_OK)
        return err;
    vm_lock();
    err = check_cut(va, va + bytes);
    if (err == EXO_OK)
        err = protect(va, va + bytes, prot);
    vm_unlock();
    return err;
}

int64_t
vm_forget(uint64_t va, uint64_t bytes)
{
    int64_t err = check_range(va, bytes, PAGE);
    if (err != EXO_OK)
        return err;
    vm_lock();
    err = cuts_block(va) || cuts_block(va + bytes) ? EXO_E_ALIGN : EXO_OK;
    if (err == EXO_OK)
        pages_forget(va, va + bytes);
    vm_unlock();
    return err;
}

int64_t
vm_populate(uint64_t va, uint64_t bytes, bool for_writing)
{
    int64_t err = check_range(va, bytes, PAGE);
    for (uint64_t at = va; at < va + bytes && err == EXO_OK; at += PAGE) {
        struct region *region;
        vm_lock();
        err = fault_resolve(at, for_writing ? EXO_ACCESS_WRITE : EXO_ACCESS_READ, &region);
        vm_unlock();
        err = err == EXO_E_AGAIN ? EXO_OK : err;
    }
    return err;
}
