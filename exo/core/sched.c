/*
 * Choosing the vCPU that runs.
 *
 * Each CPU has a vector of EXO_CPU_SLOTS slots of 1 ms; the slot of a moment follows from the
 * counter alone. Its owner runs if it wants to (or, while the owner waits in a protected call, its
 * server on this CPU); otherwise the slot is lent. The timer is set to the end of a slot only
 * while somebody else is ready; an idle CPU has no tick.
 */
#include "core/sched.h"

#include "arch/arch.h"
#include "core/cell.h"
#include "core/deadline.h"
#include "core/endpoint.h"
#include "core/switch.h"
#include "core/upcall.h"

#define CALL_CHAIN_MAX 8  /* servers calling servers, in whose favour a slot is passed on */
#define LEND_SCAN      16 /* ready vCPUs looked at for one of the owner's cell */
#define EXPIRE_STEP    16 /* deadlines handled in one choice */

static uint64_t slot_ticks; /* the same for all CPUs */

void
sched_init(struct cpu *cpu)
{
    struct run_queue *rq = &cpu->run_queue;
    lock_init(&rq->lock, RANK_RUN_QUEUE);
    slot_ticks = arch_ticks_hz() / (1000000000u / EXO_SLOT_NS);
    rq->run_since = arch_ticks();
    rq->slot_number = rq->run_since / slot_ticks;
    rq->slot_end = (rq->slot_number + 1) * slot_ticks;
}

uint64_t
sched_slot_now(void)
{
    return arch_ticks() / slot_ticks;
}

static void
ready_push(struct run_queue *rq, struct vcpu *vcpu)
{
    if (!vcpu->on_ready_list)
        queue_push(&rq->ready, vcpu);
    vcpu->on_ready_list = true;
}

void
rq_unready(struct vcpu *vcpu)
{
    if (vcpu->on_ready_list)
        queue_remove(&vcpu->run_queue->ready, vcpu);
    vcpu->on_ready_list = false;
}

/* --- Slots ------------------------------------------------------------------------------------ */

/* Who runs when this vCPU's slot comes: itself, or the server of its call; NULL when nobody wants.
 */
static struct vcpu *
claimant(struct vcpu *vcpu)
{
    for (int hops = 0; vcpu != NULL && hops < CALL_CHAIN_MAX; hops++) {
        if (vcpu->state == VCPU_READY)
            return vcpu_may_run(vcpu) ? vcpu : NULL;
        struct vcpu *server = vcpu->partner;
        vcpu = server != NULL && server->cpu == vcpu->cpu ? server : NULL;
    }
    return NULL;
}

/* One slot began; `late`: it is already over, and whoever was current had it. */
static void
account_slot(struct cpu *cpu, uint32_t slot, bool late)
{
    struct run_queue *rq = &cpu->run_queue;
    struct vcpu *owner = rq->owner[slot];
    if (owner == NULL)
        return;
    struct vcpu *claim = claimant(owner);
    if (claim == NULL) {
        rq->lent[slot]++;
    } else if (!late || claim == cpu->current) {
        rq->given[slot]++;
        owner->control->own_slots++;
    } else {
        rq->lost[slot]++;
        owner->control->own_lost++;
    }
}

static void
account_time(struct cpu *cpu, uint64_t now)
{
    struct run_queue *rq = &cpu->run_queue;
    struct vcpu *vcpu = cpu->current;
    uint64_t ran = now - rq->run_since;
    rq->run_since = now;
    if (vcpu == NULL) {
        rq->idle_ticks += ran;
        return;
    }
    struct vcpu *owner = rq->owner[rq->slot_number % EXO_CPU_SLOTS];
    if (owner == vcpu || (owner != NULL && claimant(owner) == vcpu))
        vcpu->control->own_ticks += ran;
    else
        vcpu->control->lent_ticks += ran;
}

/* Brings the accounts up to now. */
static void
account(struct cpu *cpu, uint64_t now)
{
    struct run_queue *rq = &cpu->run_queue;
    account_time(cpu, now);
    if (now < rq->slot_end)
        return;
    uint64_t number = now / slot_ticks;
    uint64_t first = max_u64(rq->slot_number + 1, number - min_u64(number, EXO_CPU_SLOTS - 1));
    for (uint64_t n = first; n <= number; n++)
        account_slot(cpu, (uint32_t)(n % EXO_CPU_SLOTS), n != number);
    rq->slot_number = number;
    rq->slot_end = (number + 1) * slot_ticks;
}

/* Whether it is of the slot owner's cell, and comes before `best` there. */
static bool
outranks(const struct vcpu *vcpu, const struct vcpu *best, const struct vcpu *owner)
{
    return vcpu->env->origin.cell == owner->env->origin.cell &&
           (best == NULL || vcpu->priority > best->priority);
}

/*
 * Who gets a slot that its owner does not want: first one of the owner's cell, by priority; among
 * equals who has waited longest, so that `current` (NULL: it does not go on) comes last.
 */
static struct vcpu *
borrower(struct run_queue *rq, const struct vcpu *owner, struct vcpu *current)
{
    struct vcpu *best = NULL, *vcpu = rq->ready.first;
    if (owner == NULL)
        return vcpu;
    for (int i = 0; vcpu != NULL && i < LEND_SCAN; i++, vcpu = vcpu->queue_next)
        best = outranks(vcpu, best, owner) ? vcpu : best;
    if (current != NULL && outranks(current, best, owner))
        return current;
    return best != NULL ? best : rq->ready.first;
}

static struct vcpu *
choose(struct cpu *cpu, bool keep)
{
    struct run_queue *rq = &cpu->run_queue;
    struct vcpu *current = cpu->current;
    bool goes_on = current != NULL && current->state == VCPU_READY && vcpu_may_run(current);
    struct vcpu *owner = rq->owner[rq->slot_number % EXO_CPU_SLOTS];
    struct vcpu *claim = claimant(owner);
    if (claim != NULL && !(claim == current && rq->passed_slot == rq->slot_number))
        return claim;
    if (goes_on && keep)
        return current;
    for (int i = 0; i < LEND_SCAN; i++) {
        struct vcpu *next = borrower(rq, owner, goes_on ? current : NULL);
        if (next == NULL || vcpu_may_run(next))
            return next != NULL ? next : goes_on ? current : NULL;
        rq_unready(next); /* its gate closed: it is parked until that opens */
    }
    cpu->reschedule = true; /* more to park: once round, without the lock */
    return goes_on ? current : NULL;
}

/* --- Switching -------------------------------------------------------------------------------- */

void
sched_set_timer(struct cpu *cpu)
{
    struct run_queue *rq = &cpu->run_queue;
    uint64_t at = rq->deadlines == NULL ? EXO_FOREVER : rq->deadlines->deadline;
    if (rq->ready.first != NULL && cpu->current != NULL)
        at = min_u64(at, rq->slot_end);
    if (at != cpu->timer_ticks)
        arch_timer_set(at);
}

static void
switch_now(struct cpu *cpu, struct vcpu *next)
{
    struct vcpu *before = cpu->current;
    rq_unready(next);
    if (before == next)
        return;
    if (before != NULL && before->state == VCPU_READY) {
        before->preempted = true;
        if (vcpu_may_run(before))
            ready_push(&cpu->run_queue, before);
    }
    switch_to(cpu, next);
}

/* Nothing to run: the address space stays loaded, unless it is to end. */
static void
go_idle(struct cpu *cpu)
{
    if (cpu->current != NULL) {
        arch_switch(cpu, cpu->current, NULL);
        cpu->current->preempted |= cpu->current->state == VCPU_READY;
        trace(EXO_TRACE_SWITCH, 0, 0);
        cpu->current = NULL;
    }
    if (cpu->space != NULL && CONTAINER_OF(cpu->space, struct env, space)->stopped)
        vspace_activate(NULL);
}

