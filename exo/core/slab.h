/* How frames of small objects are laid out: slab.c, and the audit. */
#ifndef EXO_CORE_SLAB_H
#define EXO_CORE_SLAB_H

#include "core/base.h"

struct slab_frame {
    struct slab_frame *next, *prev; /* in the cell's list of frames with a free part */
    uint32_t free;                  /* bit n: part n is free; bit 0, the header, never */
    uint32_t part_bytes;
};

static inline struct slab_frame *
slab_of(const void *object)
{
    return (void *)((uintptr_t)object & ~(uintptr_t)(EXO_PAGE_BYTES - 1));
}

static inline uint32_t
slab_part(const struct slab_frame *slab, const void *object)
{
    return (uint32_t)(((uintptr_t)object - (uintptr_t)slab) / slab->part_bytes);
}

/* The bits of all parts but the header. */
static inline uint32_t
slab_parts(uint32_t part_bytes)
{
    uint32_t parts = EXO_PAGE_BYTES / part_bytes;
    return (parts == 32 ? UINT32_MAX : (1u << parts) - 1) & ~1u;
}

#endif
