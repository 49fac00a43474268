/*
 * Weights that are packed when they are asked for: the same logits as those of weights that were
 * packed as a whole, with memory for all blocks, for some and for none, by one worker and by
 * several; and nothing is kept of what may be false. Under the thread sanitizer, too.
 */
#include "engine/packing.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine/choice.h"
#include "engine/engine.h"
#include "random_model.h"
#include "tap.h"
#include "team.h"

#define ARENA_BYTES ((size_t)64 << 20)
#define ROOM        ((size_t)16 << 20) /* for all of them, and for some */
#define SOME        ((size_t)1 << 20)
#define TOKENS      9
#define WORDS       3000

static const struct random_shape shape = {256, 512, 3, 4, 2, WORDS, 32, true};

static struct engine_arena arena;
static struct engine_error error;
static uint8_t *file;
static struct engine_model model;
static const struct engine_kernel **kernels;
static struct engine_mapping mapping;
static struct engine_source mapped, source;
static struct engine_packing packing;

/* --- Doubles: a file that counts and can lose blocks, and memory that ends -------------------- */

static struct {
    pthread_mutex_t lock;
    unsigned asked;
    size_t taken, room;
    const struct engine_tensor *lost;
    bool zeros, bad;
    uint8_t *memory;
} world;

static bool
counting_rows(void *context, uint32_t worker, const struct engine_tensor *tensor, uint32_t block,
              struct engine_rows *rows)
{
    static const uint8_t zeros[ENGINE_BLOCK_ROWS * 512];
    (void)context;
    pthread_mutex_lock(&world.lock);
    bool lost = tensor == world.lost, zero = world.zeros;
    world.asked += tensor->columns > 1 && tensor->rows > 1;
    pthread_mutex_unlock(&world.lock);
    if (lost || !mapped.rows(mapped.context, worker, tensor, block, rows))
        return false;
    if (zero && tensor->rows > 1)
        *rows = (struct engine_rows){zeros, (const void *)zeros, 0};
    return true;
}
static const struct engine_source counted = {NULL, counting_rows};

static void *
take_memory(void *unused, size_t bytes)
{
    void *taken = NULL;
    (void)unused;
    pthread_mutex_lock(&world.lock);
    if (bytes <= world.room - world.taken) {
        taken = world.memory + world.taken;
        world.taken += bytes;
    }
    pthread_mutex_unlock(&world.lock);
    return taken;
}

static bool
is_good(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&world.lock);
    bool bad = world.bad;
    pthread_mutex_unlock(&world.lock);
    return !bad;
}

static const struct engine_packing_host host = {NULL, take_memory, is_good};

/* --- Tests ------------------------------------------------------------------------------------ */

/* Matrices with the last kernel of the table that fits; norms with the reference. */
static void
begin(size_t room)
{
    const struct engine_machine machine = {0};
    size_t bytes;
    uint8_t *floats = random_model(&shape, 42, &bytes);
    file = random_model_quantised(floats, 32, &bytes);
    free(floats);
    memset(&world, 0, sizeof world);
    pthread_mutex_init(&world.lock, NULL);
    world.room = room;
    world.memory = aligned_alloc(ENGINE_ARENA_ALIGN, ROOM);
    memset(world.memory, 0x77, ROOM);
    arena = (struct engine_arena){aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES), ARENA_BYTES, 0};
    CHECK_EQ(engine_checkpoint_read(&model, file, bytes, bytes, &arena, &error), 0);
    mapping = (struct engine_mapping){file, bytes};
    mapped = engine_mapping_source(&mapping);
    kernels = engine_arena_take(&arena, model.tensor_count, sizeof *kernels);
    CHECK(engine_choose(&model, &machine, NULL, kernels, NULL, 0, &arena) >= 0);
    CHECK_EQ(engine_packing_open(&packing, &model, &counted, kernels, TEAM_WORKERS, &host, &arena,
                                 &error),
             0);
    source = engine_packing_source(&packing);
}

static void
end(void)
{
    free(world.memory);
    free(arena.base);
    free(file);
}

/* Steps of a prompt and of single tokens; the logits of the last one. */
static int
step_all(const struct engine_source *from, const struct engine_team *with, float *logits)
{
    static const uint32_t tokens[TOKENS] = {1, 7, 2999, 0, 12, 77, 9, 8, 31};
    const struct engine_options options = {.batch = TOKENS, .team = with, .kernels = kernels};
    struct engine *engine;
    struct engine_sequence sequence;
    struct engine_arena scratch = {aligned_alloc(ENGINE_ARENA_ALIGN, ARENA_BYTES), ARENA_BYTES, 0};
    int status = engine_open(&engine, &model, from, &options, &scratch, &error);
    engine_sequence_begin(&sequence, shape.context,
                          engine_arena_take(&scratch, 1, engine_sequence_bytes(engine, 32)));
    for (uint32_t first = 0, count = 5; first < TOKENS && status == ENGINE_OK; first += count) {
        count = first == 0 ? 5 : 1;
        const struct engine_item item = {&sequence, tokens + first, count, logits};
        status = engine_step(engine, &item, 1, &error);
    }
    free(scratch.base);
    return status;
}

