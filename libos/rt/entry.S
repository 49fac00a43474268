/*
 * Where the kernel enters a program. Each entry ends the chain of frame pointers and goes on in C;
 * SP and the first arguments are the kernel's (exo/abi.h).
 */
.macro ENTRY name, target
    .section .text.\name, "ax"
    .global \name
    .type \name, %function
\name:
    hint    #34 /* bti c */
    mov     x29, xzr
    mov     x30, xzr
    b       \target
    .size \name, . - \name
.endm

    ENTRY   _start, rt_start_init               /* x0 = EXO_BOOT_INFO_VA */
    ENTRY   rt_entry_child, rt_start_child      /* x0 = the page shared with the parent */
    ENTRY   rt_entry_vcpu, rt_start_vcpu        /* x0 = what rt_vcpu_make gave: nothing */
    ENTRY   rt_entry_upcall, rt_upcall_enter    /* x0 = kind, x1..x3, x4 = control page */

    .section .note.GNU-stack, "", %progbits
