/*
 * I6: each vCPU is where its state says: ready list, deadlines, an endpoint's queue, a call. I7: no
 * CPU holds a lock.
 */
#include "debug/audit.h"

#include "core/endpoint.h"
#include "core/sched.h"

static struct {
    uint32_t vcpus, listed;   /* found through cells, and through environments */
    uint32_t queued, waiting; /* that say so, and in the queues of endpoints */
    uint32_t ready[EXO_CPUS_MAX], deadlines[EXO_CPUS_MAX]; /* that say so */
} seen;

/* A vCPU that is not dead yet: nothing of the kernel may refer to another. */
static bool
lives(const struct vcpu *vcpu)
{
    return audit_has_role(vcpu, ROLE_VCPU) && vcpu->control != NULL;
}

/* --- vCPUs ---------------------------------------------------------------------------------------
 */

static uint32_t
slots_of(const struct vcpu *vcpu)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < EXO_CPU_SLOTS; i++)
        count += cpus[vcpu->cpu].run_queue.owner[i] == vcpu;
    return count;
}

/* CALLING and FAULTED: in a queue, or served; everybody else is neither. */
static void
check_call(const struct vcpu *vcpu)
{
    bool calls = vcpu->state == VCPU_CALLING || vcpu->state == VCPU_FAULTED;
    const struct vcpu *server = vcpu->partner, *caller = vcpu->serving;
    AUDIT(6, calls || server == NULL, "vCPU %lx is served by %lx and does not call",
          audit_name(vcpu), audit_name(server));
    AUDIT(6, !calls || (server != NULL) != (vcpu->endpoint != NULL),
          "vCPU %lx calls, and is neither served nor queued, or both", audit_name(vcpu));
    AUDIT(6, server == NULL || (lives(server) && server->serving == vcpu),
          "vCPU %lx is served by %lx, which serves somebody else", audit_name(vcpu),
          audit_name(server));
    AUDIT(6, caller == NULL || (lives(caller) && caller->partner == vcpu),
          "vCPU %lx serves %lx, which is not its caller", audit_name(vcpu), audit_name(caller));
}

static void
check_waiting(const struct vcpu *vcpu)
{
    uint8_t state = vcpu->state;
    bool waits = state == VCPU_WAITING || state == VCPU_CALLING || state == VCPU_RECEIVING;
    AUDIT(6, vcpu->in_heap == (waits && vcpu->deadline != EXO_FOREVER),
          "vCPU %lx, state %u: it has a deadline, and is not among them, or the reverse",
          audit_name(vcpu), state);
    AUDIT(6,
          (vcpu->endpoint != NULL) == (state == VCPU_RECEIVING) || state == VCPU_CALLING ||
              state == VCPU_FAULTED,
          "vCPU %lx, state %u, is queued at %lx", audit_name(vcpu), state,
          audit_name(vcpu->endpoint));
}

/*
 * The CPU that audits may be about to leave its vCPU, which then waits already; so may CPU 0, when
 * its own audit (audit_tick) stands still for this one.
 */
static void
check_ready(const struct vcpu *vcpu)
{
    const struct cpu *cpu = &cpus[vcpu->cpu];
    bool ready = vcpu->state == VCPU_READY;
    AUDIT(6, ready || !vcpu->on_ready_list, "vCPU %lx, state %u, is on the ready list",
          audit_name(vcpu), vcpu->state);
    AUDIT(6, !ready || vcpu->on_ready_list || cpu->current == vcpu || !vcpu_may_run(vcpu),
          "vCPU %lx is ready, and nobody knows", audit_name(vcpu));
    AUDIT(6, ready || cpu->current != vcpu || cpu == this_cpu() || cpu->number == 0,
          "vCPU %lx, state %u, runs", audit_name(vcpu), vcpu->state);
}

static void
check_vcpu(struct origin *origin)
{
    const struct vcpu *vcpu = (const struct vcpu *)(const void *)origin;
    if (vcpu->control == NULL)
        return;
    /* DEAD and equipped: it waits for its CPU to have left the kernel (vcpu_finish_step). */
    uint8_t last = vcpu->end_epoch != 0 ? VCPU_DEAD : VCPU_FAULTED;
    if (vcpu->cpu >= cpu_count || vcpu->state < VCPU_READY || vcpu->state > last) {
        AUDIT_BROKEN(6, "vCPU %lx: CPU %u, state %u\n", audit_name(vcpu), vcpu->cpu, vcpu->state);
        return;
    }
    seen.vcpus++;
    seen.queued += vcpu->endpoint != NULL;
    seen.ready[vcpu->cpu] += vcpu->on_ready_list;
    seen.deadlines[vcpu->cpu] += vcpu->in_heap;
    AUDIT(6, audit_has_role(vcpu->env, ROLE_ENV) && vcpu->env->origin.cell == origin->cell,
          "vCPU %lx: its environment %lx is not its cell's", audit_name(vcpu),
          audit_name(vcpu->env));
    AUDIT(6, vcpu->cpu_slots == slots_of(vcpu), "vCPU %lx: %u slots counted, %u found",
          audit_name(vcpu), vcpu->cpu_slots, slots_of(vcpu));
    check_ready(vcpu);
    check_waiting(vcpu);
    check_call(vcpu);
}