static void
sleep_until_interrupt(struct cpu *cpu)
{
    atomic_store_explicit(&cpu->epoch, EPOCH_OUTSIDE, memory_order_release);
    if (!atomic_load(&cpu->reschedule))
        arch_idle();
    atomic_store_explicit(&cpu->epoch, atomic_load(&global_epoch), memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    (void)arch_take_interrupts();
}

/* Deadlines that passed. The lock is dropped where an endpoint's has to be taken first. */
static void
expire(struct run_queue *rq, uint64_t now)
{
    for (int i = 0; i < EXPIRE_STEP; i++) {
        struct vcpu *vcpu = rq->deadlines;
        if (vcpu == NULL || vcpu->deadline > now)
            return;
        deadline_remove(&rq->deadlines, vcpu);
        if (vcpu->state == VCPU_WAITING) {
            rq_wake_with(vcpu, EXO_E_TIMEOUT);
        } else {
            lock_release(&rq->lock);
            endpoint_timeout(vcpu);
            lock_acquire(&rq->lock);
        }
    }
}

/* Debug builds: exo/debug/audit.h. */
void audit_tick(void) __attribute__((weak));

struct exo_context *
sched_choose(bool keep)
{
    struct cpu *cpu = this_cpu();
    struct run_queue *rq = &cpu->run_queue;
    if (audit_tick != NULL)
        audit_tick();
    for (;;) {
        atomic_store_explicit(&cpu->reschedule, false, memory_order_relaxed);
        lock_acquire(&rq->lock);
        uint64_t now = arch_ticks();
        account(cpu, now);
        expire(rq, now);
        struct vcpu *next = choose(cpu, keep && rq->chosen_slot == rq->slot_number);
        rq->chosen_slot = rq->slot_number;
        if (next != NULL) {
            switch_now(cpu, next);
            next->control->slot_end = rq->slot_end;
            sched_set_timer(cpu);
            lock_release(&rq->lock);
            return vcpu_enter(next);
        }
        go_idle(cpu);
        sched_set_timer(cpu);
        lock_release(&rq->lock);
        sleep_until_interrupt(cpu);
        keep = false;
    }
}

void
sched_poke(uint32_t cpu)
{
    cpus[cpu].reschedule = true;
    if (cpu != this_cpu()->number)
        arch_poke(cpu);
}

void
sched_poke_everyone(void)
{
    for (uint32_t i = 0; i < EXO_CPUS_MAX; i++)
        if (cpus[i].online)
            sched_poke(i);
}

bool
sched_poke_stopped(const struct env *env)
{
    bool runs = false;
    for (uint32_t i = 0; i < cpu_count; i++) {
        struct cpu *cpu = &cpus[i];
        /* What it chose before this is `current`; later it sees gates. */
        HOLD(&cpu->run_queue.lock);
        const struct vcpu *current = cpu->current;
        struct vspace *space = cpu->space;
        if (current != NULL ? !vcpu_may_run(current)
                            : space != NULL && CONTAINER_OF(space, struct env, space)->stopped)
            sched_poke(i);
        runs |= current != NULL && current->env == env && cpu != this_cpu();
    }
    return runs;
}

/* --- Blocking and waking ------------------------------------------------------------------------
 */

void
rq_wake(struct vcpu *vcpu)
{
    struct run_queue *rq = vcpu->run_queue;
    struct cpu *cpu = &cpus[vcpu->cpu];
    account(cpu, arch_ticks()); /* slots until now passed without its wanting them */
    deadline_remove(&rq->deadlines, vcpu);
    vcpu->state = VCPU_READY;
    if (!vcpu_may_run(vcpu))
        return;
    /* Nobody was ready: the slot that runs there has an end again, unless the timer is set. */
    bool first = rq->ready.first == NULL && cpu->timer_ticks > rq->slot_end;
    ready_push(rq, vcpu);
    struct vcpu *owner = rq->owner[rq->slot_number % EXO_CPU_SLOTS];
    if (cpu->current == NULL || claimant(owner) == vcpu || (first && cpu != this_cpu()))
        sched_poke(vcpu->cpu);
    else if (first)
        sched_set_timer(cpu);
}

void
rq_unpark(struct vcpu *vcpu)
{
    if (vcpu->state == VCPU_READY && !vcpu->on_ready_list && cpus[vcpu->cpu].current != vcpu)
        rq_wake(vcpu);
}

void
rq_wake_with(struct vcpu *vcpu, err_t result)
{
    vcpu->context.x[0] = (uint64_t)result;
    rq_wake(vcpu);
}

/* An event came: it wakes if it waits; if it runs, and would take an upcall now, it is interrupted.
 */
static inline void
notice(struct vcpu *vcpu)
{
    const struct exo_control *control = vcpu->control;
    if (vcpu->state == VCPU_WAITING)
        rq_wake_with(vcpu, EXO_OK);
    else if (cpus[vcpu->cpu].current == vcpu && control->inside == 0 &&
             (vcpu->revoke_pending || (control->events & control->event_mask) != 0))
        sched_poke(vcpu->cpu);
}

/* Whether the waiting vCPU owns the slot that runs on this CPU now. */
static bool
takes_over(const struct cpu *cpu, const struct vcpu *vcpu)
{
    const struct run_queue *rq = &cpu->run_queue;
    return rq == vcpu->run_queue && rq->owner[rq->slot_number % EXO_CPU_SLOTS] == vcpu &&
           cpu->current != NULL && arch_ticks() < rq->slot_end && vcpu_may_run(vcpu);
}

/* It runs at once, and who ran is ready. */
static err_t
take_over(struct cpu *cpu, struct vcpu *vcpu)
{
    struct vcpu *before = cpu->current;
    before->preempted = before->on_ready_list = true;
    queue_push(&cpu->run_queue.ready, before);
    vcpu->context.x[0] = EXO_OK;
    rq_enter(cpu, vcpu);
    sched_set_timer(cpu);
    return CALL_ENTERED;
}

/*
 * The bits are there before the state is looked at (wait() checks them under the same lock), and
 * before `inside` is read: resume does the reverse.
 */
static inline void
set_events(struct vcpu *vcpu, uint64_t bits)
{
    __atomic_fetch_or(&vcpu->control->events, bits, __ATOMIC_SEQ_CST);
    atomic_thread_fence(memory_order_seq_cst);
}

err_t
sched_post(struct vcpu *vcpu, uint64_t bits)
{
    struct cpu *cpu = this_cpu();
    set_events(vcpu, bits);
    HOLD(&vcpu->run_queue->lock);
    if (vcpu->state == VCPU_WAITING && takes_over(cpu, vcpu))
        return take_over(cpu, vcpu);
    notice(vcpu);
    return EXO_OK;
}

void
sched_raise(struct vcpu *vcpu, uint64_t bits)
{
    set_events(vcpu, bits);
    HOLD(&vcpu->run_queue->lock);
    notice(vcpu);
}

/* --- Slot vectors -------------------------------------------------------------------------------
 */

static void
set_owner(struct run_queue *rq, uint32_t slot, struct vcpu *vcpu)
{
    struct vcpu *before = rq->owner[slot];
    if (before != NULL) {
        struct cell *cell = before->env->origin.cell;
        before->cpu_slots--;
        if (vcpu == NULL || vcpu->env->origin.cell != cell)
            cell_refund(cell, EXO_RES_CPU_SLOTS, 1);
    }
    rq->owner[slot] = vcpu;
    if (vcpu != NULL)
        vcpu->cpu_slots++;
}

void
sched_forget(struct vcpu *vcpu)
{
    struct run_queue *rq = vcpu->run_queue;
    HOLD(&rq->lock);
    for (uint32_t slot = 0; slot < EXO_CPU_SLOTS && vcpu->cpu_slots > 0; slot++)
        if (rq->owner[slot] == vcpu)
            set_owner(rq, slot, NULL);
}

/* Charged is what the vCPU's cell does not own already; set_owner refunds other cells. */
err_t
sched_assign(uint32_t cpu, uint32_t first, uint32_t count, struct vcpu *vcpu)
{
    struct run_queue *rq = &cpus[cpu].run_queue;
    struct cell *cell = vcpu == NULL ? NULL : vcpu->env->origin.cell;
    uint32_t more = 0;
    HOLD(&rq->lock);
    for (uint32_t slot = first; slot < first + count; slot++)
        more += rq->owner[slot] == NULL || rq->owner[slot]->env->origin.cell != cell;
    if (cell != NULL)
        TRY(cell_charge(cell, EXO_RES_CPU_SLOTS, more));
    account(&cpus[cpu], arch_ticks());
    for (uint32_t slot = first; slot < first + count; slot++)
        set_owner(rq, slot, vcpu);
    sched_poke(cpu);
    return EXO_OK;
}
