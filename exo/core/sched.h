/*
 * Which vCPU runs on a CPU, and when: slot vectors, the ready list, deadlines.
 *
 * Functions named rq_* want the run-queue lock of the vCPU's CPU.
 */
#ifndef EXO_CORE_SCHED_H
#define EXO_CORE_SCHED_H

#include "core/cell.h"
#include "core/cpu.h"
#include "core/deadline.h"

void sched_init(struct cpu *cpu);

/*
 * Chooses the vCPU that this CPU runs now and returns the context to load; idles until there is
 * one. `keep`: the current one goes on if nobody with a better claim wants the CPU.
 */
struct exo_context *sched_choose(bool keep);

/* That CPU looks again at whom it runs. */
void sched_poke(uint32_t cpu);

/* Every CPU looks again at whom it runs. */
void sched_poke_everyone(void);

/* A gate was closed: those look again that run (or keep loaded) what may not run. Whether another
 * CPU than this one runs a vCPU of `env`. Takes the locks. */
bool sched_poke_stopped(const struct env *env);

/* Whether its gates are open: released, environment not stopped, cell not dying. */
static inline bool
vcpu_may_run(const struct vcpu *vcpu)
{
    return !vcpu->held && !atomic_load_explicit(&vcpu->env->stopped, memory_order_relaxed) &&
           (atomic_load_explicit(&cells_dying, memory_order_relaxed) == 0 ||
            !cell_is_dying(vcpu->env->origin.cell));
}

/* Locks the run queues of two vCPUs, by CPU number; and unlocks. */
static inline void
rq_lock_two(const struct vcpu *a, const struct vcpu *b)
{
    if (a->run_queue == b->run_queue) {
        lock_acquire(&a->run_queue->lock);
        return;
    }
    lock_acquire(&(a->cpu < b->cpu ? a : b)->run_queue->lock);
    lock_acquire(&(a->cpu < b->cpu ? b : a)->run_queue->lock);
}

static inline void
rq_unlock_two(const struct vcpu *a, const struct vcpu *b)
{
    lock_release(&a->run_queue->lock);
    if (a->run_queue != b->run_queue)
        lock_release(&b->run_queue->lock);
}

/* The vCPU waits in `state` until woken, at the latest at the deadline. */
static inline void
rq_block(struct vcpu *vcpu, enum vcpu_state state, uint64_t deadline)
{
    vcpu->state = (uint8_t)state;
    vcpu->deadline = deadline;
    if (deadline != EXO_FOREVER)
        deadline_insert(&vcpu->run_queue->deadlines, vcpu);
}

/* This CPU's timer: its earliest deadline, or the end of the slot while somebody else is ready. */
void sched_set_timer(struct cpu *cpu);

/* It wants the CPU again: to the ready list, if its gates are open; its CPU is told. */
void rq_wake(struct vcpu *vcpu);

/* A gate opened: if it is READY but parked, it is woken. */
void rq_unpark(struct vcpu *vcpu);

/* rq_wake with a result in x0. */
void rq_wake_with(struct vcpu *vcpu, err_t result);

/* Takes it off the ready list, if it is there. */
void rq_unready(struct vcpu *vcpu);

/*
 * Bits become set in the vCPU's events: wakes it, or makes it take an upcall. Takes the lock. When
 * it waits and owns the slot that runs here it is entered at once: CALL_ENTERED, else EXO_OK; who
 * was current is left with the registers that its context holds.
 */
err_t sched_post(struct vcpu *vcpu, uint64_t bits);

/* The same, and who is current stays it. No bits: a `revoke` upcall is due (revoke_pending). */
void sched_raise(struct vcpu *vcpu, uint64_t bits);

/* The number of the slot that runs now: counted since the counter was 0. */
uint64_t sched_slot_now(void);

/* The owners of slots [first, first + count) of a CPU become `vcpu` (NULL: nobody). */
err_t sched_assign(uint32_t cpu, uint32_t first, uint32_t count, struct vcpu *vcpu);

/* A vCPU that ends owns no slots any more. */
void sched_forget(struct vcpu *vcpu);

#endif
