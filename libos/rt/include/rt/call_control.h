/* Stubs of the calls on vCPUs, CPUs, endpoints, interrupts, the trace and the machine. Include
 * rt/call.h. */
#ifndef RT_CALL_CONTROL_H
#define RT_CALL_CONTROL_H

#include <rt/call.h>

/* call, receive, reply_receive. `badge` is 0 in the answer to a call. */
struct exo_message {
    int64_t status;
    uint64_t word[4];
    uint64_t badge;
    uint64_t cap; /* 1: a capability arrived in the slot that was named */
};

/* --- vCPUs --------------------------------------------------------------------------------------
 */

RT_INLINE int64_t
exo_vcpu_create(uint32_t env, uint32_t dst, uint32_t cpu, uint64_t control_va, uint64_t entry_va,
                uint64_t stack_va, uint64_t argument)
{
    return exo_svc7(EXO_CALL_vcpu_create, env, dst, cpu, control_va, entry_va, stack_va, argument);
}

RT_INLINE int64_t
exo_vcpu_start(uint32_t vcpu)
{
    return exo_svc1(EXO_CALL_vcpu_start, vcpu);
}

/* EXO_E_AGAIN while it still runs on another CPU. */
RT_INLINE int64_t
exo_vcpu_stop(uint32_t vcpu)
{
    return exo_svc1(EXO_CALL_vcpu_stop, vcpu);
}

RT_INLINE int64_t
exo_vcpu_get(uint32_t vcpu, struct exo_context *context)
{
    return exo_svc2(EXO_CALL_vcpu_get, vcpu, exo_address(context));
}

RT_INLINE int64_t
exo_vcpu_set(uint32_t vcpu, const struct exo_context *context)
{
    return exo_svc2(EXO_CALL_vcpu_set, vcpu, exo_address(context));
}

RT_INLINE int64_t
exo_vcpu_config(uint32_t vcpu, enum exo_vcpu_config what, uint64_t value)
{
    return exo_svc3(EXO_CALL_vcpu_config, vcpu, (uint64_t)what, value);
}

RT_INLINE int64_t
exo_cpu_assign(uint32_t cpu, uint32_t first, uint32_t count, uint32_t vcpu)
{
    return exo_svc7(EXO_CALL_cpu_assign, cpu, first, count, vcpu, 0, 0, 0);
}

RT_INLINE int64_t
exo_cpu_info(uint32_t cpu, struct exo_cpu_info *info)
{
    return exo_svc2(EXO_CALL_cpu_info, cpu, exo_address(info));
}

/* --- Control transfer ----------------------------------------------------------------------- */

RT_INLINE int64_t
exo_notification_create(uint32_t cell, uint32_t dst)
{
    return exo_svc2(EXO_CALL_notification_create, cell, dst);
}

RT_INLINE int64_t
exo_notification_bind(uint32_t notification, uint32_t vcpu)
{
    return exo_svc2(EXO_CALL_notification_bind, notification, vcpu);
}

RT_INLINE int64_t
exo_notify(uint32_t notification)
{
    return exo_svc1(EXO_CALL_notify, notification);
}

RT_INLINE int64_t
exo_endpoint_create(uint32_t cell, uint32_t dst)
{
    return exo_svc2(EXO_CALL_endpoint_create, cell, dst);
}

RT_INLINE struct exo_message
exo_call(uint32_t endpoint, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, uint32_t send,
         uint32_t receive, uint64_t deadline_ticks)
{
    struct exo_results r =
        exo_raw_call(EXO_CALL_call, endpoint, w0, w1, w2, w3, send, receive, deadline_ticks);
    return (struct exo_message){r.status, {r.x1, r.x2, r.x3, r.x4}, 0, r.x5};
}

RT_INLINE struct exo_message
exo_receive(uint32_t endpoint, uint32_t receive, uint64_t deadline_ticks)
{
    struct exo_results r =
        exo_raw_call(EXO_CALL_receive, endpoint, receive, deadline_ticks, 0, 0, 0, 0, 0);
    return (struct exo_message){r.status, {r.x1, r.x2, r.x3, r.x4}, r.x5, r.x6};
}

