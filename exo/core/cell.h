/*
 * Cells: the accounts that pay for everything.
 *
 * For each resource limit = own + carved + free at every moment: `free` is the word that charging
 * takes from (without a lock); limits and carving change under the cell's lock. Kernel objects
 * smaller than a frame come from the cell's slab: frames of its own, cut into equal parts.
 */
#ifndef EXO_CORE_CELL_H
#define EXO_CORE_CELL_H

#include "core/cap.h"

#define SLAB_CLASSES 2 /* 128 and 256 bytes */

struct slab_frame;

/* A visible revocation that its holder drives (cell_reclaim). */
struct reclaim {
    uint32_t target_frames;  /* the limit that the cell is to come down to */
    bool pending, delivered;
    uint64_t grace_ticks;
    uint64_t deadline_ticks; /* counted from delivery */
    uint64_t cap_ticks;      /* the absolute end, whatever is delivered */
};

struct cell {
    struct origin origin; /* charged to the parent */
    struct spinlock lock; /* RANK_CELL: limits, carved, children, origin lists, reclaim */
    struct cell *parent;  /* NULL for the root */
    struct cell *first_child, *next_sibling, *prev_sibling;
    uint32_t depth;
    _Atomic bool dying;
    uint32_t limit[EXO_RES_COUNT];
    uint32_t carved[EXO_RES_COUNT];
    _Atomic uint32_t free[EXO_RES_COUNT];
    struct origin *alive, *doomed; /* objects that it pays for: living, and being torn down */
    struct origin *zombies;        /* dead; their memory waits for a grace period */
    uint32_t dying_objects;
    struct spinlock slab_lock; /* RANK_SLAB */
    struct slab_frame *slabs[SLAB_CLASSES]; /* with a free part */
    struct reclaim reclaim;
    uint64_t repossessed_frames;
};

/* Takes `amount` of a resource from the cell: EXO_E_LIMIT. And gives it back. */
err_t cell_charge(struct cell *cell, enum exo_resource resource, uint32_t amount);
void cell_refund(struct cell *cell, enum exo_resource resource, uint32_t amount);

/* One zeroed kernel frame charged to the cell, EXO_E_LIMIT or EXO_E_MEMORY; and back. */
err_t cell_take_frame(struct cell *cell, void *owner, void **frame);
void cell_put_frame(struct cell *cell, void *frame);

/* A zeroed small object (bytes <= 256), paid by the cell; and back. */
err_t cell_take_object(struct cell *cell, size_t bytes, void **object);
void cell_put_object(struct cell *cell, void *object, size_t bytes);

/* Whether the cell or an ancestor is being torn down: nothing new may be made in it. */
bool cell_is_dying(const struct cell *cell);

#endif
