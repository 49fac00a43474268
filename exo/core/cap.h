/*
 * Capabilities, their derivation trees, and how they end. docs/design/capabilities.md explains the
 * protocol; tests/models/revoke.pml is its model.
 *
 * Each object begins with its struct origin: the root of one derivation tree, which has one lock.
 * The tree is a doubly linked preorder list of capability slots with a depth each. A capability
 * never outlives what it was derived from, and the object lives as long as its root capability.
 */
#ifndef EXO_CORE_CAP_H
#define EXO_CORE_CAP_H

#include "core/lock.h"

struct cell;
struct env;
struct cap_slot;
struct vcpu;

enum origin_phase {
    ORIGIN_IDLE = 0,
    ORIGIN_MARK = 1,   /* flagging the descendants of `revoking` */
    ORIGIN_GRACE = 2,  /* until each CPU has left the kernel since `epoch` */
    ORIGIN_SWEEP = 3,  /* removing capabilities, leaves first */
    ORIGIN_FINISH = 4, /* object's own teardown, in steps (whole objects only) */
    ORIGIN_DEAD = 5,   /* memory waits on the zombie list for one more grace period */
};

struct origin {
    struct spinlock lock;        /* RANK_ORIGIN: the tree and the phase */
    _Atomic uint32_t generation; /* a capability of another generation is dead */
    uint8_t type;                /* enum exo_type */
    uint8_t phase;               /* enum origin_phase */
    bool doomed;                 /* the whole object ends, not a subtree */
    bool eternal;                /* CPUs, trace, machine, devices: never torn down */
    _Atomic bool stepping;       /* someone is in FINISH, without the lock */
    uint8_t spare;
    _Atomic uint16_t pins;      /* frames: regions of queues, in the tree */
    struct cell *cell;          /* pays for it */
    struct origin *next, *prev; /* in the cell's list */
    struct cap_slot *first, *last;
    struct cap_slot *revoking; /* root of the subtree being revoked; NULL: whole tree */
    struct cap_slot *cursor;
    struct cap_slot *pending; /* whose revoke was refused meanwhile, and comes next */
    uint64_t epoch;
    pfn_t base;      /* frames: the run */
    uint32_t count;  /* frames: its length; otherwise 0 */
    uint32_t device; /* frames: device registers */
};

enum cap_flag {
    CAP_DYING = 1, /* marked by a revoke: lookups fail with EXO_E_GONE; empty: never filled again */
    CAP_MAPPED = 2, /* frames: something may be mapped in [hull_lo, hull_hi) of env's space */
};

/* 64 bytes: 64 to a page of a table. */
struct cap_slot {
    _Atomic uint32_t sequence; /* odd while a writer has it (RANK_SLOT); readers retry */
    union {
        struct {
            uint8_t type; /* enum exo_type; EXO_TYPE_NONE: empty */
            _Atomic uint8_t flags;
            uint16_t rights;
        };
        uint32_t head; /* the three at once, for cap_peek */
    };
    uint32_t generation;
    uint32_t depth;
    struct origin *origin;
    union {
        uint64_t badge;
        struct {
            uint32_t base, count; /* frames: pfn and number; cpu, irq, device, extent alike */
        };
    };
    struct cap_slot *next, *prev; /* preorder; origin lock */
    struct env *env;              /* whose table; never changes */
    uint32_t hull_lo, hull_hi;    /* page numbers; env's vspace lock */
};

/* A consistent copy of a slot, made without locks. */
struct cap {
    struct cap_slot *slot;
    union {
        struct origin *origin;
        void *object; /* the same: objects begin with their origin */
    };
    uint32_t sequence; /* of the slot when it was read */
    uint16_t rights;
    uint8_t type;
    uint8_t flags;
    union {
        uint64_t badge;
        struct {
            uint32_t base, count;
        };
    };
};

