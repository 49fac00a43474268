/* FP state: which of the two layouts of fp.S this machine has. */
#include "private.h"

#include <rt/fp.h>

#define FP_BYTES (32 * 16 + 16) /* v0 to v31; fpcr, fpsr */

static bool
has_sve(void)
{
    return rt_machine.features & EXO_FEATURE_SVE;
}

/* z0 to z31, p0 to p15, ffr; fpcr, fpsr. */
uint32_t
rt_fp_bytes(void)
{
    if (!has_sve())
        return FP_BYTES;
    uint32_t vector = (uint32_t)rt_sve_bytes();
    return (32 * vector + 17 * (vector / 8) + 16 + 15) & ~15u;
}

void
rt_fp_store(void *area)
{
    if (has_sve())
        rt_sve_save(area);
    else
        rt_fp_save(area);
}

void
rt_fp_restore(const void *area)
{
    if (has_sve())
        rt_sve_load(area);
    else
        rt_fp_load(area);
}
