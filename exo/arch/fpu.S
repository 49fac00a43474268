/*
 * The FP/SIMD and SVE registers, to and from memory. `area` begins with FPSR and FPCR (struct
 * fp_state; vcpu->sve_state). The SVE form takes the vector length that ZCR_EL1 holds: Z0 to Z31
 * lie at area + 16, P0 to P15 and FFR at `predicates`.
 *
 *   void fpu_save(void *area)            void fpu_load(const void *area)
 *   void sve_save(void *area, void *predicates)    void sve_load(...)
 */
#include "arch/asm.h"
#include "arch/offsets.h"

    .arch armv8.2-a+fp+simd+sve
    .text

.macro for_vectors operation
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    \operation z\n, [x2, #\n, mul vl]
    .endr
.endm

.macro for_predicates operation
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    \operation p\n, [x1, #\n, mul vl]
    .endr
.endm

.macro save_status
    mrs x3, fpsr
    mrs x4, fpcr
    stp x3, x4, [x0]
.endm

.macro load_status
    ldp x3, x4, [x0]
    msr fpsr, x3
    msr fpcr, x4
.endm

function fpu_save
    save_status
    pairs stp, q, 0, 16, x0, FP_VECTORS, 16
    ret
end_function fpu_save

function fpu_load
    load_status
    pairs ldp, q, 0, 16, x0, FP_VECTORS, 16
    ret
end_function fpu_load

/* P0 is needed to move FFR, and comes back. */
function sve_save
    save_status
    add x2, x0, #FP_VECTORS
    for_vectors str
    for_predicates str
    rdffr p0.b
    str p0, [x1, #16, mul vl]
    ldr p0, [x1, #0, mul vl]
    ret
end_function sve_save

function sve_load
    load_status
    add x2, x0, #FP_VECTORS
    for_vectors ldr
    ldr p0, [x1, #16, mul vl]
    wrffr p0.b
    for_predicates ldr
    ret
end_function sve_load

/* uint64_t sve_length(void): bytes of a vector, as ZCR_EL1 allows. */
function sve_length
    rdvl x0, #1
    ret
end_function sve_length
