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
    uint32_t target_frames; /* the limit that the cell is to come down to */
    _Atomic bool pending;
    bool delivered;
    uint64_t grace_ticks;
    uint64_t deadline_ticks; /* counted from delivery */
    uint64_t cap_ticks;      /* the absolute end, whatever is delivered */
    struct origin *cursor;   /* what repossession looks at next: runs no device uses, then queues */
    bool queues;             /* the latter */
};

struct cell {
    struct origin origin; /* charged to the parent */
    struct spinlock lock; /* RANK_CELL: limits, carved, children, origin lists, reclaim */
    struct cell *parent;  /* NULL for the root */
    struct cell *first_child, *next, *prev; /* its children; its siblings */
    uint32_t depth;
    _Atomic bool dying; /* it is doomed: nothing new is made in it, its vCPUs do not run */
    uint32_t limit[EXO_RES_COUNT];
    uint32_t carved[EXO_RES_COUNT];
    _Atomic uint32_t free[EXO_RES_COUNT];
    struct origin *alive;     /* objects that it pays for, but not ... */
    struct origin *frames;    /* ... its runs of frames */
    struct origin *doomed;    /* being torn down, of either kind ... */
    struct origin *reap_next; /* ... which cell_reap_step comes to next; NULL: the first */
    struct origin *zombies;   /* dead; their memory waits for a grace period */
    uint32_t dying_objects;
    struct vcpu *revoke_handler;            /* takes the `revoke` upcalls */
    struct spinlock slab_lock;              /* RANK_SLAB */
    struct slab_frame *slabs[SLAB_CLASSES]; /* with a free part */
    struct reclaim reclaim;
    uint64_t repossessed_frames;
};

/* Takes `amount` of a resource from the cell: EXO_E_LIMIT. And gives it back. */
err_t cell_charge(struct cell *cell, enum exo_resource resource, uint32_t amount);
void cell_refund(struct cell *cell, enum exo_resource resource, uint32_t amount);

/* Zeroed kernel frames in a row, charged to the cell: EXO_E_LIMIT or EXO_E_MEMORY; and back. */
err_t cell_take_frames(struct cell *cell, void *owner, uint32_t count, void **frames);
void cell_put_frames(struct cell *cell, void *frames, uint32_t count);

/* Memory of an object, zeroed but for its origin, paid by the cell; and back. A part of a slab up
 * to 256 bytes, else a frame. */
err_t cell_new_object(struct cell *cell, enum exo_type type, size_t bytes, void **object);
void cell_put_object(struct cell *cell, void *object);

/* Whether the cell or an ancestor is being torn down: nothing new may be made in it. */
bool cell_is_dying(const struct cell *cell);
extern _Atomic uint32_t cells_dying; /* 0: nobody needs to ask */

/* What is in use by the cell itself: limit - carved - free. Cell lock held. */
uint32_t cell_own(const struct cell *cell, enum exo_resource resource);

/* The root cell, at boot; and a child with these limits, carved out of the parent's. */
struct cell *cell_create_root(const uint32_t limit[EXO_RES_COUNT]);
err_t cell_create(struct cell *parent, const uint32_t limit[EXO_RES_COUNT], struct cell **cell);
/* Leaves its parent's list of children and returns its limits, of which nothing is used. */
void cell_leave_parent(struct cell *cell);

/* An origin's membership in one of the cell's lists; cell lock held. */
void cell_list(struct cell *cell, struct origin *origin);
void cell_unlist(struct cell *cell, struct origin *origin);

/* Sets the limits anew: EXO_E_LIMIT when the parent has too little, EXO_E_BUSY when below use. */
err_t cell_set_limits(struct cell *cell, const uint32_t limit[EXO_RES_COUNT]);

/*
 * Publishes a new object: under its cell's lock its root capability, with all rights, is planted in
 * `dst` and it is listed. EXO_E_GONE (the cell is dying), EXO_E_OCCUPIED; the object is then
 * discarded.
 */
err_t cell_publish(struct origin *origin, struct cap_slot *dst);

/*
 * split.c: frames from `at` on become an object of their own, whose root is planted in `dst` (of
 * the same table). `cap` is the root and has no children: EXO_E_STATE.
 */
err_t frames_split(const struct cap *cap, uint32_t at, struct cap_slot *dst);

/* --- reap.c: the end of objects ------------------------------------------------------------- */

/* A bounded step on what is doomed in the cell: EXO_E_AGAIN while something is left. */
err_t cell_reap_step(struct cell *cell);
err_t cell_finish_step(struct cell *cell);
/* Frees dead objects whose grace period has passed, a few; false while some are left. */
bool cell_free_zombies(struct cell *cell);

/* --- reclaim.c: visible revocation ------------------------------------------------------------ */

err_t cell_reclaim_step(struct cell *cell, uint32_t frames, uint64_t grace_ticks,
                        uint64_t *deadline);
/* The `revoke` upcall is about to be made: the clock starts. Returns the deadline. */
uint64_t cell_reclaim_delivered(struct cell *cell);

#endif
