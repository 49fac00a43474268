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

static _Atomic bool stopping;     /* one CPU wants the others to stand still */
static _Atomic bool hold;         /* until this is false */
static _Atomic uint32_t standing; /* how many do */

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
    atomic_fetch_add(&standing, 1);
    while (atomic_load(&hold))
        arch_idle();
    atomic_fetch_sub(&standing, 1);
}

static void
send_stop(bool stop)
{
    atomic_store(&hold, stop);
    gic_send_others(SGI_STOP);
}

/*
 * Who finds another at it stands still for that one first, and takes no interrupt: in the middle of
 * a call no other vCPU may become current. The SGI that is pending is taken when all is over.
 */
void
arch_stop_others(void)
{
    while (atomic_exchange(&stopping, true)) {
        if (atomic_load(&hold))
            stop_here();
        spin_hint();
    }
    send_stop(true);
    while (atomic_load(&standing) != cpu_count - 1)
        spin_hint();
}

void
arch_resume_others(void)
{
    send_stop(false);
    while (atomic_load(&standing) != 0)
        spin_hint();
    atomic_store(&stopping, false);
}

/* A CPU that is inside the kernel does not answer: it is not waited for. */
void
stop_for_panic(void)
{
    if (cpu_count <= 1)
        return;
    send_stop(true);
    uint64_t end = arch_ticks() + arch_ticks_hz() / PANIC_WAIT_HZ;
    while (atomic_load(&standing) != cpu_count - 1 && arch_ticks() < end)
        spin_hint();
}
