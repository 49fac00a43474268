/* Between the files of arch/ and boot/: nothing that the portable kernel calls. */
#ifndef EXO_ARCH_MACHINE_H
#define EXO_ARCH_MACHINE_H

#include "arch/arch.h"
#include "arch/sysreg.h"

/* boot/main.c: a word of the command line, alone or with a value that does not begin with 0. */
bool boot_option(const char *name);

static inline bool
has_feature(enum exo_machine_feature feature)
{
    return (boot_machine.features & feature) != 0;
}

/* --- cpu.c ------------------------------------------------------------------------------------ */

void cpu_find_features(void); /* boot_machine.features from the ID registers */
void cpu_configure(void);     /* system registers of this CPU, the MMU being on */

/* --- mmu.c: the kernel's own tables -------------------------------------------------------------
 */

pa_t image_to_pa(const void *pointer);                  /* of a pointer into the image's mapping */
void mmu_map_ram(pa_t block, pa_t (*take_table)(void)); /* 2 MiB in the linear map */
void *mmu_map_stack(uint32_t slot, uint32_t page, pa_t pa); /* returns the end of the page */
void mmu_drop_identity(void);                               /* all CPUs have their MMU on */

/* --- psci.c, smp.c ------------------------------------------------------------------------------
 */

int64_t psci_cpu_on(const struct cpu *cpu);
void stop_here(void);            /* SGI_STOP arrived */
void stop_for_panic(void);       /* the others stop for ever; waits a little for them */
void smp_hold_others(bool held); /* they stand still, or go on; debug/stop.c waits for them */
extern _Atomic uint32_t smp_standing;
extern _Atomic bool smp_hold;

/* Registers of a device. */
static inline volatile uint32_t *
at(char *base, uint64_t offset)
{
    return (volatile uint32_t *)(void *)(base + offset);
}

static inline volatile uint64_t *
at64(char *base, uint64_t offset)
{
    return (volatile uint64_t *)(void *)(base + offset);
}

/* --- gic.c, timer.c, fpu.c
 * ------------------------------------------------------------------------ */

enum interrupt {
    SGI_RESCHEDULE = 0, /* look at whom you run */
    SGI_STOP = 1,       /* stand still until told (audit), or for ever (panic) */
    PPI_TIMER = 27,     /* virtual timer */
};

void gic_init(void);                /* distributor; maps the redistributors */
void gic_init_cpu(struct cpu *cpu); /* each CPU for itself */
void gic_send_others(enum interrupt sgi);

/* its.c: message-signalled interrupts. Without an ITS nothing happens, and no LPI is known. */
void its_take_memory(void); /* while boot takes memory */
void its_init(void);
void its_init_cpu(const struct cpu *cpu, char *redistributor, pa_t redistributor_pa);
bool its_knows(uint32_t line);
enum its_command {
    ITS_MOVI = 0x01,  /* to a CPU */
    ITS_CLEAR = 0x04, /* is not pending */
    ITS_SYNC = 0x05,
    ITS_MAPD = 0x08,
    ITS_MAPC = 0x09,
    ITS_MAPTI = 0x0a,
    ITS_INV = 0x0c, /* has another property */
};
void its_command(enum its_command what, uint32_t line, uint32_t cpu); /* on an LPI */
#define ITS_LPI     0xa2u /* a property byte: the priority of all, masked (5.1.1) */
#define ITS_ENABLED 1u
uint8_t *its_property(uint32_t line);

void timer_init_cpu(void);
void timer_fired(void);
void fpu_init_cpu(void);
extern uint64_t fpu_cpacr[2];

static inline void
fpu_enable(struct cpu *cpu, bool enabled)
{
    cpu->fp_enabled = enabled;
    write_sysreg(cpacr_el1, fpu_cpacr[enabled]);
}

/* --- console.c ----------------------------------------------------------------------------------
 */

void console_init(void *uart);
void console_vprintf(const char *format, __builtin_va_list arguments);

#endif
