/*
 * The audit: with every other CPU standing still, walks all of the kernel's state and checks the
 * invariants I1 to I10 (docs/design/capabilities.md). Each violation is printed as
 *
 *   exo: audit: I4: frame 40123: 2 writable mappings counted, 1 found
 *
 * Between two system calls that is all there is to know: a revocation or an end that is half done
 * is a legitimate state and described by its phase. Nothing is allocated: what is noted per frame
 * lies in a table of fixed size.
 */
#ifndef EXO_DEBUG_AUDIT_H
#define EXO_DEBUG_AUDIT_H

#include "arch/arch.h"
#include "core/cell.h"
#include "core/env.h"

/* The number of violations. No lock held. */
int64_t audit_run(void);

/*
 * The same with violation `seed` (seed.c; 0: none) made before the walk and undone after it.
 * *broken: bit n for I(n+1). EXO_E_ARG: no such seed; EXO_E_STATE: nothing here that it could
 * break.
 */
err_t audit_seeded(uint64_t seed, uint64_t *violations, uint64_t *broken);

/* stop.c: returns when all other CPUs stand still; and they go on. */
void audit_stop_others(void);
void audit_resume_others(void);

/* crash.c: seeds from 101 on end the kernel, each in a way of its own; returns for any other. */
void crash_apply(uint64_t seed);

/* Called now and then by the scheduler: audits each `exo.audit=`th time (4096; 0: never) on CPU 0.
 */
void audit_tick(void);

/* --- Between the parts --------------------------------------------------------------------- */

#define AUDIT_FRAMES_MAX 131072u /* 512 MiB: the image with its data has to fit into 2 MiB */
#define AUDIT_CELLS_MAX  256u
#define AUDIT_NODES_MAX  (1u << 24) /* longer lists are taken for circular */

/* What a KERNEL frame is used for, found by walking the objects. */
enum audit_role {
    ROLE_NONE = 0,
    ROLE_CELL,
    ROLE_ENV,
    ROLE_DIRECTORY, /* of a capability table */
    ROLE_SLOTS,
    ROLE_TABLE, /* of an address space */
    ROLE_VCPU,
    ROLE_CONTROL,
    ROLE_VECTORS, /* SVE registers */
    ROLE_SLAB,
    ROLE_QUEUE,
    ROLE_SESSION,
    ROLE_NIC,       /* with ports: its buffers, and what is known of them */
    ROLE_RING,      /* what the kernel writes, and nobody else sees */
    ROLE_RING_PAGE, /* what the device writes, and owners read */
};

/* Noted per frame; counts modulo 2^12. For ROLE_SLAB `writable` counts the objects found. */
struct audit_frame {
    uint32_t writable : 12, executable : 12, role : 8;
};

struct audit_account {
    struct cell *cell;
    uint32_t found[EXO_RES_COUNT];
};

/* A violation of invariant n; AUDIT checks one. The text begins with the object. */
#define AUDIT_BROKEN(n, format, ...)                                     \
    do {                                                                 \
        if (audit_broken(n)) {                                           \
            console_printf("exo: audit: I" #n ": " format, __VA_ARGS__); \
        }                                                                \
    } while (0)
#define AUDIT(n, condition, format, ...)               \
    do {                                               \
        if (!(condition)) {                            \
            AUDIT_BROKEN(n, format "\n", __VA_ARGS__); \
        }                                              \
    } while (0)

/* Counts it; whether it is to be printed (the first ones are). */
bool audit_broken(unsigned invariant);

/* How an object is named: by its address, as cap_info does. */
static inline unsigned long
audit_name(const void *object)
{
    return (unsigned long)(uintptr_t)object;
}

/* --- audit_frames.c: what is noted per frame, and the frame table ----------------------------- */

void audit_frames_begin(void);
void audit_frames(void);

/* Of a pointer into the linear map; NULL for one elsewhere (the image's data). */
struct audit_frame *audit_frame_at(const void *pointer);
struct audit_frame *audit_frame_of(pfn_t pfn);
bool audit_has_role(const void *pointer, enum audit_role role);

/* The kernel frame at `pointer` is used so, and `owner` (a cell, or for slots an env) has it. */
void audit_claim(const void *pointer, enum audit_role role, const void *owner);

/* An object that lies in a slab frame of its cell. */
void audit_claim_part(const struct origin *origin);

/* --- audit_cells.c: the cell tree, its lists of objects, accounts
 * --------------------------------- */

extern struct audit_account audit_accounts[AUDIT_CELLS_MAX];
extern uint32_t audit_cell_count;

/* False, and said so, when there are too many cells. */
bool audit_cells(void);
void audit_balance(void);

/* Adds to what was found of a cell; unknown cells are ignored (and reported by audit_cells). */
void audit_found(const struct cell *cell, enum exo_resource resource, uint32_t amount);

/* Calls `visit` for each object that is not dead yet, of one type. */
void audit_each(enum exo_type type, void (*visit)(struct origin *origin));

/* --- audit_queues.c -----------------------------------------------------------------------------
 */

struct session;
void audit_claim_session(const struct session *session);
void audit_queues(void); /* before audit_frames */

/* --- audit_caps.c, audit_space.c, audit_sched.c, audit_irqs.c, audit_devices.c --- */

void audit_caps(void);
void audit_spaces(void);
void audit_sched(void);
void audit_irqs(void);
void audit_devices(void);

/* The slot of `env` that justifies a mapping; `origin` NULL: of any object. NULL: none does. */
struct cap_slot *audit_justification(struct env *env, uint64_t page, pfn_t pfn, uint32_t prot,
                                     const struct origin *origin);

/* False once an environment's memory is gone: only its frame is left, until a grace period passed.
 */
static inline bool
audit_env_stands(const struct env *env)
{
    return env->space.root != NULL;
}

static inline void
audit_lock(const struct spinlock *lock, const char *what, const void *object)
{
    AUDIT(7, lock->held == 0, "%s %lx: its lock is held", what, audit_name(object));
}

/* --- seed.c -------------------------------------------------------------------------------------
 */

/* Breaks something; EXO_E_ARG, EXO_E_STATE. And repairs it. */
err_t seed_apply(uint64_t seed);
void seed_undo(void);

#endif
