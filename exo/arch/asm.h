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
/* clang-format on */

#endif
