/*
 * memcpy and its family, in assembly so that no compiler turns them into calls of themselves. Any
 * alignment; general registers only.
 */
#include "arch/asm.h"
#include "arch/offsets.h"

    .text

function memcpy
    mov x3, x0
1:  subs x2, x2, #16
    b.lo 2f
    ldp x4, x5, [x1], #16
    stp x4, x5, [x3], #16
    b 1b
2:  adds x2, x2, #16
3:  b.eq 4f
    ldrb w4, [x1], #1
    strb w4, [x3], #1
    subs x2, x2, #1
    b 3b
4:  ret
end_function memcpy

/* A register context: 17 pairs. */
function context_copy
    .set offset, 0
    .rept CONTEXT_BYTES / 16
    ldp x3, x4, [x1, #offset]
    stp x3, x4, [x0, #offset]
    .set offset, offset + 16
    .endr
    ret
end_function context_copy

/* Zeros in whole blocks with DC ZVA, where EL1 may use it (DCZID_EL0.DZP; normal memory only). */
function memset
    mov x3, x0
    and x1, x1, #0xff
    orr x1, x1, x1, lsl #8
    orr x1, x1, x1, lsl #16
    orr x1, x1, x1, lsl #32
    mrs x4, dczid_el0
    mov x5, #4
    lsl x5, x5, x4    /* bytes of a block */
    sub x6, x5, #1
    orr x7, x0, x2
    and x7, x7, x6
    orr x7, x7, x1
    cbnz x7, 2f       /* not zeros, or not whole blocks */
    tbnz x4, #4, 2f
1:  cbz x2, 5f
    dc zva, x3
    add x3, x3, x5
    sub x2, x2, x5
    b 1b
2:  subs x2, x2, #16
    b.lo 3f
    stp x1, x1, [x3], #16
    b 2b
3:  adds x2, x2, #16
4:  b.eq 5f
    strb w1, [x3], #1
    subs x2, x2, #1
    b 4b
5:  ret
end_function memset

function memcmp
    mov x3, x0
    mov w0, #0
1:  cbz x2, 2f
    ldrb w4, [x3], #1
    ldrb w5, [x1], #1
    sub x2, x2, #1
    subs w0, w4, w5
    b.eq 1b
2:  ret
end_function memcmp
