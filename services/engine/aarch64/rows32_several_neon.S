/*
 * A strip of 32 rows in the layout rows32-q4 times two vectors, which stand one behind the other: as
 * rows32_neon.S, which says how it works, but what is loaded and shifted of the rows serves both.
 *
 *   void rows32_q4_neon_2(const void *strip, const struct engine_single_group *vectors,
 *                         const int32_t *scales, uint64_t groups, int32_t out[2][32]);
 *
 * v0, v1 quants of the vectors, v2, v3 one of each in all lanes, v4 to v7 weights, loaded two to four
 * columns ahead, v8 to v11 and v12 to v15 dots, v16 to v23 and v24 to v31 sums.
 */
#include "neon.inc"

.macro column index, weights
    dup     v2.8h, v0.h[\index]
    dup     v3.8h, v1.h[\index]
    mla     v8.8h, v\weights\().8h, v2.8h
    mla     v12.8h, v\weights\().8h, v3.8h
    ushr    v\weights\().8h, v\weights\().8h, #4
    mla     v9.8h, v\weights\().8h, v2.8h
    mla     v13.8h, v\weights\().8h, v3.8h
    ushr    v\weights\().8h, v\weights\().8h, #4
    mla     v10.8h, v\weights\().8h, v2.8h
    mla     v14.8h, v\weights\().8h, v3.8h
    ushr    v\weights\().8h, v\weights\().8h, #4
    mla     v11.8h, v\weights\().8h, v2.8h
    mla     v15.8h, v\weights\().8h, v3.8h
.endm

.macro load_quants
    add     x8, x1, x9
    ldr     q0, [x1], #16
    ldr     q1, [x8]
.endm

/* Eight columns; behind them is what is at x0 + \behind. */
.macro quarter behind
    load_quants
    column  0, 4
    column  1, 5
    ldp     q4, q5, [x0, #\behind - 64]
    column  2, 6
    column  3, 7
    ldp     q6, q7, [x0, #\behind - 32]
    column  4, 4
    column  5, 5
    ldp     q4, q5, [x0, #\behind]
    column  6, 6
    column  7, 7
    ldp     q6, q7, [x0, #\behind + 32]
.endm

/* A dot less 16 times the next one's. */
.macro take_next dot, next
    shl     v2.8h, v\next\().8h, #4
    sub     v\dot\().8h, v\dot\().8h, v2.8h
.endm

/* The dots of eight rows, times their scales (v0, v\odd_scales) and the vector's. */
.macro add_dots dot, odd_scales, vector, even, odd
    shl     v2.4s, v\dot\().4s, #16
    sshr    v\dot\().4s, v\dot\().4s, #16
    sshr    v2.4s, v2.4s, #16
    mul     v\dot\().4s, v\dot\().4s, v\odd_scales\().4s
    mul     v2.4s, v2.4s, v0.4s
    srshr   v\dot\().4s, v\dot\().4s, #12
    srshr   v2.4s, v2.4s, #12
    mul     v\dot\().4s, v\dot\().4s, v\vector\().4s
    mul     v2.4s, v2.4s, v\vector\().4s
    srsra   v\odd\().4s, v\dot\().4s, #7
    srsra   v\even\().4s, v2.4s, #7
.endm

.macro end_rows scales, first_dot, second_dot, first_even, first_odd, second_even, second_odd
    shl     v0.4s, v\scales\().4s, #16
    sshr    v\scales\().4s, v\scales\().4s, #16
    sshr    v0.4s, v0.4s, #16
    add_dots \first_dot, \scales, 3, \first_even, \first_odd
    add_dots \second_dot, \scales, 1, \second_even, \second_odd
.endm

    kernel  rows32_q4_neon_2, 4096
    mov     x9, #80
    mul     x9, x3, x9      /* bytes of a vector's quants, and of its scales */
    lsl     x10, x3, #2
    mov     x5, x0
    .irp    sum, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    movi    v\sum\().4s, #0
    .endr
    ldp     q4, q5, [x0]
    ldp     q6, q7, [x0, #32]
1:  add     x7, x1, #64
    add     x8, x7, x9
    .irp    dot, 8, 9, 10, 11
    ld1r    {v\dot\().8h}, [x7], #2
    .endr
    .irp    dot, 12, 13, 14, 15
    ld1r    {v\dot\().8h}, [x8], #2
    .endr
    quarter 128
    quarter 256
    quarter 384
    quarter 512             /* behind them: the scales of the rows */
    add     x8, x2, x10
    ld1r    {v3.4s}, [x2], #4
    ld1r    {v1.4s}, [x8]
    subs    x3, x3, #1
    add     x0, x0, #576
    add     x1, x1, #16
    /* Behind the last group there is nothing to load: the first one once more. */
    csel    x7, x5, x0, eq
    take_next 8, 9
    take_next 9, 10
    take_next 10, 11
    take_next 12, 13
    take_next 13, 14
    take_next 14, 15
    end_rows 4, 8, 12, 16, 17, 24, 25
    end_rows 5, 9, 13, 18, 19, 26, 27
    ldp     q4, q5, [x7]
    end_rows 6, 10, 14, 20, 21, 28, 29
    end_rows 7, 11, 15, 22, 23, 30, 31
    ldp     q6, q7, [x7, #32]
    cbnz    x3, 1b
    store_sums 16, 17, 18, 19, x4
    store_sums 20, 21, 22, 23, x4, 64
    store_sums 24, 25, 26, 27, x4, 128
    store_sums 28, 29, 30, 31, x4, 192
    end_kernel rows32_q4_neon_2, 4096
    .section .note.GNU-stack, "", %progbits
