/*
 * What the portable kernel asks of the processor and the machine. The host's unit tests have a
 * double of it (tests/unit/fake_arch.c).
 */
#ifndef EXO_ARCH_ARCH_H
#define EXO_ARCH_ARCH_H

#include "core/cpu.h"

/* --- Boot (arch/start.S, boot/) ----------------------------------------------------------- */

struct boot_range {
    pa_t base;
    uint64_t bytes;
};

/* What the device tree and the boot protocol said. */
struct boot_machine {
    struct boot_range ram;
    struct boot_range kernel; /* image, bss, boot stacks */
    struct boot_range initrd;
    struct boot_range device_tree; /* what is used of it (structure and strings blocks) */
    struct boot_range uart, rtc, gic_distributor, gic_redistributors, its;
    struct boot_range pci_config, pci_memory; /* ECAM from bus 0 on; addresses for 32-bit BARs */
    uint32_t pci_buses, pci_msi_base; /* what is added to a requester ID for the MSI controller */
    uint64_t mpidr[EXO_CPUS_MAX];
    uint32_t cpus;
    bool psci_smc;     /* conduit: SMC instead of HVC */
    bool test;         /* "exo.test" on the command line: power off gives an exit code */
    uint32_t features; /* enum exo_machine_feature */
    uint8_t seed[EXO_BOOT_SEED_BYTES];
    uint64_t image_bytes; /* of `kernel`, without what is zero at first */
    uint64_t boot_ticks;
    uint64_t kernel_frames; /* taken at boot: image, frame table, tables, per-CPU data, stacks */
    char cmdline[EXO_BOOT_CMDLINE_BYTES];
};
extern struct boot_machine boot_machine;

/* Registers, for good: where EL1 has them. Boot only. */
void *mmu_map_device(struct boot_range range);

/* core/genesis.c: the root cell, init's environment and first vCPU, all capabilities. CPU 0. */
void genesis(void);

/* --- Time ----------------------------------------------------------------------------------- */

uint64_t arch_ticks(void);
uint64_t arch_ticks_hz(void);
/* The next timer interrupt of this CPU; EXO_FOREVER: none. */
void arch_timer_set(uint64_t ticks);

/* --- CPUs ----------------------------------------------------------------------------------- */

void arch_poke(uint32_t cpu); /* interrupt another CPU: it looks at `reschedule` */
void arch_idle(void);         /* WFI with interrupts masked: returns when one is pending */
/*
 * Takes pending interrupts of this CPU: returns false when none was pending. Calls sched_* hooks
 * and irq_fired: where EL0 was interrupted, another vCPU may be current afterwards.
 */
bool arch_take_interrupts(void);

/* --- Interrupt lines (core/irq.h has their numbers; a line's lock is held) ------------------- */

uint32_t arch_irq_spis(void); /* how many shared ones there are, from IRQ_SPI_FIRST on */
bool arch_irq_exists(uint32_t line);
/* Masks it, forgets what is pending, and says how it signals (LPIs: by edges). */
void arch_irq_configure(uint32_t line, bool level);
void arch_irq_route(uint32_t line, uint32_t cpu); /* to that CPU from now on */
void arch_irq_mask(uint32_t line, bool masked);
bool arch_irq_masked(uint32_t line); /* the audit asks */

/*
 * The device with that requester ID makes interrupt LPI_FIRST + DEVICE_VECTORS * index + v by
 * writing v (of DEVICE_VECTORS) to *doorbell. EXO_E_RANGE: no ITS, or it has no room for the
 * device. At boot.
 */
err_t arch_msi_map(uint32_t index, uint32_t requester, pa_t *doorbell);

void arch_power(enum exo_power what, uint32_t code); /* does not return */

/* --- Address spaces (arch/mmu.c) -------------------------------------------------------------- */

void arch_space_load(uint64_t *root, uint16_t asid); /* TTBR0_EL1; root NULL: the empty space */
void arch_tlb_flush_page(uint16_t asid, va_t va, bool everywhere);
void arch_tlb_flush_asid(uint16_t asid, bool everywhere);
void arch_tables_written(void);      /* dsb ishst (and isb): new entries are seen by walkers */
void arch_tlb_done(bool everywhere); /* dsb after a batch of flushes */
void arch_sync_icache(const void *kernel_address, size_t bytes);

/* --- User memory (arch/uaccess.S): EXO_E_FAULT when EL0 may not read or write there -------------
 */

err_t arch_copy_in(void *to, va_t from, size_t bytes); /* any alignment, 8 at a time if aligned */
err_t arch_copy_out(va_t to, const void *from, size_t bytes);

/* --- Registers of a vCPU that the entry code leaves alone ----------------------------------------
 */

/* arch/switch.h: TPIDR_EL0, TPIDRRO_EL0, PAC keys, and whose FP registers EL0 may use. */

/* EL0 used FP: saves the registers of their owner on this CPU, loads those of the current vCPU. */
void arch_fp_load(void);
/* Forget them: the vCPU ends. */
void arch_fp_forget(struct vcpu *vcpu);
uint32_t arch_sve_bytes_max(void); /* 0 without SVE */

/* --- Entry (arch/vectors.S)
 * ------------------------------------------------------------------------ */

/*
 * The entry code stored the interrupted EL0 context in cpus[]->current->context, switched to the
 * CPU's stack and entered the epoch. These handle it and return the context to load, whose vCPU is
 * `current` by then. They may idle inside (sched_choose does) and return another vCPU's.
 */
struct exo_context *trap_call(struct exo_context *context); /* SVC from EL0 */
struct exo_context *trap_fault(struct exo_context *context, uint64_t esr, uint64_t far);
struct exo_context *trap_interrupt(struct exo_context *context);

/* First entry to EL0 on a CPU, after boot: chooses and never returns. On the CPU's own stack. */
_Noreturn void arch_enter_user(struct exo_context *context);

/* --- Console: boot and panic only
 * ------------------------------------------------------------------ */

void console_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Random bits of whatever the CPU and the boot seed offer; for keys. */
uint64_t arch_random(void);

#endif
