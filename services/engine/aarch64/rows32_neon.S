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
 * loaded a quarter of a group ahead, as in rows16_neon.S.
 *
 * v0, v1 quants of the vector, v2, v3 one of them in all lanes, v4 to v7 dots of rows 0 to 7, 8 to 15,
 * 16 to 23, 24 to 31, v8 to v15 sums of the even and odd of these rows, v16 to v31 weights.
 */
#include "neon.inc"

.macro column quants, index, weights, all
    dup     v\all\().8h, v\quants\().h[\index]
    mla     v4.8h, v\weights\().8h, v\all\().8h
    ushr    v\weights\().8h, v\weights\().8h, #4
    mla     v5.8h, v\weights\().8h, v\all\().8h
    ushr    v\weights\().8h, v\weights\().8h, #4
    mla     v6.8h, v\weights\().8h, v\all\().8h
    ushr    v\weights\().8h, v\weights\().8h, #4
    mla     v7.8h, v\weights\().8h, v\all\().8h
.endm

.macro quarter_low
    column  0, 0, 16, 2
    column  0, 1, 17, 3
    column  0, 2, 18, 2
    column  0, 3, 19, 3
    column  0, 4, 20, 2
    column  0, 5, 21, 3
    column  0, 6, 22, 2
    column  0, 7, 23, 3
.endm

/* The dots of eight rows, times their scales and the vector's (v29), added to v\even, v\odd. */
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
    mul     v\dot\().4s, v\dot\().4s, v29.4s
    mul     v2.4s, v2.4s, v29.4s
    srsra   v\odd\().4s, v\dot\().4s, #7
    srsra   v\even\().4s, v2.4s, #7
.endm

/* A dot less 16 times the next one's. */
.macro take_next dot, next
    shl     v30.8h, v\next\().8h, #4
    sub     v\dot\().8h, v\dot\().8h, v30.8h
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
    ldr     q28, [x1, #64]
1:  dup     v4.8h, v28.h[0]
    dup     v5.8h, v28.h[1]
    dup     v6.8h, v28.h[2]
    dup     v7.8h, v28.h[3]
    add     x7, x0, #128
    load_high x7
    ldr     q1, [x1, #16]
    quarter_low
    add     x7, x0, #256
    load_low x7
    ldr     q0, [x1, #32]
    column  1, 0, 24, 2
    column  1, 1, 25, 3
    column  1, 2, 26, 2
    column  1, 3, 27, 3
    column  1, 4, 28, 2
    column  1, 5, 29, 3
    column  1, 6, 30, 2
    column  1, 7, 31, 3
    add     x7, x0, #384
    load_high x7
    ldr     q1, [x1, #48]
    quarter_low
    subs    x3, x3, #1
    add     x8, x0, #512
    add     x0, x0, #576
    add     x1, x1, #80
    /* Behind the last group there is nothing to load: the first one once more. */
    csel    x7, x10, x0, eq
    csel    x9, x11, x1, eq
    load_low x7
    ldr     q0, [x9]
    column  1, 0, 24, 2
    column  1, 1, 25, 3
    ldp     q24, q25, [x8]
    column  1, 2, 26, 2
    column  1, 3, 27, 3
    ldp     q26, q27, [x8, #32]
    column  1, 4, 28, 2
    column  1, 5, 29, 3
    ldr     q28, [x9, #64]
    ld1r    {v29.4s}, [x2], #4
    column  1, 6, 30, 2
    column  1, 7, 31, 3
    take_next 4, 5
    take_next 5, 6
    take_next 6, 7
    end_group 4, 24, 8, 9
    end_group 5, 25, 10, 11
    end_group 6, 26, 12, 13
    end_group 7, 27, 14, 15
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