static void
check_members(struct origin *origin)
{
    const struct env *env = (const struct env *)(const void *)origin;
    uint32_t count = 0;
    for (const struct vcpu *vcpu = env->vcpus; vcpu != NULL; vcpu = vcpu->env_next) {
        if (!lives(vcpu) || vcpu->env != env || ++count > ENV_VCPUS_MAX) {
            AUDIT_BROKEN(6, "vCPU %lx is on the list of environment %lx\n", audit_name(vcpu),
                         audit_name(env));
            break;
        }
    }
    AUDIT(6, count == env->vcpu_count, "environment %lx: %u vCPUs counted, %u found",
          audit_name(env), env->vcpu_count, count);
    seen.listed += count;
}

/* --- Queues of endpoints
 * --------------------------------------------------------------------------- */

static void
check_queue(const struct endpoint *endpoint, const struct vcpu_queue *queue, bool receivers)
{
    const struct vcpu *before = NULL;
    for (const struct vcpu *vcpu = queue->first; vcpu != NULL; vcpu = vcpu->queue_next) {
        if (!lives(vcpu) || seen.waiting++ == AUDIT_NODES_MAX) {
            AUDIT_BROKEN(6, "endpoint %lx: vCPU %lx in its queue is dead\n", audit_name(endpoint),
                         audit_name(vcpu));
            return;
        }
        AUDIT(6, vcpu->endpoint == endpoint && vcpu->queue_prev == before,
              "endpoint %lx: the links of vCPU %lx in its queue differ", audit_name(endpoint),
              audit_name(vcpu));
        AUDIT(6, (vcpu->state == VCPU_RECEIVING) == receivers,
              "endpoint %lx: vCPU %lx, state %u, is in the wrong queue", audit_name(endpoint),
              audit_name(vcpu), vcpu->state);
        before = vcpu;
    }
    AUDIT(6, queue->last == before, "endpoint %lx: its queue ends elsewhere", audit_name(endpoint));
}

static void
check_endpoint(struct origin *origin)
{
    const struct endpoint *endpoint = (const struct endpoint *)(const void *)origin;
    audit_lock(&endpoint->lock, "endpoint", endpoint);
    AUDIT(6, endpoint->callers.first == NULL || endpoint->receivers.first == NULL,
          "endpoint %lx: callers and receivers wait for each other", audit_name(endpoint));
    check_queue(endpoint, &endpoint->callers, false);
    check_queue(endpoint, &endpoint->receivers, true);
}

/* --- CPUs ----------------------------------------------------------------------------------------
 */

static void
check_ready_list(const struct cpu *cpu)
{
    const struct vcpu *vcpu = cpu->run_queue.ready.first, *before = NULL;
    uint32_t count = 0;
    while (vcpu != NULL && count <= seen.vcpus) {
        if (!lives(vcpu)) {
            AUDIT_BROKEN(6, "CPU %u: vCPU %lx on its ready list is dead\n", cpu->number,
                         audit_name(vcpu));
            return;
        }
        AUDIT(6, vcpu->on_ready_list && vcpu->cpu == cpu->number && vcpu->queue_prev == before,
              "CPU %u: vCPU %lx does not belong on its ready list", cpu->number, audit_name(vcpu));
        count++;
        before = vcpu;
        vcpu = vcpu->queue_next;
    }
    AUDIT(6, cpu->run_queue.ready.last == before, "CPU %u: its ready list ends elsewhere",
          cpu->number);
    AUDIT(6, count == seen.ready[cpu->number], "CPU %u: %u vCPUs on its ready list, %u say so",
          cpu->number, count, seen.ready[cpu->number]);
}

/* The next node of the heap, parents before children. */
static const struct vcpu *
next_node(const struct vcpu *node)
{
    if (node->heap_left != NULL || node->heap_right != NULL)
        return node->heap_left != NULL ? node->heap_left : node->heap_right;
    for (const struct vcpu *above = node->heap_parent; above != NULL; above = above->heap_parent) {
        if (above->heap_left == node && above->heap_right != NULL)
            return above->heap_right;
        node = above;
    }
    return NULL;
}

