/* The fault upcall, and memory pressure. */
#include "private.h"

static struct vm_pressure *pressures;
static rt_handler *on_violation;
static struct fault *free_faults; /* under the lock */

static bool
allows(const struct region *region, uint32_t access)
{
    uint32_t wanted = access & EXO_ACCESS_WRITE  ? VM_WRITE
                      : access & EXO_ACCESS_EXEC ? VM_EXEC
                                                 : VM_READ | VM_WRITE | VM_EXEC;
    return region->prot & wanted;
}

/* A 2 MiB mapping, where there is such a run of frames, and nothing of the block is there yet. */
static int64_t
map_block(const struct region *region, uint64_t va, uint32_t *word)
{
    uint32_t frame;
    int64_t err = frame_take_block(&frame);
    if (err != EXO_OK)
        return err;
    const struct exo_map entry =
        frame_entry(frame, va, EXO_BLOCK_PAGES, region->prot | EXO_PROT_READ | EXO_PROT_BLOCK);
    err = rt_map(EXO_SELF, &entry, 1);
    uint32_t flags = PAGE_HELD | PAGE_MAPPED | (region->prot & VM_WRITE ? PAGE_WRITE : 0) |
                     (region->prot & VM_EXEC ? PAGE_EXEC : 0);
    for (uint32_t i = 0; i < EXO_BLOCK_PAGES && err == EXO_OK; i++)
        word[i] = (frame + i) | flags;
    for (uint32_t i = 0; i < EXO_BLOCK_PAGES && err != EXO_OK; i++)
        frame_give(frame + i);
    return err;
}

static bool
block_is_empty(const uint32_t *word)
{
    uint32_t seen = 0;
    for (uint32_t i = 0; i < EXO_BLOCK_PAGES; i++)
        seen |= word[i];
    return seen == 0;
}

static int64_t
take_zeros(const struct region *region, uint64_t va, uint32_t *word)
{
    uint64_t block = va & ~(BLOCK_BYTES - 1);
    uint32_t *first = word - (va - block) / PAGE, frame;
    if ((region->flags & VM_BLOCKS) && block_is_empty(first) &&
        map_block(region, block, first) == EXO_OK)
        return EXO_OK;
    int64_t err = frame_take(&frame);
    if (err == EXO_OK)
        *word = PAGE_HELD | frame;
    return err;
}

static uint64_t
number_in_object(const struct region *region, uint64_t va)
{
    return (va - region->start + region->offset) / PAGE;
}

static bool
is_behind(const struct region *region, uint64_t va)
{
    return number_in_object(region, va) >= region->object->pages;
}

static int64_t
take_from_object(const struct region *region, uint64_t va, uint32_t *word)
{
    uint64_t number = number_in_object(region, va);
    if (is_behind(region, va))
        return EXO_E_RANGE;
    uint32_t state = atomic_load_explicit(&region->object->page[number], memory_order_acquire);
    if (!(state & OBJECT_READY))
        return EXO_E_AGAIN;
    *word = PAGE_HELD | PAGE_OBJECT | (state & FRAME_MASK);
    return EXO_OK;
}

/* A private page that is written to gets a frame of its own. */
static int64_t
copy_page(uint64_t va, uint32_t *word)
{
    uint32_t frame, before = *word & FRAME_MASK;
    int64_t err = frame_take(&frame);
    if (err != EXO_OK)
        return err;
    const void *from = window_open(WINDOW_COPY, before, EXO_PROT_READ);
    void *to = window_open(WINDOW_ZERO, frame, EXO_PROT_READ | EXO_PROT_WRITE);
    bool copied = from != NULL && to != NULL;
    if (copied)
        memcpy(to, from, PAGE);
    window_close(WINDOW_COPY);
    window_close(WINDOW_ZERO);
    if (!copied) {
        frame_give(frame);
        return EXO_E_MEMORY;
    }
    pages_hide(va, va + PAGE);
    *word = PAGE_HELD | frame;
    counts.copies++;
    return EXO_OK;
}

/* What the page is mapped with: a shared frame in a private region is not written to. */
static uint32_t
prot_of(const struct region *region, uint32_t word)
{
    bool is_private = (word & PAGE_OBJECT) && !(region->flags & VM_SHARED);
    return is_private ? region->prot & ~(uint32_t)VM_WRITE : region->prot;
}

static bool
is_mapped_with(uint32_t word, uint32_t prot)
{
    return (word & PAGE_MAPPED) && !(prot & VM_WRITE) == !(word & PAGE_WRITE) &&
           !(prot & VM_EXEC) == !(word & PAGE_EXEC);
}

