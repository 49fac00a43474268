/*
 * Strips of 16 rows in the layout rows16-q8, one behind the other, times two or four vectors, which
 * stand one behind the other, too: as rows16_neon.S, which says how it works, but what is loaded and
 * unpacked of the rows serves all vectors. That is half of a product where every eight bytes that are
 * loaded are looked up in an emulator's TLB.
 *
 *   void rows16_q8_neon_2(const void *strips, const int16_t *quants, const int32_t *scales,
 *                         uint64_t groups, float *const *out, uint64_t strip_count,
 *                         uint64_t first_row, const float *bases);
 *   void rows16_q8_neon_4(..);
 *
 * v0 to v3 quants of the vectors, v4, v5 a pair of them in all lanes, v6, v7 products, v8 to v15 two
 * dots of each vector, v16 to v19 weights, v20, v21 second columns of the rows, v22 to v29 sums of two
 * vectors; those of the others are kept on the stack. With two vectors v12 to v15 have weights, which are
 * then loaded three pairs ahead.
 */
#include "neon.inc"

.macro times quants, index, low, high, dot, high_dot
    dup     v4.8h, v\quants\().h[2 * (\index)]
    dup     v5.8h, v\quants\().h[2 * (\index) + 1]
    mul     v6.8h, v\low\().8h, v4.8h
    mul     v7.8h, v\high\().8h, v4.8h
    mla     v6.8h, v20.8h, v5.8h
    mla     v7.8h, v21.8h, v5.8h
    ssra    v\dot\().8h, v6.8h, #4
    ssra    v\high_dot\().8h, v7.8h, #4
.endm

.macro pair vectors, index, low, high
    srshr   v20.8h, v\low\().8h, #8
    srshr   v21.8h, v\high\().8h, #8
    times   0, \index, \low, \high, 8, 9
    times   1, \index, \low, \high, 10, 11
    .if     \vectors == 4
    times   2, \index, \low, \high, 12, 13
    times   3, \index, \low, \high, 14, 15
    .endif
.endm

/* Of four pairs. One pointer for all vectors: an emulator has few registers for them. */
.macro load_quants vectors
    add     x8, x1, x9
    ldr     q0, [x1], #16
    ldr     q1, [x8]
    .if     \vectors == 4
    add     x8, x8, x9
    ldr     q2, [x8]
    add     x8, x8, x9
    ldr     q3, [x8]
    .endif
.endm

