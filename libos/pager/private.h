/* Between the files of this folder. Under the disk's lock, but for opening and closing. */
#ifndef PAGER_PRIVATE_H
#define PAGER_PRIVATE_H

#include <pager/payloads.h>

#define BLOCK_PAGES  (TREE_BLOCK_BYTES / EXO_PAGE_BYTES)
#define WINDOW_BYTES ((uint64_t)PAGER_WINDOW_BLOCKS * TREE_BLOCK_BYTES)
_Static_assert(WINDOW_BYTES == EXO_BLOCK_PAGES * EXO_PAGE_BYTES, "a window is one mapping");

/* --- memory.c --------------------------------------------------------------------------------- */

bool memory_open(struct payloads *payloads, struct why *why);

/* All frames are free, and not mapped anywhere. */
void memory_close(struct payloads *payloads);

/* Memory for the read, or for its first blocks: the run that it is in. NULL: there is none. */
const struct payloads_run *memory_take(struct payloads *payloads, struct pager_read *read);

/* A place is free again: the device does not write there, and it is not shown. */
void memory_put(struct payloads *payloads, uint32_t place);

/* Gives runs that have no block and are kept for nobody to the cell, until so many frames are given
 * or no other places are free: how many were. */
uint64_t memory_give(struct payloads *payloads, uint64_t frames);

/* Maps a block's first pages, read-only; PAGER_ZEROS: zeros. */
int64_t memory_show(const struct payloads *payloads, uint32_t place, uint64_t va, uint32_t pages);

/* A run of a window's length that is kept for nobody and has no block in it; NULL: there is no
 * memory for one. */
struct payloads_run *memory_empty_run(struct payloads *payloads);

/* The first `blocks` bits. */
static inline uint32_t
memory_places(uint32_t blocks)
{
    return blocks == 32 ? UINT32_MAX : (1u << blocks) - 1;
}

static inline uint8_t *
memory_at(const struct payloads *payloads, uint32_t place)
{
    return (uint8_t *)(uintptr_t)(payloads->places_va + (uint64_t)place * TREE_BLOCK_BYTES);
}

/* --- windows.c -------------------------------------------------------------------------------- */

/* Which windows the region has: only those that it has whole. */
bool windows_open(struct payloads_region *region, struct why *why);

/* The run that is kept for the block's window, from now on; NULL: there is none. */
struct payloads_run *windows_run(struct payloads *payloads, size_t payload, uint64_t index);

/* A run is kept for its window no more: its free places are anybody's. */
void windows_release(struct payloads *payloads, struct payloads_run *run);

/* None is from now on, but where the window is whole. */
void windows_end(struct payloads *payloads);

/* The block is shown there: with the window's last one all become one mapping. */
void windows_shown(struct payloads *payloads, size_t payload, uint64_t index, uint32_t place);

/* The block, which is shown for all that the pager knows, was touched: an error says that it is
 * not, and cannot be. */
int64_t windows_mend(struct payloads *payloads, size_t payload, uint64_t index);

/* As the pager's host says (model/pager.h). */
int64_t windows_hide(struct payloads *payloads, size_t payload, uint64_t *index, uint32_t *count);

/* --- payloads.c ------------------------------------------------------------------------------- */

/* Pages of `count` blocks that the region has. */
uint32_t payloads_pages(const struct payloads_region *region, uint64_t index, uint32_t count);

#endif