int64_t
fault_resolve(uint64_t va, uint32_t access, struct region **found)
{
    struct region *region = region_find(va);
    *found = region;
    if (region == NULL || !allows(region, access))
        return EXO_E_RANGE;
    if (region->object != NULL && region->object->pager->bring != NULL)
        return is_behind(region, va) ? EXO_E_RANGE : EXO_E_AGAIN;
    uint32_t *word = page_word(va, true);
    int64_t err = word == NULL ? EXO_E_MEMORY : EXO_OK;
    if (err == EXO_OK && !(*word & PAGE_HELD))
        err = region->object == NULL ? take_zeros(region, va, word)
                                     : take_from_object(region, va, word);
    if (err == EXO_OK && (access & EXO_ACCESS_WRITE) && (*word & PAGE_OBJECT) &&
        !(region->flags & VM_SHARED))
        err = copy_page(va, word);
    if (err == EXO_OK && !is_mapped_with(*word, prot_of(region, *word)))
        err = page_map(va, word, prot_of(region, *word));
    return err;
}

static struct fault *
take_fault(void)
{
    struct fault *fault = free_faults;
    if (fault != NULL)
        free_faults = fault->next;
    else
        fault = meta_take(sizeof(*fault));
    return fault;
}

/* The thread goes on in fill_begins instead, on its own stack; from there it comes back here. */
static bool
redirect(const struct rt_upcall *upcall, struct exo_context *context, const struct region *region)
{
    struct fault *fault = take_fault();
    if (fault == NULL)
        return false;
    uint64_t va = upcall->a & ~(PAGE - 1);
    fault->context = *context;
    fault->upcall = *upcall;
    fault->fp_bytes = rt_fp_bytes();
    fault->object = region->object;
    fault->number = number_in_object(region, va);
    region->object->references++;
    context->x[0] = (uint64_t)(uintptr_t)fault;
    context->pc = (uint64_t)(uintptr_t)fill_begins;
    context->pstate &= ~0xc00ull; /* BTYPE: nothing jumped there */
    return true;
}

void
fill_thread(struct fault *fault, const void *fp)
{
    struct exo_context context = fault->context;
    struct rt_upcall upcall = fault->upcall;
    int64_t err = object_fill(fault->object, fault->number);
    vm_lock();
    object_release(fault->object);
    fault->next = free_faults;
    free_faults = fault;
    vm_unlock();
    if (err != EXO_OK)
        rt_report_and_exit(&upcall, &context);
    rt_fp_restore(fp);
    (void)exo_resume(&context);
    rt_exit(RT_EXIT_FAULT); /* a context that cannot be resumed */
}

static void
on_fault(const struct rt_upcall *upcall, struct exo_context *context)
{
    struct region *region = NULL;
    int64_t err = EXO_E_RANGE;
    vm_lock();
    if (upcall->a >= VM_START && upcall->a < VM_END)
        err = fault_resolve(upcall->a & ~(PAGE - 1), (uint32_t)upcall->c, &region);
    if (err == EXO_E_AGAIN && !redirect(upcall, context, region))
        err = EXO_E_MEMORY;
    counts.faults++;
    vm_unlock();
    if (err != EXO_OK && err != EXO_E_AGAIN && err != EXO_E_RANGE)
        rt_printf("# vm: a page cannot be had: %s\n", exo_error_text(err));
    if (err == EXO_E_RANGE && on_violation != NULL)
        on_violation(upcall, context);
    else if (err != EXO_OK && err != EXO_E_AGAIN)
        rt_report_and_exit(upcall, context);
}

void
vm_on_violation(rt_handler *handler)
{
    on_violation = handler;
}

static void
on_revoke(const struct rt_upcall *upcall, struct exo_context *context)
{
    (void)context;
    vm_lock();
    uint64_t given = frames_return(upcall->b);
    vm_unlock();
    for (struct vm_pressure *each = pressures; each != NULL && given < upcall->b;
         each = each->next) {
        each->asked(each, upcall->b - given, upcall->c);
        vm_lock();
        given += frames_return(upcall->b - given);
        vm_unlock();
    }
}

void
vm_on_pressure(struct vm_pressure *pressure)
{
    vm_lock();
    pressure->next = pressures;
    pressures = pressure;
    vm_unlock();
}

void
vm_start(void)
{
    rt_on_all(EXO_UPCALL_FAULT, on_fault);
    rt_on_all(EXO_UPCALL_REVOKE, on_revoke);
}
