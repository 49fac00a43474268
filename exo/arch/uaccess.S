/*
 * The copies between kernel and program: unprivileged loads and stores (LDTR, STTR) have EL0's
 * rights whatever PAN says. A data abort in [uaccess_begin, uaccess_fault) on an address of the
 * program continues at uaccess_fault (arch/vectors.S). Any alignment: SCTLR_EL1.A is 0.
 *
 *   err_t uaccess_read(void *to, va_t from, size_t bytes)
 *   err_t uaccess_write(va_t to, const void *from, size_t bytes)
 */
#include "arch/asm.h"
#include "arch/offsets.h"

/* What was loaded, to where x0 points: LDTR and STTR have no pairs. */
.macro uaccess_read_64
    pairs stp, x, 3, 4, x0, 0, 8
.endm
.macro uaccess_write_64
    .irp n, 3, 4, 5, 6, 7, 8, 9, 10
    sttr x\n, [x0, #(\n - 3) * 8]
    .endr
.endm

/* 64 bytes at a time, then 8, then 1. */
.macro copy name, load, store
function \name
    subs x2, x2, #64
    b.lo 2f
1:  .irp n, 3, 4, 5, 6, 7, 8, 9, 10
    \load x\n, [x1, #(\n - 3) * 8]
    .endr
    add x1, x1, #64
    \name\()_64
    add x0, x0, #64
    subs x2, x2, #64
    b.hs 1b
2:  adds x2, x2, #64 - 8
    b.mi 4f
3:  \load x3, [x1]
    add x1, x1, #8
    \store x3, [x0]
    add x0, x0, #8
    subs x2, x2, #8
    b.hs 3b
4:  adds x2, x2, #8
    b.eq 6f
5:  \load\()b w3, [x1]
    add x1, x1, #1
    \store\()b w3, [x0]
    add x0, x0, #1
    subs x2, x2, #1
    b.ne 5b
6:  mov x0, #0
    ret
end_function \name
.endm

    .text
    .global uaccess_begin
uaccess_begin:
    copy uaccess_read, ldtr, str
    copy uaccess_write, ldr, sttr
    .global uaccess_fault
uaccess_fault:
    mov x0, #EXO_E_FAULT_
    ret
