/*
 * Changing from one thread to another. struct saved (private.h) is x19 to x30, sp, fpcr, d8 to d15:
 * what a function preserves (AAPCS64 6.1), and FPCR, which is part of a thread's state.
 */
#define SAVED_SP  96
#define SAVED_D8  112

    .arch   armv8-a                     /* registers that C code here must not use */

.macro FUNCTION name
    .section .text.\name, "ax"
    .global \name
    .type \name, %function
\name:
    hint    #34                         /* bti c */
.endm

    FUNCTION switch_to                  /* x0 = saved, x1 = next thread */
    stp     x19, x20, [x0]
    stp     x21, x22, [x0, #16]
    stp     x23, x24, [x0, #32]
    stp     x25, x26, [x0, #48]
    stp     x27, x28, [x0, #64]
    stp     x29, x30, [x0, #80]
    mov     x9, sp
    mrs     x10, fpcr
    stp     x9, x10, [x0, #SAVED_SP]
    stp     d8, d9, [x0, #SAVED_D8]
    stp     d10, d11, [x0, #SAVED_D8 + 16]
    stp     d12, d13, [x0, #SAVED_D8 + 32]
    stp     d14, d15, [x0, #SAVED_D8 + 48]
    mov     x0, x1
    b       enter                       /* on this stack still: nobody loads it before enter's end */
    .size switch_to, . - switch_to

    FUNCTION switch_load                /* x0 = saved */
    ldp     x19, x20, [x0]
    ldp     x21, x22, [x0, #16]
    ldp     x23, x24, [x0, #32]
    ldp     x25, x26, [x0, #48]
    ldp     x27, x28, [x0, #64]
    ldp     x29, x30, [x0, #80]
    ldp     x9, x10, [x0, #SAVED_SP]
    mov     sp, x9
    msr     fpcr, x10
    ldp     d8, d9, [x0, #SAVED_D8]
    ldp     d10, d11, [x0, #SAVED_D8 + 16]
    ldp     d12, d13, [x0, #SAVED_D8 + 32]
    ldp     d14, d15, [x0, #SAVED_D8 + 48]
    ret
    .size switch_load, . - switch_load

    FUNCTION switch_stack               /* x0 = top, x1 = argument, x2 = function */
    mov     sp, x0
    mov     x29, xzr
    mov     x30, xzr
    mov     x0, x1
    mov     x16, x2
    br      x16                         /* by x16: lands on bti c (Arm ARM D8.4) */
    .size switch_stack, . - switch_stack

    FUNCTION switch_thread_begins       /* x19 = the thread, from its first struct saved */
    mov     x29, xzr
    mov     x30, xzr
    mov     x0, x19
    b       thread_begin
    .size switch_thread_begins, . - switch_thread_begins

    .section .note.GNU-stack, "", %progbits
