/*
 * This vCPU, and further ones of the same environment.
 *
 * The kernel writes struct exo_control at the start of the control page; the end of that page is
 * rt's own per-vCPU block. TPIDRRO_EL0 holds the page's address.
 */
#ifndef RT_VCPU_H
#define RT_VCPU_H

#include <rt/count.h>
#include <rt/frames.h>
#include <rt/upcall.h>
#include <stdatomic.h>
#include <stddef.h>

/* Who runs threads on a vCPU: what waits then lets the others run (libos/sched). */
struct rt_threads {
    uint64_t (*wait_events)(uint64_t mask, uint64_t deadline_ticks);
    uint64_t (*take_events)(uint64_t mask);
    void (*sleep_until)(uint64_t deadline_ticks);
};

struct rt_vcpu {
    uint64_t calls;                       /* first: rt/count.h */
    rt_handler *handler[RT_UPCALL_KINDS]; /* NULL: rt's own */
    uint64_t pending;              /* events taken from the control page, not yet asked for */
    uint64_t stack_top;            /* of its first thread */
    void (*entry)(void *argument); /* what rt_vcpu_start was given */
    void *argument;
    _Atomic uint32_t done;            /* 1: entry has returned */
    const struct rt_threads *threads; /* NULL: it has one thread, which rt waits for ... */
    void *local;                      /* ... else: of who runs them */
};

_Static_assert(sizeof(struct exo_control) <= RT_VCPU_OFFSET, "the control page has room for rt");
_Static_assert(RT_VCPU_OFFSET + sizeof(struct rt_vcpu) <= EXO_PAGE_BYTES, "in one page");
_Static_assert(offsetof(struct rt_vcpu, calls) == 0, "where rt_count_call counts");

static inline struct exo_control *
rt_control(void)
{
    uintptr_t va;
    __asm__("mrs %0, tpidrro_el0" : "=r"(va));
    return (struct exo_control *)va;
}

static inline struct rt_vcpu *
rt_vcpu_of(struct exo_control *control)
{
    return (struct rt_vcpu *)(void *)((char *)control + RT_VCPU_OFFSET);
}

/* Who runs threads here; NULL also in a section and in handlers, which cannot let others run. */
static inline const struct rt_threads *
rt_threads_here(void)
{
    struct exo_control *control = rt_control();
    return control->inside == 0 ? rt_vcpu_of(control)->threads : NULL;
}

/* A further vCPU of this environment. */
struct rt_thread {
    uint32_t slot; /* its vCPU capability */
    uint64_t control_va;
    struct rt_memory stacks;
};

/*
 * Starts one on that CPU, running entry(argument) on a stack of its own; when entry returns it
 * waits for ever. Errors of vcpu_create, frames_alloc and map; then nothing is left behind.
 */
int64_t rt_vcpu_start(uint32_t cpu, void (*entry)(void *argument), void *argument,
                      struct rt_thread *thread);

/* The same, but it does not run before exo_vcpu_start(thread->slot). */
int64_t rt_vcpu_make(uint32_t cpu, void (*entry)(void *argument), void *argument,
                     struct rt_thread *thread);

/* Whether entry has returned, at the latest at the deadline. */
bool rt_vcpu_wait(const struct rt_thread *thread, uint64_t deadline_ticks);

/* Ends it, wherever it is, and gives back its stacks. */
void rt_vcpu_end(struct rt_thread *thread);

#endif
