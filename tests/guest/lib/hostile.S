/* What hostile programs need and C cannot say: hostile.h. */
    .arch_extension fp
    .arch_extension simd

.macro FUNCTION name
    .section .text.\name, "ax"
    .global \name
    .type \name, %function
    .balign 4
\name:
    hint    #34 /* bti c */
.endm

FUNCTION fp_registers_any
    mov     x0, #0
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fmov    x1, d\n
    fmov    x2, v\n\().d[1]
    orr     x0, x0, x1
    orr     x0, x0, x2
    .endr
    ret

    .section .note.GNU-stack, "", %progbits
