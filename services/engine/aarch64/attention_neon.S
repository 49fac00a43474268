/*
 * Strips of 16 rows in the layout rows16-q8 whose scales are all one, times a vector of 15 bits: NEON,
 * 16-bit lanes that are rows.
 *
 *   void rows16_attention_neon(const void *strips, const int16_t *quants, const int16_t *fine,
 *                              const int32_t *scales, uint64_t halves, int32_t *out,
 *                              uint64_t strip_bytes, uint64_t strip_count);
 *
 * Pairs are multiplied as in rows16_neon.S, but summed up exactly: of the sum over a group `A` has the
 * low 16 bits, and `H` the sum of what is above the low 8 of each product. The fine products, less 7
 * bits, go into A: what A has besides 256 H stays in 16 bits with a sign.
 *
 * v0, v1 quants and fine ones, v2, v3 a pair of them in all lanes, v4, v5 second columns of the rows,
 * v6, v7 products, v8, v9 A and v10, v11 H of rows 0 to 7 and 8 to 15, v12 to v15 sums of the even and
 * odd of these rows, v16 to v31 weights.
 */
#include "neon.inc"

.macro product_exact weights, second, to, a, h
    mul     v\to\().8h, v\weights\().8h, v2.8h
    mla     v\to\().8h, v\second\().8h, v3.8h
    add     v\a\().8h, v\a\().8h, v\to\().8h
    ssra    v\h\().8h, v\to\().8h, #8
.endm

.macro product_fine weights, second, to, a
    mul     v\to\().8h, v\weights\().8h, v2.8h
    mla     v\to\().8h, v\second\().8h, v3.8h
    srsra   v\a\().8h, v\to\().8h, #7
.endm

.macro pair index, low, high
    dup     v2.8h, v0.h[2 * (\index)]
    dup     v3.8h, v0.h[2 * (\index) + 1]
    srshr   v4.8h, v\low\().8h, #8
    srshr   v5.8h, v\high\().8h, #8
    product_exact \low, 4, 6, 8, 10
    product_exact \high, 5, 7, 9, 11
    dup     v2.8h, v1.h[2 * (\index)]
    dup     v3.8h, v1.h[2 * (\index) + 1]
    product_fine \low, 4, 6, 8
    product_fine \high, 5, 7, 9
.endm

.macro quarter_low
    ldr     q0, [x1], #16
    ldr     q1, [x2], #16
    pair    0, 16, 17
    pair    1, 18, 19
    pair    2, 20, 21
    pair    3, 22, 23
.endm

.macro quarter_high
    ldr     q0, [x1], #16
    ldr     q1, [x2], #16
    pair    0, 24, 25
    pair    1, 26, 27
    pair    2, 28, 29
    pair    3, 30, 31
.endm

/* The sums of eight rows, times the vector's scale (v3), added to v\even, v\odd. */
.macro end_group a, h, even, odd
    shl     v2.8h, v\h\().8h, #8
    sub     v2.8h, v\a\().8h, v2.8h
    shl     v4.4s, v\h\().4s, #16
    sshr    v4.4s, v4.4s, #8
    shl     v6.4s, v2.4s, #16
    sshr    v5.4s, v\h\().4s, #16
    ssra    v4.4s, v6.4s, #16
    shl     v5.4s, v5.4s, #8
    ssra    v5.4s, v2.4s, #16
    mul     v4.4s, v4.4s, v3.4s
    mul     v5.4s, v5.4s, v3.4s
    ssra    v\even\().4s, v4.4s, #11
    ssra    v\odd\().4s, v5.4s, #11
.endm

    kernel  rows16_attention_neon
    mov     x9, x1
    mov     x10, x2
    mov     x11, x3
    mov     x12, x4
    load_low x0
0:  movi    v12.4s, #0
    movi    v13.4s, #0
    movi    v14.4s, #0
    movi    v15.4s, #0
    /* What follows this strip; behind the last one there is nothing to load: itself once more. */
    subs    x7, x7, #1
    add     x8, x0, x6
    csel    x8, x0, x8, eq
1:  movi    v8.8h, #0
    movi    v9.8h, #0
    movi    v10.8h, #0
    movi    v11.8h, #0
    add     x13, x0, #128
    load_high x13
    quarter_low
    add     x13, x0, #256
    subs    x4, x4, #1
    csel    x13, x8, x13, eq
    load_low x13
    quarter_high
    cbz     x4, 2f
    add     x13, x0, #384
    load_high x13
    quarter_low
    add     x0, x0, #544
    subs    x4, x4, #1
    csel    x13, x8, x0, eq
    load_low x13
    quarter_high
2:  ld1r    {v3.4s}, [x3], #4
    end_group 8, 10, 12, 13
    end_group 9, 11, 14, 15
    cbnz    x4, 1b
    store_sums 12, 13, 14, 15, x5
    add     x5, x5, #64
    mov     x0, x8
    mov     x1, x9
    mov     x2, x10
    mov     x3, x11
    mov     x4, x12
    cbnz    x7, 0b
    end_kernel rows16_attention_neon
    .section .note.GNU-stack, "", %progbits
