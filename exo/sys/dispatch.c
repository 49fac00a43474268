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
sys_lookup(struct vcpu *self, uint64_t slot, enum exo_type type, uint16_t rights, struct cap *cap)
{
    return slot > UINT32_MAX ? EXO_E_SLOT
                             : cap_lookup(self->env, (uint32_t)slot, type, rights, cap);
}

err_t
sys_cell(struct vcpu *self, uint64_t slot, uint16_t rights, struct cell **cell)
{
    struct cap cap;
    err_t err = sys_lookup(self, slot, EXO_TYPE_CELL, rights, &cap);
    *cell = err == EXO_OK ? (struct cell *)(void *)cap.origin : NULL;
    return err;
}

err_t
sys_vcpu(struct vcpu *self, uint64_t slot, uint16_t rights, struct vcpu **vcpu)
{
    struct cap cap;
    err_t err = sys_lookup(self, slot, EXO_TYPE_VCPU, rights, &cap);
    *vcpu = err == EXO_OK ? (struct vcpu *)(void *)cap.origin : NULL;
    return err;
}

err_t
sys_env(struct vcpu *self, uint64_t slot, uint16_t rights, struct env **env)
{
    struct cap cap;
    if (slot == EXO_SELF) {
        *env = self->env;
        return EXO_OK;
    }
    err_t err = sys_lookup(self, slot, EXO_TYPE_ENV, rights, &cap);
    *env = err == EXO_OK ? (struct env *)(void *)cap.origin : NULL;
    return err;
}

err_t
sys_slot(struct env *env, uint64_t number, struct cap_slot **slot)
{
    *slot = number > UINT32_MAX ? NULL : cap_slot_at(env, (uint32_t)number);
    return *slot == NULL ? EXO_E_SLOT : EXO_OK;
}

err_t
sys_copy_in(void *to, va_t from, size_t bytes)
{
    return arch_copy_from_user(to, from, bytes) ? EXO_OK : EXO_E_FAULT;
}

err_t
sys_copy_out(va_t to, const void *from, size_t bytes)
{
    return arch_copy_to_user(to, from, bytes) ? EXO_OK : EXO_E_FAULT;
}
