/* From the trap to the call's function, and what the calls share. */
#include "core/upcall.h"
#include "sys/sys.h"

typedef err_t call_fn(struct vcpu *self, uint64_t *x);

call_fn *const system_calls[EXO_CALL_COUNT] = {
#define SYS_ENTRY(number, name, arguments) [number] = sys_##name,
    EXO_CALLS(SYS_ENTRY)
#undef SYS_ENTRY
};

struct exo_context *
call_switched(err_t result)
{
    if (result > CALL_ENTERED)
        return (struct exo_context *)(uintptr_t)~(uint64_t)result;
    return result == CALL_ENTERED ? vcpu_enter(this_cpu()->current) : sched_choose(false);
}

/* With tracing, and for numbers that are no call; otherwise vectors.S does the same by itself. */
struct exo_context *
trap_call(struct exo_context *context)
{
    uint64_t number = context->x[8];
    err_t result = EXO_E_CALL;
    trace(EXO_TRACE_CALL, number, context->x[0]);
    if (number < EXO_CALL_COUNT)
        result = system_calls[number](CONTAINER_OF(context, struct vcpu, context), context->x);
    trace(EXO_TRACE_CALL_END, number, (uint64_t)result);
    if (result > 0)
        return call_switched(result);
    context->x[0] = (uint64_t)result;
    return this_cpu()->reschedule ? sched_choose(true) : context;
}

err_t
sys_null(struct vcpu *self, uint64_t *x)
{
    (void)self;
    (void)x;
    return EXO_OK;
}

err_t
sys_env(struct vcpu *self, uint64_t slot, uint16_t rights, struct env **env)
{
    struct cap cap = {.object = self->env};
    if (slot != EXO_SELF)
        TRY(cap_lookup(self->env, slot, EXO_TYPE_ENV, rights, &cap));
    *env = cap.object;
    return EXO_OK;
}

err_t
sys_place(struct vcpu *self, const uint64_t *x, struct cell **cell, struct cap_slot **dst)
{
    LOOKUP(cap, x[0], EXO_TYPE_CELL, EXO_WRITE);
    SLOT(slot, self->env, x[1]);
    *dst = slot;
    *cell = cap.object;
    (void)cell_free_zombies(*cell);
    return EXO_OK;
}
