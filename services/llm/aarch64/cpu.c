/* 64-bit Arm under Linux, or under an emulator of it. */
#include "cpu.h"

#include <sys/auxv.h>
#include <sys/prctl.h>

#define HWCAP2_SVE2_BIT (1ul << 1) /* Linux, arch/arm64: what AT_HWCAP2 says */
#define VECTOR_LENGTH   0xffff     /* PR_SVE_VL_LEN_MASK */

void
cpu_describe(struct engine_machine *machine, uint32_t vector_bytes)
{
    machine->features = ENGINE_NEON;
    machine->vector_bytes = 0;
    if ((getauxval(AT_HWCAP2) & HWCAP2_SVE2_BIT) == 0)
        return;
    int set = prctl(PR_SVE_SET_VL, (unsigned long)vector_bytes, 0, 0, 0);
    machine->features |= ENGINE_SVE2;
    machine->vector_bytes = set > 0 ? (uint32_t)set & VECTOR_LENGTH : 0;
}
