/* System registers, and the values that this kernel gives them. Arm ARM D17 has each field. */
#ifndef EXO_ARCH_SYSREG_H
#define EXO_ARCH_SYSREG_H

/* MAIR_EL1: 0 normal write-back, 1 device nGnRE, 2 normal non-cacheable (arch/pte.h). */
#define MAIR_VALUE 0x4404ff

/*
 * TCR_EL1: both halves 39 bits (TxSZ = 25), 4 KiB granules (TG0 = 0, TG1 = 2), walks write-back
 * inner-shareable; A1 = 0: TTBR0 holds the ASID. IPS and AS are added from the ID registers.
 */
#define TCR_HALF      (25 | 1 << 8 | 1 << 10 | 3 << 12)
#define TCR_VALUE     (TCR_HALF | TCR_HALF << 16 | 2 << 30)
#define TCR_IPS_SHIFT 32
#define TCR_AS_SHIFT  36

/*
 * SCTLR_EL1. Set: M, C, SA, SA0, I, DZE, UCT, nTWE, WXN, UCI, and the reserved-one bits EOS, TSCXT,
 * EIS, nTLSMD, LSMAOE. Clear: A, nTWI (EL0's WFI traps), UMA, EE, E0E, EnTP2. start.S adds SPAN
 * where there is no PAN, cpu.c what PAC and BTI want.
 */
#define SCTLR_VALUE                                                                        \
    (1 << 0 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 11 | 1 << 12 | 1 << 14 | 1 << 15 | 1 << 18 | \
     1 << 19 | 1 << 20 | 1 << 22 | 1 << 26 | 1 << 28 | 1 << 29)
#define SCTLR_SPAN (1 << 23)

/* EnIA, EnIB, EnDA, EnDB: the keys are EL0's, kernel code has no instruction that uses them. */
#define SCTLR_PAC (1ull << 31 | 1ull << 30 | 1ull << 27 | 1ull << 13)
/* BT0, BT1: PACIASP is no landing pad for BR. */
#define SCTLR_BTI (1ull << 35 | 1ull << 36)

/* The same before the MMU is on: reserved-one bits only. */
#define SCTLR_OFF (1 << 11 | 1 << 20 | 1 << 22 | 1 << 23 | 1 << 28 | 1 << 29)

/* CPACR_EL1: EL1 may use FP and SVE (to save and load them); one bit further: EL0, too. */
#define CPACR_FP_EL1  (1ull << 20)
#define CPACR_SVE_EL1 (1ull << 16)

/* Encodings that the assembler's baseline (Armv8.0) does not name. */
#define SYS_ID_AA64ISAR2 S3_0_C0_C6_2
#define SYS_ZCR_EL1      S3_0_C1_C2_0
#define SYS_ZCR_EL2      S3_4_C1_C2_0
#define SYS_ICC_PMR      S3_0_C4_C6_0
#define SYS_ICC_IAR1     S3_0_C12_C12_0
#define SYS_ICC_EOIR1    S3_0_C12_C12_1
#define SYS_ICC_BPR1     S3_0_C12_C12_3
#define SYS_ICC_CTLR     S3_0_C12_C12_4
#define SYS_ICC_SRE      S3_0_C12_C12_5
#define SYS_ICC_IGRPEN1  S3_0_C12_C12_7
#define SYS_ICC_SGI1R    S3_0_C12_C11_5
#define SYS_ICC_SRE_EL2  S3_4_C12_C9_5
#define SYS_ICH_HCR_EL2  S3_4_C12_C11_0

/* ESR_EL1.EC (Arm ARM D17.2.37). */
#define ESR_EC_SHIFT      26
#define EC_FP             0x07
#define EC_SVC64          0x15
#define EC_SVE            0x19
#define EC_FETCH_LOWER    0x20
#define EC_FETCH_SAME     0x21
#define EC_DATA_LOWER     0x24
#define EC_DATA_SAME      0x25
#define ESR_WNR           (1 << 6)
#define ESR_CM            (1 << 8)
#define ESR_FSC_MASK      0x3f
#define ESR_FSC_ALIGNMENT 0x21

#ifndef __ASSEMBLER__

#include <stdint.h>

#define SYSREG_TEXT(name)   #name
#define SYSREG_STRING(name) SYSREG_TEXT(name)

#define read_sysreg(name)                                                             \
    ({                                                                                \
        uint64_t value_;                                                              \
        __asm__ volatile("mrs %0, " SYSREG_STRING(name) : "=r"(value_) : : "memory"); \
        value_;                                                                       \
    })

#define write_sysreg(name, value) \
    __asm__ volatile("msr " SYSREG_STRING(name) ", %0" : : "r"((uint64_t)(value)) : "memory")

static inline void
isb(void)
{
    __asm__ volatile("isb" ::: "memory");
}

/* A 4-bit field of an ID register. */
static inline uint32_t
id_field(uint64_t id, unsigned shift)
{
    return (uint32_t)(id >> shift) & 15;
}

#endif
#endif
