/* The trap with its checks, probes of memory, and the code of victims. */
    .arch_extension fp
    .arch_extension simd

.macro FUNCTION name
    .global \name
    .type \name, %function
    .balign 16
\name:
    hint    #34 /* bti c */
.endm

    .text

/*
 * void fuzz_svc(struct fuzz_call *call): number at 0, x0..x7 at 8, results at 72, broken at 136.
 * Registers x9 to x30 hold 0x800 + their number over the call; a bit of `broken` for each that
 * does not afterwards (7 and 8: those of the call itself).
 */
.macro EXPECT n
    sub     x\n, x\n, #(0x800 + \n)
    cmp     x\n, #0
    cset    x\n, ne
    orr     x8, x8, x\n, lsl #\n
.endm

FUNCTION fuzz_svc
    stp     x29, x30, [sp, #-128]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    str     x0, [sp, #96]
    str     x18, [sp, #104]
    .irp n, 9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    mov     x\n, #(0x800 + \n)
    .endr
    ldr     x8, [x0]
    ldp     x6, x7, [x0, #56]
    ldp     x4, x5, [x0, #40]
    ldp     x2, x3, [x0, #24]
    ldr     x1, [x0, #16]
    ldr     x0, [x0, #8]
    svc     #0
    str     x8, [sp, #112]
    mov     x8, #0
    EXPECT  9
    ldr     x9, [sp, #96]
    stp     x0, x1, [x9, #72]
    stp     x2, x3, [x9, #88]
    stp     x4, x5, [x9, #104]
    stp     x6, x7, [x9, #120]
    .irp n, 10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    EXPECT  \n
    .endr
    ldr     x10, [x9, #64] /* x7 of the call */
    cmp     x10, x7
    cset    x11, ne
    orr     x8, x8, x11, lsl #7
    ldr     x10, [x9]
    ldr     x11, [sp, #112]
    cmp     x10, x11
    cset    x11, ne
    orr     x8, x8, x11, lsl #8
    str     x8, [x9, #136]
    ldr     x18, [sp, #104]
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #128
    ret

/* Between these labels a fault is expected: the handler returns 0 to x30. */
    .global fuzz_probe_begin, fuzz_probe_end
FUNCTION fuzz_load
fuzz_probe_begin:
    ldr     x1, [x0]
    mov     x0, #1
    ret
FUNCTION fuzz_store
    str     x1, [x0]
    mov     x0, #1
    ret
fuzz_probe_end:

/* uint64_t fuzz_save(struct exo_context *): what the callee must keep, and where it returns to. */
FUNCTION fuzz_save
    stp     x19, x20, [x0, #152]
    stp     x21, x22, [x0, #168]
    stp     x23, x24, [x0, #184]
    stp     x25, x26, [x0, #200]
    stp     x27, x28, [x0, #216]
    stp     x29, x30, [x0, #232]
    mov     x1, #1
    str     x1, [x0] /* x0 when resumed */
    mov     x1, sp
    stp     x1, x30, [x0, #248]
    str     xzr, [x0, #264]
    mov     x0, #0
    ret

FUNCTION fuzz_fp_fill
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fmov    d\n, x0
    add     x0, x0, #1
    .endr
    ret

FUNCTION fuzz_fp_wrong
    mov     x2, #0
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    fmov    x1, d\n
    cmp     x1, x0
    cinc    x2, x2, ne
    add     x0, x0, #1
    .endr
    mov     x0, x2
    ret

/* --- Victims. They wait by setting a deadline that comes soon, and clear their event bits. --- */

    .section .text.fuzz_code, "ax"
    .balign 4096
    .global fuzz_code_begin, fuzz_code_end
    .global fuzz_victim_wait, fuzz_victim_serve, fuzz_victim_call, fuzz_victim_write
    .global fuzz_victim_spin

.macro REST
    mrs     x1, tpidrro_el0
    str     xzr, [x1, #40] /* exo_control.events */
    mrs     x0, cntvct_el0
    add     x0, x0, #(1 << 17)
    mov     x8, #2
    svc     #0
.endm

.macro SOON register
    mrs     \register, cntvct_el0
    add     \register, \register, #(1 << 17)
.endm

fuzz_code_begin:
fuzz_victim_wait:
    hint    #34
    REST
    b       fuzz_victim_wait

fuzz_victim_serve:
    hint    #34
    mov     x19, x0
1:  mov     x0, x19
    mov     x5, #0xfffffffe /* EXO_NONE */
    mov     x6, #63         /* a slot for what is sent */
    SOON    x7
    mov     x8, #41
    svc     #0
    cbz     x0, 1b
    REST
    b       1b

fuzz_victim_call:
    hint    #34
    mov     x19, x0
1:  mov     x0, x19
    mov     x5, #5 /* what it may send */
    mov     x6, #62
    SOON    x7
    mov     x8, #38
    svc     #0
    REST
    b       1b

fuzz_victim_write:
    hint    #34
    mov     x19, x0
1:  str     x19, [x19]
    REST
    b       1b

fuzz_victim_spin:
    hint    #34
1:  mov     x2, #4096
    fmov    d0, x2
2:  fadd    d0, d0, d0
    fmov    d31, d0
    subs    x2, x2, #1
    b.ne    2b
    REST
    b       1b
fuzz_code_end:

    .section .note.GNU-stack, "", %progbits
