/*
 * A strip of 32 rows in the layout rows32-q4 times two or four vectors, which stand one behind the
 * other: as rows32_neon.S, which says how it works, but what is loaded and shifted of the rows serves
 * all of them.
 *
 *   void rows32_q4_neon_2(const void *strip, const struct engine_single_group *vectors,
 *                         const int32_t *scales, uint64_t groups, int32_t out[2][32]);
 *   void rows32_q4_neon_4(.. out[4][32]);
 *
 * Times two: v0, v1 quants of the vectors, v2, v3 one of each in all lanes, v4 to v7 weights, loaded two to four
 * columns ahead, v8 to v11 and v12 to v15 dots, v16 to v23 and v24 to v31 sums.
 *
 * Times four: v0 to v3 quants, v4 to v7 one of each in all lanes, v8 to v23 dots, v24 to v27 weights, v28
 * to v30 what is shifted; sums have no registers, and are kept in `out`.
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

/* --- Four vectors ----------------------------------------------------------------------------- */

.macro times_four weights, a, b, c, d
    mla     v\a\().8h, v\weights\().8h, v4.8h
    mla     v\b\().8h, v\weights\().8h, v5.8h
    mla     v\c\().8h, v\weights\().8h, v6.8h
    mla     v\d\().8h, v\weights\().8h, v7.8h
.endm

.macro column_4 index, weights
    dup     v4.8h, v0.h[\index]
    dup     v5.8h, v1.h[\index]
    dup     v6.8h, v2.h[\index]
    dup     v7.8h, v3.h[\index]
    ushr    v28.8h, v\weights\().8h, #4
    ushr    v29.8h, v\weights\().8h, #8
    ushr    v30.8h, v\weights\().8h, #12
    times_four \weights, 8, 12, 16, 20
    times_four 28, 9, 13, 17, 21
    times_four 29, 10, 14, 18, 22
    times_four 30, 11, 15, 19, 23
.endm

/* Of all vectors, the first at [x7]. */
.macro load_each load, a, b, c, d, stride
    \load   \a, [x7]
    add     x7, x7, \stride
    \load   \b, [x7]
    add     x7, x7, \stride
    \load   \c, [x7]
    add     x7, x7, \stride
    \load   \d, [x7]
.endm

.macro begin_dots vector, a, b, c, d
    dup     v\a\().8h, v\vector\().h[0]
    dup     v\b\().8h, v\vector\().h[1]
    dup     v\c\().8h, v\vector\().h[2]
    dup     v\d\().8h, v\vector\().h[3]
.endm

.macro take_next_4 dot, next
    shl     v28.8h, v\next\().8h, #4
    sub     v\dot\().8h, v\dot\().8h, v28.8h
.endm

/* The dots of eight rows, times their scales (v30, v\odd_scales) and the vector's; the sums were loaded
 * from [x4, #offset], into their place come those at [x4, #next], if that is one of them. */
.macro add_dots_4 dot, odd_scales, vector, even, odd, offset, next
    shl     v31.4s, v\dot\().4s, #16
    sshr    v\dot\().4s, v\dot\().4s, #16
    sshr    v31.4s, v31.4s, #16
    mul     v\dot\().4s, v\dot\().4s, v\odd_scales\().4s
    mul     v31.4s, v31.4s, v30.4s
    srshr   v\dot\().4s, v\dot\().4s, #12
    srshr   v31.4s, v31.4s, #12
    mul     v\dot\().4s, v\dot\().4s, v\vector\().4s
    mul     v31.4s, v31.4s, v\vector\().4s
    srsra   v\odd\().4s, v\dot\().4s, #7
    srsra   v\even\().4s, v31.4s, #7
    stp     q\even, q\odd, [x4, #\offset]
    .if     \next < 512
    ldp     q\even, q\odd, [x4, #\next]
    .endif
.endm

/* Eight rows of all vectors: the first two's sums are loaded. */
.macro end_rows_4 scales, a, b, c, d, offset, next
    shl     v30.4s, v\scales\().4s, #16
    sshr    v\scales\().4s, v\scales\().4s, #16
    sshr    v30.4s, v30.4s, #16
    add_dots_4 \a, \scales, 0, 4, 5, \offset, \offset + 256
    add_dots_4 \b, \scales, 1, 6, 7, \offset + 128, \offset + 384
    add_dots_4 \c, \scales, 2, 4, 5, \offset + 256, \next
    add_dots_4 \d, \scales, 3, 6, 7, \offset + 384, \next + 128
.endm

    kernel  rows32_q4_neon_4, 4096
    mov     x9, #80
    mul     x9, x3, x9      /* bytes of a vector's quants, and of its scales */
    lsl     x10, x3, #2
    mov     x5, x0
    movi    v0.4s, #0
    .irp    offset, 0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 480
    stp     q0, q0, [x4, #\offset]
    .endr
    ldp     q24, q25, [x0]
    ldp     q26, q27, [x0, #32]
1:  add     x7, x1, #64
    load_each ldr, d0, d1, d2, d3, x9
    begin_dots 0, 8, 9, 10, 11
    begin_dots 1, 12, 13, 14, 15
    begin_dots 2, 16, 17, 18, 19
    begin_dots 3, 20, 21, 22, 23
    mov     x11, #4
    /* Eight columns; behind the last ones are the scales of the rows. */
2:  mov     x7, x1
    load_each ldr, q0, q1, q2, q3, x9
    add     x1, x1, #16
    column_4 0, 24
    column_4 1, 25
    ldp     q24, q25, [x0, #64]
    column_4 2, 26
    column_4 3, 27
    ldp     q26, q27, [x0, #96]
    column_4 4, 24
    column_4 5, 25
    ldp     q24, q25, [x0, #128]
    column_4 6, 26
    column_4 7, 27
    ldp     q26, q27, [x0, #160]
    add     x0, x0, #128
    subs    x11, x11, #1
    b.ne    2b
    mov     x7, x2
    load_each ld1r, {v0.4s}, {v1.4s}, {v2.4s}, {v3.4s}, x10
    ldp     q4, q5, [x4]
    ldp     q6, q7, [x4, #128]
    add     x2, x2, #4
    add     x0, x0, #64
    add     x1, x1, #16
    subs    x3, x3, #1
    /* Behind the last group there is nothing to load: the first one once more. */
    csel    x7, x5, x0, eq
    take_next_4 8, 9
    take_next_4 9, 10
    take_next_4 10, 11
    take_next_4 12, 13
    take_next_4 13, 14
    take_next_4 14, 15
    take_next_4 16, 17
    take_next_4 17, 18
    take_next_4 18, 19
    take_next_4 20, 21
    take_next_4 21, 22
    take_next_4 22, 23
    end_rows_4 24, 8, 12, 16, 20, 0, 32
    end_rows_4 25, 9, 13, 17, 21, 32, 64
    ldp     q24, q25, [x7]
    end_rows_4 26, 10, 14, 18, 22, 64, 96
    end_rows_4 27, 11, 15, 19, 23, 96, 512
    ldp     q26, q27, [x7, #32]
    cbnz    x3, 1b
    .irp    offset, 0, 128, 256, 384
    ldp     q16, q17, [x4, #\offset]
    ldp     q18, q19, [x4, #\offset + 32]
    ldp     q20, q21, [x4, #\offset + 64]
    ldp     q22, q23, [x4, #\offset + 96]
    store_sums 16, 17, 18, 19, x4, \offset
    store_sums 20, 21, 22, 23, x4, \offset + 64
    .endr
    end_kernel rows32_q4_neon_4, 4096
    .section .note.GNU-stack, "", %progbits
