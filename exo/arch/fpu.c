/*
 * FP/SIMD and SVE registers, lazily: a CPU keeps those of the vCPU that used them last
 * (cpu->fp_owner; vCPUs never change their CPU) until another one uses them, which traps: then the
 * owner's are saved and the other's loaded. The kernel itself uses none.
 */
#include "arch/machine.h"
#include "arch/offsets.h"
#include "arch/sysreg.h"

void fpu_save(void *area);
void fpu_load(void *area);
void sve_save(void *area, void *predicates);
void sve_load(void *area, void *predicates);
uint64_t sve_length(void);

static uint32_t sve_bytes_max;

uint64_t fpu_cpacr[2]; /* CPACR_EL1 with EL0's use trapped, and allowed */

/* ZCR_EL1.LEN counts further quadwords. */
static void
set_length(uint32_t bytes)
{
    write_sysreg(SYS_ZCR_EL1, bytes / 16 - 1);
    isb();
}

void
fpu_init_cpu(void)
{
    /* ZEN is reserved where there is no SVE. */
    fpu_cpacr[0] = has_feature(EXO_FEATURE_SVE) ? CPACR_FP_EL1 | CPACR_SVE_EL1 : CPACR_FP_EL1;
    fpu_cpacr[1] = fpu_cpacr[0] | fpu_cpacr[0] << 1;
    fpu_enable(this_cpu(), false);
    isb();
    if (has_feature(EXO_FEATURE_SVE)) {
        set_length(256);
        sve_bytes_max = (uint32_t)sve_length();
    }
}

uint32_t
arch_sve_bytes_max(void)
{
    return sve_bytes_max;
}

_Static_assert(offsetof(struct fp_state, predicates) == FP_VECTORS + 32 * 16, "fpu.S");

/* Z registers, then P registers: struct fp_state has them where sve_bytes is 16. */
static void
move(struct vcpu *vcpu, bool load)
{
    char *area = vcpu->sve_state != NULL ? vcpu->sve_state : (void *)&vcpu->fp;
    char *predicates = area + FP_VECTORS + 32 * vcpu->sve_bytes;
    if (!has_feature(EXO_FEATURE_SVE))
        (load ? fpu_load : fpu_save)(area);
    else
        (load ? sve_load : sve_save)(area, predicates);
}

void
arch_fp_load(void)
{
    struct cpu *cpu = this_cpu();
    struct vcpu *vcpu = cpu->current;
    struct vcpu *owner = __atomic_load_n(&cpu->fp_owner, __ATOMIC_RELAXED);
    fpu_enable(cpu, true);
    if (owner == vcpu)
        return;
    if (owner != NULL)
        move(owner, false);
    if (has_feature(EXO_FEATURE_SVE))
        set_length(vcpu->sve_bytes);
    move(vcpu, true);
    __atomic_store_n(&cpu->fp_owner, vcpu, __ATOMIC_RELAXED);
}

/*
 * Its CPU may be another one, where it does not run. What that CPU is saving at this moment goes
 * to memory that is freed after a grace period only.
 */
void
arch_fp_forget(struct vcpu *vcpu)
{
    struct vcpu *owner = vcpu;
    __atomic_compare_exchange_n(&cpus[vcpu->cpu].fp_owner, &owner, NULL, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
    if (this_cpu()->current == vcpu && this_cpu()->fp_enabled)
        fpu_enable(this_cpu(), false);
}
