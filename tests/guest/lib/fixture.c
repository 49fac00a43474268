#include "fixture.h"

static uint32_t
filled(uint32_t slot, int64_t status)
{
    check_equal(status, EXO_OK);
    return slot;
}

uint32_t
copy_of(uint32_t slot, uint32_t rights)
{
    uint32_t copy = rt_slot_take();
    return filled(copy, exo_cap_copy(slot, EXO_SELF, copy, rights, 0, 0));
}

uint32_t
badged(uint32_t slot, uint64_t badge)
{
    uint32_t copy = rt_slot_take();
    return filled(copy, exo_cap_copy(slot, EXO_SELF, copy, EXO_RIGHTS_ALL, badge, 0));
}

uint32_t
new_endpoint(void)
{
    uint32_t slot = rt_slot_take();
    return filled(slot, exo_endpoint_create(EXO_BOOT_CELL, slot));
}

uint32_t
new_notification(void)
{
    uint32_t slot = rt_slot_take();
    return filled(slot, exo_notification_create(EXO_BOOT_CELL, slot));
}

uint32_t
new_env(uint32_t cell)
{
    uint32_t slot = rt_slot_take();
    return filled(slot, exo_env_create(cell, slot));
}

uint32_t
new_cell(uint32_t parent, uint32_t frames)
{
    const struct exo_limits limits = {
        .size = sizeof(limits), .version = EXO_ABI_VERSION, .limit = {frames, 256, 4, 0}};
    uint32_t slot = rt_slot_take();
    return filled(slot, exo_cell_create(parent, slot, &limits));
}

uint32_t
new_frames(uint32_t cell, uint32_t count)
{
    uint32_t slot = rt_slot_take();
    return filled(slot, exo_frames_alloc(cell, slot, count, EXO_ALLOC_CONTIGUOUS, 0).status);
}

uint32_t
new_vcpu(uint32_t env)
{
    uint32_t slot = rt_slot_take();
    return filled(slot, exo_vcpu_create(env, slot, 0, rt_va_take(1, 0), 0x400000, 0, 0));
}

struct exo_cap_info
info_of(uint32_t slot)
{
    struct exo_cap_info info = {0};
    check_equal(exo_cap_info(slot, &info), EXO_OK);
    return info;
}

struct exo_cell_info
account_of(uint32_t cell)
{
    struct exo_cell_info info = {0};
    check_equal(exo_cell_info(cell, &info), EXO_OK);
    return info;
}

bool
start_child(const struct rt_spawn *spawn, struct rt_child *child)
{
    return check_equal(rt_spawn(spawn, child), EXO_OK);
}

bool
child_succeeds(struct rt_child *child)
{
    bool exited = check_equal(rt_child_wait(child, test_patience()), RT_CHILD_EXITED);
    bool zero = exited && check_equal(child->page->code, 0); /* otherwise the line that failed */
    rt_kill(child);
    return zero;
}

bool
run_child(int (*entry)(uint64_t argument), uint64_t argument)
{
    struct rt_child child;
    return start_child(&(struct rt_spawn){.entry = entry, .argument = argument}, &child) &&
           child_succeeds(&child);
}

#define SVC 0xd4000001u

void
stop_in_call(const struct rt_thread *thread, struct exo_context *context)
{
    uint64_t deadline = test_patience();
    for (;;) {
        check_equal(rt_stop_vcpu(thread->slot), EXO_OK);
        check_equal(exo_vcpu_get(thread->slot, context), EXO_OK);
        const uint32_t *next = (const uint32_t *)(uintptr_t)context->pc;
        if ((context->x[8] == EXO_CALL_call && next[-1] == SVC) || !check(rt_ticks() < deadline))
            return;
        check_equal(exo_vcpu_start(thread->slot), EXO_OK);
        rt_sleep_until(rt_deadline_ns(RT_MS_NS));
    }
}

void
until_it_calls(const struct rt_thread *thread)
{
    struct exo_context context;
    stop_in_call(thread, &context);
    check_equal(exo_vcpu_start(thread->slot), EXO_OK);
}

struct caught caught;

static void
record(const struct rt_upcall *upcall, struct exo_context *context)
{
    caught.count++;
    caught.upcall = *upcall;
    caught.context = *context;
    /* A jump to where nothing can be executed goes back to its caller. */
    bool jumped = upcall->kind == EXO_UPCALL_FAULT && (upcall->c & EXO_ACCESS_EXEC);
    context->pc = jumped ? context->x[30] : context->pc + 4;
    context->pstate &= ~0xc00ull; /* BTYPE: the new pc is no landing pad */
}

void
catch_faults(void)
{
    caught = (struct caught){0};
    (void)rt_on(EXO_UPCALL_FAULT, record);
    (void)rt_on(EXO_UPCALL_TRAP, record);
}

uint64_t
try_read(uint64_t va)
{
    uint64_t value = 0;
    __asm__ volatile("ldr %0, [%1]" : "+r"(value) : "r"(va) : "memory");
    return value;
}

void
try_write(uint64_t va, uint64_t value)
{
    __asm__ volatile("str %0, [%1]" : : "r"(value), "r"(va) : "memory");
}

void
try_call(uint64_t va)
{
    void (*function)(void) = (void (*)(void))(uintptr_t)va;
    function();
}

bool
pages_are_zero(const void *at, uint32_t pages)
{
    const uint64_t *word = at;
    for (uint32_t i = 0; i < pages * (EXO_PAGE_BYTES / 8); i++)
        if (word[i] != 0)
            return false;
    return true;
}
