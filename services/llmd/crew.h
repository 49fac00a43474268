/*
 * Threads that compute together: a team for the engine (engine/engine.h), on whatever threads there
 * are. Each waits for work, and for what others do, in two ways: it looks for a moment,
 * since on CPUs of their own the others are soon there, and then lets its CPU go, since they may be
 * waiting for just that.
 */
#ifndef LLMD_CREW_H
#define LLMD_CREW_H

#include <stdbool.h>

#include "engine/engine.h"

#define CREW_MAX 8u /* workers, the caller among them */

/* A word that threads wait for, on a cache line of its own. */
struct crew_word {
    uint32_t value, sleepers;
} __attribute__((aligned(64)));

/* Threads of the system under it. */
struct crew_system {
    /* Starts worker(argument), which never returns, on a further CPU, `number` from 1 on; false: it
       cannot. */
    bool (*start)(uint32_t number, void *(*worker)(void *argument), void *argument);
    /* Waits while *word is `value`, until woken; may return for no reason. */
    void (*wait)(uint32_t *word, uint32_t value);
    void (*wake)(uint32_t *word); /* everybody who waits for it */
};

struct crew;
struct crew_member {
    struct crew *crew;
    uint32_t number;
    struct crew_word job;
};

struct crew {
    struct engine_team team; /* what the engine is given */
    const struct crew_system *system;
    struct crew_member members[CREW_MAX]; /* 0 is who calls run */
    uint32_t sleepers;                    /* who wait for what others do */
    void (*work)(void *argument, uint32_t worker);
    void *argument;
};

/*
 * Starts up to workers - 1 threads, which stay until the program ends, as the crew must. Where one
 * cannot be started there are fewer: crew->team.count says how many.
 */
void crew_open(struct crew *crew, uint32_t workers, const struct crew_system *system);

#endif
