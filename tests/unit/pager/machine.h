/*
 * The model pager (model/pager.h) over doubles: a device that is a thread and answers in any order,
 * memory that knows whether the device may write it, and what is shown where. The doubles abort()
 * where the pager does what it must not.
 */
#ifndef TESTS_PAGER_MACHINE_H
#define TESTS_PAGER_MACHINE_H

#include <pthread.h>

#include <model/pager.h>

#define BLOCKS  96u
#define TAIL    1000u /* bytes of the last one */
#define BYTES   ((BLOCKS - 1) * (size_t)TREE_BLOCK_BYTES + TAIL)
#define PLACES  (2 * BLOCKS)
#define THREADS 4

enum place { PLACE_FREE, PLACE_DEVICE, PLACE_OURS };

/* The device, the memory, and what is shown; under `lock`, but for the places' bytes. */
struct machine {
    pthread_mutex_t lock;
    pthread_cond_t woken, asked, ended;
    uint8_t *disk, *memory;
    enum place place[PLACES];
    const uint8_t *shown[BLOCKS];
    struct pager_read *queue[PAGER_READS];
    unsigned queued, done_count, flying, most_flying, requests, longest, times_read[BLOCKS];
    unsigned hidden, windows_hidden;
    struct pager_read *done[PAGER_READS];
    uint32_t places_max, unreadable;
    uint32_t places_kept; /* behind them: for a read that may have any */
    bool stopped, dead, refuses, cannot_map, maps_windows;
    uint64_t random;
    pthread_t thread;
};

extern struct machine machine;
extern struct pager pager;
extern const uint8_t zeros[TREE_BLOCK_BYTES];

void require(bool condition, const char *what);

/* A payload of BLOCKS blocks, nothing of which was touched, and a pager for it. */
void begin(void);
void end(void);

/* The same bundle; the pager is opened anew, and nothing was touched. */
void begin_again(void);

/* What is shown at the block after it was touched. */
const uint8_t *touch(uint32_t index);

/* Touches; whether what was signed is shown. */
bool is_good(uint32_t index);

/* `entry` of the numbers from 0 on, in THREADS threads; waits until all returned. */
void run_threads(void *(*entry)(void *));

#endif