static uint32_t
rank_of(const struct vcpu *node)
{
    return node == NULL ? 0 : node->heap_rank;
}

static void
check_node(const struct cpu *cpu, const struct vcpu *node)
{
    const struct vcpu *left = node->heap_left, *right = node->heap_right;
    AUDIT(6, node->in_heap && node->cpu == cpu->number,
          "CPU %u: vCPU %lx does not belong among its deadlines", cpu->number, audit_name(node));
    AUDIT(6,
          (left == NULL || (left->heap_parent == node && left->deadline >= node->deadline)) &&
              (right == NULL || (right->heap_parent == node && right->deadline >= node->deadline)),
          "CPU %u: below the deadline of vCPU %lx is an earlier one", cpu->number,
          audit_name(node));
    AUDIT(6, rank_of(left) >= rank_of(right) && node->heap_rank == rank_of(right) + 1,
          "CPU %u: the deadlines below vCPU %lx lean right", cpu->number, audit_name(node));
}

static void
check_deadlines(const struct cpu *cpu)
{
    const struct vcpu *root = cpu->run_queue.deadlines;
    uint32_t count = 0;
    AUDIT(6, root == NULL || root->heap_parent == NULL, "CPU %u: its deadlines have no root",
          cpu->number);
    for (const struct vcpu *node = root; node != NULL; node = next_node(node)) {
        if (!lives(node) || count > seen.vcpus) {
            AUDIT_BROKEN(6, "CPU %u: vCPU %lx among its deadlines is dead\n", cpu->number,
                         audit_name(node));
            return;
        }
        check_node(cpu, node);
        count++;
    }
    AUDIT(6, count == seen.deadlines[cpu->number], "CPU %u: %u deadlines, %u vCPUs say so",
          cpu->number, count, seen.deadlines[cpu->number]);
}

/* Slots are charged to the cell of the vCPU that owns them. */
static void
check_slots(const struct cpu *cpu)
{
    for (uint32_t i = 0; i < EXO_CPU_SLOTS; i++) {
        const struct vcpu *owner = cpu->run_queue.owner[i];
        if (owner == NULL)
            continue;
        if (!lives(owner) || owner->cpu != cpu->number) {
            AUDIT_BROKEN(6, "CPU %u: the owner of slot %u, vCPU %lx, is dead or elsewhere\n",
                         cpu->number, i, audit_name(owner));
            continue;
        }
        audit_found(owner->origin.cell, EXO_RES_CPU_SLOTS, 1);
    }
}

static void
check_cpu(const struct cpu *cpu)
{
    const struct vcpu *current = cpu->current, *fp = cpu->fp_owner;
    AUDIT(7, cpu->lock_ranks == 0, "CPU %u holds locks: %lx", cpu->number,
          (unsigned long)cpu->lock_ranks);
    audit_lock(&cpu->run_queue.lock, "run queue of", cpu);
    AUDIT(6, current == NULL || (lives(current) && current->cpu == cpu->number),
          "CPU %u: vCPU %lx, which it runs, is dead or elsewhere", cpu->number,
          audit_name(current));
    AUDIT(6, fp == NULL || (lives(fp) && fp->cpu == cpu->number),
          "CPU %u: vCPU %lx, whose FP registers it has, is dead or elsewhere", cpu->number,
          audit_name(fp));
    check_ready_list(cpu);
    check_deadlines(cpu);
    check_slots(cpu);
}

/* Who takes the revoke upcalls of a cell is one of its vCPUs. */
static void
check_handler(const struct cell *cell)
{
    const struct vcpu *handler = cell->revoke_handler;
    AUDIT(6, handler == NULL || (lives(handler) && handler->origin.cell == cell),
          "cell %lx: vCPU %lx, its revoke handler, is dead or another's", audit_name(cell),
          audit_name(handler));
}

void
audit_sched(void)
{
    memset(&seen, 0, sizeof(seen));
    audit_each(EXO_TYPE_VCPU, check_vcpu);
    audit_each(EXO_TYPE_ENV, check_members);
    audit_each(EXO_TYPE_ENDPOINT, check_endpoint);
    AUDIT(6, seen.vcpus == seen.listed, "machine: %u vCPUs, %u in environments", seen.vcpus,
          seen.listed);
    AUDIT(6, seen.queued == seen.waiting, "machine: %u vCPUs are queued, %u found in queues",
          seen.queued, seen.waiting);
    for (uint32_t i = 0; i < cpu_count; i++)
        check_cpu(&cpus[i]);
    for (uint32_t i = 0; i < audit_cell_count; i++)
        check_handler(audit_accounts[i].cell);
}
