/* Arguments of calls on environments, vCPUs and CPUs, and of control transfer. */
#include "worker.h"

/* --- Environments and vCPUs ---------------------------------------------------------------------
 */

static void
gen_create(uint64_t *x)
{
    x[0] = below(3) ? EXO_BOOT_CELL : pick(EXO_TYPE_CELL, EXO_WRITE);
    x[1] = pick_empty();
}

static void
gen_env_gate(uint64_t *x)
{
    x[0] = pick_other(EXO_TYPE_ENV, EXO_CONTROL);
}

static void
gen_env_supervise(uint64_t *x)
{
    x[0] = pick_other(EXO_TYPE_ENV, EXO_CONTROL);
    x[1] = pick(EXO_TYPE_ENDPOINT, EXO_WRITE | EXO_COPY);
}

static uint64_t
pick_code(bool own)
{
    static const char *const code[] = {fuzz_victim_wait, fuzz_victim_serve, fuzz_victim_call,
                                       fuzz_victim_spin, fuzz_victim_write};
    /* One that faults here without a supervisor would stop this worker. */
    uint32_t i = below(own ? 4 : 5);
    return CODE_VA + (uint64_t)(code[i] - fuzz_code_begin);
}

static void
gen_vcpu_create(uint64_t *x)
{
    bool own = one_in(2);
    x[0] = own ? EXO_SELF : pick_other(EXO_TYPE_ENV, EXO_WRITE);
    x[1] = pick_empty();
    x[2] = one_in(40) ? pick_odd() : below(now.shared->cpus);
    x[3] = CONTROL_VA + below(CONTROLS) * PAGE + (one_in(40) ? 8 : 0);
    x[4] = one_in(300) ? pick_odd() : pick_code(own);
    x[5] = 0;
    x[6] = own ? pick(EXO_TYPE_ENDPOINT, EXO_READ | EXO_WRITE) : 6;
}

static void
gen_vcpu(uint64_t *x)
{
    x[0] = pick(EXO_TYPE_VCPU, EXO_CONTROL);
}

static void
gen_vcpu_stop(uint64_t *x)
{
    x[0] = pick_other(EXO_TYPE_VCPU, EXO_CONTROL);
}

static void
gen_vcpu_get(uint64_t *x)
{
    x[0] = pick_other(EXO_TYPE_VCPU, EXO_READ);
    x[1] = pick_buffer(bytes_buffer);
}

static void
gen_vcpu_set(uint64_t *x)
{
    struct exo_context *context = (struct exo_context *)(void *)bytes_buffer;
    x[0] = pick_other(EXO_TYPE_VCPU, EXO_WRITE);
    x[1] = pick_buffer(bytes_buffer);
    *context = (struct exo_context){.x = {6}, .pc = CODE_VA, .pstate = random_next()};
}

static void
gen_vcpu_config(uint64_t *x)
{
    x[0] = pick(EXO_TYPE_VCPU, EXO_CONTROL);
    x[1] = below(3);
    switch (x[1]) {
    case EXO_VCPU_PRIORITY: x[2] = below(9); break;
    case EXO_VCPU_SVE_BYTES: x[2] = 16ull << below(5); break;
    default: x[2] = 1; break;
    }
}

static void
gen_cpu_assign(uint64_t *x)
{
    x[0] = pick(EXO_TYPE_CPU, EXO_WRITE);
    x[1] = below(FUZZ_CPU_SHARE);
    x[2] = 1 + below(2);
    x[3] = one_in(3) ? EXO_NONE : pick_other(EXO_TYPE_VCPU, EXO_CONTROL);
}

static void
gen_cpu_info(uint64_t *x)
{
    x[0] = pick(EXO_TYPE_CPU, EXO_READ);
    x[1] = pick_buffer(bytes_buffer);
}

/* --- Interrupts ---------------------------------------------------------------------------------
 */

static void
gen_irq_open(uint64_t *x)
{
    x[0] = below(3) ? EXO_BOOT_CELL : pick(EXO_TYPE_CELL, EXO_WRITE);
    x[1] = pick_empty();
    x[2] = one_in(8) ? pick(EXO_TYPE_IRQ, EXO_WRITE) : FUZZ_SLOT_IRQS;
    x[3] = FUZZ_IRQ_FIRST + below(FUZZ_IRQS) + (one_in(16) ? FUZZ_IRQS : 0);
    x[4] = below(2) + (one_in(16) ? 2 : 0);
}

/* A line, what a queue has completed, or a device's configuration. */
static uint64_t
pick_interrupt(void)
{
    if (one_in(8))
        return pick_device(EXO_CONTROL);
    return one_in(3) ? pick(EXO_TYPE_QUEUE, EXO_CONTROL) : pick_other(EXO_TYPE_IRQ, EXO_CONTROL);
}

static void
gen_irq_bind(uint64_t *x)
{
    x[0] = pick_interrupt();
    x[1] = one_in(3) ? EXO_NONE : FUZZ_SLOT_BELL + below(FUZZ_BELLS);
}

static void
gen_irq_ack(uint64_t *x)
{
    x[0] = pick_interrupt();
}

static void
gen_device_info(uint64_t *x)
{
    x[0] = pick_device(EXO_READ);
    x[1] = pick_buffer(bytes_buffer);
}

static void
gen_device_config(uint64_t *x)
{
    x[0] = pick_device(EXO_READ);
    x[1] = one_in(16) ? pick_odd() : below(64);
    x[2] = pick_buffer(bytes_buffer);
    x[3] = one_in(16) ? pick_odd() : below(64);
}

