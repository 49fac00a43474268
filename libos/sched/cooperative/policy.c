/* Run to completion: nothing interrupts a thread. What is due waits until it blocks or yields. */
#include "../private.h"

int64_t
policy_start(struct sched_vcpu *vcpu)
{
    (void)vcpu;
    return EXO_OK;
}

uint32_t
policy_fp_bytes(void)
{
    return 0;
}

void
policy_contended(struct sched_vcpu *vcpu)
{
    (void)vcpu;
}

void
policy_running(struct sched_vcpu *vcpu, bool contended, uint64_t deadline_ticks)
{
    (void)vcpu;
    (void)contended;
    (void)deadline_ticks;
}

void
policy_idle(struct sched_vcpu *vcpu)
{
    (void)vcpu;
}

void
policy_events(struct sched_vcpu *vcpu, uint64_t waited)
{
    (void)vcpu;
    (void)waited;
}

void
policy_load_fp(const struct thread *thread)
{
    (void)thread;
}
