/*
 * The interrupt controller: GICv3 (IHI 0069). Distributor, each CPU's redistributor, and the CPU
 * interface in system registers. All interrupts are group 1; only private ones are enabled.
 */
#include "arch/machine.h"
#include "arch/sysreg.h"
#include "core/sched.h"
#include "core/trace.h"

/* Distributor: 12.9. Redistributor: 12.11; its second 64 KiB hold the private interrupts. */
#define GICD_CTLR         0x0
#define GICD_CTLR_ENABLE  (1u << 1 | 1u << 4) /* group 1, affinity routing */
#define GICD_CTLR_RWP     (1u << 31)
#define GICR_TYPER        0x8
#define GICR_TYPER_VLPIS  (1u << 1) /* two further frames */
#define GICR_WAKER        0x14
#define GICR_WAKER_SLEEP  (1u << 1)
#define GICR_WAKER_ASLEEP (1u << 2)
#define GICR_IGROUPR0     0x10080
#define GICR_ISENABLER0   0x10100
#define GICR_ICENABLER0   0x10180
#define GICR_IPRIORITYR   0x10400
#define GICR_FRAMES       0x20000
#define GICR_FRAMES_VLPIS 0x40000

#define SGI1R_OTHERS     (1ull << 40)
#define PRIORITY_OF_FOUR 0xa0a0a0a0u
#define INTERRUPT_NONE   1020 /* this and above: nothing pending (2.2.1) */

static char *distributor, *redistributors;

static volatile uint32_t *
at(char *base, uint64_t offset)
{
    return (volatile uint32_t *)(void *)(base + offset);
}

void
gic_init(void)
{
    distributor = mmu_map_device(boot_machine.gic_distributor);
    struct boot_range *frames = &boot_machine.gic_redistributors;
    frames->bytes = min_u64(frames->bytes, EXO_CPUS_MAX * GICR_FRAMES); /* ours come first */
    redistributors = mmu_map_device(*frames);
    *at(distributor, GICD_CTLR) = GICD_CTLR_ENABLE;
    while ((*at(distributor, GICD_CTLR) & GICD_CTLR_RWP) != 0) {
    }
}

static char *
find_redistributor(const struct cpu *cpu)
{
    uint32_t affinity = (uint32_t)((cpu->mpidr & 0xffffff) | (cpu->mpidr >> 32 & 0xff) << 24);
    char *end = redistributors + boot_machine.gic_redistributors.bytes;
    for (char *base = redistributors; base + GICR_FRAMES <= end;) {
        uint32_t type = *at(base, GICR_TYPER);
        if (*at(base, GICR_TYPER + 4) == affinity)
            return base;
        base += (type & GICR_TYPER_VLPIS) != 0 ? GICR_FRAMES_VLPIS : GICR_FRAMES;
    }
    panic("no GIC redistributor for CPU %u", cpu->number);
}

void
gic_init_cpu(struct cpu *cpu)
{
    char *base = find_redistributor(cpu);
    *at(base, GICR_WAKER) &= ~GICR_WAKER_SLEEP;
    while ((*at(base, GICR_WAKER) & GICR_WAKER_ASLEEP) != 0) {
    }
    *at(base, GICR_ICENABLER0) = UINT32_MAX;
    *at(base, GICR_IGROUPR0) = UINT32_MAX;
    for (unsigned i = 0; i < 32; i += 4)
        *at(base, GICR_IPRIORITYR + i) = PRIORITY_OF_FOUR;
    *at(base, GICR_ISENABLER0) = 1u << SGI_RESCHEDULE | 1u << SGI_STOP | 1u << PPI_TIMER;
    write_sysreg(SYS_ICC_SRE, read_sysreg(SYS_ICC_SRE) | 1);
    isb();
    write_sysreg(SYS_ICC_PMR, 0xff);
    write_sysreg(SYS_ICC_BPR1, 0);
    write_sysreg(SYS_ICC_CTLR, 0); /* EOIR also deactivates */
    write_sysreg(SYS_ICC_IGRPEN1, 1);
    isb();
}

/* 12.2.20. What the other CPU is to see comes before the interrupt. */
static void
send(uint64_t value)
{
    __asm__ volatile("dsb ishst" ::: "memory");
    write_sysreg(SYS_ICC_SGI1R, value);
    isb();
}

void
gic_send_others(enum interrupt sgi)
{
    send(SGI1R_OTHERS | (uint64_t)sgi << 24);
}

void
arch_poke(uint32_t cpu)
{
    uint64_t mpidr = cpus[cpu].mpidr, aff0 = mpidr & 0xff;
    send((mpidr >> 32 & 0xff) << 48 | aff0 / 16 << 44 | (mpidr >> 16 & 0xff) << 32 |
         (uint64_t)SGI_RESCHEDULE << 24 | (mpidr >> 8 & 0xff) << 16 | 1ull << aff0 % 16);
}

void
arch_poke_all(void)
{
    gic_send_others(SGI_RESCHEDULE);
}

/* The timer is quiet before its interrupt ends; a stop ends first, since it holds the CPU. */
bool
arch_take_interrupts(void)
{
    bool any = false;
    for (;;) {
        uint32_t interrupt = (uint32_t)read_sysreg(SYS_ICC_IAR1) & 0xffffff;
        if (interrupt >= INTERRUPT_NONE)
            return any;
        any = true;
        trace(EXO_TRACE_INTERRUPT, interrupt, 0);
        switch (interrupt) {
        case SGI_RESCHEDULE: sched_poked(); break;
        case SGI_STOP:
            write_sysreg(SYS_ICC_EOIR1, interrupt);
            stop_here();
            continue;
        case PPI_TIMER: timer_fired(); break;
        default: panic("interrupt %u, which nobody enabled", interrupt);
        }
        write_sysreg(SYS_ICC_EOIR1, interrupt);
        isb();
    }
}
