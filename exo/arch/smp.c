/* The machine's switch (PSCI, DEN0022; semihosting), and other CPUs that must stand still. */
#include "arch/hint.h"
#include "arch/machine.h"

#define PSCI_CPU_ON       0xc4000003u /* 5.1.4 */
#define PSCI_SYSTEM_OFF   0x84000008u
#define PSCI_SYSTEM_RESET 0x84000009u

#define SEMIHOSTING_EXIT_EXTENDED    0x20 /* SYS_EXIT_EXTENDED: an exit status for the host */
#define ADP_STOPPED_APPLICATION_EXIT 0x20026

#define PANIC_WAIT_HZ 100 /* others get 1/100 s to stop */

extern const char secondary_start[];

_Atomic uint32_t smp_standing; /* CPUs that stand still ... */
_Atomic bool smp_hold;         /* ... until this is false */

static int64_t
psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;
    if (boot_machine.psci_smc)
        __asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
    else
        __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
    return (int64_t)x0;
}

int64_t
psci_cpu_on(const struct cpu *cpu)
{
    return psci(PSCI_CPU_ON, cpu->mpidr, image_to_pa(secondary_start), (uintptr_t)cpu);
}

/* With exo.test the host gets an exit status; one without semihosting makes an exception of it. */
void
arch_power(enum exo_power what, uint32_t code)
{
    uint64_t block[2] = {ADP_STOPPED_APPLICATION_EXIT, code};
    register uint64_t x0 __asm__("x0") = SEMIHOSTING_EXIT_EXTENDED;
    register uint64_t x1 __asm__("x1") = (uintptr_t)block;
    if (boot_machine.test) {
        boot_machine.test = false;
        __asm__ volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
    }
    (void)psci(what == EXO_POWER_RESET ? PSCI_SYSTEM_RESET : PSCI_SYSTEM_OFF, 0, 0, 0);
    for (;;)
        arch_idle();
}

/* Asleep: the interrupt that says "go on" is the same one. */
void
stop_here(void)
{
    atomic_fetch_add(&smp_standing, 1);
    while (atomic_load(&smp_hold))
        arch_idle();
    atomic_fetch_sub(&smp_standing, 1);
}

void
smp_hold_others(bool held)
{
    atomic_store(&smp_hold, held);
    gic_send_others(SGI_STOP);
}

/* A CPU that is inside the kernel does not answer: it is not waited for. */
void
stop_for_panic(void)
{
    if (cpu_count <= 1)
        return;
    smp_hold_others(true);
    uint64_t end = arch_ticks() + arch_ticks_hz() / PANIC_WAIT_HZ;
    while (atomic_load(&smp_standing) != cpu_count - 1 && arch_ticks() < end)
        spin_hint();
}
