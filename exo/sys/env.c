/* System calls on environments. */
#include "sys/sys.h"

err_t
sys_env_create(struct vcpu *self, uint64_t *x)
{
    struct env *env;
    PLACE(cell, dst);
    TRY(env_create(cell, &env));
    return cell_publish(&env->origin, dst);
}

err_t
sys_env_stop(struct vcpu *self, uint64_t *x)
{
    ENV(env, x[0], EXO_CONTROL);
    env->stopped = true;
    return sched_poke_stopped(env) ? EXO_E_AGAIN : EXO_OK;
}

err_t
sys_env_start(struct vcpu *self, uint64_t *x)
{
    ENV(env, x[0], EXO_CONTROL);
    HOLD(&env->lock);
    if (env->origin.doomed)
        return EXO_E_GONE;
    env->stopped = false;
    for (struct vcpu *vcpu = env->vcpus; vcpu != NULL; vcpu = vcpu->env_next) {
        HOLD(&vcpu->run_queue->lock);
        rq_unpark(vcpu);
    }
    return EXO_OK;
}

err_t
sys_env_supervise(struct vcpu *self, uint64_t *x)
{
    ENV(env, x[0], EXO_CONTROL);
    LOOKUP(cap, x[1], EXO_TYPE_ENDPOINT, EXO_WRITE | EXO_COPY);
    return cap_derive(&cap, &env->supervisor, EXO_WRITE, cap.badge);
}

/* --- Reading and writing another environment's memory
 * --------------------------------------------- */

/* Moves what lies in the page of `va`, at most *bytes; address-space lock held. */
static err_t
move_part(struct env *env, va_t va, va_t buffer, bool write, uint64_t *bytes)
{
    pfn_t pfn;
    uint32_t prot, needed = write ? EXO_PROT_WRITE : EXO_PROT_READ;
    uint64_t offset = va % PAGE_BYTES;
    if (vspace_find(&env->space, va - offset, &pfn, &prot) != EXO_OK || (prot & needed) == 0)
        return EXO_E_FAULT;
    char *memory = (char *)frame_to_kernel(pfn) + offset;
    *bytes = min_u64(*bytes, PAGE_BYTES - offset);
    return write ? arch_copy_in(memory, buffer, *bytes) : arch_copy_out(buffer, memory, *bytes);
}

/* At most a page; the caller's buffer may be anywhere. x1: bytes moved. */
static err_t
move_bytes(struct vcpu *self, uint64_t *x, bool write)
{
    va_t va = x[1];
    uint64_t bytes = x[3];
    x[1] = 0;
    if (bytes == 0 || bytes > PAGE_BYTES)
        return EXO_E_ARG;
    ENV(env, x[0], write ? EXO_WRITE : EXO_READ);
    if (va < EXO_VA_START || !range_fits(va, bytes, EXO_VA_END))
        return EXO_E_RANGE;
    err_t err = EXO_OK;
    while (err == EXO_OK && x[1] < bytes) {
        uint64_t part = bytes - x[1];
        lock_acquire(&env->space.lock);
        err = move_part(env, va + x[1], x[2] + x[1], write, &part);
        lock_release(&env->space.lock);
        x[1] += err == EXO_OK ? part : 0;
    }
    return err;
}

err_t
sys_env_read(struct vcpu *self, uint64_t *x)
{
    return move_bytes(self, x, false);
}

err_t
sys_env_write(struct vcpu *self, uint64_t *x)
{
    return move_bytes(self, x, true);
}
