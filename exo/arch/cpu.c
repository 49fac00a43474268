/* This CPU's data and system registers, and what kind of CPU it is. */
#include "arch/machine.h"
#include "arch/offsets.h"
#include "arch/pte.h"
#include "arch/sysreg.h"

_Static_assert(offsetof(struct cpu, stack_top) == CPU_STACK_TOP, "offsets.h");
_Static_assert(offsetof(struct cpu, reschedule) == CPU_RESCHEDULE, "offsets.h");
_Static_assert(offsetof(struct vcpu, context) == VCPU_CONTEXT, "offsets.h");
_Static_assert(EXO_CALL_COUNT == EXO_CALL_COUNT_ && EXO_E_FAULT == EXO_E_FAULT_, "offsets.h");
_Static_assert(offsetof(struct cpu, epoch) == CPU_EPOCH, "offsets.h");
_Static_assert(offsetof(struct cpu, scratch) == CPU_SCRATCH, "offsets.h");
_Static_assert(offsetof(struct exo_context, x[30]) == CONTEXT_X30, "offsets.h");
_Static_assert(offsetof(struct exo_context, pc) == CONTEXT_PC, "offsets.h");
_Static_assert(sizeof(struct exo_context) == CONTEXT_BYTES, "offsets.h");
_Static_assert(offsetof(struct fp_state, vectors) == FP_VECTORS, "offsets.h");

#define CNTKCTL_EL0_COUNTER 2         /* EL0 reads CNTVCT; timers and the physical counter trap */
#define MDSCR_TDCC          (1 << 12) /* the debugger's channel, that programs would share, traps */

#define PMCR_ON          (1 | 1 << 1 | 1 << 2 | 1 << 6) /* E, P, C, LC */
#define PMU_INST_RETIRED 0x08                           /* event, counted at EL0 and EL1 */
#define PMCNTENSET_ON    (1u << 31 | 1)                 /* cycle counter, event counter 0 */
#define PMUSERENR_READ   (1 << 2 | 1 << 3)              /* CR, ER: EL0 reads counters only */

struct cpu cpus[EXO_CPUS_MAX];
uint32_t cpu_count;
struct boot_machine boot_machine;
uint64_t pte_guarded;

/* Arm ARM D17.2: ID_AA64*. */
void
cpu_find_features(void)
{
    uint64_t isar0 = read_sysreg(id_aa64isar0_el1), isar1 = read_sysreg(id_aa64isar1_el1);
    uint32_t found = 0, pac = id_field(isar1, 4) | id_field(isar1, 8);
    found |= id_field(read_sysreg(id_aa64mmfr1_el1), 20) != 0 ? EXO_FEATURE_PAN : 0u;
    found |= id_field(read_sysreg(id_aa64pfr1_el1), 0) != 0 ? EXO_FEATURE_BTI : 0u;
    found |= id_field(read_sysreg(id_aa64pfr0_el1), 32) != 0 ? EXO_FEATURE_SVE : 0u;
    found |= id_field(isar0, 60) != 0 ? EXO_FEATURE_RNG : 0u;
    found |= id_field(isar0, 12) != 0 ? EXO_FEATURE_SHA256 : 0u;
    found |= id_field(isar0, 44) != 0 ? EXO_FEATURE_DOTPROD : 0u;
    found |= id_field(isar1, 52) != 0 ? EXO_FEATURE_I8MM : 0u;
    found |= (pac | id_field(read_sysreg(SYS_ID_AA64ISAR2), 12)) != 0 ? EXO_FEATURE_PAC : 0u;
    boot_machine.features |= found;
    pte_guarded = (found & EXO_FEATURE_BTI) != 0 ? PTE_GUARDED : 0;
}

/*
 * EL0 may read the cycle counter and event counter 0 (retired instructions, exact under the
 * emulator's -icount) when the command line says exo.pmu: otherwise they are a side channel.
 */
static void
configure_pmu(void)
{
    uint32_t version = id_field(read_sysreg(id_aa64dfr0_el1), 8);
    if (version == 0 || version == 15)
        return;
    if (!boot_option("exo.pmu")) {
        write_sysreg(pmuserenr_el0, 0);
        write_sysreg(pmcr_el0, 0);
        return;
    }
    write_sysreg(pmevtyper0_el0, PMU_INST_RETIRED);
    write_sysreg(pmccfiltr_el0, 0);
    write_sysreg(pmcntenset_el0, PMCNTENSET_ON);
    write_sysreg(pmcr_el0, PMCR_ON);
    write_sysreg(pmuserenr_el0, PMUSERENR_READ);
}

void
cpu_configure(void)
{
    uint64_t sctlr = read_sysreg(sctlr_el1);
    sctlr |= has_feature(EXO_FEATURE_PAC) ? SCTLR_PAC : 0;
    sctlr |= has_feature(EXO_FEATURE_BTI) ? SCTLR_BTI : 0;
    write_sysreg(sctlr_el1, sctlr);
    write_sysreg(mdscr_el1, MDSCR_TDCC);
    write_sysreg(cntkctl_el1, CNTKCTL_EL0_COUNTER);
    write_sysreg(tpidr_el0, 0);
    write_sysreg(tpidrro_el0, 0);
    if (has_feature(EXO_FEATURE_PAN))
        __asm__ volatile(".inst 0xd500419f"); /* MSR PAN, #1 */
    configure_pmu();
    fpu_init_cpu();
    timer_init_cpu();
    isb();
}
