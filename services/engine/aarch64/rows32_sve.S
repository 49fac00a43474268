/*
 * A strip of 32 rows in the layout rows32-q4-pairs times one vector: SVE2 with vectors of 256 bits, 16
 * lanes that are four rows each, of two columns in turn.
 *
 *   void rows32_q4_sve(const void *strip, const struct engine_single_group *vector,
 *                      const int32_t *scales, uint64_t groups, int32_t out[1][32]);
 *
 * As rows32_neon.S, which says how it works; a dot is the sum of an even and an odd lane. Only
 * instructions without predicates, and without a multiply-add: rows16_sve.S says why.
 *
 * z0, z1 quants of the vector, z2 a pair of them in all lanes, z3 its scale, z4 to z7 what is shifted
 * and products, z8 to z11 dots of rows 0 to 7, 8 to 15 and so on, z12 to z15 sums, z16 to z23 weights,
 * z30, z31 scales of the rows.
 */
    .arch   armv8.2-a+sve2

/* A pair of columns; then the weights of the one eight pairs on. */
.macro pair quants, index, weights, from, next
    dup     z2.s, z\quants\().s[\index]
    lsr     z5.h, z\weights\().h, #4
    lsr     z6.h, z\weights\().h, #8
    lsr     z7.h, z\weights\().h, #12
    mul     z4.h, z\weights\().h, z2.h
    mul     z5.h, z5.h, z2.h
    mul     z6.h, z6.h, z2.h
    mul     z7.h, z7.h, z2.h
    ldr     z\weights, [\from, #\next, mul vl]
    add     z8.h, z8.h, z4.h
    add     z9.h, z9.h, z5.h
    add     z10.h, z10.h, z6.h
    add     z11.h, z11.h, z7.h
.endm

/* All eight; those behind are loaded from the vector `next` of `from` on. */
.macro pairs quants, from, next
    pair    \quants, 0, 16, \from, (\next + 0)
    pair    \quants, 1, 17, \from, (\next + 1)
    pair    \quants, 2, 18, \from, (\next + 2)
    pair    \quants, 3, 19, \from, (\next + 3)
    pair    \quants, 4, 20, \from, (\next + 4)
    pair    \quants, 5, 21, \from, (\next + 5)
    pair    \quants, 6, 22, \from, (\next + 6)
    pair    \quants, 7, 23, \from, (\next + 7)
.endm

/* A dot less 16 times the next one's, in each lane. */
.macro take_next dot, next
    lsl     z4.h, z\next\().h, #4
    sub     z\dot\().h, z\dot\().h, z4.h
.endm

/* The dots of eight rows, in halves of lanes of 32 bits, times their scales and the vector's. */
.macro end_rows dot, scales, sum
    lsl     z4.s, z\dot\().s, #16
    add     z\dot\().s, z\dot\().s, z4.s
    asr     z\dot\().s, z\dot\().s, #16
    mul     z\dot\().s, z\dot\().s, z\scales\().s
    add     z\dot\().s, z\dot\().s, #8, lsl #8
    asr     z\dot\().s, z\dot\().s, #12
    mul     z\dot\().s, z\dot\().s, z3.s
    srsra   z\sum\().s, z\dot\().s, #7
.endm

/* Scales in turn of the rows of two dots: the even ones to z5, the odd ones stay. */
.macro split_scales scales
    lsl     z5.s, z\scales\().s, #16
    asr     z\scales\().s, z\scales\().s, #16
    asr     z5.s, z5.s, #16
.endm

    .text
    .global rows32_q4_sve
    .type   rows32_q4_sve, %function
    .balign 2048
rows32_q4_sve:
    bti     c
    stp     d8, d9, [sp, #-64]!
    stp     d10, d11, [sp, #16]
    stp     d12, d13, [sp, #32]
    stp     d14, d15, [sp, #48]
    dup     z12.s, #0
    dup     z13.s, #0
    dup     z14.s, #0
    dup     z15.s, #0
    mov     x6, x0
    mov     x7, x1
    ldr     z16, [x0]
    ldr     z17, [x0, #1, mul vl]
    ldr     z18, [x0, #2, mul vl]
    ldr     z19, [x0, #3, mul vl]
    ldr     z20, [x0, #4, mul vl]
    ldr     z21, [x0, #5, mul vl]
    ldr     z22, [x0, #6, mul vl]
    ldr     z23, [x0, #7, mul vl]
    ldr     z0, [x1]
1:  ldr     z1, [x1, #1, mul vl]
    ldrh    w9, [x1, #64]
    ldrh    w10, [x1, #66]
    ldrh    w11, [x1, #68]
    ldrh    w12, [x1, #70]
    /* What a dot begins with is in one of the two lanes that are added up. */
    dup     z8.s, w9
    dup     z9.s, w10
    dup     z10.s, w11
    dup     z11.s, w12
    pairs   0, x0, 8
    ldr     z30, [x0, #16, mul vl]
    ldr     z31, [x0, #17, mul vl]
    ldr     w8, [x2], #4
    subs    x3, x3, #1
    add     x0, x0, #576
    add     x1, x1, #80
    /* Behind the last group there is nothing to load: the first one once more. */
    csel    x9, x6, x0, eq
    csel    x10, x7, x1, eq
    ldr     z0, [x10]
    dup     z3.s, w8
    pairs   1, x9, 0
    take_next 8, 9
    take_next 9, 10
    take_next 10, 11
    split_scales 30
    end_rows 8, 5, 12
    end_rows 9, 30, 13
    split_scales 31
    end_rows 10, 5, 14
    end_rows 11, 31, 15
    cbnz    x3, 1b
    str     z12, [x4]
    str     z13, [x4, #1, mul vl]
    str     z14, [x4, #2, mul vl]
    str     z15, [x4, #3, mul vl]
    ldp     d14, d15, [sp, #48]
    ldp     d12, d13, [sp, #32]
    ldp     d10, d11, [sp, #16]
    ldp     d8, d9, [sp], #64
    ret
    .size   rows32_q4_sve, . - rows32_q4_sve
    .section .note.GNU-stack, "", %progbits
