/* For assembly files: functions that indirect branches may reach (Arm ARM D8.4.6, BTI). */
#ifndef EXO_ARCH_ASM_H
#define EXO_ARCH_ASM_H

#define BTI_C  hint #34
#define BTI_J  hint #36

/* clang-format off */
.macro function name
    .balign 4
    .global \name
    .type \name, %function
\name:
    BTI_C
.endm

.macro end_function name
    .size \name, . - \name
.endm

/* `operation` (stp, ldp) on `count` pairs of registers x or q, from number `first` and \offset on. */
.altmacro
.macro pair operation, kind, low, high, base, offset
    \operation \kind\()\low, \kind\()\high, [\base, #\offset]
.endm
.macro pairs operation, kind, first, count, base, offset, bytes
    .set index, 0
    .rept \count
    pair \operation, \kind, %(\first + 2 * index), %(\first + 2 * index + 1), \base, \
        %(\offset + 2 * \bytes * index)
    .set index, index + 1
    .endr
.endm
/* clang-format on */

#endif
