/* System calls on environments. */
#include "sys/sys.h"

err_t
sys_env_create(struct vcpu *self, uint64_t *x)
{
    struct cell *cell;
    struct cap_slot *dst;
    struct env *env;
    err_t err = sys_cell(self, x[0], EXO_WRITE, &cell);
    if (err == EXO_OK)
        err = sys_slot(self->env, x[1], &dst);
    if (err == EXO_OK) {
        (void)cell_free_zombies(cell);
        err = env_create(cell, &env);
    }
    if (err == EXO_OK) {
        err = cell_publish(cell, &env->origin, dst, EXO_RIGHTS_ALL);
        if (err != EXO_OK)
            env_discard(env);
    }
    return err;
}

/*
 * Whether a vCPU of the environment still runs somewhere else: then it is interrupted. With the
 * lock, since a CPU may be about to enter one that it found free to run.
 */
static bool
runs_elsewhere(const struct env *env)
{
    bool any = false;
    for (uint32_t i = 0; i < cpu_count; i++) {
        lock_acquire(&cpus[i].run_queue.lock);
        const struct vcpu *current = cpus[i].current;
        bool runs = &cpus[i] != this_cpu() && current != NULL && current->env == env;
        lock_release(&cpus[i].run_queue.lock);
        if (runs)
            sched_poke(i);
        any |= runs;
    }
    return any;
}

err_t
sys_env_stop(struct vcpu *self, uint64_t *x)
{
    struct env *env;
    err_t err = sys_env(self, x[0], EXO_CONTROL, &env);
    if (err != EXO_OK)
        return err;
    env->stopped = true;
    if (env == self->env)
        sched_poke(self->cpu);
    return runs_elsewhere(env) ? EXO_E_AGAIN : EXO_OK;
}

err_t
sys_env_start(struct vcpu *self, uint64_t *x)
{
    struct env *env;
    err_t err = sys_env(self, x[0], EXO_CONTROL, &env);
    if (err != EXO_OK)
        return err;
    lock_acquire(&env->lock);
    if (env->origin.doomed) {
        err = EXO_E_GONE;
    } else {
        env->stopped = false;
        for (struct vcpu *vcpu = env->vcpus; vcpu != NULL; vcpu = vcpu->env_next) {
            lock_acquire(&rq_of(vcpu)->lock);
            rq_unpark(vcpu);
            lock_release(&rq_of(vcpu)->lock);
        }
    }
    lock_release(&env->lock);
    return err;
}

err_t
sys_env_supervise(struct vcpu *self, uint64_t *x)
{
    struct env *env;
    struct cap cap;
    err_t err = sys_env(self, x[0], EXO_CONTROL, &env);
    if (err == EXO_OK)
        err = sys_lookup(self, x[1], EXO_TYPE_ENDPOINT, EXO_WRITE | EXO_COPY, &cap);
    return err == EXO_OK ? cap_derive(&cap, &env->supervisor, EXO_WRITE, cap.badge) : err;
}

/* --- Reading and writing another environment's memory
 * --------------------------------------------- */

/* The kernel's pointer to `va` and the bytes left in its page; address-space lock held. */
static err_t
reach(struct env *env, va_t va, uint32_t prot, char **memory, uint64_t *bytes)
{
    pfn_t pfn;
    uint32_t have;
    err_t err = vspace_find(&env->space, va & ~(PAGE_BYTES - 1), &pfn, &have);
    if (err != EXO_OK || (have & prot) != prot)
        return EXO_E_FAULT;
    *memory = (char *)frame_to_kernel(pfn) + va % PAGE_BYTES;
    *bytes = PAGE_BYTES - va % PAGE_BYTES;
    return EXO_OK;
}

/* At most a page; the caller's buffer may be anywhere. x1: bytes moved. */
static err_t
move_bytes(struct vcpu *self, uint64_t *x, bool write)
{
    struct env *env;
    va_t va = x[1], buffer = x[2];
    uint64_t bytes = x[3], moved = 0;
    x[1] = 0;
    if (bytes == 0 || bytes > PAGE_BYTES)
        return EXO_E_ARG;
    err_t err = sys_env(self, x[0], write ? EXO_WRITE : EXO_READ, &env);
    if (err == EXO_OK && (va < EXO_VA_START || !range_fits(va, bytes, EXO_VA_END)))
        err = EXO_E_RANGE;
    while (err == EXO_OK && moved < bytes) {
        char *memory;
        uint64_t part;
        lock_acquire(&env->space.lock);
        err = reach(env, va + moved, write ? EXO_PROT_WRITE : EXO_PROT_READ, &memory, &part);
        if (err == EXO_OK) {
            part = min_u64(part, bytes - moved);
            err = write ? sys_copy_in(memory, buffer + moved, part)
                        : sys_copy_out(buffer + moved, memory, part);
        }
        lock_release(&env->space.lock);
        moved += err == EXO_OK ? part : 0;
    }
    x[1] = moved;
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
