/*
 * The copies between kernel and program: unprivileged loads and stores (LDTR, STTR) have EL0's
 * rights whatever PAN says. A data abort in [uaccess_begin, uaccess_fault) on an address of the
 * program continues at uaccess_fault (arch/vectors.S). Any alignment: SCTLR_EL1.A is 0.
 *
 *   bool uaccess_read(void *to, va_t from, size_t bytes)
 *   bool uaccess_write(va_t to, const void *from, size_t bytes)
 */
#include "arch/asm.h"

    .text
    .global uaccess_begin
uaccess_begin:

function uaccess_read
    subs x2, x2, #64
    b.lo 2f
1:  ldtr x3, [x1]
    ldtr x4, [x1, #8]
    ldtr x5, [x1, #16]
    ldtr x6, [x1, #24]
    ldtr x7, [x1, #32]
    ldtr x8, [x1, #40]
    ldtr x9, [x1, #48]
    ldtr x10, [x1, #56]
    add x1, x1, #64
    stp x3, x4, [x0]
    stp x5, x6, [x0, #16]
    stp x7, x8, [x0, #32]
    stp x9, x10, [x0, #48]
    add x0, x0, #64
    subs x2, x2, #64
    b.hs 1b
2:  adds x2, x2, #64 - 8
    b.mi 4f
3:  ldtr x3, [x1]
    add x1, x1, #8
    str x3, [x0], #8
    subs x2, x2, #8
    b.hs 3b
4:  adds x2, x2, #8
    b.eq 6f
5:  ldtrb w3, [x1]
    add x1, x1, #1
    strb w3, [x0], #1
    subs x2, x2, #1
    b.ne 5b
6:  mov w0, #1
    ret
end_function uaccess_read

function uaccess_write
    subs x2, x2, #64
    b.lo 2f
1:  ldp x3, x4, [x1]
    ldp x5, x6, [x1, #16]
    ldp x7, x8, [x1, #32]
    ldp x9, x10, [x1, #48]
    add x1, x1, #64
    sttr x3, [x0]
    sttr x4, [x0, #8]
    sttr x5, [x0, #16]
    sttr x6, [x0, #24]
    sttr x7, [x0, #32]
    sttr x8, [x0, #40]
    sttr x9, [x0, #48]
    sttr x10, [x0, #56]
    add x0, x0, #64
    subs x2, x2, #64
    b.hs 1b
2:  adds x2, x2, #64 - 8
    b.mi 4f
3:  ldr x3, [x1], #8
    sttr x3, [x0]
    add x0, x0, #8
    subs x2, x2, #8
    b.hs 3b
4:  adds x2, x2, #8
    b.eq 6f
5:  ldrb w3, [x1], #1
    sttrb w3, [x0]
    add x0, x0, #1
    subs x2, x2, #1
    b.ne 5b
6:  mov w0, #1
    ret
end_function uaccess_write

    .global uaccess_fault
uaccess_fault:
    mov w0, #0
    ret
