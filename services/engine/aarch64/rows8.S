/*
 * Strips of 8 rows in the layouts rows8-dot-q8 and rows8-dot-q4, one behind the other: SDOT for one
 * vector, SMMLA for two.
 *
 *   void rows8_q8_sdot(const void *strips, const int8_t *quants, const float *scales,
 *                      const struct rows8_extent *extent, float *out);
 *   void rows8_q4_sdot(the same);
 *   void rows8_q8_smmla(const void *strips, const int8_t *quants, const float *scales,
 *                       const struct rows8_extent *extent, float *out);
 *   void rows8_q4_smmla(the same);
 *
 * An extent is four words of 64 bits: strips, groups that have a scale of the vector, pieces of 32
 * columns in each of these; of two vectors the second's quants begin at that many bytes, a column
 * each, behind the first's (and its scales behind the first's). Results of two vectors are those of
 * the first for all strips, then those of the second, from out + 32 on.
 *
 * v0 to v3 quants of the vector, v4 to v7 and v24 to v27 weights, v16 to v19 sums of a group, of two
 * rows each, v20 to v23 sums of all, v28 to v30 temporary, v31 a mask for the high halves of bytes.
 */
    .arch   armv8.2-a+dotprod+i8mm

/* Four times eight columns, at x0: of 8 bits, or of 4, times 16. */
.macro eight_q8 op, eight
    ldp     q4, q5, [x0], #32
    ldp     q6, q7, [x0], #32
    \op     v16.4s, v4.16b, v\eight\().16b
    \op     v17.4s, v5.16b, v\eight\().16b
    \op     v18.4s, v6.16b, v\eight\().16b
    \op     v19.4s, v7.16b, v\eight\().16b
.endm

.macro eights_q4 op, first, second
    ldp     q4, q5, [x0], #32
    ldp     q6, q7, [x0], #32
    shl     v24.16b, v4.16b, #4
    shl     v25.16b, v5.16b, #4
    shl     v26.16b, v6.16b, #4
    shl     v27.16b, v7.16b, #4
    and     v4.16b, v4.16b, v31.16b
    and     v5.16b, v5.16b, v31.16b
    and     v6.16b, v6.16b, v31.16b
    and     v7.16b, v7.16b, v31.16b
    \op     v16.4s, v24.16b, v\first\().16b
    \op     v17.4s, v25.16b, v\first\().16b
    \op     v18.4s, v26.16b, v\first\().16b
    \op     v19.4s, v27.16b, v\first\().16b
    \op     v16.4s, v4.16b, v\second\().16b
    \op     v17.4s, v5.16b, v\second\().16b
    \op     v18.4s, v6.16b, v\second\().16b
    \op     v19.4s, v7.16b, v\second\().16b
.endm

.macro piece_q8 op
    eight_q8 \op, 0
    eight_q8 \op, 1
    eight_q8 \op, 2
    eight_q8 \op, 3
.endm

.macro piece_q4 op
    eights_q4 \op, 0, 1
    eights_q4 \op, 2, 3
.endm

.macro clear_group
    movi    v16.4s, #0
    movi    v17.4s, #0
    movi    v18.4s, #0
    movi    v19.4s, #0
.endm

/* sum += (float)dot * row scale * vector scale, each rounded. */
.macro add_group sum, dot, rows, vector
    scvtf   v\dot\().4s, v\dot\().4s
    fmul    v\dot\().4s, v\dot\().4s, v\rows\().4s
    fmul    v\dot\().4s, v\dot\().4s, v\vector\().4s
    fadd    v\sum\().4s, v\sum\().4s, v\dot\().4s
.endm

.macro sdot_strips name, piece
    .global \name
    .type   \name, %function
    .balign 16
\name:
    bti     c
    ldp     x5, x6, [x3]
    ldr     x7, [x3, #16]
    movi    v31.16b, #0xf0
1:  mov     x8, x1
    mov     x9, x2
    mov     x10, x6
    movi    v20.4s, #0
    movi    v21.4s, #0
2:  mov     x11, x7
    clear_group
3:  ld1r    {v0.2d}, [x8], #8
    ld1r    {v1.2d}, [x8], #8
    ld1r    {v2.2d}, [x8], #8
    ld1r    {v3.2d}, [x8], #8
    \piece  sdot
    ldp     q28, q29, [x0], #32
    subs    x11, x11, #1
    b.ne    3b
    ld1r    {v30.4s}, [x9], #4
    addp    v16.4s, v16.4s, v17.4s
    addp    v18.4s, v18.4s, v19.4s
    add_group 20, 16, 28, 30
    add_group 21, 18, 29, 30
    subs    x10, x10, #1
    b.ne    2b
    stp     q20, q21, [x4], #32
    subs    x5, x5, #1
    b.ne    1b
    ret
    .size   \name, . - \name
.endm

.macro smmla_strips name, piece
    .global \name
    .type   \name, %function
    .balign 16
\name:
    bti     c
    ldp     x5, x6, [x3]
    ldp     x7, x12, [x3, #16]
    movi    v31.16b, #0xf0
1:  mov     x8, x1
    add     x13, x1, x12
    mov     x9, x2
    add     x14, x2, x6, lsl #2
    mov     x10, x6
    movi    v20.4s, #0
    movi    v21.4s, #0
    movi    v22.4s, #0
    movi    v23.4s, #0
2:  mov     x11, x7
    clear_group
3:  ldp     q24, q25, [x8], #32
    ldp     q26, q27, [x13], #32
    zip1    v0.2d, v24.2d, v26.2d
    zip2    v1.2d, v24.2d, v26.2d
    zip1    v2.2d, v25.2d, v27.2d
    zip2    v3.2d, v25.2d, v27.2d
    \piece  smmla
    ldp     q28, q29, [x0], #32
    subs    x11, x11, #1
    b.ne    3b
    /* Of two rows: the first's with both vectors, then the second's. */
    uzp1    v4.4s, v16.4s, v17.4s
    uzp2    v6.4s, v16.4s, v17.4s
    uzp1    v5.4s, v18.4s, v19.4s
    uzp2    v7.4s, v18.4s, v19.4s
    ld1r    {v30.4s}, [x9], #4
    add_group 20, 4, 28, 30
    add_group 21, 5, 29, 30
    ld1r    {v30.4s}, [x14], #4
    add_group 22, 6, 28, 30
    add_group 23, 7, 29, 30
    subs    x10, x10, #1
    b.ne    2b
    stp     q22, q23, [x4, #128]
    stp     q20, q21, [x4], #32
    subs    x5, x5, #1
    b.ne    1b
    ret
    .size   \name, . - \name
.endm

    .text
    sdot_strips  rows8_q8_sdot, piece_q8
    sdot_strips  rows8_q4_sdot, piece_q4
    smmla_strips rows8_q8_smmla, piece_q8
    smmla_strips rows8_q4_smmla, piece_q4
    .section .note.GNU-stack, "", %progbits
