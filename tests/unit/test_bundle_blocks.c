/*
 * Blocks that are verified when they are needed, by one thread and by several: no byte of a bad one
 * becomes visible. Runs under the thread sanitizer as well.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "bundle/fixture.h"
#include "tap.h"

#define MODEL   0
#define TOKENS  1
#define ROUNDS  200
#define THREADS 2

static struct fixture fixture;
static struct bundle bundle;

static void
begin(void)
{
    fixture_begin(&fixture);
    fixture_make(&fixture, 1, "on-fault");
    CHECK(bundle_open(&fixture.loader, "small", BUNDLE_NEWEST, &bundle));
}

static void
end(void)
{
    bundle_close(&bundle);
    fixture_end(&fixture);
}

static uint8_t *
bytes_of(const char *path)
{
    return fixture_find(&fixture, "small", 1, path)->bytes;
}

static bool
all_zero(const uint8_t *block)
{
    for (size_t i = 0; i < TREE_BLOCK_BYTES; i++)
        if (block[i])
            return false;
    return true;
}

static void
good_blocks_arrive_and_their_rest_is_zero(void)
{
    static uint8_t block[TREE_BLOCK_BYTES];
    begin();
    CHECK_EQ(bundle_read_block(&bundle, MODEL, 1, block), BUNDLE_BLOCK_GOOD);
    CHECK(memcmp(block, bytes_of("model.bin") + TREE_BLOCK_BYTES, TREE_BLOCK_BYTES) == 0);
    CHECK_EQ(bundle_read_block(&bundle, MODEL, 2, block), BUNDLE_BLOCK_GOOD);
    CHECK(memcmp(block, bytes_of("model.bin") + 2 * TREE_BLOCK_BYTES, 1000) == 0);
    memset(block, 0, 1000);
    CHECK(all_zero(block));
    CHECK_EQ(bundle_read_block(&bundle, TOKENS, 0, block), BUNDLE_BLOCK_GOOD);
    CHECK(memcmp(block, bytes_of("tokenizer.bin"), 700) == 0);
    CHECK(!bundle_is_demoted(&bundle, NULL));
    end();
}

static void
a_bad_block_shows_nothing_and_demotes(void)
{
    static uint8_t block[TREE_BLOCK_BYTES];
    struct why why;
    begin();
    bytes_of("model.bin")[TREE_BLOCK_BYTES + 5] ^= 0x80;
    CHECK_EQ(bundle_read_block(&bundle, MODEL, 0, block), BUNDLE_BLOCK_GOOD);
    CHECK_EQ(bundle_read_block(&bundle, MODEL, 1, block), BUNDLE_BLOCK_BAD);
    CHECK(all_zero(block));
    CHECK(bundle_is_demoted(&bundle, &why));
    CHECK(strcmp(why.text, "model.bin: block 1 is not what was signed") == 0);
    end();
}

static void
nothing_of_a_demoted_bundle_verifies(void)
{
    static uint8_t block[TREE_BLOCK_BYTES];
    struct why why;
    begin();
    bytes_of("tokenizer.bin")[0] ^= 1;
    bytes_of("model.bin")[0] ^= 1;
    CHECK_EQ(bundle_read_block(&bundle, TOKENS, 0, block), BUNDLE_BLOCK_BAD);
    CHECK_EQ(bundle_read_block(&bundle, MODEL, 1, block), BUNDLE_BLOCK_DEMOTED);
    CHECK(all_zero(block));
    CHECK_EQ(bundle_read_block(&bundle, MODEL, 0, block), BUNDLE_BLOCK_BAD);
    CHECK(bundle_is_demoted(&bundle, &why)); /* the first one is remembered */
    CHECK(strcmp(why.text, "tokenizer.bin: block 0 is not what was signed") == 0);
    end();
}

static void
the_next_generation_is_opened_below_the_demoted_one(void)
{
    static uint8_t block[TREE_BLOCK_BYTES];
    begin();
    fixture_make(&fixture, 2, "on-fault");
    bundle_close(&bundle);
    CHECK(bundle_open(&fixture.loader, "small", BUNDLE_NEWEST, &bundle));
    CHECK_EQ(bundle.manifest.generation, 2);
    fixture_find(&fixture, "small", 2, "model.bin")->bytes[0] ^= 1;
    CHECK_EQ(bundle_read_block(&bundle, MODEL, 0, block), BUNDLE_BLOCK_BAD);
    bundle_close(&bundle);
    CHECK(bundle_open(&fixture.loader, "small", 2, &bundle));
    CHECK_EQ(bundle.manifest.generation, 1);
    CHECK_EQ(bundle_read_block(&bundle, MODEL, 0, block), BUNDLE_BLOCK_GOOD);
    end();
}

