/* 64-bit Arm under Linux, or under an emulator of it. */
#include "cpu.h"

#include <sys/auxv.h>
#include <sys/prctl.h>

/* Linux, arch/arm64: what AT_HWCAP and AT_HWCAP2 say. */
#define HWCAP_ASIMDDP_BIT (1ul << 20)
#define HWCAP2_SVE2_BIT   (1ul << 1)
#define HWCAP2_I8MM_BIT   (1ul << 13)
#define VECTOR_LENGTH     0xffff /* PR_SVE_VL_LEN_MASK */

void
cpu_describe(struct engine_machine *machine, uint32_t vector_bytes)
{
    machine->features = ENGINE_NEON;
    machine->features |= getauxval(AT_HWCAP) & HWCAP_ASIMDDP_BIT ? ENGINE_DOTPROD : 0;
    machine->features |= getauxval(AT_HWCAP2) & HWCAP2_I8MM_BIT ? ENGINE_I8MM : 0;
    machine->vector_bytes = 0;
    if ((getauxval(AT_HWCAP2) & HWCAP2_SVE2_BIT) == 0)
        return;
    int set = prctl(PR_SVE_SET_VL, (unsigned long)vector_bytes, 0, 0, 0);
    machine->features |= ENGINE_SVE2;
    machine->vector_bytes = set > 0 ? (uint32_t)set & VECTOR_LENGTH : 0;
}
