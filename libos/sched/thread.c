/* Threads: their memory, beginning and end. */
#include "private.h"

#include <rt/string.h>
#include <rt/tls.h>

#define PAGE ((uint64_t)EXO_PAGE_BYTES)

static struct rt_lock pool_lock; /* protects pool and next_vcpu; no lock is taken behind it */
static struct thread *pool;      /* memory of ended threads, for others of the same size */
static uint32_t next_vcpu;

/* Bytes at the upper end of a thread's memory that are not stack. */
static uint64_t
overhead(void)
{
    return (sizeof(struct thread) + rt_tls_bytes() + policy_fp_bytes() + 63) & ~63ull;
}

static struct thread *
take_pooled(uint32_t pages)
{
    rt_lock(&pool_lock);
    struct thread **link = &pool, *found;
    while ((found = *link) != NULL && found->memory.pages != pages)
        link = &found->next;
    if (found != NULL)
        *link = found->next;
    rt_unlock(&pool_lock);
    return found;
}

/* From the upper end down: struct thread, FP area, thread-local block, stack. */
static struct thread *
lay_out(const struct rt_memory *memory)
{
    uint64_t top = (uint64_t)(uintptr_t)memory->at + memory->pages * PAGE;
    uint64_t fp = (top - sizeof(struct thread) - policy_fp_bytes()) & ~15ull;
    uint64_t tls = (fp - rt_tls_bytes()) & ~63ull;
    struct thread *thread = (struct thread *)(uintptr_t)((top - sizeof(struct thread)) & ~15ull);
    memset(thread, 0, sizeof(*thread));
    thread->memory = *memory;
    thread->fp = policy_fp_bytes() > 0 ? (void *)(uintptr_t)fp : NULL;
    thread->tls = rt_tls_make((void *)(uintptr_t)tls);
    thread->saved.sp = thread->stack_top = tls;
    return thread;
}

struct thread *
thread_make(const struct thread_attributes *attributes, int64_t *error)
{
    uint64_t wanted = attributes->stack_bytes != 0 ? attributes->stack_bytes : SCHED_STACK_BYTES;
    uint64_t bytes = attributes->stack_top == NULL ? wanted : 0;
    uint32_t pages = (uint32_t)((bytes + overhead() + PAGE - 1) / PAGE);
    struct thread *pooled = take_pooled(pages);
    struct rt_memory memory = pooled != NULL ? pooled->memory : (struct rt_memory){0};
    *error = EXO_OK;
    if (pooled == NULL)
        *error = rt_memory_take(pages, EXO_PROT_READ | EXO_PROT_WRITE, &memory);
    return *error == EXO_OK ? lay_out(&memory) : NULL;
}

void
thread_free(struct thread *thread)
{
    rt_lock(&pool_lock);
    thread->next = pool;
    pool = thread;
    rt_unlock(&pool_lock);
}

static uint32_t
choose_vcpu(uint32_t wanted)
{
    if (wanted != SCHED_ANY)
        return wanted;
    rt_lock(&pool_lock);
    uint32_t number = next_vcpu++ % sched_vcpus();
    rt_unlock(&pool_lock);
    return number;
}

/* A thread begins inside, where a fault must not happen: what it needs by then is touched here. */
static void
use_stack(struct thread *thread, char *top)
{
    const volatile char *stack = top;
    (void)stack[-1];
    (void)stack[-(int64_t)RT_INSIDE_STACK_BYTES];
    thread->saved.sp = thread->stack_top = (uint64_t)(uintptr_t)top & ~15ull;
}

int64_t
thread_create(struct thread **thread, const struct thread_attributes *attributes,
              void *(*entry)(void *argument), void *argument)
{
    const struct thread_attributes usual = {.vcpu = SCHED_ANY};
    const struct thread_attributes *how = attributes != NULL ? attributes : &usual;
    int64_t error = EXO_E_RANGE;
    if (how->vcpu != SCHED_ANY && how->vcpu >= sched_vcpus())
        return error;
    struct thread *made = thread_make(how, &error);
    if (made == NULL)
        return error;
    if (how->stack_top != NULL)
        use_stack(made, how->stack_top);
    made->entry = entry;
    made->argument = argument;
    made->state = how->detached ? THREAD_DETACHED : THREAD_LIVES;
    made->home = &sched_vcpu_list[choose_vcpu(how->vcpu)];
    made->saved.x19_to_x30[0] = (uint64_t)(uintptr_t)made;
    made->saved.x19_to_x30[11] = (uint64_t)(uintptr_t)switch_thread_begins;
    *thread = made;
    uint32_t before = rt_inside_enter();
    make_ready(made);
    rt_inside_leave(before);
    return EXO_OK;
}

void
thread_begin(struct thread *thread)
{
    section_leave();
    thread_exit(thread->entry(thread->argument));
}

struct thread *
thread_self(void)
{
    return this_vcpu()->current;
}

void
thread_exit(void *result)
{
    struct sched_vcpu *vcpu = this_vcpu();
    struct thread *self = vcpu->current;
    self->result = result;
    section_enter();
    switch_stack(vcpu->stack_top, self, thread_finish);
}

/* On the vCPU's own stack: a joiner may take the thread's memory from here on. */
void
thread_finish(struct thread *thread)
{
    this_vcpu()->current = NULL;
    uint32_t state = atomic_exchange(&thread->state, THREAD_ENDED);
    if (state == THREAD_DETACHED)
        thread_free(thread);
    else
        (void)futex_wake(&thread->state, 1);
    run_next();
}

void *
thread_join(struct thread *thread)
{
    while (atomic_load_explicit(&thread->state, memory_order_acquire) != THREAD_ENDED)
        (void)futex_wait(&thread->state, THREAD_LIVES, EXO_FOREVER);
    void *result = thread->result;
    thread_free(thread);
    return result;
}

void
thread_detach(struct thread *thread)
{
    uint32_t lives = THREAD_LIVES;
    if (!atomic_compare_exchange_strong(&thread->state, &lives, THREAD_DETACHED))
        thread_free(thread);
}

void
thread_set(struct thread *thread, enum thread_slot slot, void *value)
{
    thread->slot[slot] = value;
}

void *
thread_get(const struct thread *thread, enum thread_slot slot)
{
    return thread->slot[slot];
}
