/*
 * One or two strips of 16 rows in the layout rows16-q8, one behind the other, times one vector: NEON,
 * 16-bit lanes that are rows.
 *
 *   void rows16_q8_neon(const void *strips, const int16_t *quants, const int32_t *scales,
 *                       uint64_t groups, float *const *out, uint64_t strip_count, uint64_t first_row,
 *                       const float *bases);
 *
 * A group is 16 pairs of columns, a lane the word w = w0 + 256 w1 of a row. The vector's side has x0
 * and x1' = x1 - 256 x0, so that w x0 + w1 x1' is w0 x0 + w1 x1, modulo 2^16 and so exactly: only w1
 * has to be unpacked, by a rounding shift.
 *
 * Weights are loaded two pairs ahead, and scales of rows long before they are used: an emulator writes
 * registers in pieces and stalls when they are read at once. The strips share what is loaded and
 * broadcast of the vector; where there is one, it is multiplied twice.
 *
 * The floats go to out[0] + first_row.
 *
 * v0, v1 quants of the vector, v2, v3 one pair of them in all lanes, v4, v5 second columns of the
 * rows, v6, v7 products, v8 to v11 dots of rows 0 to 7, 8 to 15 and so on, v12 to v15 scales of the
 * rows, v16 to v23 weights, v24 to v31 sums of the even and odd of these rows.
 */
#include "neon.inc"

/* A pair of columns of a strip, and what to load in its place. */
.macro pair_strip low, high, dot, high_dot, from, next
    srshr   v4.8h, v\low\().8h, #8
    srshr   v5.8h, v\high\().8h, #8
    mul     v6.8h, v\low\().8h, v2.8h
    mul     v7.8h, v\high\().8h, v2.8h
    ldp     q\low, q\high, [\from, #\next]
    mla     v6.8h, v4.8h, v3.8h
    mla     v7.8h, v5.8h, v3.8h
    ssra    v\dot\().8h, v6.8h, #4
    ssra    v\high_dot\().8h, v7.8h, #4
.endm

.macro broadcast quants, index
    dup     v2.8h, v\quants\().h[2 * (\index)]
    dup     v3.8h, v\quants\().h[2 * (\index) + 1]
.endm

/* Two pairs; the two that follow are at `next`. */
.macro pairs quants, index, next
    broadcast \quants, \index
    pair_strip 16, 17, 8, 9, x0, \next
    pair_strip 18, 19, 10, 11, x6, \next
    broadcast \quants, \index + 1
    pair_strip 20, 21, 8, 9, x0, \next + 32
    pair_strip 22, 23, 10, 11, x6, \next + 32
.endm

/* The dots of a strip, times its scales and the vector's (v0), added to the sums. */
.macro end_group dot, high_dot, scales, high_scales, even, odd, high_even, high_odd
    shl     v2.4s, v\scales\().4s, #16
    shl     v3.4s, v\high_scales\().4s, #16
    shl     v4.4s, v\dot\().4s, #16
    sshr    v5.4s, v\dot\().4s, #16
    shl     v6.4s, v\high_dot\().4s, #16
    sshr    v7.4s, v\high_dot\().4s, #16
    ushr    v2.4s, v2.4s, #16
    ushr    v3.4s, v3.4s, #16
    ushr    v\scales\().4s, v\scales\().4s, #16
    ushr    v\high_scales\().4s, v\high_scales\().4s, #16
    sshr    v4.4s, v4.4s, #16
    sshr    v6.4s, v6.4s, #16
    add_scaled 2, \scales, 3, \high_scales, 0, \even, \odd, \high_even, \high_odd
.endm

    kernel  rows16_q8_neon, 4096
    mov     x9, x6
    mov     x10, x7
    mov     x7, #544
    mul     x7, x7, x3
    add     x7, x7, #64
    cmp     x5, #1
    csel    x7, xzr, x7, eq
    add     x6, x0, x7
    .irp    sum, v24.4s, v25.4s, v26.4s, v27.4s, v28.4s, v29.4s, v30.4s, v31.4s
    movi    \sum, #0
    .endr
    ldp     q16, q17, [x0]
    ldp     q18, q19, [x6]
    ldp     q20, q21, [x0, #32]
    ldp     q22, q23, [x6, #32]
    /* Behind a strip's last group are the rows' bases, as long as what is loaded there for nothing. */
1:  movi    v8.8h, #8
    movi    v9.8h, #8
    movi    v10.8h, #8
    movi    v11.8h, #8
    ldr     q0, [x1], #16
    pairs   0, 0, 64
    ldr     q1, [x1], #16
    pairs   0, 2, 128
    pairs   1, 0, 192
    ldr     q0, [x1], #16
    pairs   1, 2, 256
    pairs   0, 0, 320
    ldr     q1, [x1], #16
    pairs   0, 2, 384
    ldp     q12, q13, [x0, #512]
    ldp     q14, q15, [x6, #512]
    pairs   1, 0, 448
    ld1r    {v0.4s}, [x2], #4
    pairs   1, 2, 544
    end_group 8, 9, 12, 13, 24, 25, 26, 27
    end_group 10, 11, 14, 15, 28, 29, 30, 31
    add     x0, x0, #544
    add     x6, x6, #544
    subs    x3, x3, #1
    b.ne    1b
    ldr     x4, [x4]
    add     x4, x4, x9, lsl #2
    load_bases x0, 8, 9, 10, 11
    store_floats 24, 25, 26, 27, 8, 9, 10, 11, 12, x10, x4
    cbz     x7, 2f
    load_bases x6, 8, 9, 10, 11
    add     x4, x4, #64
    store_floats 28, 29, 30, 31, 8, 9, 10, 11, 12, x10, x4
2:
    end_kernel rows16_q8_neon, 4096
    .section .note.GNU-stack, "", %progbits
