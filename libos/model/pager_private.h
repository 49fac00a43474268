/* Between pager.c and pager_order.c. */
#ifndef MODEL_PAGER_PRIVATE_H
#define MODEL_PAGER_PRIVATE_H

#include <model/pager.h>

enum block_state {
    BLOCK_EMPTY = 0,
    BLOCK_ALONE,      /* empty: a read of it and others failed, so that it is read alone */
    BLOCK_UNREADABLE, /* even so */
    BLOCK_FLYING,
    BLOCK_READ,
    BLOCK_CHECKED, /* at this moment, by somebody */
    BLOCK_SHOWN,
};

static inline uint64_t
blocks_of(const struct pager *pager, size_t payload)
{
    return tree_blocks((uint64_t)pager->bundle->manifest.payloads[payload].bytes);
}

/* A block was read: the last in the order of those that may be forgotten, if it may. */
void order_add(struct pager *pager, size_t payload, uint64_t number);

/* Forgets some; where there are few, those that nobody touched yet only for one that
 * somebody touches. False: there are none. */
bool order_forget(struct pager *pager, bool for_ahead);

#endif
