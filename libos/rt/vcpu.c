/* Further vCPUs of this environment. */
#include "private.h"

/*
 * Pages of one, from its address on. The page below the stack is the unmapped one that rt_va_take
 * leaves behind whatever comes before.
 */
#define STACK_PAGES  8u
#define UPCALL_FIRST (STACK_PAGES + 1)
#define UPCALL_PAGES (RT_UPCALL_STACK_BYTES / EXO_PAGE_BYTES)
#define CONTROL_PAGE (UPCALL_FIRST + UPCALL_PAGES + 1)

static uint64_t
page_at(uint64_t va, uint32_t page)
{
    return va + (uint64_t)page * EXO_PAGE_BYTES;
}

static int64_t
make_stacks(uint64_t va, struct rt_memory *stacks)
{
    *stacks = (struct rt_memory){.slot = rt_slot_take(), .pages = STACK_PAGES + UPCALL_PAGES};
    struct exo_frames frames =
        exo_frames_alloc(EXO_BOOT_CELL, stacks->slot, stacks->pages, EXO_ALLOC_CONTIGUOUS, 0);
    const struct exo_map entries[] = {
        {va, stacks->slot, 0, STACK_PAGES, EXO_PROT_READ | EXO_PROT_WRITE},
        {page_at(va, UPCALL_FIRST), stacks->slot, STACK_PAGES, UPCALL_PAGES,
         EXO_PROT_READ | EXO_PROT_WRITE},
    };
    stacks->pfn = frames.pfn;
    stacks->at = (void *)(uintptr_t)va;
    return frames.status == EXO_OK ? rt_map(EXO_SELF, entries, 2) : frames.status;
}

int64_t
rt_vcpu_make(uint32_t cpu, void (*entry)(void *argument), void *argument, struct rt_thread *thread)
{
    uint64_t va = rt_va_take(CONTROL_PAGE + 1, 0);
    uint64_t stack_top = page_at(va, STACK_PAGES);
    thread->slot = EXO_NONE;
    thread->control_va = page_at(va, CONTROL_PAGE);
    int64_t err = make_stacks(va, &thread->stacks);
    if (err == EXO_OK) {
        thread->slot = rt_slot_take();
        err = exo_vcpu_create(EXO_SELF, thread->slot, cpu, thread->control_va,
                              (uint64_t)(uintptr_t)rt_entry_vcpu, stack_top, 0);
    }
    if (err != EXO_OK) {
        rt_vcpu_end(thread);
        return err;
    }
    struct exo_control *control = (struct exo_control *)(uintptr_t)thread->control_va;
    control->upcall_stack = page_at(va, UPCALL_FIRST + UPCALL_PAGES);
    *rt_vcpu_of(control) =
        (struct rt_vcpu){.stack_top = stack_top, .entry = entry, .argument = argument};
    return EXO_OK;
}

int64_t
rt_vcpu_start(uint32_t cpu, void (*entry)(void *argument), void *argument, struct rt_thread *thread)
{
    int64_t err = rt_vcpu_make(cpu, entry, argument, thread);
    return err == EXO_OK ? exo_vcpu_start(thread->slot) : err;
}

void
rt_start_vcpu(uint64_t unused)
{
    struct exo_control *control = rt_control();
    struct rt_vcpu *self = rt_vcpu_of(control);
    (void)unused;
    rt_upcall_begin(control->upcall_stack);
    self->entry(self->argument);
    atomic_store_explicit(&self->done, 1, memory_order_release);
    for (;;)
        rt_sleep_until(EXO_FOREVER);
}

bool
rt_vcpu_wait(const struct rt_thread *thread, uint64_t deadline_ticks)
{
    struct exo_control *control = (struct exo_control *)(uintptr_t)thread->control_va;
    return rt_wait_word(&rt_vcpu_of(control)->done, 1, deadline_ticks);
}

void
rt_vcpu_end(struct rt_thread *thread)
{
    (void)rt_drop(thread->slot);
    rt_slot_put(thread->slot);
    rt_memory_put(&thread->stacks);
    thread->slot = EXO_NONE;
}
