/*
 * Which model is served when the one that is served is lost: the newest generation that is good. A
 * generation that turned out bad is refused, and the one below it is sought. One for which memory
 * is short is as good as it was: everything is given back, and it is opened again, at once and then
 * once in a second, some times; nothing older is served instead.
 */
#ifndef LLMD_SUCCESSION_H
#define LLMD_SUCCESSION_H

#include <stdbool.h>
#include <stdint.h>

#define SUCCESSION_TRIES    5u /* without memory, in a row */
#define SUCCESSION_PAUSE_US 1000000u

enum succession_state {
    SUCCESSION_SERVED,
    SUCCESSION_SOUGHT, /* by seek: until succession_found */
    SUCCESSION_FOUND,  /* and from here on by succession_turn */
    SUCCESSION_SHORT,
    SUCCESSION_PAUSES, /* before it is sought again */
    SUCCESSION_NONE,   /* for good */
};

/* What the program does; called by succession_turn alone. */
struct succession_program {
    bool (*use)(void); /* serves what was found. False: there is no memory for answers */
    void (*close)(
        bool short_of_memory); /* what was opened; if not that, its generation is refused */
    void (*seek)(void);        /* opens the newest that is not refused: then succession_found */
    void (*give_up)(void);     /* it was short of memory too often */
};

struct succession {
    const struct succession_program *program;
    _Atomic uint32_t state;
    uint32_t shortages; /* in a row */
    uint64_t again_us;
};

/* Any thread, once for each seek. SHORT: a generation may be good, but there is no memory for it.
 */
void succession_found(struct succession *succession, enum succession_state state);

/* Now and then. `lost`: nothing is served any more; `is_short`: for want of memory alone. */
void succession_turn(struct succession *succession, bool lost, bool is_short, uint64_t now_us);

/* Whether it wants a turn soon, whatever else happens. */
bool succession_waits(const struct succession *succession);

#endif
