/* Between memory.c and payloads.c. Under the disk's lock, but for opening and closing. */
#ifndef PAGER_PRIVATE_H
#define PAGER_PRIVATE_H

#include <pager/payloads.h>

#define BLOCK_PAGES (TREE_BLOCK_BYTES / EXO_PAGE_BYTES)

bool memory_open(struct payloads *payloads, struct why *why);

/* All frames are free, and not mapped anywhere. */
void memory_close(struct payloads *payloads);

/* Memory for the read, or for its first blocks: the run that it is in. NULL: there is none. */
const struct payloads_run *memory_take(struct payloads *payloads, struct pager_read *read);

/* A place is free again: the device does not write there, and it is not shown. */
void memory_put(struct payloads *payloads, uint32_t place);

/* Maps a block's first pages, read-only; PAGER_ZEROS: zeros. */
int64_t memory_show(const struct payloads *payloads, uint32_t place, uint64_t va, uint32_t pages);

static inline uint8_t *
memory_at(const struct payloads *payloads, uint32_t place)
{
    return (uint8_t *)(uintptr_t)(payloads->places_va + (uint64_t)place * TREE_BLOCK_BYTES);
}

#endif