/* Four pairs at [x0, #offset], of which some are loaded; what follows is at [next, #behind]. */
.macro quarter_2 offset, next, behind
    load_quants 2
    ldp     q14, q15, [x0, #\offset + 96]
    pair    2, 0, 16, 17
    ldp     q16, q17, [\next, #\behind]
    pair    2, 1, 18, 19
    ldp     q18, q19, [\next, #\behind + 32]
    pair    2, 2, 12, 13
    ldp     q12, q13, [\next, #\behind + 64]
    pair    2, 3, 14, 15
.endm

.macro quarter_4 offset, next, behind
    load_quants 4
    ldp     q18, q19, [x0, #\offset + 32]
    pair    4, 0, 16, 17
    ldp     q16, q17, [x0, #\offset + 64]
    pair    4, 1, 18, 19
    ldp     q18, q19, [x0, #\offset + 96]
    pair    4, 2, 16, 17
    ldp     q16, q17, [\next, #\behind]
    pair    4, 3, 18, 19
.endm

/* Scales of the rows in v30, v31: those of the even and odd ones to v0 to v3. */
.macro unpack_scales
    shl     v0.4s, v30.4s, #16
    shl     v2.4s, v31.4s, #16
    ushr    v1.4s, v30.4s, #16
    ushr    v3.4s, v31.4s, #16
    ushr    v0.4s, v0.4s, #16
    ushr    v2.4s, v2.4s, #16
.endm

/* The dots of a vector, times the rows' scales and the vector's, which x2 points to. */
.macro end_group dot, high_dot, even, odd, high_even, high_odd
    ld1r    {v30.4s}, [x2]
    shl     v4.4s, v\dot\().4s, #16
    shl     v6.4s, v\high_dot\().4s, #16
    sshr    v5.4s, v\dot\().4s, #16
    sshr    v7.4s, v\high_dot\().4s, #16
    sshr    v4.4s, v4.4s, #16
    sshr    v6.4s, v6.4s, #16
    add_scaled 0, 1, 2, 3, 30, \even, \odd, \high_even, \high_odd
.endm

.macro load_sums a, b, c, d, offset
    ldp     q\a, q\b, [sp, #\offset]
    ldp     q\c, q\d, [sp, #\offset + 32]
.endm

.macro keep_sums a, b, c, d, offset
    stp     q\a, q\b, [sp, #\offset]
    stp     q\c, q\d, [sp, #\offset + 32]
.endm

.macro finish index, a, b, c, d, n0, n1, n2, n3
    ldr     x7, [x4, #8 * \index]
    add     x7, x7, x15
    store_floats \a, \b, \c, \d, \n0, \n1, \n2, \n3, 31, "x14, #4 * \index", x7
.endm

.macro multiply vectors, room
    kernel  rows16_q8_neon_\vectors, \room
    lsl     x9, x3, #6      /* bytes of a vector's quants, and of its scales */
    lsl     x10, x3, #2
    mov     x11, x1
    mov     x12, x2
    lsl     x15, x6, #2     /* bytes to the first row */
    mov     x14, x7
    .if     \vectors == 4
    sub     sp, sp, #128
    .endif
    ldp     q16, q17, [x0]
    .if     \vectors == 2
    ldp     q18, q19, [x0, #32]
    ldp     q12, q13, [x0, #64]
    .endif
0:
    .irp    sum, v22.4s, v23.4s, v24.4s, v25.4s, v26.4s, v27.4s, v28.4s, v29.4s
    movi    \sum, #0
    .endr
    .if     \vectors == 4
    .irp    offset, 0, 32, 64, 96
    stp     q22, q23, [sp, #\offset]
    .endr
    .endif
    mov     x6, x3
1:
    .irp    dot, v8.8h, v9.8h, v10.8h, v11.8h
    movi    \dot, #8
    .endr
    .if     \vectors == 4
    .irp    dot, v12.8h, v13.8h, v14.8h, v15.8h
    movi    \dot, #8
    .endr
    .endif
    quarter_\vectors 0, x0, 128
    quarter_\vectors 128, x0, 256
    quarter_\vectors 256, x0, 384
    ldp     q30, q31, [x0, #512]
    /* Behind a strip's last group are the rows' bases; behind the last strip is nothing to load. */
    subs    x6, x6, #1
    add     x16, x0, #544
    add     x8, x0, #608
    csel    x7, x8, x16, eq
    ccmp    x5, #1, #0, eq
    csel    x7, x0, x7, eq
    quarter_\vectors 384, x7, 0
    mov     x0, x7
    unpack_scales
    mov     x13, x2
    /* Long before they are used: see rows16_neon.S. */
    .if     \vectors == 4
    load_sums 18, 19, 20, 21, 0
    .endif
    end_group 8, 9, 22, 23, 24, 25
    add     x2, x2, x10
    end_group 10, 11, 26, 27, 28, 29
    .if     \vectors == 4
    load_sums 8, 9, 10, 11, 64
    add     x2, x2, x10
    end_group 12, 13, 18, 19, 20, 21
    keep_sums 18, 19, 20, 21, 0
    add     x2, x2, x10
    end_group 14, 15, 8, 9, 10, 11
    keep_sums 8, 9, 10, 11, 64
    .endif
    add     x2, x13, #4
    cbnz    x6, 1b
    .if     \vectors == 4
    /* The last group's sums of the others are still in registers. */
    load_bases x16, 12, 13, 14, 15
    finish  0, 22, 23, 24, 25, 12, 13, 14, 15
    finish  1, 26, 27, 28, 29, 12, 13, 14, 15
    finish  2, 18, 19, 20, 21, 12, 13, 14, 15
    finish  3, 8, 9, 10, 11, 12, 13, 14, 15
    .else
    load_bases x16, 8, 9, 10, 11
    finish  0, 22, 23, 24, 25, 8, 9, 10, 11
    finish  1, 26, 27, 28, 29, 8, 9, 10, 11
    .endif
    /* The next strip's first weights are loaded already. */
    mov     x1, x11
    mov     x2, x12
    add     x15, x15, #64
    subs    x5, x5, #1
    b.ne    0b
    .if     \vectors == 4
    add     sp, sp, #128
    .endif
    end_kernel rows16_q8_neon_\vectors, \room
.endm

    multiply 2, 2048
    multiply 4, 4096
    .section .note.GNU-stack, "", %progbits
