/*
 * memcpy and its family, in assembly so that no compiler turns them into calls of themselves. Any
 * alignment; general registers only.
 */
#include "arch/asm.h"
#include "arch/offsets.h"

    .text

function memcpy
    mov x3, x0
    subs x2, x2, #32
    b.lo 2f
1:  ldp x4, x5, [x1]
    ldp x6, x7, [x1, #16]
    add x1, x1, #32
    stp x4, x5, [x3]
    stp x6, x7, [x3, #16]
    add x3, x3, #32
    subs x2, x2, #32
    b.hs 1b
2:  adds x2, x2, #32 - 8
    b.mi 4f
3:  ldr x4, [x1], #8
    str x4, [x3], #8
    subs x2, x2, #8
    b.hs 3b
4:  adds x2, x2, #8
    b.eq 6f
5:  ldrb w4, [x1], #1
    strb w4, [x3], #1
    subs x2, x2, #1
    b.ne 5b
6:  ret
end_function memcpy

/* Register contexts, of a fixed size: 17 pairs. */
function context_copy
    .set offset, 0
    .rept CONTEXT_BYTES / 16
    ldp x3, x4, [x1, #offset]
    stp x3, x4, [x0, #offset]
    .set offset, offset + 16
    .endr
    ret
end_function context_copy

function context_clear
    .set offset, 0
    .rept CONTEXT_BYTES / 16
    stp xzr, xzr, [x0, #offset]
    .set offset, offset + 16
    .endr
    ret
end_function context_clear

/* Forwards unless the end of the source would be overwritten before it is read. */
function memmove
    sub x3, x0, x1
    cmp x3, x2
    b.hs memcpy
    cbz x2, 2f
1:  sub x2, x2, #1
    ldrb w4, [x1, x2]
    strb w4, [x0, x2]
    cbnz x2, 1b
2:  ret
end_function memmove

/* From 512 zero bytes on with DC ZVA, where EL1 may use it (DCZID_EL0.DZP; normal memory only). */
function memset
    mov x3, x0
    and x1, x1, #0xff
    orr x1, x1, x1, lsl #8
    orr x1, x1, x1, lsl #16
    orr x1, x1, x1, lsl #32
    cbnz x1, 2f
    cmp x2, #512
    b.hs 7f
2:  subs x2, x2, #32
    b.lo 4f
3:  stp x1, x1, [x3]
    stp x1, x1, [x3, #16]
    add x3, x3, #32
    subs x2, x2, #32
    b.hs 3b
4:  adds x2, x2, #32
    b.eq 6f
5:  strb w1, [x3], #1
    subs x2, x2, #1
    b.ne 5b
6:  ret

7:  mrs x4, dczid_el0
    tbnz x4, #4, 2b
    and x4, x4, #15
    mov x5, #4
    lsl x5, x5, x4    /* bytes of a block */
    cmp x2, x5, lsl #1
    b.lo 2b
    sub x4, x5, #1
8:  tst x3, x4        /* up to the first block */
    b.eq 9f
    strb wzr, [x3], #1
    sub x2, x2, #1
    b 8b
9:  subs x2, x2, x5
    b.lo 11f
10: dc zva, x3
    add x3, x3, x5
    subs x2, x2, x5
    b.hs 10b
11: add x2, x2, x5
    b 2b
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