static void
expected_logits(float *logits)
{
    struct engine_packed packed;
    CHECK_EQ(engine_pack(&packed, &model, &mapped, kernels, &arena, &error), 0);
    struct engine_source whole = engine_packed_source(&packed);
    CHECK_EQ(step_all(&whole, NULL, logits), ENGINE_OK);
}

static uint32_t
packed_blocks(void)
{
    uint32_t blocks = 0;
    for (uint32_t i = 0; i < model.tensor_count; i++)
        if (kernels[i]->layout->pack != NULL)
            blocks += engine_tensor_blocks(&model.tensors[i]);
    return blocks;
}

static void
each_block_is_packed_once_where_there_is_memory(void)
{
    static float expected[WORDS], logits[WORDS];
    begin(ROOM);
    expected_logits(expected);
    CHECK_EQ(step_all(&source, NULL, logits), ENGINE_OK);
    CHECK_EQ(memcmp(expected, logits, sizeof logits), 0);
    struct engine_packing_counts counts = engine_packing_counts(&packing);
    CHECK(counts.kept_blocks <= packed_blocks() && counts.passed_blocks == 0);
    CHECK_EQ(world.asked, counts.kept_blocks);
    CHECK(counts.kept_bytes <= engine_packing_bytes(&packing));
    CHECK_EQ(counts.kept_bytes, world.taken);
    unsigned asked = world.asked;
    CHECK_EQ(step_all(&source, NULL, logits), ENGINE_OK);
    CHECK_EQ(world.asked, asked);
    end();
}

static void
with_memory_for_some_blocks_or_none_logits_are_the_same(void)
{
    static float expected[WORDS], logits[WORDS];
    for (size_t room = 0; room < 2 * SOME; room += SOME) {
        begin(room);
        expected_logits(expected);
        for (int twice = 0; twice < 2; twice++) {
            memset(logits, 0, sizeof logits);
            CHECK_EQ(step_all(&source, NULL, logits), ENGINE_OK);
            CHECK_EQ(memcmp(expected, logits, sizeof logits), 0);
        }
        struct engine_packing_counts counts = engine_packing_counts(&packing);
        CHECK_EQ(counts.kept_bytes, world.taken);
        CHECK((counts.kept_blocks > 0) == (room > 0) && counts.passed_blocks > 0);
        end();
    }
}

static void
logits_do_not_depend_on_the_number_of_workers_or_on_memory(void)
{
    static float expected[WORDS], logits[WORDS];
    for (size_t room = 0; room <= ROOM; room += ROOM / 8) {
        begin(room);
        expected_logits(expected);
        for (int twice = 0; twice < 2; twice++) {
            memset(logits, 0, sizeof logits);
            CHECK_EQ(step_all(&source, &threads_team, logits), ENGINE_OK);
            CHECK_EQ(memcmp(expected, logits, sizeof logits), 0);
        }
        end();
    }
}

/* All ask for all blocks, in the same order. */
static void
ask_for_all(void *argument, uint32_t worker)
{
    const struct engine_packed *packed = argument;
    for (uint32_t i = 0; i < model.tensor_count; i++) {
        const struct engine_tensor *tensor = &model.tensors[i];
        const struct engine_layout *layout = kernels[i]->layout;
        if (layout->pack == NULL)
            continue;
        size_t bytes = layout->block_bytes(ENGINE_BLOCK_ROWS, tensor->columns);
        for (uint32_t block = 0; block < engine_tensor_blocks(tensor); block++) {
            struct engine_rows rows;
            CHECK(source.rows(source.context, worker, tensor, block, &rows));
            CHECK_EQ(memcmp(rows.values, packed->tensors[i] + block * bytes,
                            layout->block_bytes(engine_block_rows(tensor, block), tensor->columns)),
                     0);
        }
    }
}

static void
workers_that_ask_for_the_same_blocks_get_them_whole(void)
{
    struct engine_packed packed;
    for (size_t room = 0; room <= ROOM; room += ROOM / 4) {
        begin(room);
        CHECK_EQ(engine_pack(&packed, &model, &mapped, kernels, &arena, &error), 0);
        threads_team.run(NULL, TEAM_WORKERS, ask_for_all, &packed);
        threads_team.run(NULL, TEAM_WORKERS, ask_for_all, &packed);
        CHECK(engine_packing_counts(&packing).kept_blocks <= packed_blocks());
        end();
    }
}

static void
a_block_that_is_lost_fails_the_step_and_the_next_one_has_it(void)
{
    static float expected[WORDS], logits[WORDS];
    begin(ROOM);
    expected_logits(expected);
    world.lost = model.layers[1].down;
    CHECK_EQ(step_all(&source, NULL, logits), ENGINE_E_WEIGHTS);
    world.lost = NULL;
    CHECK_EQ(step_all(&source, NULL, logits), ENGINE_OK);
    CHECK_EQ(memcmp(expected, logits, sizeof logits), 0);
    end();
}

