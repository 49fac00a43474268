/*
 * A strip of 32 rows in the layout rows32-q4 times one vector: NEON, 16-bit lanes that are four rows.
 *
 *   void rows32_q4_neon(const void *strip, const struct engine_single_group *vector,
 *                       const int32_t *scales, uint64_t groups, float out[32], int32_t factor);
 *
 * What becomes of the sums is what rows32_finish does with them; factor is what its bases have in
 * common. (It is here since a call of C costs an emulator as much as a group.)
 *
 * Of a word w a column adds w x to v4, (w >> 4) x to v5, (w >> 8) x to v6, (w >> 12) x to v7: each
 * has a row's dot and 16 times the next one of these, modulo 2^16 and so exactly. Weights are
 * loaded six to eight columns ahead (rows16_neon.S says why), and what is shifted goes to registers of
 * its own: in place each shift waits for the one before it in the emulator's memory, an eighth of all.
 *
 * v0, v1 quants of the vector, v2, v3 one of them in all lanes, v4 to v7 dots of rows 0 to 7, 8 to 15, 16
 * to 23, 24 to 31, v8 to v15 sums of the even and odd of these rows, v16 to v23 weights, v24 to v29
 * what is shifted; then v28 to v31 scales of the rows, v27 the vector's.
 */
#include "neon.inc"

.macro column quants, index, weights, all, a, b, c
    dup     v\all\().8h, v\quants\().h[\index]
    ushr    v\a\().8h, v\weights\().8h, #4
    ushr    v\b\().8h, v\weights\().8h, #8
    ushr    v\c\().8h, v\weights\().8h, #12
    mla     v4.8h, v\weights\().8h, v\all\().8h
    mla     v5.8h, v\a\().8h, v\all\().8h
    mla     v6.8h, v\b\().8h, v\all\().8h
    mla     v7.8h, v\c\().8h, v\all\().8h
.endm

/* Two columns, and into their place two at [from, #offset]. */
.macro columns quants, index, first, second, from, offset
    column  \quants, \index, \first, 2, 24, 25, 26
    column  \quants, \index + 1, \second, 3, 27, 28, 29
    ldp     q\first, q\second, [\from, #\offset]
.endm

/* Eight columns; into their place those at [x0, #offset]. */
.macro quarter quants, offset
    columns \quants, 0, 16, 17, x0, \offset
    columns \quants, 2, 18, 19, x0, \offset + 32
    columns \quants, 4, 20, 21, x0, \offset + 64
    columns \quants, 6, 22, 23, x0, \offset + 96
.endm

/* Four columns at the end of a group, with fewer registers. */
.macro half index, first, second, third, fourth
    column  1, \index, \first, 2, 24, 25, 26
    column  1, \index + 1, \second, 3, 24, 25, 26
    ldp     q\first, q\second, [x7], #32
    column  1, \index + 2, \third, 2, 24, 25, 26
    column  1, \index + 3, \fourth, 3, 24, 25, 26
    ldp     q\third, q\fourth, [x7], #32
.endm

/* The dots of eight rows, times their scales and the vector's (v27), added to v\even, v\odd. */
.macro end_group dot, scales, even, odd
    shl     v2.4s, v\dot\().4s, #16
    sshr    v\dot\().4s, v\dot\().4s, #16
    shl     v3.4s, v\scales\().4s, #16
    sshr    v2.4s, v2.4s, #16
    sshr    v\scales\().4s, v\scales\().4s, #16
    sshr    v3.4s, v3.4s, #16
    mul     v\dot\().4s, v\dot\().4s, v\scales\().4s
    mul     v2.4s, v2.4s, v3.4s
    srshr   v\dot\().4s, v\dot\().4s, #12
    srshr   v2.4s, v2.4s, #12
    mul     v\dot\().4s, v\dot\().4s, v27.4s
    mul     v2.4s, v2.4s, v27.4s
    srsra   v\odd\().4s, v\dot\().4s, #7
    srsra   v\even\().4s, v2.4s, #7
.endm

/* A dot less 16 times the next one's. */
.macro take_next dot, next
    shl     v24.8h, v\next\().8h, #4
    sub     v\dot\().8h, v\dot\().8h, v24.8h
.endm

/* Floats from sums of four rows, as rows16_scale has it: sums times powers of two. */
.macro scale_four to, sums, bases, none
    scvtf   v\to\().4s, v\sums\().4s
    cmge    v\none\().4s, v\bases\().4s, v25.4s
    add     v\bases\().4s, v\bases\().4s, v24.4s
    cmeq    v\sums\().4s, v\sums\().4s, #0
    and     v\none\().16b, v\none\().16b, v25.16b
    add     v\to\().4s, v\to\().4s, v\bases\().4s
    bic     v\to\().16b, v\to\().16b, v\sums\().16b
    orr     v\to\().16b, v\to\().16b, v\none\().16b
.endm

/* Of eight rows; their bases are in v\first and v\second. */
.macro results even, odd, first, second, offset
    zip1    v0.4s, v\even\().4s, v\odd\().4s
    zip2    v1.4s, v\even\().4s, v\odd\().4s
    scale_four 2, 0, \first, 26
    scale_four 3, 1, \second, 27
    stp     q2, q3, [x4, #\offset]
.endm

    kernel  rows32_q4_neon
    movi    v8.4s, #0
    movi    v9.4s, #0
    movi    v10.4s, #0
    movi    v11.4s, #0
    movi    v12.4s, #0
    movi    v13.4s, #0
    movi    v14.4s, #0
    movi    v15.4s, #0
    mov     x10, x0
    mov     x11, x1
    load_low x0
    ldr     q0, [x1]
1:  ldr     q1, [x1, #64]
    dup     v4.8h, v1.h[0]
    dup     v5.8h, v1.h[1]
    dup     v6.8h, v1.h[2]
    dup     v7.8h, v1.h[3]
    ldr     q1, [x1, #16]
    quarter 0, 128
    ldr     q0, [x1, #32]
    quarter 1, 256
    ldr     q1, [x1, #48]
    quarter 0, 384
    subs    x3, x3, #1
    add     x8, x0, #512
    add     x0, x0, #576
    add     x1, x1, #80
    /* Behind the last group there is nothing to load: the first one once more. */
    csel    x7, x10, x0, eq
    csel    x9, x11, x1, eq
    ldr     q0, [x9]
    half    0, 16, 17, 18, 19
    ldp     q28, q29, [x8]
    ldp     q30, q31, [x8, #32]
    ld1r    {v27.4s}, [x2], #4
    half    4, 20, 21, 22, 23
    take_next 4, 5
    take_next 5, 6
    take_next 6, 7
    end_group 4, 28, 8, 9
    end_group 5, 29, 10, 11
    end_group 6, 30, 12, 13
    end_group 7, 31, 14, 15
    cbnz    x3, 1b
    ldp     q16, q17, [x0]
    ldp     q18, q19, [x0, #32]
    ldp     q20, q21, [x0, #64]
    ldp     q22, q23, [x0, #96]
    dup     v24.4s, w5
    mov     w8, #0x7fc00000 /* no number */
    dup     v25.4s, w8
    results 8, 9, 16, 17, 0
    results 10, 11, 18, 19, 32
    results 12, 13, 20, 21, 64
    results 14, 15, 22, 23, 96
    end_kernel rows32_q4_neon
    .section .note.GNU-stack, "", %progbits
