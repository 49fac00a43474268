/* Random bits. */
#include "arch/machine.h"
#include "arch/sysreg.h"

/*
 * The boot seed, RNDR and the counter, mixed by SplitMix64 (Steele and others, 2014). Good enough
 * for PAC keys, which guard a program against its own bugs; not a generator for cryptography. RNDR
 * reads as 0 when it has nothing to give (Arm ARM D17.2.118).
 */
uint64_t
arch_random(void)
{
    static _Atomic uint64_t state;
    uint64_t seed, random = 0;
    if (has_feature(EXO_FEATURE_RNG))
        __asm__ volatile("mrs %0, s3_3_c2_c4_0" : "=r"(random) : : "cc");
    memcpy(&seed, &boot_machine.seed[arch_ticks() % 4 * 8], sizeof(seed));
    seed ^= random ^ arch_ticks() << 17;
    uint64_t z = atomic_fetch_add(&state, 0x9e3779b97f4a7c15 + (seed | 1)) ^ seed;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}