/* As the model pager does: zeros in place of everything from a bad block on, and it says so. */
static void
what_was_packed_from_zeros_is_never_used_again(void)
{
    static float expected[WORDS], logits[WORDS];
    begin(ROOM);
    expected_logits(expected);
    world.zeros = world.bad = true;
    (void)step_all(&source, NULL, logits);
    CHECK(memcmp(expected, logits, sizeof logits) != 0);
    CHECK_EQ(engine_packing_counts(&packing).kept_blocks, 0);
    world.zeros = world.bad = false;
    CHECK_EQ(step_all(&source, NULL, logits), ENGINE_OK);
    CHECK_EQ(memcmp(expected, logits, sizeof logits), 0);
    end();
}

/* All but the first part of what was taken; the program has it back. */
static void
what_is_forgotten_is_packed_again_when_it_is_asked_for(void)
{
    static float expected[WORDS], logits[WORDS];
    begin(ROOM);
    expected_logits(expected);
    CHECK_EQ(step_all(&source, NULL, logits), ENGINE_OK);
    uint64_t before = engine_packing_counts(&packing).kept_blocks;
    unsigned asked = world.asked;
    uint64_t forgotten = engine_packing_forget(&packing, world.memory + SOME, world.taken - SOME);
    world.taken = SOME;
    struct engine_packing_counts counts = engine_packing_counts(&packing);
    CHECK(forgotten > before / 2 && forgotten < before);
    CHECK_EQ(counts.kept_blocks, before - forgotten);
    CHECK_EQ(counts.forgotten_blocks, forgotten);
    CHECK(counts.kept_bytes <= SOME);
    memset(world.memory + SOME, 0x55, ROOM - SOME);
    CHECK_EQ(step_all(&source, NULL, logits), ENGINE_OK);
    CHECK_EQ(memcmp(expected, logits, sizeof logits), 0);
    CHECK_EQ(world.asked, asked + forgotten);
    CHECK_EQ(engine_packing_counts(&packing).kept_blocks, before);
    CHECK_EQ(engine_packing_counts(&packing).passed_blocks, 0);
    end();
}

/* ... and where the memory is not given again, what stayed is used, and the rest passes. */
static void
what_is_forgotten_for_good_changes_no_logits(void)
{
    static float expected[WORDS], logits[WORDS];
    begin(ROOM);
    expected_logits(expected);
    CHECK_EQ(step_all(&source, NULL, logits), ENGINE_OK);
    uint64_t forgotten = engine_packing_forget(&packing, world.memory + SOME, world.taken - SOME);
    world.taken = world.room = SOME;
    memset(world.memory + SOME, 0x55, ROOM - SOME);
    uint64_t kept = engine_packing_counts(&packing).kept_blocks;
    for (int steps = 0; steps < 2; steps++) {
        uint64_t passed = engine_packing_counts(&packing).passed_blocks;
        memset(logits, 0, sizeof logits);
        CHECK_EQ(step_all(&source, NULL, logits), ENGINE_OK);
        CHECK_EQ(memcmp(expected, logits, sizeof logits), 0);
        CHECK_EQ(engine_packing_counts(&packing).kept_blocks, kept);
        CHECK(engine_packing_counts(&packing).passed_blocks - passed >= forgotten);
    }
    end();
}

static void
an_arena_that_is_too_small_is_refused(void)
{
    begin(0);
    struct engine_arena small = {.base = NULL};
    CHECK_EQ(engine_packing_open(&packing, &model, &counted, kernels, 1, &host, &small, &error),
             ENGINE_E_SPACE);
    size_t bytes = (small.used_bytes + ENGINE_ARENA_ALIGN) & ~(size_t)(ENGINE_ARENA_ALIGN - 1);
    small =
        (struct engine_arena){aligned_alloc(ENGINE_ARENA_ALIGN, bytes), small.used_bytes - 1, 0};
    CHECK_EQ(engine_packing_open(&packing, &model, &counted, kernels, 1, &host, &small, &error),
             ENGINE_E_SPACE);
    free(small.base);
    end();
}

static const struct tap_test tests[] = {
    TAP(each_block_is_packed_once_where_there_is_memory),
    TAP(with_memory_for_some_blocks_or_none_logits_are_the_same),
    TAP(logits_do_not_depend_on_the_number_of_workers_or_on_memory),
    TAP(workers_that_ask_for_the_same_blocks_get_them_whole),
    TAP(a_block_that_is_lost_fails_the_step_and_the_next_one_has_it),
    TAP(what_was_packed_from_zeros_is_never_used_again),
    TAP(what_is_forgotten_is_packed_again_when_it_is_asked_for),
    TAP(what_is_forgotten_for_good_changes_no_logits),
    TAP(an_arena_that_is_too_small_is_refused),
};
TAP_MAIN(tests)
