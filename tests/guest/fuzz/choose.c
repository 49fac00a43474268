/* Which call comes next. */
#include "worker.h"

/* Each call's share of the calls, and what it cannot do without. */
struct plan {
    uint16_t weight;
    uint8_t type, rights; /* in the first argument */
    uint8_t creator;      /* the call that makes such a capability */
};

#define PLAN(name, w, t, r, c) [EXO_CALL_##name] = {w, EXO_TYPE_##t, r, EXO_CALL_##c}

static const struct plan plans[EXO_CALL_COUNT] = {
    PLAN(null, 10, NONE, 0, null),
    PLAN(resume, 20, NONE, 0, null),
    PLAN(wait, 20, NONE, 0, null),
    PLAN(yield, 20, NONE, 0, null),
    PLAN(cap_copy, 110, NONE, 0, null),
    PLAN(cap_move, 40, NONE, 0, null),
    PLAN(cap_drop, 45, NONE, 0, null),
    PLAN(cap_revoke, 40, NONE, 0, null),
    PLAN(cap_info, 40, NONE, 0, null),
    PLAN(cap_extend, 15, NONE, 0, null),
    PLAN(cell_create, 15, NONE, 0, null),
    PLAN(cell_limits, 20, CELL, EXO_CONTROL, cell_create),
    PLAN(cell_info, 20, NONE, 0, null),
    PLAN(cell_reap, 15, CELL, EXO_CONTROL, cell_create),
    PLAN(cell_reclaim, 15, CELL, EXO_CONTROL, cell_create),
    PLAN(frames_alloc, 60, NONE, 0, null),
    PLAN(frames_split, 25, FRAMES, EXO_CONTROL, frames_alloc),
    PLAN(map, 90, FRAMES, EXO_READ, frames_alloc),
    PLAN(unmap, 60, NONE, 0, null),
    PLAN(protect, 40, FRAMES, EXO_READ, frames_alloc),
    PLAN(env_create, 20, NONE, 0, null),
    PLAN(env_stop, 15, ENV, EXO_CONTROL, env_create),
    PLAN(env_start, 15, ENV, EXO_CONTROL, env_create),
    PLAN(env_supervise, 15, ENV, EXO_CONTROL, env_create),
    PLAN(env_read, 25, NONE, 0, null),
    PLAN(env_write, 25, NONE, 0, null),
    PLAN(vcpu_create, 30, NONE, 0, null),
    PLAN(vcpu_start, 25, VCPU, EXO_CONTROL, vcpu_create),
    PLAN(vcpu_stop, 20, VCPU, EXO_CONTROL, vcpu_create),
    PLAN(vcpu_get, 20, VCPU, EXO_READ, vcpu_create),
    PLAN(vcpu_set, 20, VCPU, EXO_WRITE, vcpu_create),
    PLAN(vcpu_config, 20, VCPU, EXO_CONTROL, vcpu_create),
    PLAN(cpu_assign, 20, CPU, EXO_WRITE, null),
    PLAN(cpu_info, 10, CPU, EXO_READ, null),
    PLAN(notification_create, 20, NONE, 0, null),
    PLAN(notification_bind, 20, NOTIFICATION, EXO_CONTROL, notification_create),
    PLAN(notify, 40, NOTIFICATION, EXO_WRITE, notification_create),
    PLAN(endpoint_create, 20, NONE, 0, null),
    PLAN(call, 40, ENDPOINT, EXO_WRITE, endpoint_create),
    PLAN(receive, 30, ENDPOINT, EXO_READ, endpoint_create),
    PLAN(reply, 10, NONE, 0, null),
    PLAN(reply_receive, 30, ENDPOINT, EXO_READ, endpoint_create),
    PLAN(trace_read, 10, TRACE, EXO_READ, null),
    PLAN(trace_control, 5, TRACE, EXO_CONTROL, null),
    PLAN(machine_info, 5, MACHINE, EXO_READ, null),
    PLAN(machine_power, 2, MACHINE, EXO_READ, null),
    PLAN(machine_audit, 2, MACHINE, EXO_READ, null),
    PLAN(irq_open, 20, NONE, 0, null),
    PLAN(irq_bind, 25, IRQ, EXO_CONTROL, irq_open),
    PLAN(irq_ack, 20, IRQ, EXO_CONTROL, irq_open),
    PLAN(device_info, 10, DEVICE, EXO_READ, null),
    PLAN(device_config, 15, DEVICE, EXO_READ, null),
    PLAN(device_open, 4, DEVICE, EXO_CONTROL, null),
    PLAN(device_close, 1, DEVICE, EXO_CONTROL, null),
    PLAN(queue_open, 25, DEVICE, EXO_WRITE, device_open),
    PLAN(queue_region, 40, QUEUE, EXO_WRITE, queue_open),
    PLAN(queue_release, 15, QUEUE, EXO_WRITE, queue_open),
    PLAN(queue_submit, 40, QUEUE, EXO_WRITE, queue_open),
    PLAN(queue_info, 10, QUEUE, EXO_READ, queue_open),
};

