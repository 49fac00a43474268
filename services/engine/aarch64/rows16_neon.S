/*
 * Strips of 16 rows in the layout rows16-q8, one behind the other, times one vector: NEON, 16-bit
 * lanes that are rows.
 *
 *   void rows16_q8_neon(const void *strips, const int16_t *quants, const int32_t *scales,
 *                       uint64_t groups, int32_t *out, uint64_t strip_count);
 *
 * A group is 16 pairs of columns, a lane the word w = w0 + 256 w1 of a row. The vector's side has x0
 * and x1' = x1 - 256 x0, so that w x0 + w1 x1' is w0 x0 + w1 x1, modulo 2^16 and so exactly: only w1
 * has to be unpacked, by a rounding shift. Weights are loaded a quarter of a group ahead: an emulator
 * writes registers in pieces and stalls when they are read at once.
 *
 * v0, v1 quants of the vector, v2, v3 one pair of them in all lanes, v4, v5 temporary, v6, v7 scales
 * of the rows, v8, v9 dots of rows 0 to 7 and 8 to 15, v12 to v15 sums of the even and odd of these
 * rows, v16 to v31 weights.
 */
#include "neon.inc"

.macro pair_block weights, dot
    srshr   v4.8h, v\weights\().8h, #8
    mul     v5.8h, v\weights\().8h, v2.8h
    mla     v5.8h, v4.8h, v3.8h
    ssra    v\dot\().8h, v5.8h, #4
.endm

.macro pair quants, index, low, high
    dup     v2.8h, v\quants\().h[2 * (\index)]
    dup     v3.8h, v\quants\().h[2 * (\index) + 1]
    pair_block \low, 8
    pair_block \high, 9
.endm

.macro quarter_low
    pair    0, 0, 16, 17
    pair    0, 1, 18, 19
    pair    0, 2, 20, 21
    pair    0, 3, 22, 23
.endm

.macro quarter_high
    pair    1, 0, 24, 25
    pair    1, 1, 26, 27
    pair    1, 2, 28, 29
    pair    1, 3, 30, 31
.endm

/* The dots of eight rows, times their scales and the vector's (v3), added to v\even, v\odd. */
.macro end_group dot, scales, even, odd
    shl     v4.4s, v\dot\().4s, #16
    sshr    v5.4s, v\dot\().4s, #16
    shl     v2.4s, v\scales\().4s, #16
    sshr    v4.4s, v4.4s, #16
    ushr    v2.4s, v2.4s, #16
    ushr    v\scales\().4s, v\scales\().4s, #16
    mul     v4.4s, v4.4s, v2.4s
    mul     v5.4s, v5.4s, v\scales\().4s
    sshr    v4.4s, v4.4s, #12
    sshr    v5.4s, v5.4s, #12
    mul     v4.4s, v4.4s, v3.4s
    mul     v5.4s, v5.4s, v3.4s
    ssra    v\even\().4s, v4.4s, #7
    ssra    v\odd\().4s, v5.4s, #7
.endm

    kernel  rows16_q8_neon
    mov     x9, x1
    mov     x10, x2
    mov     x11, x3
    load_low x0
    ldr     q0, [x1]
0:  movi    v12.4s, #0
    movi    v13.4s, #0
    movi    v14.4s, #0
    movi    v15.4s, #0
1:  movi    v8.8h, #8
    movi    v9.8h, #8
    add     x7, x0, #128
    load_high x7
    ldr     q1, [x1, #16]
    quarter_low
    add     x7, x0, #256
    load_low x7
    ldr     q0, [x1, #32]
    quarter_high
    add     x7, x0, #384
    load_high x7
    ldr     q1, [x1, #48]
    quarter_low
    ldp     q6, q7, [x0, #512]
    subs    x3, x3, #1
    add     x0, x0, #544
    add     x1, x1, #64
    /* Behind a strip's last group are the rows' bases. */
    add     x7, x0, #64
    csel    x0, x7, x0, eq
    csel    x1, x9, x1, eq
    /* Behind the last strip there is nothing to load: what was loaded last once more. */
    sub     x8, x0, #608
    cmp     x3, #0
    ccmp    x5, #1, #0, eq
    csel    x7, x8, x0, eq
    load_low x7
    ldr     q0, [x1]
    quarter_high
    ld1r    {v3.4s}, [x2], #4
    end_group 8, 6, 12, 13
    end_group 9, 7, 14, 15
    cbnz    x3, 1b
    store_sums 12, 13, 14, 15, x4
    add     x4, x4, #64
    /* The next strip's first weights are loaded already. */
    mov     x2, x10
    mov     x3, x11
    ldr     q0, [x9]
    subs    x5, x5, #1
    b.ne    0b
    end_kernel rows16_q8_neon
    .section .note.GNU-stack, "", %progbits
