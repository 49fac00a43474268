// config: smp=1,4 cpu=max,cortex-a72 build=release,debug devices=rng,blk:1M,net timeout=300
/*
 * Random system calls from all CPUs at once (tests/guest/fuzz/). The seed is exo.seed; each
 * worker's choices follow from it, its number and its life.
 */
#include "fuzz/fuzz.h"

/* Calls in a short run: 2,000,000 on all machines of the config line; debug: between audits. */
#define CALLS       400000ull
#define DEBUG_CALLS 100000ull

/* A long run: each round ends everything, reaps it, and begins anew; 120,000,000 in all. */
#define ROUND_CALLS 1000000ull
#define SOAK_ROUNDS 20u

#define TABLE_SPAN  0x200000ull /* addresses of one page table */
#define TABLES_MADE 64u         /* more than the addresses that a round takes need */

static struct fuzz_totals totals;

static uint64_t
seed(uint64_t round)
{
    return (rt_option_number("exo.seed", 1) + round * 0x10001) * 0x9e3779b97f4a7c15ull;
}

/*
 * Page tables, once made, stay: those that init needs while it replaces workers are made first, so
 * that accounts can be compared.
 */
static void
addresses_are_prepared(void)
{
    uint64_t base = rt_va_take(TABLES_MADE * EXO_BLOCK_PAGES, TABLE_SPAN);
    uint32_t slot = rt_slot_take();
    check_equal(exo_frames_alloc(EXO_BOOT_CELL, slot, 1, EXO_ALLOC_CONTIGUOUS, 0).status, EXO_OK);
    for (uint64_t i = 0; i < TABLES_MADE; i++)
        check_equal(rt_map_pages(base + i * TABLE_SPAN, slot, 0, 1, EXO_PROT_READ), EXO_OK);
}

static void
workers_start_and_end(void)
{
    static struct fuzz_totals few;
    fuzz_round(1000, seed(0), &few);
    check_equal(few.respawns[FUZZ_HUNG], 0);
}

static void
random_calls_are_refused_or_done(void)
{
    bool debug = rt_machine.features & EXO_FEATURE_DEBUG;
    unsigned rounds = test_rounds(1, SOAK_ROUNDS);
    uint64_t calls = rounds > 1 ? ROUND_CALLS : debug ? DEBUG_CALLS : CALLS;
    rt_printf("# seed %llu\n", (unsigned long long)rt_option_number("exo.seed", 1));
    for (unsigned i = 0; i < rounds; i++) {
        uint64_t va = rt_va_mark();
        fuzz_round(rt_option_number("exo.calls", calls), seed(i), &totals);
        rt_slots_clear();
        (void)rt_reap(EXO_BOOT_CELL);
        rt_va_release(va);
    }
    fuzz_report(&totals);
    fuzz_judge(&totals);
}

static const struct test tests[] = {
    TEST(addresses_are_prepared),
    TEST(workers_start_and_end),
    TEST(random_calls_are_refused_or_done),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