/* --- Control transfer, trace, machine -----------------------------------------------------------
 */

static void
gen_resume(uint64_t *x)
{
    x[0] = one_in(8) ? pick_odd() : exo_address(&context_buffer) + (one_in(16) ? 4 : 0);
}

static void
gen_wait(uint64_t *x)
{
    x[0] = pick_deadline();
}

static void
gen_bind(uint64_t *x)
{
    x[0] = pick(EXO_TYPE_NOTIFICATION, EXO_CONTROL);
    x[1] = pick(EXO_TYPE_VCPU, EXO_CONTROL);
}

static void
gen_notify(uint64_t *x)
{
    x[0] = one_in(2) ? FUZZ_SLOT_BELL + below(FUZZ_BELLS) : pick(EXO_TYPE_NOTIFICATION, EXO_WRITE);
}

static uint64_t
pick_endpoint(uint32_t rights)
{
    return one_in(2) ? FUZZ_SLOT_ENDPOINT + below(FUZZ_ENDPOINTS) : pick(EXO_TYPE_ENDPOINT, rights);
}

static uint64_t
pick_send(void)
{
    return one_in(3) ? pick_other(EXO_TYPE_NONE, EXO_COPY) : EXO_NONE;
}

static uint64_t
pick_receive(void)
{
    return one_in(2) ? pick_empty() : EXO_NONE;
}

static void
gen_call(uint64_t *x)
{
    x[0] = pick_endpoint(EXO_WRITE);
    x[5] = pick_send();
    x[6] = pick_receive();
    x[7] = pick_deadline();
}

static void
gen_receive(uint64_t *x)
{
    x[0] = pick_endpoint(EXO_READ);
    x[1] = pick_receive();
    x[2] = pick_deadline();
}

static void
gen_reply(uint64_t *x)
{
    x[4] = pick_send();
}

static void
gen_reply_receive(uint64_t *x)
{
    x[0] = pick_endpoint(EXO_READ);
    x[5] = pick_send();
    x[6] = pick_receive();
    x[7] = pick_deadline();
}

static void
gen_trace_read(uint64_t *x)
{
    x[0] = pick(EXO_TYPE_TRACE, EXO_READ);
    x[1] = one_in(30) ? pick_odd() : below(now.shared->cpus);
    x[2] = one_in(4) ? pick_odd() : 0;
    x[3] = pick_buffer(bytes_buffer);
    x[4] = below(sizeof(bytes_buffer) / sizeof(struct exo_trace_event));
}

static void
gen_trace_control(uint64_t *x)
{
    x[0] = pick(EXO_TYPE_TRACE, EXO_CONTROL);
    x[1] = one_in(2) ? 0 : below(1u << 10);
}

static void
gen_machine(uint64_t *x)
{
    x[0] = pick(EXO_TYPE_MACHINE, EXO_READ);
    x[1] = pick_buffer(bytes_buffer);
}

static void
gen_machine_rest(uint64_t *x)
{
    x[0] = one_in(8) ? pick(EXO_TYPE_NONE, 0) : FUZZ_SLOT_MACHINE;
    x[1] = below(3);
}

generator *const generate_control[EXO_CALL_COUNT] = {
    [EXO_CALL_resume] = gen_resume,
    [EXO_CALL_wait] = gen_wait,
    [EXO_CALL_map] = gen_map,
    [EXO_CALL_unmap] = gen_unmap,
    [EXO_CALL_protect] = gen_protect,
    [EXO_CALL_env_create] = gen_create,
    [EXO_CALL_env_stop] = gen_env_gate,
    [EXO_CALL_env_start] = gen_env_gate,
    [EXO_CALL_env_supervise] = gen_env_supervise,
    [EXO_CALL_vcpu_create] = gen_vcpu_create,
    [EXO_CALL_vcpu_start] = gen_vcpu,
    [EXO_CALL_vcpu_stop] = gen_vcpu_stop,
    [EXO_CALL_vcpu_get] = gen_vcpu_get,
    [EXO_CALL_vcpu_set] = gen_vcpu_set,
    [EXO_CALL_vcpu_config] = gen_vcpu_config,
    [EXO_CALL_cpu_assign] = gen_cpu_assign,
    [EXO_CALL_cpu_info] = gen_cpu_info,
    [EXO_CALL_notification_create] = gen_create,
    [EXO_CALL_notification_bind] = gen_bind,
    [EXO_CALL_notify] = gen_notify,
    [EXO_CALL_endpoint_create] = gen_create,
    [EXO_CALL_call] = gen_call,
    [EXO_CALL_receive] = gen_receive,
    [EXO_CALL_reply] = gen_reply,
    [EXO_CALL_reply_receive] = gen_reply_receive,
    [EXO_CALL_trace_read] = gen_trace_read,
    [EXO_CALL_trace_control] = gen_trace_control,
    [EXO_CALL_machine_info] = gen_machine,
    [EXO_CALL_machine_power] = gen_machine_rest,
    [EXO_CALL_machine_audit] = gen_machine_rest,
    [EXO_CALL_irq_open] = gen_irq_open,
    [EXO_CALL_irq_bind] = gen_irq_bind,
    [EXO_CALL_irq_ack] = gen_irq_ack,
    [EXO_CALL_device_info] = gen_device_info,
    [EXO_CALL_device_config] = gen_device_config,
};
