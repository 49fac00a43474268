/*
 * The model pager: blocks of a bundle's payloads come into memory when they are touched, or before,
 * and are shown to the program once they are verified. Several threads may touch at once.
 *
 * A block is read by one read, checked by one thread, in memory that the device can no longer write
 * and that is not shown; who else needs it waits. Where the bundle turns out bad, or a block cannot
 * be read, zeros are shown instead of it and of every block after it: what was computed since then
 * is worth nothing, and pager_is_failed() says so.
 *
 * Who touches one block behind the other is read ahead for: requests of PAGER_READ_BLOCKS, in
 * windows that grow to PAGER_AHEAD_BLOCKS, while the blocks before them are computed with.
 *
 * Where memory is short, blocks of payloads that may be forgotten are hidden again, and read and
 * checked anew when they are touched again: what was read a while ago, not what was read first,
 * which stays for who reads everything again and again in the same order. Reading ahead takes only
 * what was shown. Having no memory is not the bundle's fault (pager_is_short).
 *
 * Locks, memory and the device belong to the host (struct pager_host): a program above the kernel
 * has libos/pager, a unit test doubles.
 */
#ifndef MODEL_PAGER_H
#define MODEL_PAGER_H

#include <model/bundle.h>

#define PAGER_READS        12u /* under way at a time */
#define PAGER_READ_BLOCKS  8u  /* of the longest one */
#define PAGER_AHEAD_BLOCKS 32u /* of the longest window */
#define PAGER_STREAMS      32u /* that are read ahead for */
#define PAGER_ZEROS        UINT32_MAX

/* Blocks that the host may map as one, where they lie so in memory: a window of a payload, from a
 * multiple of so many on. */
#define PAGER_WINDOW_BLOCKS 32u

enum pager_read_state { PAGER_READ_FREE = 0, PAGER_READ_FLYING, PAGER_READ_ENDED };

/* A read of consecutive blocks. */
struct pager_read {
    size_t payload;
    uint64_t index;
    uint32_t count;
    uint32_t place; /* of the first block, the host's; the others follow it */
    bool anywhere;  /* there is nothing left to forget: memory that was kept for others will do */
    bool failed;
    enum pager_read_state state;
};

enum pager_begun { PAGER_BEGUN, PAGER_NO_MEMORY, PAGER_NO_DEVICE };

struct pager_host {
    void *context;
    /* Protects the pager and everything that follows but pause. */
    void (*lock)(void *context);
    void (*unlock)(void *context);
    /* Waits for the next wake, with the lock given up meanwhile; may return without one. */
    void (*sleep)(void *context);
    void (*wake)(void *context);
    /* Finds memory for the read, or for its first blocks (`count` is then lower), says which
     * (`place`), and hands it to the device. Otherwise nothing has happened. */
    enum pager_begun (*begin)(void *context, struct pager_read *read);
    /* Marks reads that ended, after which the device cannot write to their memory any more; whether
     * there are any. A device that does not answer ends all of them, failed. By one thread at a
     * time, until it returned true. */
    bool (*poll)(void *context);
    /* The same thread, without the lock: until there may be something to poll. */
    void (*pause)(void *context);
    /* The memory of a block that was read. */
    uint8_t *(*at)(void *context, uint32_t place);
    /* Makes a block readable where the payload is mapped, or zeros (PAGER_ZEROS). False: it could
     * not be mapped. */
    bool (*show)(void *context, size_t payload, uint64_t index, uint32_t place);
    /* Takes consecutive blocks of one window away from where they are shown, as far as they are:
     * who touches them from now on faults. Where the window is mapped as one, all of it, which is
     * then what `index` and `count` say. False: it could not be done. */
    bool (*hide)(void *context, size_t payload, uint64_t *index, uint32_t *count);
    /* The place is not used any more, nor shown. */
    void (*put)(void *context, uint32_t place);
};

struct pager_counts {
    uint64_t faults;      /* touches */
    uint64_t blocks_read; /* ... and how many of them before somebody touched them */
    uint64_t blocks_ahead;
    uint64_t bytes_verified;
    uint64_t blocks_forgotten;
    uint64_t blocks_held; /* now: with memory */
};

/* One sequence of touches. */
struct pager_stream {
    uint64_t first; /* the last window but one begins here, ... */
    uint64_t mark;  /* ... the last one here, ... */
    uint64_t next;  /* ... and it ends before this block */
    uint64_t used;
    uint32_t window;
};

/* Its owner reads nothing of it. */
struct pager {
    struct bundle *bundle;
    const struct pager_host *host;
    uint8_t *state;  /* of each block of all payloads (bundle->first_leaf): enum in pager.c */
    uint32_t *place; /* where a block that was read lies */
    /* Blocks that were read and may be forgotten, in that order: as many as there are have room. */
    uint32_t *order;
    uint64_t order_count;
    uint32_t may_forget; /* payloads: bits */
    uint32_t checking;   /* blocks, at this moment */
    struct pager_read read[PAGER_READS];
    struct pager_stream stream[PAGER_STREAMS];
    uint64_t touches, blocks_begun;
    bool polled; /* by somebody: others sleep */
    _Atomic bool failed;
    bool is_short;
    struct why why;
    struct pager_counts counts;
};

/* The bundle is open; it and the host outlive the pager. False: no memory for its tables. */
bool pager_open(struct pager *pager, struct bundle *bundle, const struct pager_host *host,
                struct why *why);

/* Blocks of that payload may be forgotten where memory is short. Before it is touched. */
void pager_may_forget(struct pager *pager, size_t payload);

/* With the host's lock: forgets one of the blocks that may be, with what is read and mapped with
 * it. False: there is none. */
bool pager_forget(struct pager *pager);

/* Waits for reads under way. Nobody touches any more; the blocks' memory is the host's to take. */
void pager_close(struct pager *pager);

/*
 * Shows a block, or zeros; waits for what that takes. The index is below tree_blocks() of the
 * payload. False: it could not be mapped, and is not there.
 */
bool pager_touch(struct pager *pager, size_t payload, uint64_t index);

/* All blocks of a payload in a row, read far ahead. False, with the reason: not all are good. */
bool pager_touch_all(struct pager *pager, size_t payload, struct why *why);

/* Whether zeros were shown instead of a block; then the reason is in `why` (may be NULL). */
bool pager_is_failed(struct pager *pager, struct why *why);

/* Whether it failed for nothing but want of memory: the bundle is as good as it was. */
bool pager_is_short(struct pager *pager);

struct pager_counts pager_counts(struct pager *pager);

#endif