RT_INLINE int64_t
exo_reply(uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3, uint32_t send)
{
    return exo_svc7(EXO_CALL_reply, w0, w1, w2, w3, send, 0, 0);
}

RT_INLINE struct exo_message
exo_reply_receive(uint32_t endpoint, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3,
                  uint32_t send, uint32_t receive, uint64_t deadline_ticks)
{
    struct exo_results r = exo_raw_call(EXO_CALL_reply_receive, endpoint, w0, w1, w2, w3, send,
                                        receive, deadline_ticks);
    return (struct exo_message){r.status, {r.x1, r.x2, r.x3, r.x4}, r.x5, r.x6};
}

/* --- Interrupts ------------------------------------------------------------------------------ */

/* `flags`: enum exo_irq_flag. */
RT_INLINE int64_t
exo_irq_open(uint32_t cell, uint32_t dst, uint32_t irqs, uint32_t line, uint32_t flags)
{
    return exo_svc7(EXO_CALL_irq_open, cell, dst, irqs, line, flags, 0, 0);
}

/* EXO_NONE unbinds: EXO_E_AGAIN until done. */
RT_INLINE int64_t
exo_irq_bind(uint32_t object, uint32_t notification)
{
    return exo_svc2(EXO_CALL_irq_bind, object, notification);
}

/* EXO_E_AGAIN: too many interrupts in this slot; the next one may do it. */
RT_INLINE int64_t
exo_irq_ack(uint32_t object)
{
    return exo_svc1(EXO_CALL_irq_ack, object);
}

/* --- Devices --------------------------------------------------------------------------------- */

RT_INLINE int64_t
exo_device_info(uint32_t device, struct exo_device_info *info)
{
    return exo_svc2(EXO_CALL_device_info, device, exo_address(info));
}

/* EXO_E_AGAIN: it changed meanwhile. */
RT_INLINE int64_t
exo_device_config(uint32_t device, uint32_t offset, void *buffer, uint32_t bytes)
{
    return exo_svc7(EXO_CALL_device_config, device, offset, exo_address(buffer), bytes, 0, 0, 0);
}

/* --- Trace and machine ---------------------------------------------------------------------- */

struct exo_trace {
    int64_t status;
    uint64_t position; /* of the first event copied: later than asked for when some were lost */
    uint64_t count;
};

RT_INLINE struct exo_trace
exo_trace_read(uint32_t trace, uint32_t cpu, uint64_t position, struct exo_trace_event *events,
               uint64_t count)
{
    struct exo_results r = exo_raw_call(EXO_CALL_trace_read, trace, cpu, position,
                                        exo_address(events), count, 0, 0, 0);
    return (struct exo_trace){r.status, r.x1, r.x2};
}

RT_INLINE int64_t
exo_trace_control(uint32_t trace, uint64_t mask)
{
    return exo_svc2(EXO_CALL_trace_control, trace, mask);
}

RT_INLINE int64_t
exo_machine_info(uint32_t machine, struct exo_machine_info *info)
{
    return exo_svc2(EXO_CALL_machine_info, machine, exo_address(info));
}

RT_INLINE int64_t
exo_machine_power(uint32_t machine, enum exo_power what, uint32_t code)
{
    return exo_svc3(EXO_CALL_machine_power, machine, (uint64_t)what, code);
}

/* Debug kernels (EXO_FEATURE_DEBUG): `violations` of the kernel's invariants, printed by it. */
struct exo_audit {
    int64_t status;
    uint64_t violations;
    uint64_t broken; /* bit n: invariant I(n+1) */
};

RT_INLINE struct exo_audit
exo_machine_audit(uint32_t machine)
{
    struct exo_results r = exo_raw_call(EXO_CALL_machine_audit, machine, 0, 0, 0, 0, 0, 0, 0);
    return (struct exo_audit){r.status, r.x1, r.x2};
}

/* The same with one violation made for the time of the audit: 1 and on, as the reference lists. */
RT_INLINE struct exo_audit
exo_machine_audit_seeded(uint32_t machine, uint32_t seed)
{
    struct exo_results r = exo_raw_call(EXO_CALL_machine_audit, machine, seed, 0, 0, 0, 0, 0, 0);
    return (struct exo_audit){r.status, r.x1, r.x2};
}

#endif