static enum exo_call
by_weight(void)
{
    static uint32_t sum;
    if (sum == 0)
        for (uint32_t i = 0; i < EXO_CALL_COUNT; i++)
            sum += plans[i].weight;
    uint32_t at = below(sum), number = 0;
    while (at >= plans[number].weight)
        at -= plans[number++].weight;
    return (enum exo_call)number;
}

/* What the state asks for before anything else; EXO_CALL_COUNT: nothing. */
static enum exo_call
by_need(void)
{
    if (now.serving && one_in(3))
        return one_in(2) ? EXO_CALL_reply : EXO_CALL_reply_receive;
    if ((now.used > 170 || now.tight) && one_in(8)) {
        now.tight = now.tight && !one_in(8);
        return EXO_CALL_cap_drop;
    }
    return EXO_CALL_COUNT;
}

static enum exo_call
choose(void)
{
    enum exo_call number = by_need();
    if (number == EXO_CALL_COUNT) {
        number = by_weight();
        const struct plan *plan = &plans[number];
        if (plan->type != EXO_TYPE_NONE && !have((enum exo_type)plan->type, plan->rights))
            number = (enum exo_call)plan->creator;
    }
    return number;
}

/* Calls whose first argument must not become the worker's own. */
static bool
is_delicate(uint64_t number)
{
    return number == EXO_CALL_cap_drop || number == EXO_CALL_cap_move ||
           number == EXO_CALL_env_stop || number == EXO_CALL_vcpu_stop ||
           number == EXO_CALL_vcpu_set || number == EXO_CALL_cell_reclaim;
}

/* The argument that says how long to block: it stays as it is. */
static int
deadline_of(uint64_t number)
{
    switch (number) {
    case EXO_CALL_wait: return 0;
    case EXO_CALL_receive: return 2;
    case EXO_CALL_call:
    case EXO_CALL_reply_receive: return 7;
    default: return -1;
    }
}

static void
mutate(struct fuzz_call *call)
{
    int i = (int)below(8);
    if (i != deadline_of(call->number) && !(i == 0 && is_delicate(call->number)))
        call->x[i] = pick_odd();
}

static void
generate_call(enum exo_call number, struct fuzz_call *call)
{
    generator *fill = generate_memory[number] != NULL    ? generate_memory[number]
                      : generate_control[number] != NULL ? generate_control[number]
                                                         : generate_queues[number];
    *call = (struct fuzz_call){.number = (uint64_t)number};
    if (fill != NULL)
        fill(call->x);
    if (one_in(16))
        mutate(call);
}

void
generate(struct fuzz_call *call)
{
    if (call->result[0] == (uint64_t)EXO_E_AGAIN && now.repeats > 0 && !one_in(12)) {
        now.repeats--;
        return; /* the same again */
    }
    now.repeats = 3;
    if (now.suspect != EXO_NONE) {
        *call = (struct fuzz_call){.number = EXO_CALL_cap_info,
                                   .x = {now.suspect, exo_address(&info_buffer)}};
        now.suspect = EXO_NONE;
    } else if (one_in(300)) {
        generate_call(EXO_CALL_null, call);
        call->number = EXO_CALL_COUNT + (pick_odd() >> 1);
    } else {
        generate_call(choose(), call);
    }
}
