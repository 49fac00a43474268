/* Upcalls: from the kernel's entry to the handler, and back into what was interrupted. */
#include "private.h"

#define BACKTRACE_MAX 16

/* Once per vCPU, at its start, when `inside` is still set. */
void
rt_upcall_begin(uint64_t upcall_stack)
{
    struct exo_control *control = rt_control();
    control->upcall_stack = upcall_stack;
    control->event_mask = 0;
    control->upcall_entry = (uint64_t)(uintptr_t)rt_entry_upcall;
    rt_inside_leave(0);
}

rt_handler *
rt_on(enum exo_upcall kind, rt_handler *handler)
{
    struct rt_vcpu *self = rt_vcpu_of(rt_control());
    rt_handler *before = self->handler[kind];
    self->handler[kind] = handler;
    return before;
}

void
rt_event_mask(uint64_t bits)
{
    uint32_t before = rt_inside_enter();
    __atomic_store_n(&rt_control()->event_mask, bits, __ATOMIC_RELAXED);
    rt_inside_leave(before); /* bits that are there already get their upcall now */
}

void
rt_upcall_reset(void)
{
    struct rt_vcpu *self = rt_vcpu_of(rt_control());
    rt_event_mask(0);
    for (int kind = 0; kind < RT_UPCALL_KINDS; kind++)
        self->handler[kind] = NULL;
    (void)rt_take_events(UINT64_MAX);
}

static void
ignore(const struct rt_upcall *upcall, struct exo_context *context)
{
    (void)upcall;
    (void)context;
}

static void
report_and_exit(const struct rt_upcall *upcall, struct exo_context *context)
{
    rt_report_and_exit(upcall, context);
}

/* Of every vCPU that has no handler of its own. */
static rt_handler *own_handlers[RT_UPCALL_KINDS] = {
    [EXO_UPCALL_RUN] = ignore,           [EXO_UPCALL_FAULT] = report_and_exit,
    [EXO_UPCALL_TRAP] = report_and_exit, [EXO_UPCALL_EVENT] = ignore,
    [EXO_UPCALL_REVOKE] = ignore,
};

void
rt_on_all(enum exo_upcall kind, rt_handler *handler)
{
    own_handlers[kind] = handler;
}

void
rt_upcall_enter(uint64_t kind, uint64_t a, uint64_t b, uint64_t c, struct exo_control *control)
{
    struct rt_upcall upcall = {(enum exo_upcall)kind, a, b, c};
    if (kind == EXO_UPCALL_EVENT) {
        /* Only what the mask asks for: other bits are left for wait(), which sees them. */
        uint64_t mask = control->event_mask;
        upcall.a = __atomic_fetch_and(&control->events, ~mask, __ATOMIC_ACQUIRE) & mask;
    }
    rt_handler *handler = rt_vcpu_of(control)->handler[kind];
    (handler != NULL ? handler : own_handlers[kind])(&upcall, &control->saved);
    (void)exo_resume(&control->saved);
    rt_exit(RT_EXIT_FAULT); /* a context that cannot be resumed */
}

static void
print_registers(const struct exo_context *context)
{
    for (int i = 0; i < 31; i++) {
        rt_printf("%sx%-2d %016llx%s", i % 4 == 0 ? "# " : "", i, (unsigned long long)context->x[i],
                  i % 4 == 3 ? "\n" : "  ");
    }
    rt_printf("sp  %016llx\n# pc  %016llx  pstate %llx\n", (unsigned long long)context->sp,
              (unsigned long long)context->pc, (unsigned long long)context->pstate);
}

/*
 * Frame records on this vCPU's own stack only, so that a bad pointer is not followed. Return
 * addresses are signed in the bits above user addresses (Arm ARM D8.10).
 */
static void
print_backtrace(const struct exo_context *context)
{
    uint64_t top = rt_vcpu_of(rt_control())->stack_top;
    uint64_t low = context->sp < EXO_VA_START ? EXO_VA_START : context->sp;
    uint64_t frame = context->x[29];
    rt_printf("# called from");
    for (int i = 0; i < BACKTRACE_MAX && frame >= low && frame % 8 == 0 && frame + 16 <= top; i++) {
        const uint64_t *record = (const uint64_t *)(uintptr_t)frame;
        rt_printf(" %llx", (unsigned long long)record[1] & (EXO_VA_END - 1));
        low = frame + 16;
        frame = record[0];
    }
    rt_printf("\n");
}

/* What the parent of a child can read; a supervisor reads the context itself, and does not reply.
 */
static void
leave_report(const struct rt_upcall *upcall, const struct exo_context *context)
{
    if (rt_child_page != NULL) {
        rt_child_page->fault[0] = upcall->kind;
        rt_child_page->fault[1] = upcall->a;
        rt_child_page->fault[2] = upcall->b;
        rt_child_page->fault[3] = context->pc;
        atomic_store(&rt_child_page->state, RT_CHILD_FAULTED);
    } else if (rt_service != NULL) {
        (void)rt_tell_supervisor(RT_SERVICE_FAULT | (uint64_t)upcall->kind << 8 | upcall->c << 16 |
                                     (uint64_t)rt_control()->vcpu << 32,
                                 upcall->a, upcall->b, exo_address(context));
    }
}

void
rt_report_and_exit(const struct rt_upcall *upcall, const struct exo_context *context)
{
    leave_report(upcall, context);
    rt_printf("# %s at pc %llx: address %llx, syndrome %llx, access %llu\n",
              upcall->kind == EXO_UPCALL_FAULT ? "fault" : "trap", (unsigned long long)context->pc,
              (unsigned long long)upcall->a, (unsigned long long)upcall->b,
              (unsigned long long)upcall->c);
    print_registers(context);
    print_backtrace(context);
    rt_exit(RT_EXIT_FAULT);
}
