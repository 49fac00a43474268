/*
 * Two strips of 16 rows in the layout rows16-q8, times one vector: SVE2 with vectors of 256 bits, 16
 * lanes that are rows. The strips share the vector's quants.
 *
 *   void rows16_q8_sve(const void *strip, uint64_t strip_bytes, const int16_t *quants,
 *                      const int32_t *scales, uint64_t groups, int32_t out[32]);
 *
 * As rows16_neon.S, which says how it works. Only instructions without predicates, and without a
 * multiply-add: those are what an emulator does fast. (A rounding shift has a predicate: z11 has what
 * is added in its place.)
 */
    .arch   armv8.2-a+sve2

.macro pair_block weights, dot
    add     z4.h, z\weights\().h, z11.h
    mul     z5.h, z\weights\().h, z2.h
    asr     z4.h, z4.h, #8
    mul     z4.h, z4.h, z3.h
    add     z5.h, z5.h, z4.h
    ssra    z\dot\().h, z5.h, #4
.endm

.macro pair quants, index, first, second
    dup     z2.h, z\quants\().h[2 * (\index)]
    dup     z3.h, z\quants\().h[2 * (\index) + 1]
    pair_block \first, 8
    pair_block \second, 9
.endm

/* A quarter of a group: four registers of each strip. */
.macro load_low first, second, offset
    ldr     z16, [\first, #\offset, mul vl]
    ldr     z17, [\second, #\offset, mul vl]
    ldr     z18, [\first, #\offset + 1, mul vl]
    ldr     z19, [\second, #\offset + 1, mul vl]
    ldr     z20, [\first, #\offset + 2, mul vl]
    ldr     z21, [\second, #\offset + 2, mul vl]
    ldr     z22, [\first, #\offset + 3, mul vl]
    ldr     z23, [\second, #\offset + 3, mul vl]
.endm

.macro load_high first, second, offset
    ldr     z24, [\first, #\offset, mul vl]
    ldr     z25, [\second, #\offset, mul vl]
    ldr     z26, [\first, #\offset + 1, mul vl]
    ldr     z27, [\second, #\offset + 1, mul vl]
    ldr     z28, [\first, #\offset + 2, mul vl]
    ldr     z29, [\second, #\offset + 2, mul vl]
    ldr     z30, [\first, #\offset + 3, mul vl]
    ldr     z31, [\second, #\offset + 3, mul vl]
.endm

.macro quarter_low quants, index
    pair    \quants, \index, 16, 17
    pair    \quants, \index + 1, 18, 19
    pair    \quants, \index + 2, 20, 21
    pair    \quants, \index + 3, 22, 23
.endm

.macro quarter_high quants, index
    pair    \quants, \index, 24, 25
    pair    \quants, \index + 1, 26, 27
    pair    \quants, \index + 2, 28, 29
    pair    \quants, \index + 3, 30, 31
.endm

.macro end_group dot, scales, even, odd
    lsl     z4.s, z\dot\().s, #16
    asr     z5.s, z\dot\().s, #16
    lsl     z2.s, z\scales\().s, #16
    asr     z4.s, z4.s, #16
    lsr     z2.s, z2.s, #16
    lsr     z\scales\().s, z\scales\().s, #16
    mul     z4.s, z4.s, z2.s
    mul     z5.s, z5.s, z\scales\().s
    asr     z4.s, z4.s, #12
    asr     z5.s, z5.s, #12
    mul     z4.s, z4.s, z3.s
    mul     z5.s, z5.s, z3.s
    ssra    z\even\().s, z4.s, #7
    ssra    z\odd\().s, z5.s, #7
.endm

    .text
    .global rows16_q8_sve
    .type   rows16_q8_sve, %function
    .balign 16
rows16_q8_sve:
    bti     c
    stp     d8, d9, [sp, #-64]!
    stp     d10, d11, [sp, #16]
    stp     d12, d13, [sp, #32]
    stp     d14, d15, [sp, #48]
    dup     z12.s, #0
    dup     z13.s, #0
    dup     z14.s, #0
    dup     z15.s, #0
    add     x1, x0, x1
    mov     x6, x0
    mov     x7, x1
    mov     x8, x2
    load_low x0, x1, 0
    ldr     z0, [x2]
    mov     w9, #128
    dup     z11.h, w9
1:  dup     z8.h, #8
    dup     z9.h, #8
    load_high x0, x1, 4
    ldr     z1, [x2, #1, mul vl]
    quarter_low 0, 0
    load_low x0, x1, 8
    quarter_high 0, 4
    load_high x0, x1, 12
    quarter_low 1, 0
    ldr     z6, [x0, #16, mul vl]
    ldr     z7, [x1, #16, mul vl]
    subs    x4, x4, #1
    add     x0, x0, #544
    add     x1, x1, #544
    add     x2, x2, #64
    csel    x9, x6, x0, eq
    csel    x10, x7, x1, eq
    csel    x11, x8, x2, eq
    load_low x9, x10, 0
    ldr     z0, [x11]
    quarter_high 1, 4
    ldr     w9, [x3], #4
    dup     z3.s, w9
    end_group 8, 6, 12, 13
    end_group 9, 7, 14, 15
    cbnz    x4, 1b
    zip1    z0.s, z12.s, z13.s
    zip2    z1.s, z12.s, z13.s
    zip1    z2.s, z14.s, z15.s
    zip2    z3.s, z14.s, z15.s
    str     z0, [x5]
    str     z1, [x5, #1, mul vl]
    str     z2, [x5, #2, mul vl]
    str     z3, [x5, #3, mul vl]
    ldp     d14, d15, [sp, #48]
    ldp     d12, d13, [sp, #32]
    ldp     d10, d11, [sp, #16]
    ldp     d8, d9, [sp], #64
    ret
    .size   rows16_q8_sve, . - rows16_q8_sve
    .section .note.GNU-stack, "", %progbits
