/* What assembly knows of C structures; arch/cpu.c asserts that it is so. */
#ifndef EXO_ARCH_OFFSETS_H
#define EXO_ARCH_OFFSETS_H

/* struct cpu */
#define CPU_STACK_TOP  8
#define CPU_EPOCH      16
#define CPU_SCRATCH    32 /* two registers of the EL1 exception entry */
#define CPU_RESCHEDULE 81
#define CPU_EMERGENCY  (CPU_SCRATCH + 16) /* top of the stack that panics run on */

/* struct vcpu */
#define VCPU_CONTEXT    128
#define EXO_CALL_COUNT_ 59
#define EXO_E_FAULT_    (-5)

/* struct exo_context; the registers of struct panic_frame begin in the same way */
#define CONTEXT_X30   240
#define CONTEXT_SP    (CONTEXT_X30 + 8)
#define CONTEXT_PC    256
#define CONTEXT_BYTES 272

/* struct panic_frame: a context, then ESR and FAR */
#define FRAME_ESR   272
#define FRAME_BYTES 288

/* struct fp_state: FPSR and FPCR, then the registers */
#define FP_VECTORS 16

#endif
