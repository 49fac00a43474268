/* The virtual timer and counter (Arm ARM D11.2). */
#include "arch/machine.h"
#include "arch/sysreg.h"
#include "core/sched.h"

uint64_t
arch_ticks(void)
{
    return read_sysreg(cntvct_el0);
}

uint64_t
arch_ticks_hz(void)
{
    return read_sysreg(cntfrq_el0);
}

/* Always enabled: EXO_FOREVER is a compare value that the counter does not reach. */
void
arch_timer_set(uint64_t ticks)
{
    this_cpu()->timer_ticks = ticks;
    write_sysreg(cntv_cval_el0, ticks);
}

void
timer_init_cpu(void)
{
    arch_timer_set(EXO_FOREVER);
    write_sysreg(cntv_ctl_el0, 1);
}

/* It is level-triggered: pending until the compare value changes. */
void
timer_fired(void)
{
    arch_timer_set(EXO_FOREVER);
    isb();
    this_cpu()->timer_ticks = EXO_FOREVER;
    this_cpu()->reschedule = true;
}

void
arch_idle(void)
{
    __asm__ volatile("dsb sy\n wfi" ::: "memory");
}
