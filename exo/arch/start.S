/*
 * The first instructions: the arm64 Image header (Linux Documentation/arm64/booting.rst, which is
 * what QEMU and firmware follow), down to EL1, MMU on, up to C. Until the MMU is on, code runs at
 * its physical address: it is position-independent, and so is boot_map_early.
 */
#include "arch/asm.h"
#include "arch/offsets.h"
#include "arch/sysreg.h"

#define IMAGE_FLAGS 0xa /* little-endian, 4 KiB pages, anywhere in RAM (2 MiB aligned) */

/* HCR_EL2: RW, and APK and API: PAC does not trap (ignored where there is none). */
#define HCR_VALUE   (1 << 31 | 1 << 40 | 1 << 41)
#define CPTR_VALUE  0x32ff    /* reserved-one bits and TSM; FP and SVE do not trap (TFP, TZ) */
#define SPSR_EL1H   0x3c5     /* DAIF masked */

/* Through x0, which is lost. */
.macro set register, value:vararg
    ldr x0, =\value
    msr \register, x0
.endm

/* x1 = a field of four bits of an ID register. */
.macro id_field register, shift
    mrs x1, \register
    ubfx x1, x1, #\shift, #4
.endm

    .section .head.text, "ax"
    .global _exo_start
_exo_start:
    b primary_start
    .word 0
    .quad 0          /* text_offset */
    .quad _exo_bytes /* with .bss */
    .quad IMAGE_FLAGS
    .quad 0, 0, 0
    .ascii "ARM\x64"
    .word 0

/* x0 = device tree. x20 = counter, x21 = device tree, x22 = started at EL2. */
primary_start:
    mrs x20, cntvct_el0
    mov x21, x0
    bl enter_el1
    adrp x0, _bss_start
    adrp x1, _bss_end
1:  stp xzr, xzr, [x0], #16
    cmp x0, x1
    b.lo 1b
    adrp x0, boot_stack_top
    mov sp, x0
    mov x29, xzr
    mov x0, x21
    bl boot_map_early
    bl invalidate_bss
    ldr x2, =primary_high
    b enable_mmu

primary_high:
    BTI_J
    adrp x0, cpus
    add x0, x0, :lo12:cpus
    msr tpidr_el1, x0
    adrp x1, boot_stack_top
    mov sp, x1
    str x1, [x0, #CPU_STACK_TOP]
    sub x1, x1, #4096 /* the lower half */
    str x1, [x0, #CPU_EMERGENCY]
    isb
    mov x0, x21
    mov x1, x20
    mov x2, x22
    bl boot_main
    b .

/* x0 = struct cpu, in the image's mapping (PSCI CPU_ON's context id). */
    .global secondary_start
secondary_start:
    mov x21, x0
    bl enter_el1
    ldr x2, =secondary_high
    b enable_mmu

secondary_high:
    BTI_J
    msr tpidr_el1, x21
    ldr x0, [x21, #CPU_STACK_TOP]
    mov sp, x0
    mov x29, xzr
    isb
    mov x0, x21
    bl boot_secondary
    b .

/* void boot_stack_switch(void *stack_top, void (*next)(void)): next does not return. */
function boot_stack_switch
    mov sp, x0
    mov x29, xzr
    mov x16, x1 /* BR X16 may reach BTI C */
    br x16
end_function boot_stack_switch

/* Returns at EL1h, interrupts masked, MMU off; x22 = whether it came from EL2. */
enter_el1:
    msr daifset, #15
    msr spsel, #1
    mrs x22, CurrentEL
    ubfx x22, x22, #3, #1 /* EL1 is 1, EL2 is 2 */
    cbz x22, 1f
    set hcr_el2, HCR_VALUE /* clears E2H: EL1's registers are EL1's */
    isb
1:  set sctlr_el1, SCTLR_OFF
    isb
    cbnz x22, 1f
    ret
1:  set cnthctl_el2, 3 /* EL1 may use the physical counter and timer */
    set cptr_el2, CPTR_VALUE
    msr cntvoff_el2, xzr
    msr hstr_el2, xzr
    msr vttbr_el2, xzr
    mrs x0, midr_el1
    msr vpidr_el2, x0
    mrs x0, mpidr_el1
    msr vmpidr_el2, x0
    isb
    id_field id_aa64pfr0_el1, 32 /* SVE: all vector lengths for EL1 */
    cbz x1, 2f
    set SYS_ZCR_EL2, 15
2:  id_field id_aa64pfr0_el1, 24 /* GIC registers: EL1 uses them itself */
    cbz x1, 3f
    set SYS_ICC_SRE_EL2, 15
    isb
    msr SYS_ICH_HCR_EL2, xzr
3:  mov x2, #0
    id_field id_aa64dfr0_el1, 8 /* PMUVer: all event counters for EL1 */
    sub x1, x1, #1
    cmp x1, #14 /* 0 and 15: there is none */
    b.hs 4f
    mrs x2, pmcr_el0
    ubfx x2, x2, #11, #5
4:  msr mdcr_el2, x2
    set spsr_el2, SPSR_EL1H
    msr elr_el2, x30
    eret

/* What was written with the MMU off must not be hidden by older lines of the cache (D7.5.9). */
invalidate_bss:
    mrs x2, ctr_el0
    ubfx x2, x2, #16, #4
    mov x3, #4
    lsl x2, x3, x2
    adrp x0, _bss_start
    adrp x1, _bss_end
    dmb sy
1:  dc ivac, x0
    add x0, x0, x2
    cmp x0, x1
    b.lo 1b
    dsb sy
    ret

/* Goes on at x2, an address of the image's mapping. */
enable_mmu:
    set vbar_el1, vectors
    set mair_el1, MAIR_VALUE
    ldr x0, =TCR_VALUE
    id_field id_aa64mmfr0_el1, 0 /* PARange; 4 KiB granules reach 48 bits */
    mov x3, #5
    cmp x1, x3
    csel x1, x1, x3, lo
    orr x0, x0, x1, lsl #TCR_IPS_SHIFT
    id_field id_aa64mmfr0_el1, 4
    cmp x1, #2 /* 16-bit ASIDs */
    cset x1, eq
    orr x0, x0, x1, lsl #TCR_AS_SHIFT
    msr tcr_el1, x0
    adrp x0, boot_identity
    msr ttbr0_el1, x0
    adrp x0, kernel_root
    msr ttbr1_el1, x0
    tlbi vmalle1
    ic iallu
    dsb nsh
    isb
    ldr x0, =SCTLR_VALUE
    id_field id_aa64mmfr1_el1, 20
    cbnz x1, 1f
    orr x0, x0, #SCTLR_SPAN
1:  msr sctlr_el1, x0
    isb
    br x2
    .ltorg

    .bss
    .balign 4096
    .space 8192
    .global boot_stack_top
boot_stack_top:
