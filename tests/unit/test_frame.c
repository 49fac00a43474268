/* The frame table and the pool (core/frame.c, core/pool.c). */
#include "core/frame.h"
#include "fake_arch.h"
#include "tap.h"

#include <stdlib.h>

#define R  EXO_PROT_READ
#define RW (EXO_PROT_READ | EXO_PROT_WRITE)
#define RX (EXO_PROT_READ | EXO_PROT_EXEC)

static int owner_a, owner_b;

static pfn_t
take(uint64_t count, enum exo_alloc how, pfn_t at)
{
    pfn_t base;
    uint64_t got;
    CHECK_EQ(frame_take(count, how, at, &owner_a, &base, &got), EXO_OK);
    CHECK_EQ(got, count);
    return base;
}

static bool
can_take(uint64_t count, enum exo_alloc how, pfn_t at)
{
    pfn_t base;
    uint64_t got;
    if (frame_take(count, how, at, &owner_a, &base, &got) != EXO_OK)
        return false;
    frame_put(base, got);
    return true;
}

static pfn_t
take_clean(void)
{
    uint32_t budget = 1;
    pfn_t pfn = take(1, EXO_ALLOC_ANY, 0);
    CHECK_EQ(frame_clean(pfn, 1, &budget), EXO_OK);
    return pfn;
}

static void
frame_cannot_be_writable_and_executable(void)
{
    fake_machine(64, 1);
    pfn_t pfn = take_clean();
    CHECK_EQ(map_one(pfn, RW), EXO_OK);
    CHECK_EQ(map_one(pfn, RX), EXO_E_WX);
    unmap_one(pfn, RW);
    CHECK_EQ(map_one(pfn, RX), EXO_OK);
    CHECK_EQ(map_one(pfn, RW), EXO_E_WX);
}

static void
readable_mappings_are_not_counted(void)
{
    fake_machine(64, 1);
    pfn_t pfn = take_clean();
    CHECK_EQ(map_one(pfn, R), EXO_OK);
    CHECK_EQ(map_one(pfn, RX), EXO_OK);
    unmap_one(pfn, RX);
    frame_put(pfn, 1);
}

static void
counts_do_not_overflow(void)
{
    const uint32_t prots[] = {RW, RX};
    fake_machine(64, 1);
    for (int p = 0; p < 2; p++) {
        pfn_t pfn = take_clean();
        for (int i = 0; i < 0xffff; i++)
            CHECK_EQ(map_one(pfn, prots[p]), EXO_OK);
        CHECK_EQ(map_one(pfn, prots[p]), EXO_E_LIMIT);
        for (int i = 0; i < 0xffff; i++)
            unmap_one(pfn, prots[p]);
        frame_put(pfn, 1);
    }
}

static void
count_below_zero_panics(void)
{
    fake_machine(64, 1);
    pfn_t pfn = take_clean();
    CHECK(PANICS(unmap_one(pfn, RW)));
    pfn = take_clean();
    CHECK(PANICS(unmap_one(pfn, RX)));
}

static void
caches_are_made_coherent_once_until_the_frame_was_writable(void)
{
    fake_machine(64, 1);
    pfn_t pfn = take_clean();
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(map_one(pfn, RX), EXO_OK);
        unmap_one(pfn, RX);
    }
    CHECK_EQ(fake_count.icache_syncs, 1);
    CHECK_EQ(map_one(pfn, RW), EXO_OK);
    unmap_one(pfn, RW);
    CHECK_EQ(map_one(pfn, RX), EXO_OK);
    CHECK_EQ(fake_count.icache_syncs, 2);
}

static void
refused_run_is_counted_up_to_the_frame_that_refused(void)
{
    uint32_t budget = 8;
    uint64_t done;
    fake_machine(64, 1);
    pfn_t base = take(8, EXO_ALLOC_CONTIGUOUS, 0);
    CHECK_EQ(frame_clean(base, 8, &budget), EXO_OK);
    CHECK_EQ(map_one(base + 5, RX), EXO_OK);
    CHECK_EQ(frame_map_run(base, 8, RW, &done), EXO_E_WX);
    CHECK_EQ(done, 5);
    frame_unmap_run(base, 5, RW);
    unmap_one(base + 5, RX);
    frame_put(base, 8);
}

static void
frame_of_another_owner_cannot_be_mapped_before_it_was_zeroed(void)
{
    const uint32_t prots[] = {R, RW, RX};
    uint32_t budget = 1;
    fake_machine(64, 1);
    for (int p = 0; p < 3; p++) {
        pfn_t pfn = take(1, EXO_ALLOC_ANY, 0);
        CHECK_EQ(map_one(pfn, prots[p]), EXO_E_STATE);
        budget = 1;
        CHECK_EQ(frame_clean(pfn, 1, &budget), EXO_OK);
        CHECK_EQ(map_one(pfn, prots[p]), EXO_OK);
    }
}

static void
cleaning_zeroes_once_within_its_budget(void)
{
    uint32_t budget = 5;
    fake_machine(64, 1);
    pfn_t base = take(8, EXO_ALLOC_CONTIGUOUS, 0);
    unsigned char *memory = frame_to_kernel(base);
    CHECK_EQ(frame_clean(base, 8, &budget), EXO_E_AGAIN);
    CHECK_EQ(budget, 0);
    CHECK_EQ(memory[5 * PAGE_BYTES - 1], 0);
    CHECK_EQ(memory[5 * PAGE_BYTES], 0xa5);
    memory[0] = 1; /* the new owner's */
    budget = 5;
    CHECK_EQ(frame_clean(base, 8, &budget), EXO_OK);
    CHECK_EQ(budget, 2);
    CHECK_EQ(memory[8 * PAGE_BYTES - 1], 0);
    CHECK_EQ(memory[0], 1);
}

static void
freed_frame_is_dirty_again(void)
{
    fake_machine(1, 1);
    pfn_t pfn = take_clean();
    frame_put(pfn, 1);
    pfn = take(1, EXO_ALLOC_ANY, 0);
    CHECK_EQ(map_one(pfn, R), EXO_E_STATE);
}

static void
frame_being_zeroed_by_another_cpu_is_waited_for(void)
{
    uint32_t budget = 1;
    fake_machine(64, 1);
    pfn_t pfn = take(1, EXO_ALLOC_ANY, 0);
    frame_of(pfn)->use |= FRAME_CLEANING;
    CHECK_EQ(frame_clean(pfn, 1, &budget), EXO_E_AGAIN);
    CHECK_EQ(*(unsigned char *)frame_to_kernel(pfn), 0xa5);
}

static void
frame_in_use_cannot_be_put(void)
{
    fake_machine(64, 1);
    pfn_t pfn = take_clean();
    CHECK_EQ(map_one(pfn, RW), EXO_OK);
    CHECK(PANICS(frame_put(pfn, 1)));
    pfn = take_clean();
    CHECK_EQ(map_one(pfn, RX), EXO_OK);
    CHECK(PANICS(frame_put(pfn, 1)));
}

static void
frame_cannot_be_put_twice(void)
{
    fake_machine(64, 1);
    pfn_t base = take(8, EXO_ALLOC_CONTIGUOUS, 0);
    frame_put(base + 3, 1);
    CHECK(PANICS(frame_put(base + 3, 1)));
    CHECK(PANICS(frame_put(base, 8)));
    CHECK(PANICS(frame_put(FAKE_PFN + 60, 8)));
    CHECK(PANICS(frame_put(FAKE_PFN - 1, 1)));
}

static void
boot_gives_frames_away_without_touching_them(void)
{
    const uint64_t count = 65536;
    struct frame *table = calloc(count, sizeof(*table));
    uint64_t touched = 0;
    frame_table_init(table, 0x40003, count); /* not aligned */
    frame_give(0x40003, count);
    for (uint64_t i = 0; i < count; i++) {
        touched += table[i].use != 0;
        CHECK_EQ(frame_state(&table[i]), FRAME_FREE);
    }
    CHECK(touched <= 2 * (FRAME_ORDER_MAX + 1));
    CHECK_EQ(frame_free_count(), count);
    free(table);
}

static void
state_is_right_for_each_frame(void)
{
    struct frame *table = calloc(64, sizeof(*table));
    pfn_t base;
    uint64_t got;
    frame_table_init(table, 0x1000, 64);
    CHECK_EQ(frame_state(frame_of(0x1000)), FRAME_RESERVED);
    frame_give(0x1000, 30);
    frame_adopt(0x1000 + 40, 2, &owner_b);
    CHECK_EQ(frame_take(3, EXO_ALLOC_AT, 0x1002, &owner_a, &base, &got), EXO_OK);
    CHECK_EQ(frame_take(2, EXO_ALLOC_AT, 0x1008, &owner_a, &base, &got), EXO_OK);
    for (uint64_t i = 0; i < 64; i++) {
        enum frame_state expected = i >= 2 && i < 5     ? FRAME_OWNED
                                    : i >= 8 && i < 10  ? FRAME_OWNED
                                    : i < 30            ? FRAME_FREE
                                    : i >= 40 && i < 42 ? FRAME_OWNED
                                                        : FRAME_RESERVED;
        CHECK_EQ(frame_state(&table[i]), expected);
    }
    CHECK(frame_of(0x1003)->owner == &owner_a);
    CHECK(frame_of(0x1028)->owner == &owner_b);
    CHECK(frame_of(0x0fff) == NULL);
    CHECK(frame_of(0x1040) == NULL);
    CHECK_EQ(map_one(0x1028, R), EXO_OK); /* adopted frames are clean */
    free(table);
}

static void
counts_outside_of_ram_do_nothing(void)
{
    uint64_t done;
    fake_machine(64, 1);
    CHECK_EQ(frame_map_run(9, 4, RW, &done), EXO_OK);
    CHECK_EQ(done, 4);
    frame_unmap_run(9, 4, RW);
}

static void
contiguous_run_of_any_length_gives_its_tail_back(void)
{
    fake_machine(4096, 1);
    for (uint64_t count = 1; count <= 4096; count += 1 + count / 3) {
        pfn_t base = take(count, EXO_ALLOC_CONTIGUOUS, 0);
        CHECK_EQ(frame_free_count(), 4096 - count);
        CHECK_EQ(can_take(4096 - count, EXO_ALLOC_AT, base + count), count < 4096);
        frame_put(base, count);
    }
    CHECK(can_take(4096, EXO_ALLOC_CONTIGUOUS, 0));
}

static void
block_is_aligned(void)
{
    fake_machine(2048, 1);
    take(1, EXO_ALLOC_ANY, 0);
    CHECK_EQ(take(512, EXO_ALLOC_BLOCK, 0) % 512, 0);
    CHECK_EQ(take(10, EXO_ALLOC_BLOCK, 0) % 512, 0);
}

static void
any_takes_the_longest_run_when_none_is_long_enough(void)
{
    pfn_t base;
    uint64_t got;
    fake_machine(64, 1);
    take(1, EXO_ALLOC_AT, FAKE_PFN + 20);
    CHECK_EQ(frame_take(64, EXO_ALLOC_ANY, 0, &owner_a, &base, &got), EXO_OK);
    CHECK_EQ(got, 32);
    CHECK_EQ(frame_take(64, EXO_ALLOC_ANY, 0, &owner_a, &base, &got), EXO_OK);
    CHECK_EQ(got, 16);
    while (frame_take(64, EXO_ALLOC_ANY, 0, &owner_a, &base, &got) == EXO_OK)
        CHECK(got > 0);
    CHECK_EQ(frame_free_count(), 0);
}

static void
range_that_spans_free_runs_can_be_taken(void)
{
    fake_machine(64, 1);
    pfn_t low = take(3, EXO_ALLOC_AT, FAKE_PFN);
    pfn_t base = take(50, EXO_ALLOC_AT, FAKE_PFN + 5);
    CHECK_EQ(base, FAKE_PFN + 5);
    CHECK_EQ(frame_free_count(), 64 - 53);
    frame_put(base, 50);
    frame_put(low, 3);
    CHECK(can_take(64, EXO_ALLOC_CONTIGUOUS, 0));
}

static void
range_with_a_taken_frame_stays_as_it_was(void)
{
    fake_machine(64, 1);
    take(1, EXO_ALLOC_AT, FAKE_PFN + 40);
    CHECK(!can_take(21, EXO_ALLOC_AT, FAKE_PFN + 20));
    CHECK(!can_take(64, EXO_ALLOC_AT, FAKE_PFN + 41));
    CHECK(!can_take(1, EXO_ALLOC_AT, FAKE_PFN - 1));
    CHECK(!can_take(2, EXO_ALLOC_AT, UINT64_MAX));
    CHECK(can_take(20, EXO_ALLOC_AT, FAKE_PFN + 20));
    CHECK_EQ(frame_free_count(), 63);
}

static void
count_of_a_call_is_bounded(void)
{
    pfn_t base;
    uint64_t got;
    fake_machine(64, 1);
    CHECK_EQ(frame_take(0, EXO_ALLOC_ANY, 0, &owner_a, &base, &got), EXO_E_ARG);
    CHECK_EQ(frame_take(EXO_ALLOC_MAX + 1, EXO_ALLOC_ANY, 0, &owner_a, &base, &got), EXO_E_ARG);
}

static void
kernel_frames_are_zeroed_and_owned(void)
{
    fake_machine(64, 1);
    unsigned char *memory = frame_take_kernel(&owner_b, 3);
    CHECK(memory != NULL);
    for (uint64_t i = 0; i < 3 * PAGE_BYTES; i++)
        CHECK_EQ(memory[i], 0);
    pfn_t pfn = frame_from_kernel(memory);
    CHECK_EQ(frame_state(frame_of(pfn + 2)), FRAME_KERNEL);
    CHECK(frame_of(pfn + 2)->owner == &owner_b);
    CHECK(frame_to_kernel(pfn + 1) == memory + PAGE_BYTES);
    for (int i = 0; i < 61; i++)
        CHECK(frame_take_kernel(&owner_b, 1) != NULL);
    CHECK(frame_take_kernel(&owner_b, 1) == NULL);
}

/* --- The pool against an array of bytes ----------------------------------------------------- */

#define MODEL_FRAMES 3000
#define MODEL_RUNS   400
#define MODEL_STEPS  100000

static struct {
    uint64_t random;
    uint8_t used[MODEL_FRAMES];
    pfn_t base[MODEL_RUNS];
    uint64_t count[MODEL_RUNS];
    uint32_t runs;
    uint64_t free;
} model;

static bool
model_is_free(uint64_t first, uint64_t count)
{
    for (uint64_t i = first; i < first + count; i++)
        if (i >= MODEL_FRAMES || model.used[i])
            return false;
    return true;
}

static bool
model_has_aligned_run(uint64_t size)
{
    for (uint64_t i = 0; i + size <= MODEL_FRAMES; i += size)
        if (model_is_free(i, size))
            return true;
    return false;
}

static uint64_t
power_of_two_from(uint64_t count)
{
    uint64_t size = 1;
    while (size < count)
        size *= 2;
    return size;
}

static bool
model_expects(uint64_t count, enum exo_alloc how, uint64_t at)
{
    switch (how) {
    case EXO_ALLOC_ANY: return model.free > 0;
    case EXO_ALLOC_CONTIGUOUS: return model_has_aligned_run(power_of_two_from(count));
    case EXO_ALLOC_BLOCK:
        return model_has_aligned_run(power_of_two_from(count < 512 ? 512 : count));
    case EXO_ALLOC_AT: return model_is_free(at, count);
    }
    return false;
}

static void
model_take(void)
{
    enum exo_alloc how = (enum exo_alloc)tap_random(&model.random, 4);
    uint64_t count = 1 + tap_random(&model.random, tap_random(&model.random, 8) ? 20 : 600);
    uint64_t at = tap_random(&model.random, MODEL_FRAMES), got = 0;
    pfn_t base = 0;
    bool expected = model_expects(count, how, at);
    err_t err = frame_take(count, how, FAKE_PFN + at, &owner_a, &base, &got);
    CHECK_EQ(err, expected ? EXO_OK : EXO_E_MEMORY);
    if (err != EXO_OK)
        return;
    CHECK(how == EXO_ALLOC_ANY ? got > 0 && got <= count : got == count);
    CHECK(how != EXO_ALLOC_AT || base == FAKE_PFN + at);
    CHECK(how != EXO_ALLOC_BLOCK || base % 512 == 0);
    CHECK(model_is_free(base - FAKE_PFN, got));
    memset(&model.used[base - FAKE_PFN], 1, got);
    model.free -= got;
    model.base[model.runs] = base;
    model.count[model.runs++] = got;
}

/* A part from the end of a run goes back, or all of it. */
static void
model_put(void)
{
    uint32_t run = tap_random(&model.random, model.runs);
    uint64_t count = 1 + tap_random(&model.random, (uint32_t)model.count[run]);
    pfn_t base = model.base[run] + model.count[run] - count;
    frame_put(base, count);
    memset(&model.used[base - FAKE_PFN], 0, count);
    model.free += count;
    model.count[run] -= count;
    if (model.count[run] == 0) {
        model.runs--;
        model.base[run] = model.base[model.runs];
        model.count[run] = model.count[model.runs];
    }
}

static void
pool_agrees_with_a_simple_model(void)
{
    fake_machine(MODEL_FRAMES, 1);
    memset(&model, 0, sizeof(model));
    model.random = 20250301;
    model.free = MODEL_FRAMES;
    for (int step = 0; step < MODEL_STEPS; step++) {
        bool room = model.runs < MODEL_RUNS;
        if (model.runs == 0 || (room && tap_random(&model.random, 2)))
            model_take();
        else
            model_put();
        CHECK_EQ(frame_free_count(), model.free);
        for (uint64_t i = 0; step % 1000 == 0 && i < MODEL_FRAMES; i++) {
            enum frame_state expected = model.used[i] ? FRAME_OWNED : FRAME_FREE;
            CHECK_EQ(frame_state(frame_of(FAKE_PFN + i)), expected);
        }
    }
    while (model.runs > 0)
        model_put();
    CHECK(can_take(2048, EXO_ALLOC_CONTIGUOUS, 0));
    CHECK(can_take(MODEL_FRAMES, EXO_ALLOC_AT, FAKE_PFN));
}

static const struct tap_test tests[] = {
    TAP(frame_cannot_be_writable_and_executable),
    TAP(readable_mappings_are_not_counted),
    TAP(counts_do_not_overflow),
    TAP(count_below_zero_panics),
    TAP(caches_are_made_coherent_once_until_the_frame_was_writable),
    TAP(refused_run_is_counted_up_to_the_frame_that_refused),
    TAP(frame_of_another_owner_cannot_be_mapped_before_it_was_zeroed),
    TAP(cleaning_zeroes_once_within_its_budget),
    TAP(freed_frame_is_dirty_again),
    TAP(frame_being_zeroed_by_another_cpu_is_waited_for),
    TAP(frame_in_use_cannot_be_put),
    TAP(frame_cannot_be_put_twice),
    TAP(boot_gives_frames_away_without_touching_them),
    TAP(state_is_right_for_each_frame),
    TAP(counts_outside_of_ram_do_nothing),
    TAP(contiguous_run_of_any_length_gives_its_tail_back),
    TAP(block_is_aligned),
    TAP(any_takes_the_longest_run_when_none_is_long_enough),
    TAP(range_that_spans_free_runs_can_be_taken),
    TAP(range_with_a_taken_frame_stays_as_it_was),
    TAP(count_of_a_call_is_bounded),
    TAP(kernel_frames_are_zeroed_and_owned),
    TAP(pool_agrees_with_a_simple_model),
};
TAP_MAIN(tests)
