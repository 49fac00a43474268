/*
 * Exceptions (Arm ARM D1.3.1).
 *
 * In EL0 SP_EL1 points to the context of the vCPU that runs, so that entry stores the registers
 * straight into it. It then takes the CPU's stack and enters the epoch: the store must be visible
 * before any generation is read (the revoker stores a generation, then reads epochs: one of the two
 * sees the other's store), hence the barrier. Interrupts stay masked at EL1.
 */
#include "arch/asm.h"
#include "arch/offsets.h"
#include "arch/sysreg.h"

.macro store_context
    pairs stp, x, 0, 15, sp, 0, 8
.endm

/* From EL0: x0 = context, x19 = this CPU, on its stack, inside the epoch. */
.macro enter_kernel
    mrs x21, sp_el0
    mrs x22, elr_el1
    mrs x23, spsr_el1
    stp x30, x21, [sp, #CONTEXT_X30]
    stp x22, x23, [sp, #CONTEXT_PC]
    mrs x19, tpidr_el1
    adrp x2, global_epoch
    ldr x3, [x19, #CPU_STACK_TOP]
    ldr x2, [x2, :lo12:global_epoch]
    mov x0, sp
    str x2, [x19, #CPU_EPOCH]
    mov sp, x3
    dmb ish
.endm

/* Each vector has room for 32 instructions. */
.macro vector_lower handler
    .balign 128
    store_context
    b \handler
.endm

/* `frame` is on the emergency stack, whatever happened to the other one. */
.macro vector_panic kind
    .balign 128
    msr sp_el0, x0
    mrs x0, tpidr_el1
    stp x1, x2, [x0, #CPU_SCRATCH]
    mov x2, #\kind
    b panic_entry
.endm

    .section .text.vectors, "ax"
    .balign 2048
    .global vectors
vectors:
    vector_panic 0  /* current EL with SP_EL0: never used */
    vector_panic 1
    vector_panic 2
    vector_panic 3

    .balign 128     /* current EL: synchronous */
    b el1_synchronous
    vector_panic 5
    vector_panic 6
    vector_panic 7

    vector_lower el0_synchronous
    vector_lower el0_interrupt
    vector_panic 10
    vector_panic 11

    vector_panic 12 /* AArch32: HCR_EL2.RW is set and SPSR never asks for it */
    vector_panic 13
    vector_panic 14
    vector_panic 15
    .balign 128

el0_synchronous:
    enter_kernel
    mrs x1, esr_el1
    lsr x2, x1, #ESR_EC_SHIFT
    cmp x2, #EC_SVC64
    b.ne fault
    /* A system call: trap_call's quick half. x8 is still the number; x20 = context. */
    adrp x2, trace_mask
    ldr w2, [x2, :lo12:trace_mask]
    cbnz w2, slow_call
    cmp x8, #EXO_CALL_COUNT_
    b.hs slow_call
    adrp x3, system_calls
    add x3, x3, :lo12:system_calls
    ldr x3, [x3, x8, lsl #3]
    mov x20, x0
    mov x1, x0
    sub x0, x0, #VCPU_CONTEXT
    blr x3
    cmp x0, #0
    b.gt switched_call
    ldrb w2, [x19, #CPU_RESCHEDULE]
    str x0, [x20]
    mov x0, x20
    cbz w2, leave_kernel
    mov w0, #1
    bl sched_choose
    b leave_kernel

slow_call:
    bl trap_call
    b leave_kernel
switched_call:
    cmp x0, #2          /* CALL_ENTERED */
    mvn x0, x0          /* beyond it: CALL_CONTEXT */
    b.hi leave_kernel
    mvn x0, x0
    bl call_switched

/*
 * Back to EL0: x0 = context, x19 = this CPU. Outside of the epoch this CPU holds no reference but
 * `current`, which keeps the vCPU (and so the context) alive.
 */
leave_kernel:
    add x2, x19, #CPU_EPOCH
    mov x1, #-1
    stlr x1, [x2]
    mov sp, x0
    ldp x22, x23, [sp, #CONTEXT_PC]
    ldp x30, x21, [sp, #CONTEXT_X30]
    msr elr_el1, x22
    msr spsr_el1, x23
    msr sp_el0, x21
    pairs ldp, x, 0, 15, sp, 0, 8
    eret

fault:
    mrs x2, far_el1
    bl trap_fault
    b leave_kernel

el0_interrupt:
    enter_kernel
    bl trap_interrupt
    b leave_kernel

function arch_enter_user
    mrs x19, tpidr_el1
    b leave_kernel
end_function arch_enter_user

/*
 * A data abort on a program's address (bit 63 of FAR is clear) inside the copy functions makes
 * them return EXO_E_FAULT. SP_EL0 is free at EL1: the program's is in its context.
 */
el1_synchronous:
    msr sp_el0, x0
    mrs x0, tpidr_el1
    stp x1, x2, [x0, #CPU_SCRATCH]
    mrs x1, esr_el1
    lsr x1, x1, #ESR_EC_SHIFT
    cmp x1, #EC_DATA_SAME
    b.ne 1f
    mrs x1, far_el1
    tbnz x1, #63, 1f
    mrs x1, elr_el1
    adrp x2, uaccess_begin
    add x2, x2, :lo12:uaccess_begin
    cmp x1, x2
    b.lo 1f
    adrp x2, uaccess_fault
    add x2, x2, :lo12:uaccess_fault
    cmp x1, x2
    b.hs 1f
    msr elr_el1, x2
    ldp x1, x2, [x0, #CPU_SCRATCH]
    mrs x0, sp_el0
    eret
1:  mov x2, #4

/* x0 = this CPU, x1 and x2 in its scratch, x0's value in SP_EL0, x2 = number of the vector. */
panic_entry:
    str x3, [x0, #CPU_SCRATCH + 24]
    mov x3, sp
    ldr x1, [x0, #CPU_EMERGENCY]
    sub sp, x1, #FRAME_BYTES
    str x3, [sp, #CONTEXT_SP]
    ldr x3, [x0, #CPU_SCRATCH + 24]
    stp x2, x3, [sp, #16]
    ldp x1, x3, [x0, #CPU_SCRATCH]
    mrs x0, sp_el0
    stp x0, x1, [sp]
    mov x1, x2
    str x3, [sp, #16]
    pairs stp, x, 4, 13, sp, 32, 8
    str x30, [sp, #CONTEXT_X30]
    mrs x2, elr_el1
    mrs x3, spsr_el1
    stp x2, x3, [sp, #CONTEXT_PC]
    mrs x2, esr_el1
    mrs x3, far_el1
    stp x2, x3, [sp, #FRAME_ESR]
    mov x0, sp
    bl panic_exception
    b .