static void
blocks_in_each_other_s_place_are_bad(void)
{
    static uint8_t block[TREE_BLOCK_BYTES];
    begin();
    uint8_t *model = bytes_of("model.bin");
    CHECK(memcmp(model, model + TREE_BLOCK_BYTES, TREE_BLOCK_BYTES) != 0);
    memcpy(block, model + TREE_BLOCK_BYTES, TREE_BLOCK_BYTES);
    CHECK_EQ(bundle_check_block(&bundle, MODEL, 1, block, TREE_BLOCK_BYTES), BUNDLE_BLOCK_GOOD);
    CHECK_EQ(bundle_check_block(&bundle, MODEL, 0, block, TREE_BLOCK_BYTES), BUNDLE_BLOCK_BAD);
    end();
}

static void
a_failing_device_does_not_demote(void)
{
    static uint8_t block[TREE_BLOCK_BYTES];
    begin();
    fixture_find(&fixture, "small", 1, "model.bin")->unreadable = true;
    memset(block, 1, sizeof(block));
    CHECK_EQ(bundle_read_block(&bundle, MODEL, 0, block), BUNDLE_BLOCK_UNREADABLE);
    CHECK(all_zero(block) && !bundle_is_demoted(&bundle, NULL));
    fixture_find(&fixture, "small", 1, "model.bin")->unreadable = false;
    CHECK_EQ(bundle_read_block(&bundle, MODEL, 0, block), BUNDLE_BLOCK_GOOD);
    end();
}

static void
blocks_that_do_not_exist_are_refused(void)
{
    static uint8_t block[TREE_BLOCK_BYTES];
    begin();
    CHECK_EQ(bundle_read_block(&bundle, MODEL, 3, block), BUNDLE_BLOCK_UNREADABLE);
    CHECK_EQ(bundle_read_block(&bundle, MODEL, UINT64_MAX / TREE_BLOCK_BYTES, block),
             BUNDLE_BLOCK_UNREADABLE);
    CHECK_EQ(bundle_check_block(&bundle, MODEL, 0, block, 100), BUNDLE_BLOCK_UNREADABLE);
    CHECK_EQ(bundle_check_block(&bundle, MODEL, 2, block, TREE_BLOCK_BYTES),
             BUNDLE_BLOCK_UNREADABLE);
    CHECK(!bundle_is_demoted(&bundle, NULL));
    end();
}

/*
 * A pager's part: on a fault the block is read into memory of the thread's own, and only when it
 * verifies is it copied to where readers look.
 */
static uint8_t visible[TREE_BLOCK_BYTES];
static _Atomic int published;
static enum bundle_block results[THREADS];
static pthread_barrier_t barrier;

static void *
fault(void *argument)
{
    enum bundle_block *result = argument;
    uint8_t *own = malloc(TREE_BLOCK_BYTES);
    pthread_barrier_wait(&barrier);
    *result = bundle_read_block(&bundle, MODEL, 0, own);
    if (*result == BUNDLE_BLOCK_GOOD && atomic_fetch_add(&published, 1) == 0)
        memcpy(visible, own, TREE_BLOCK_BYTES);
    free(own);
    return NULL;
}

static void
fault_together(void)
{
    pthread_t threads[THREADS];
    pthread_barrier_init(&barrier, NULL, THREADS);
    memset(visible, 0, sizeof(visible));
    atomic_store(&published, 0);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, fault, &results[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
}

static void
two_threads_that_fault_one_corrupt_block_read_no_byte_of_it(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        begin();
        bytes_of("model.bin")[round * 13] ^= 4;
        fault_together();
        for (int i = 0; i < THREADS; i++)
            CHECK_EQ(results[i], BUNDLE_BLOCK_BAD);
        CHECK_EQ(published, 0);
        CHECK(all_zero(visible) && bundle_is_demoted(&bundle, NULL));
        end();
    }
}

static void
two_threads_that_fault_one_good_block_both_get_it(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        begin();
        fault_together();
        for (int i = 0; i < THREADS; i++)
            CHECK_EQ(results[i], BUNDLE_BLOCK_GOOD);
        CHECK_EQ(published, THREADS);
        CHECK(memcmp(visible, bytes_of("model.bin"), TREE_BLOCK_BYTES) == 0);
        end();
    }
}

static const struct tap_test tests[] = {
    TAP(good_blocks_arrive_and_their_rest_is_zero),
    TAP(a_bad_block_shows_nothing_and_demotes),
    TAP(nothing_of_a_demoted_bundle_verifies),
    TAP(the_next_generation_is_opened_below_the_demoted_one),
    TAP(blocks_in_each_other_s_place_are_bad),
    TAP(a_failing_device_does_not_demote),
    TAP(blocks_that_do_not_exist_are_refused),
    TAP(two_threads_that_fault_one_corrupt_block_read_no_byte_of_it),
    TAP(two_threads_that_fault_one_good_block_both_get_it),
};

TAP_MAIN(tests)
