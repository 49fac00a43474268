/*
 * A thread that faulted goes on here, as itself: its registers are in x0 = struct fault, but FP and
 * SIMD are live. They are saved on its stack, and the rest is C.
 */
#define FAULT_FP_BYTES 272              /* sizeof(struct exo_context) */

    .section .text.fill_begins, "ax"
    .global fill_begins
    .type fill_begins, %function
fill_begins:
    mov     x29, xzr
    mov     x30, xzr
    mov     x19, x0
    ldr     x9, [x19, #FAULT_FP_BYTES]
    mov     x10, sp
    sub     x10, x10, x9
    and     sp, x10, #0xfffffffffffffff0
    mov     x0, sp
    bl      rt_fp_store
    mov     x0, x19
    mov     x1, sp
    b       fill_thread
    .size fill_begins, . - fill_begins

    .section .note.GNU-stack, "", %progbits
