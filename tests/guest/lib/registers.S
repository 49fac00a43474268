/* Registers across system calls and resume: see registers.h. */
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

.macro SAVE
    stp     x29, x30, [sp, #-112]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
.endm

.macro RESTORE_AND_RETURN
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     x29, x30, [sp], #112
    ret
.endm

/* x\n = n * 0x101 + 0x5a0000 */
.macro PATTERN n
    mov     x\n, #(\n * 0x101)
    movk    x\n, #0x5a, lsl #16
.endm

/* Sets bit n of x0 when x\n is not its pattern. Uses x1 and x2. */
.macro COMPARE n
    mov     x1, #(\n * 0x101)
    movk    x1, #0x5a, lsl #16
    cmp     x\n, x1
    cset    x2, ne
    orr     x0, x0, x2, lsl #\n
.endm

FUNCTION registers_changed_by_call
    SAVE
    mov     x8, x0
    mov     x0, x1
    str     x8, [sp, #96]
    .irp n, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    PATTERN \n
    .endr
    mov     x1, sp
    str     x1, [sp, #104]
    mov     x1, #0xa0000000 /* N and C */
    msr     nzcv, x1
    svc     #0
    mrs     x1, nzcv
    mov     x2, #0xa0000000
    cmp     x1, x2
    cset    x0, ne
    lsl     x0, x0, #31
    mov     x1, sp
    ldr     x2, [sp, #104]
    cmp     x1, x2
    cset    x2, ne
    orr     x0, x0, x2
    ldr     x1, [sp, #96]
    cmp     x8, x1
    cset    x2, ne
    orr     x0, x0, x2, lsl #8
    .irp n, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    COMPARE \n
    .endr
    RESTORE_AND_RETURN

FUNCTION fp_registers_fill
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    add     x0, x0, #1
    mvn     x1, x0
    fmov    d\n, x0
    fmov    v\n\().d[1], x1
    .endr
    ret

/* x19 = the seed that was filled in. */
FUNCTION fp_registers_changed_by
    SAVE
    mov     x20, x0
    mov     x21, x1
    mov     x19, #0x7700
    mov     x0, x19
    bl      fp_registers_fill
    mov     x0, x21
    blr     x20
    mov     x0, #0
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    add     x19, x19, #1
    fmov    x1, d\n
    fmov    x2, v\n\().d[1]
    mvn     x2, x2
    cmp     x1, x19
    ccmp    x2, x19, #0, eq
    cset    x1, ne
    orr     x0, x0, x1, lsl #\n
    .endr
    RESTORE_AND_RETURN

/* struct exo_context: x[31] at 0, sp at 248, pc at 256. SP points to the dump once resumed. */
FUNCTION resume_and_dump
    SAVE
    adrp    x2, saved_sp
    mov     x3, sp
    str     x3, [x2, :lo12:saved_sp]
    adr     x2, 1f
    str     x1, [x0, #248]
    str     x2, [x0, #256]
    mov     x8, #1 /* resume */
    svc     #0
    b       2f
1:  stp     x0, x1, [sp]
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    mrs     x0, nzcv
    stp     x30, x0, [sp, #240]
    mov     x0, #0
2:  adrp    x2, saved_sp
    ldr     x3, [x2, :lo12:saved_sp]
    mov     sp, x3
    RESTORE_AND_RETURN

/* The saved context is at 624 in the control page (struct exo_control), its pc at 256 in that. */
FUNCTION upcall_dump_entry
    sub     sp, sp, #272
    stp     x0, x1, [sp]
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    mrs     x5, nzcv
    add     x6, sp, #272
    stp     x30, x6, [sp, #240]
    str     x5, [sp, #256]
    adrp    x5, upcall_dump
    add     x5, x5, :lo12:upcall_dump
    mov     x6, #0
1:  ldr     x7, [sp, x6]
    str     x7, [x5, x6]
    add     x6, x6, #8
    cmp     x6, #(33 * 8)
    b.ne    1b
    ldr     x7, [x4, #(624 + 256)]
    add     x7, x7, #4
    str     x7, [x4, #(624 + 256)]
    add     x0, x4, #624
    mov     x8, #1 /* resume */
    svc     #0
    brk     #0

    .section .bss.upcall_dump, "aw", %nobits
    .balign 16
    .global upcall_dump
upcall_dump:
    .skip   33 * 8

    .section .bss.saved_sp, "aw", %nobits
    .balign 8
saved_sp:
    .skip   8

    .section .note.GNU-stack, "", %progbits
