/* Things that many suites need. All of them live in slots that the harness clears. */
#ifndef TEST_FIXTURE_H
#define TEST_FIXTURE_H

#include "test.h"

/* The other CPU when there are two, or the only one. */
static inline uint32_t
other_cpu(void)
{
    return rt_machine.cpus > 1 ? 1 : 0;
}

/* A slot with a copy of the capability, with other rights. */
uint32_t copy_of(uint32_t slot, uint32_t rights);

/* A slot with a badged copy. */
uint32_t badged(uint32_t slot, uint64_t badge);

/* New objects of the root cell, or of `cell`. */
uint32_t new_endpoint(void);
uint32_t new_notification(void);
uint32_t new_env(uint32_t cell);
uint32_t new_cell(uint32_t parent, uint32_t frames);
uint32_t new_frames(uint32_t cell, uint32_t count);

/* A vCPU of env that was never started, or EXO_NONE. */
uint32_t new_vcpu(uint32_t env);

struct exo_cap_info info_of(uint32_t slot);
struct exo_cell_info account_of(uint32_t cell);

/* Whether so many pages hold zeros only. */
bool pages_are_zero(const void *at, uint32_t pages);

/* In a child's function: ends it with the line number as its exit code. */
#define child_expects(condition) \
    do {                         \
        if (!(condition)) {      \
            return __LINE__;     \
        }                        \
    } while (0)

/* Starts a child; whether it did. */
bool start_child(const struct rt_spawn *spawn, struct rt_child *child);

/* Waits for its exit and ends it: whether its code was 0. */
bool child_succeeds(struct rt_child *child);

/* Both. */
bool run_child(int (*entry)(uint64_t argument), uint64_t argument);

/*
 * Stops a vCPU of ours when it waits in a protected call that nobody receives yet: behind the
 * instruction, with the call's number in x8.
 */
void stop_in_call(const struct rt_thread *thread, struct exo_context *context);

/* Returns when it waits in such a call, and leaves it there. */
void until_it_calls(const struct rt_thread *thread);

/* The next fault or trap of this vCPU is recorded, and then skipped: the pc moves on by 4. */
struct caught {
    unsigned count;
    struct rt_upcall upcall;
    struct exo_context context;
};
extern struct caught caught;
void catch_faults(void);

/* One load, store, or call that may fault, at a known place. */
uint64_t try_read(uint64_t va);
void try_write(uint64_t va, uint64_t value);
void try_call(uint64_t va);

#endif
