/*
 * The interrupt controller: GICv3 (IHI 0069). Distributor, each CPU's redistributor, and the CPU
 * interface in system registers. All interrupts are group 1; shared ones are enabled when they are
 * bound. LPIs are its.c's.
 */
#include "arch/machine.h"
#include "arch/sysreg.h"
#include "core/irq.h"
#include "core/sched.h"
#include "core/trace.h"

/* Distributor: 12.9. Redistributor: 12.11; its second 64 KiB hold the private interrupts. */
#define GICD_CTLR         0x0
#define GICD_CTLR_ENABLE  (1u << 1 | 1u << 4) /* group 1, affinity routing */
#define GICD_CTLR_RWP     (1u << 31)
#define GICD_TYPER        0x4 /* bits 4..0: interrupts / 32 - 1 */
#define GICD_IGROUPR      0x80
#define GICD_ISENABLER    0x100
#define GICD_ICENABLER    0x180
#define GICD_ICPENDR      0x280
#define GICD_IPRIORITYR   0x400
#define GICD_ICFGR        0xc00
#define GICD_IROUTER      0x6000
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
#define INTERRUPT_NONE   1020 /* to 1023: nothing pending (2.2.1) */

static char *distributor, *redistributors;
static struct spinlock shared = SPINLOCK(RANK_CONTROLLER); /* registers of several lines */
static uint32_t spi_end = IRQ_SPI_FIRST;

void
gic_init(void)
{
    distributor = mmu_map_device(boot_machine.gic_distributor);
    struct boot_range *frames = &boot_machine.gic_redistributors;
    frames->bytes = min_u64(frames->bytes, EXO_CPUS_MAX * GICR_FRAMES); /* ours come first */
    redistributors = mmu_map_device(*frames);
    spi_end = (uint32_t)min_u64(((*at(distributor, GICD_TYPER) & 31) + 1) * 32, IRQ_SPI_END);
    for (uint32_t line = IRQ_SPI_FIRST; line < spi_end; line += 4) {
        *at(distributor, GICD_ICENABLER + line / 32 * 4) = UINT32_MAX;
        *at(distributor, GICD_IGROUPR + line / 32 * 4) = UINT32_MAX;
        *at(distributor, GICD_IPRIORITYR + line) = PRIORITY_OF_FOUR;
    }
    *at(distributor, GICD_CTLR) = GICD_CTLR_ENABLE;
    while ((*at(distributor, GICD_CTLR) & GICD_CTLR_RWP) != 0) {
    }
    its_init();
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
    its_init_cpu(cpu, base,
                 boot_machine.gic_redistributors.base + (uint64_t)(base - redistributors));
}

/* --- Shared interrupts --- */

uint32_t
arch_irq_spis(void)
{
    return spi_end - IRQ_SPI_FIRST;
}

bool
arch_irq_exists(uint32_t line)
{
    return line >= LPI_FIRST ? its_knows(line) : line < spi_end;
}

static void
write_bit(uint64_t registers, uint32_t line)
{
    *at(distributor, registers + line / 32 * 4) = 1u << line % 32;
}

void
arch_irq_configure(uint32_t line, bool level)
{
    arch_irq_mask(line, true);
    if (line >= LPI_FIRST) {
        its_command(ITS_CLEAR, line, 0);
        return;
    }
    HOLD(&shared);
    volatile uint32_t *config = at(distributor, GICD_ICFGR + line / 16 * 4);
    uint32_t edge = 2u << line % 16 * 2;
    *config = level ? *config & ~edge : *config | edge;
    write_bit(GICD_ICPENDR, line);
}

void
arch_irq_route(uint32_t line, uint32_t cpu)
{
    if (line >= LPI_FIRST)
        its_command(ITS_MOVI, line, cpu);
    else
        *at64(distributor, GICD_IROUTER + line * 8) = cpus[cpu].mpidr;
}

void
arch_irq_mask(uint32_t line, bool masked)
{
    if (line < LPI_FIRST) {
        write_bit(masked ? GICD_ICENABLER : GICD_ISENABLER, line);
        return;
    }
    *its_property(line) = masked ? ITS_LPI : ITS_LPI | ITS_ENABLED;
    its_command(ITS_INV, line, 0);
}

bool
arch_irq_masked(uint32_t line)
{
    uint32_t enabled = line >= LPI_FIRST
                           ? *its_property(line)
                           : *at(distributor, GICD_ISENABLER + line / 32 * 4) >> line % 32;
    return !(enabled & 1);
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

/* The timer is quiet before its interrupt ends; a stop ends first, since it holds the CPU. */
bool
arch_take_interrupts(void)
{
    bool any = false;
    for (;;) {
        uint32_t interrupt = (uint32_t)read_sysreg(SYS_ICC_IAR1) & 0xffffff;
        if (interrupt / 4 == INTERRUPT_NONE / 4)
            return any;
        any = true;
        trace(EXO_TRACE_INTERRUPT, interrupt, 0);
        switch (interrupt) {
        case SGI_RESCHEDULE: this_cpu()->reschedule = true; break;
        case SGI_STOP:
            write_sysreg(SYS_ICC_EOIR1, interrupt);
            stop_here();
            continue;
        case PPI_TIMER: timer_fired(); break;
        default:
            if (interrupt < IRQ_SPI_FIRST)
                panic("interrupt %u, which nobody enabled", interrupt);
            irq_fired(interrupt);
        }
        write_sysreg(SYS_ICC_EOIR1, interrupt);
        isb();
    }
}