/* Whether capabilities of this type name a range, which copies may narrow, and no badge. */
static inline bool
cap_has_range(uint8_t type)
{
    return type == EXO_TYPE_FRAMES || type == EXO_TYPE_CPU || type == EXO_TYPE_IRQ ||
           type == EXO_TYPE_DEVICE || type == EXO_TYPE_EXTENT;
}

/* The slot of that number; NULL when the table has no such page. */
struct cap_slot *cap_slot_at(struct env *env, uint64_t slot);

/*
 * Looks a capability up: EXO_E_SLOT, EXO_E_GONE, EXO_E_TYPE, EXO_E_RIGHT. The object stays in
 * memory until this CPU leaves the kernel. EXO_TYPE_NONE as type takes any.
 */
err_t cap_lookup(struct env *env, uint64_t slot, enum exo_type type, uint16_t rights,
                 struct cap *cap);

/* Whether what was looked up is still so (call under the lock that the change is made under). */
bool cap_still(const struct cap *cap);

/*
 * Makes `dst` (empty: EXO_E_OCCUPIED) the root capability of an object that nobody else knows yet.
 * `mapped_like`: NULL, or a slot whose hull the new one begins with; then both are locked.
 */
err_t cap_plant(struct cap_slot *dst, struct origin *origin, uint16_t rights, uint64_t badge,
                const struct cap_slot *mapped_like);

/*
 * A child of `cap` in `dst`, with rights and badge or range (base | count << 32) that the caller
 * has attenuated. EXO_E_OCCUPIED, EXO_E_GONE (either end), EXO_E_BUSY (a revoke is under way),
 * EXO_E_LIMIT (depth).
 */
err_t cap_derive(const struct cap *cap, struct cap_slot *dst, uint16_t rights, uint64_t badge);

/* Moves it to `dst`: same place in the tree. Mappings made through it go first: EXO_E_AGAIN. */
err_t cap_transfer(const struct cap *cap, struct cap_slot *dst);

/* Its frames may be mapped at [va, va + pages) too; the address-space lock of its env is held. */
void cap_widen_hull(struct cap_slot *slot, va_t va, uint64_t pages);

/* Empties a locked slot and takes it out of its tree; origin lock held. */
void cap_erase(struct cap_slot *slot);

void slot_lock(struct cap_slot *slot);
/* Unchanged, it is as it was: capabilities read from it stay good. */
void slot_unlock(struct cap_slot *slot, bool changed);

/* Two at a time, always in the same order; unless `changed`, what was read from them stays good. */
void slots_lock(struct cap_slot *a, struct cap_slot *b);
void slots_unlock(struct cap_slot *a, struct cap_slot *b, bool changed);

/* --- revoke.c -----------------------------------------------------------------------------------
 */

#define CAP_DEPTH_MAX 65535u

void origin_init(struct origin *origin, enum exo_type type, struct cell *cell);

/* Restartable; EXO_E_AGAIN until done. EXO_E_SLOT when the slot is empty. */
err_t cap_revoke_step(struct cap_slot *slot);
err_t cap_drop_step(struct cap_slot *slot);

/* Removes the mappings made through a frames capability, a step of them; origin lock held. */
err_t cap_unmap_step(struct cap_slot *slot);

/*
 * Starts the end of an object: no capability of it works any more. cell_reap drives the rest. True
 * for the one caller that began it.
 */
bool origin_doom(struct origin *origin);

/* One step of what is under way on it: EXO_OK when nothing is (any more), else EXO_E_AGAIN. */
err_t origin_step(struct origin *origin);

/* For a dying table: empties a slot, dooming the object when it was its root. Never filled again.
 */
err_t cap_close_step(struct cap_slot *slot);

/* --- epoch.c: grace periods. A CPU in the kernel holds no reference older than its entry. --------
 */

uint64_t epoch_advance(void);
bool epoch_passed(uint64_t epoch); /* every CPU but this one has been outside since */

#endif
