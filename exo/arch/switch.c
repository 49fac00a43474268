/* From one vCPU to another: the registers that entry code leaves alone. And random bits. */
#include "arch/machine.h"
#include "arch/sysreg.h"

/*
 * The first key tells whose keys are loaded: it is random, and env->pac_keys never changes. (The
 * address of an environment does not tell: another may have had it.) The registers are in order
 * APIAKeyLo_EL1, APIAKeyHi_EL1, then those of APIB, APDA, APDB and APGA.
 */
static void
load_keys(const struct env *env)
{
    const uint64_t *keys = env->pac_keys;
    if (read_sysreg(S3_0_C2_C1_0) == keys[0])
        return;
    write_sysreg(S3_0_C2_C1_0, keys[0]);
    write_sysreg(S3_0_C2_C1_1, keys[1]);
    write_sysreg(S3_0_C2_C1_2, keys[2]);
    write_sysreg(S3_0_C2_C1_3, keys[3]);
    write_sysreg(S3_0_C2_C2_0, keys[4]);
    write_sysreg(S3_0_C2_C2_1, keys[5]);
    write_sysreg(S3_0_C2_C2_2, keys[6]);
    write_sysreg(S3_0_C2_C2_3, keys[7]);
    write_sysreg(S3_0_C2_C3_0, keys[8]);
    write_sysreg(S3_0_C2_C3_1, keys[9]);
}

void
arch_switch(struct vcpu *from, struct vcpu *to)
{
    if (from != NULL)
        from->tpidr = read_sysreg(tpidr_el0);
    fpu_switch(to);
    if (to == NULL)
        return;
    write_sysreg(tpidr_el0, to->tpidr);
    write_sysreg(tpidrro_el0, to->control_va);
    if ((boot_machine.features & EXO_FEATURE_PAC) != 0)
        load_keys(to->env);
}

/* RNDR sets Z when it has nothing to give (Arm ARM D17.2.118). */
static uint64_t
hardware_random(void)
{
    uint64_t value = 0;
    if ((boot_machine.features & EXO_FEATURE_RNG) != 0)
        __asm__ volatile("mrs %0, s3_3_c2_c4_0" : "=r"(value) : : "cc");
    return value;
}

/*
 * The boot seed, RNDR and the counter, mixed by SplitMix64 (Steele and others, 2014). Good enough
 * for PAC keys, which guard a program against its own bugs; not a generator for cryptography.
 */
uint64_t
arch_random(void)
{
    static _Atomic uint64_t state;
    uint64_t seed;
    memcpy(&seed, &boot_machine.seed[arch_ticks() % 4 * 8], sizeof(seed));
    seed ^= hardware_random() ^ arch_ticks() << 17;
    uint64_t z = atomic_fetch_add(&state, 0x9e3779b97f4a7c15 + (seed | 1)) ^ seed;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}
