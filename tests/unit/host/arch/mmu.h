/* Stands in for exo/arch/mmu.h: the linear map is one array, which fake_arch.c allocates. */
#ifndef HOST_ARCH_MMU_H
#define HOST_ARCH_MMU_H

#include "core/base.h"

extern unsigned char *fake_ram;
extern pa_t fake_ram_base;

static inline void *
linear_from_pa(pa_t pa)
{
    return fake_ram + (pa - fake_ram_base);
}

static inline pa_t
linear_to_pa(const void *pointer)
{
    return (pa_t)((const unsigned char *)pointer - fake_ram) + fake_ram_base;
}

uint32_t arch_asid_count(void);

#endif
