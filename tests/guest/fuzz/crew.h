/* What the files of init's part know of each other. */
#ifndef FUZZ_CREW_H
#define FUZZ_CREW_H

#include "worker.h"

struct member {
    struct rt_child child;
    struct rt_memory memory; /* of `page` */
    struct fuzz_page *page;
    uint64_t seen;     /* calls when last looked at */
    uint64_t patience; /* until it has to have made one more */
    uint64_t last;     /* calls when all together had made enough */
    uint32_t lives;
    bool alive;
};

struct crew {
    struct member members[FUZZ_WORKERS_MAX];
    uint32_t count;
    uint64_t seed;
    struct rt_memory code, frames;
    uint32_t endpoints[FUZZ_ENDPOINTS];
    uint32_t bells[FUZZ_BELLS];
    struct fuzz_totals *totals;
};

extern struct crew crew;

/* shares.c: the objects that all workers have; grants to a worker that does not run yet. */
void shares_begin(void);
void shares_grant(uint32_t number);

/* Revokes or destroys one of them, then grants it anew. */
void shares_take_away(void);

#endif
