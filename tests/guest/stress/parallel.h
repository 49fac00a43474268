/* What the stress tests share: vCPUs of this environment on many CPUs at once, and their dice. */
#ifndef STRESS_PARALLEL_H
#define STRESS_PARALLEL_H

#include "fixture.h"

#define PARALLEL_MAX 32u

/*
 * Runs entry(0) to entry(count - 1) at once, number n on CPU n % cpus, and waits for all of them.
 * One that does not return is a failure.
 */
void parallel_run(void (*entry)(uint32_t number), uint32_t count);

/* The vCPU capability of a number while it runs. */
uint32_t parallel_vcpu(uint32_t number);

/*
 * Waits until `count` in all have come here, then all go on. For the next meeting in the same run
 * the count goes on as well.
 */
void parallel_meet(_Atomic uint32_t *arrived, uint32_t count);

/* A sequence of its own for each number: test_random is for one vCPU. */
struct dice {
    uint64_t state;
};
struct dice dice_of(uint32_t number);
uint32_t dice_below(struct dice *dice, uint32_t limit);

/* Stores or loads; whether it was done: a fault there is counted and skipped. */
bool store_or_fault(volatile uint64_t *at, uint64_t value);
bool load_or_fault(const volatile uint64_t *at);
void expect_faults(void); /* on this vCPU, from here on */

#endif
