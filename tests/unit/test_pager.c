/*
 * The model pager over doubles: a device that is a thread and answers in any order, memory that
 * knows whether the device may write it, and threads that touch. Under the thread sanitizer, too.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <model/pager.h>

#include "tap.h"

#define BLOCKS  96u
#define TAIL    1000u /* bytes of the last one */
#define BYTES   ((BLOCKS - 1) * (size_t)TREE_BLOCK_BYTES + TAIL)
#define PLACES  (2 * BLOCKS)
#define THREADS 4
#define FLIPS   200
#define NOWHERE UINT32_MAX

enum place { PLACE_FREE, PLACE_DEVICE, PLACE_OURS };

/* The device, the memory, and what is shown; under `lock`, but for the places' bytes. */
static struct machine {
    pthread_mutex_t lock;
    pthread_cond_t woken, asked, ended;
    uint8_t *disk, *memory;
    enum place place[PLACES];
    const uint8_t *shown[BLOCKS];
    struct pager_read *queue[PAGER_READS];
    unsigned queued, done_count, flying, most_flying, requests, longest, times_read[BLOCKS];
    unsigned hidden;
    struct pager_read *done[PAGER_READS];
    uint32_t places_max, unreadable;
    bool stopped, dead, refuses, cannot_map;
    uint64_t random;
    pthread_t thread;
} machine;

static struct pager pager;
static struct bundle bundle;
static uint8_t leaves[BLOCKS][HASH_BYTES];
static const uint8_t zeros[TREE_BLOCK_BYTES];

static void
require(bool condition, const char *what)
{
    if (!condition) {
        printf("# %s\n", what);
        abort();
    }
}

/* --- The device: takes any of what is queued, and writes where it may ------------------------- */

static void
serve(struct pager_read *read)
{
    uint32_t place = read->place, count = read->count;
    uint64_t index = read->index;
    bool readable = machine.unreadable < index || machine.unreadable >= index + count;
    pthread_mutex_unlock(&machine.lock);
    for (uint32_t i = 0; i < count && readable; i++)
        memcpy(machine.memory + (size_t)(place + i) * TREE_BLOCK_BYTES,
               machine.disk + (size_t)(index + i) * TREE_BLOCK_BYTES, TREE_BLOCK_BYTES);
    pthread_mutex_lock(&machine.lock);
    read->failed = !readable;
    machine.done[machine.done_count++] = read;
    pthread_cond_broadcast(&machine.ended);
}

static void *
device(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&machine.lock);
    for (;;) {
        while (!machine.stopped && (machine.queued == 0 || machine.dead))
            pthread_cond_wait(&machine.asked, &machine.lock);
        if (machine.stopped)
            break;
        unsigned which = tap_random(&machine.random, machine.queued);
        struct pager_read *read = machine.queue[which];
        machine.queue[which] = machine.queue[--machine.queued];
        serve(read);
    }
    pthread_mutex_unlock(&machine.lock);
    return NULL;
}

/* --- The host --------------------------------------------------------------------------------- */

static void
take_lock(void *context)
{
    (void)context;
    pthread_mutex_lock(&machine.lock);
}

static void
give_lock(void *context)
{
    (void)context;
    pthread_mutex_unlock(&machine.lock);
}

static void
sleep_for_wake(void *context)
{
    (void)context;
    pthread_cond_wait(&machine.woken, &machine.lock);
}

static void
wake_all(void *context)
{
    (void)context;
    pthread_cond_broadcast(&machine.woken);
}

/* The first free places in a row. */
static enum pager_begun
begin_read(void *context, struct pager_read *read)
{
    (void)context;
    uint32_t first = 0, count = 0;
    while (first < machine.places_max && machine.place[first] != PLACE_FREE)
        first++;
    while (count < read->count && first + count < machine.places_max &&
           machine.place[first + count] == PLACE_FREE)
        count++;
    if (machine.refuses || count == 0)
        return machine.refuses ? PAGER_NO_DEVICE : PAGER_NO_MEMORY;
    read->count = count;
    read->place = first;
    for (uint32_t i = 0; i < read->count; i++) {
        require(read->index + i < BLOCKS, "a read behind the payload");
        machine.place[read->place + i] = PLACE_DEVICE;
        machine.times_read[read->index + i]++;
    }
    machine.queue[machine.queued++] = read;
    machine.requests++;
    machine.flying++;
    machine.most_flying =
        machine.flying > machine.most_flying ? machine.flying : machine.most_flying;
    machine.longest = read->count > machine.longest ? read->count : machine.longest;
    pthread_cond_signal(&machine.asked);
    return PAGER_BEGUN;
}

static void
end_one(struct pager_read *read)
{
    for (uint32_t i = 0; i < read->count; i++)
        machine.place[read->place + i] = PLACE_OURS;
    read->state = PAGER_READ_ENDED;
    machine.flying--;
}

static bool
poll_reads(void *context)
{
    (void)context;
    bool any = machine.done_count > 0 || machine.dead;
    while (machine.done_count > 0)
        end_one(machine.done[--machine.done_count]);
    for (; machine.dead && machine.queued > 0; machine.queued--) {
        machine.queue[machine.queued - 1]->failed = true;
        end_one(machine.queue[machine.queued - 1]);
    }
    return any;
}

static void
wait_for_device(void *context)
{
    (void)context;
    pthread_mutex_lock(&machine.lock);
    while (machine.done_count == 0 && !machine.dead)
        pthread_cond_wait(&machine.ended, &machine.lock);
    pthread_mutex_unlock(&machine.lock);
}

/* Asked for by who checks, without the lock: by then the place is that thread's. */
static uint8_t *
block_at(void *context, uint32_t place)
{
    (void)context;
    pthread_mutex_lock(&machine.lock);
    require(machine.place[place] == PLACE_OURS, "a place is looked at that the device may write");
    pthread_mutex_unlock(&machine.lock);
    return machine.memory + (size_t)place * TREE_BLOCK_BYTES;
}

static bool
show_block(void *context, size_t payload, uint64_t index, uint32_t place)
{
    (void)context;
    require(payload == 0 && index < BLOCKS, "a block of nothing is shown");
    require(machine.shown[index] == NULL, "a block is shown twice");
    if (!machine.cannot_map)
        machine.shown[index] =
            place == PAGER_ZEROS ? zeros : machine.memory + (size_t)place * TREE_BLOCK_BYTES;
    return !machine.cannot_map;
}

static bool
hide_blocks(void *context, size_t payload, uint64_t index, uint32_t count)
{
    (void)context;
    require(payload == 0 && index + count <= BLOCKS, "a block of nothing is hidden");
    for (uint32_t i = 0; i < count; i++)
        machine.shown[index + i] = NULL;
    machine.hidden += count;
    return true;
}

/* What somebody still looked at there is no block of the bundle from now on. */
static void
put_place(void *context, uint32_t place)
{
    (void)context;
    require(machine.place[place] == PLACE_OURS, "a place is given back that is not ours");
    for (uint32_t i = 0; i < BLOCKS; i++)
        require(machine.shown[i] != machine.memory + (size_t)place * TREE_BLOCK_BYTES,
                "a place is given back that is shown");
    machine.place[place] = PLACE_FREE;
}

static const struct pager_host host = {
    NULL,       take_lock,       give_lock, sleep_for_wake, wake_all,    begin_read,
    poll_reads, wait_for_device, block_at,  show_block,     hide_blocks, put_place,
};

/* --- Tests ------------------------------------------------------------------------------------ */

static void
make_bundle(void)
{
    memset(&bundle, 0, sizeof(bundle));
    bundle.manifest.payload_count = 1;
    bundle.manifest.payloads[0].bytes = (int64_t)BYTES;
    strcpy(bundle.manifest.payloads[0].path, "model.bin");
    bundle.leaves = leaves;
    for (uint32_t i = 0; i < BLOCKS; i++)
        tree_leaf(machine.disk + (size_t)i * TREE_BLOCK_BYTES, tree_block_bytes(BYTES, i),
                  leaves[i]);
}

static void
begin(void)
{
    struct why why;
    memset(&machine, 0, sizeof(machine));
    pthread_mutex_init(&machine.lock, NULL);
    pthread_cond_init(&machine.woken, NULL);
    pthread_cond_init(&machine.asked, NULL);
    pthread_cond_init(&machine.ended, NULL);
    machine.random = 11;
    machine.places_max = PLACES;
    machine.unreadable = NOWHERE;
    machine.disk = malloc((size_t)BLOCKS * TREE_BLOCK_BYTES);
    machine.memory = malloc((size_t)PLACES * TREE_BLOCK_BYTES);
    for (size_t i = 0; i < (size_t)BLOCKS * TREE_BLOCK_BYTES; i++)
        machine.disk[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16) * 101 + 1);
    make_bundle();
    CHECK(pager_open(&pager, &bundle, &host, &why));
    pthread_create(&machine.thread, NULL, device, NULL);
}

static void
end(void)
{
    pager_close(&pager);
    CHECK_EQ(machine.flying, 0);
    pthread_mutex_lock(&machine.lock);
    machine.stopped = true;
    pthread_cond_broadcast(&machine.asked);
    pthread_mutex_unlock(&machine.lock);
    pthread_join(machine.thread, NULL);
    free(machine.disk);
    free(machine.memory);
}

/* The same bundle, nothing of which was touched. */
static void
begin_again(void)
{
    struct why why;
    pager_close(&pager);
    atomic_store(&bundle.bad_leaf, 0);
    memset(machine.shown, 0, sizeof(machine.shown));
    memset(machine.place, 0, sizeof(machine.place));
    CHECK(pager_open(&pager, &bundle, &host, &why));
}

static const uint8_t *
touch(uint32_t index)
{
    require(pager_touch(&pager, 0, index), "a block cannot be shown");
    pthread_mutex_lock(&machine.lock);
    const uint8_t *shown = machine.shown[index];
    pthread_mutex_unlock(&machine.lock);
    return shown;
}

static bool
is_good(uint32_t index)
{
    const uint8_t *shown = touch(index);
    size_t bytes = tree_block_bytes(BYTES, index);
    return memcmp(shown, machine.disk + (size_t)index * TREE_BLOCK_BYTES, bytes) == 0 &&
           memcmp(shown + bytes, zeros, TREE_BLOCK_BYTES - bytes) == 0;
}

static void
run_threads(void *(*entry)(void *))
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, entry, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* Half of the touches are of blocks that others touch, too, at the same time. */
static void *
touch_at_random(void *argument)
{
    uint64_t random = (uintptr_t)argument % 2 + 1;
    for (int i = 0; i < 300; i++)
        require(is_good(tap_random(&random, BLOCKS)), "a block is not what was signed");
    return NULL;
}

static void
threads_see_good_blocks_each_read_once(void)
{
    begin();
    run_threads(touch_at_random);
    for (uint32_t i = 0; i < BLOCKS; i++)
        CHECK(machine.times_read[i] <= 1);
    CHECK(!pager_is_failed(&pager, NULL));
    CHECK_EQ(pager_counts(&pager).faults, THREADS * 300);
    end();
}

/* A share each, as the engine's workers have. */
static void *
touch_a_share(void *argument)
{
    uint32_t first = (uint32_t)(uintptr_t)argument * (BLOCKS / THREADS);
    for (uint32_t i = 0; i < BLOCKS / THREADS; i++)
        require(is_good(first + i), "a block is not what was signed");
    return NULL;
}

static void
each_thread_that_goes_on_is_read_ahead_for(void)
{
    begin();
    run_threads(touch_a_share);
    struct pager_counts counts = pager_counts(&pager);
    CHECK_EQ(counts.blocks_read, BLOCKS);
    CHECK_EQ(counts.bytes_verified, (uint64_t)BLOCKS * TREE_BLOCK_BYTES);
    CHECK(machine.requests < BLOCKS / 2);
    CHECK(counts.blocks_ahead > BLOCKS / 2);
    CHECK(machine.most_flying > 1);
    end();
}

static void
only_what_is_touched_is_read(void)
{
    begin();
    for (uint32_t i = 0; i < BLOCKS; i += 3)
        CHECK(is_good(i));
    struct pager_counts counts = pager_counts(&pager);
    CHECK_EQ(counts.blocks_read, BLOCKS / 3);
    CHECK_EQ(counts.blocks_held, BLOCKS / 3);
    CHECK_EQ(counts.blocks_ahead, 0);
    end();
}

static void
everything_is_read_in_long_requests(void)
{
    struct why why;
    begin();
    CHECK(pager_touch_all(&pager, 0, &why));
    CHECK_EQ(pager_counts(&pager).blocks_read, BLOCKS);
    CHECK_EQ(machine.longest, PAGER_READ_BLOCKS);
    CHECK_EQ(machine.requests, BLOCKS / PAGER_READ_BLOCKS);
    CHECK(is_good(0) && is_good(BLOCKS - 1));
    end();
}

static void *
touch_the_bad_one(void *argument)
{
    (void)argument;
    require(touch(40) == zeros, "a byte of a bad block is shown");
    return NULL;
}

static void
threads_that_touch_a_corrupt_block_see_zeros(void)
{
    struct why why;
    for (int round = 0; round < 5; round++) {
        begin();
        machine.disk[40 * (size_t)TREE_BLOCK_BYTES + 99] ^= 4;
        run_threads(touch_the_bad_one);
        CHECK_EQ(machine.times_read[40], 1);
        CHECK(pager_is_failed(&pager, &why));
        CHECK(strcmp(why.text, "model.bin: block 40 is not what was signed") == 0);
        end();
    }
}

static void
any_flipped_bit_shows_zeros(void)
{
    uint64_t random = 5;
    begin();
    for (int i = 0; i < FLIPS; i++) {
        uint32_t byte = tap_random(&random, (uint32_t)BYTES);
        uint8_t bit = (uint8_t)(1u << tap_random(&random, 8));
        machine.disk[byte] ^= bit;
        CHECK(touch(byte / TREE_BLOCK_BYTES) == zeros);
        CHECK(pager_is_failed(&pager, NULL));
        machine.disk[byte] ^= bit;
        begin_again();
        CHECK(is_good(byte / TREE_BLOCK_BYTES));
        begin_again();
    }
    end();
}

static void
nothing_is_read_after_a_failure(void)
{
    begin();
    CHECK(is_good(3));
    machine.disk[40 * (size_t)TREE_BLOCK_BYTES] ^= 1;
    CHECK(touch(40) == zeros);
    uint64_t read = pager_counts(&pager).blocks_read;
    for (uint32_t i = 50; i < BLOCKS; i++)
        CHECK(touch(i) == zeros);
    CHECK_EQ(pager_counts(&pager).blocks_read, read);
    CHECK(touch(3) != zeros);
    end();
}

static void
reading_all_ends_at_a_bad_block_with_the_reason(void)
{
    struct why why;
    begin();
    machine.disk[70 * (size_t)TREE_BLOCK_BYTES] ^= 1;
    CHECK(!pager_touch_all(&pager, 0, &why));
    CHECK(strcmp(why.text, "model.bin: block 70 is not what was signed") == 0);
    CHECK(machine.shown[69] != NULL && machine.shown[70] == zeros && machine.shown[71] == NULL);
    end();
}

static void
only_the_block_that_cannot_be_read_is_lost(void)
{
    struct why why;
    begin();
    machine.unreadable = 12;
    for (uint32_t i = 0; i < 12; i++)
        CHECK(is_good(i));
    for (uint32_t i = 13; i < 30; i++)
        CHECK(is_good(i));
    CHECK(!pager_is_failed(&pager, NULL));
    CHECK(touch(12) == zeros);
    CHECK(pager_is_failed(&pager, &why));
    CHECK(strcmp(why.text, "model.bin: block 12 cannot be read from the disk") == 0);
    end();
}

static void
a_device_that_dies_ends_everything(void)
{
    begin();
    CHECK(is_good(0));
    pthread_mutex_lock(&machine.lock);
    machine.dead = true;
    pthread_mutex_unlock(&machine.lock);
    CHECK(touch(20) == zeros);
    CHECK(pager_is_failed(&pager, NULL));
    end();
}

static void
without_memory_zeros_are_shown_and_the_bundle_is_not_at_fault(void)
{
    struct why why;
    begin();
    machine.places_max = 5;
    for (uint32_t i = 0; i < 5; i++)
        CHECK(is_good(2 * i));
    CHECK(touch(20) == zeros);
    CHECK(pager_is_failed(&pager, &why) && pager_is_short(&pager));
    CHECK(strcmp(why.text, "model.bin: block 20 has no memory") == 0);
    end();
}

static void
without_a_device_zeros_are_shown(void)
{
    struct why why;
    begin();
    CHECK(is_good(3));
    machine.refuses = true;
    CHECK(touch(20) == zeros);
    CHECK(pager_is_failed(&pager, &why) && !pager_is_short(&pager));
    CHECK(strcmp(why.text, "model.bin: block 20 has no disk") == 0);
    end();
}

/* Everything twice, with room for less than a quarter of it. */
static void
what_was_read_first_is_forgotten_first_and_read_again(void)
{
    begin();
    machine.places_max = 20;
    pager_may_forget(&pager, 0);
    for (uint32_t i = 0; i < 2 * BLOCKS; i++)
        CHECK(is_good(i % BLOCKS));
    struct pager_counts counts = pager_counts(&pager);
    CHECK(!pager_is_failed(&pager, NULL));
    CHECK(counts.blocks_held <= 20);
    CHECK_EQ(counts.blocks_read, 2 * BLOCKS);
    CHECK_EQ(counts.blocks_forgotten, counts.blocks_read - counts.blocks_held);
    CHECK(machine.shown[BLOCKS - 1] != NULL && machine.shown[0] == NULL);
    end();
}

/* From both ends, so that they meet. */
static uint32_t
block_of_step(uintptr_t thread, uint32_t step)
{
    return thread % 2 == 0 ? step % BLOCKS : BLOCKS - 1 - step % BLOCKS;
}

/* A touch may find its block forgotten again before it is looked at: the access that faulted is
 * then made once more, as a program's is. */
static void *
touch_with_little_memory(void *argument)
{
    for (uint32_t i = 0; i < 3 * BLOCKS; i++) {
        uint32_t index = block_of_step((uintptr_t)argument, i);
        const uint8_t *shown;
        do {
            require(pager_touch(&pager, 0, index), "a block cannot be shown");
            pthread_mutex_lock(&machine.lock);
            shown = machine.shown[index];
            require(shown == NULL || (shown != zeros &&
                                      memcmp(shown, machine.disk + index * (size_t)TREE_BLOCK_BYTES,
                                             tree_block_bytes(BYTES, index)) == 0),
                    "a block is not what was signed");
            pthread_mutex_unlock(&machine.lock);
        } while (shown == NULL);
    }
    return NULL;
}

static void
threads_with_little_memory_see_good_blocks(void)
{
    for (uint32_t places = 1; places <= 16; places *= 4) {
        begin();
        machine.places_max = places;
        pager_may_forget(&pager, 0);
        run_threads(touch_with_little_memory);
        CHECK(!pager_is_failed(&pager, NULL));
        CHECK(pager_counts(&pager).blocks_held <= places);
        end();
    }
}

static void
a_corrupt_block_is_never_shown_where_memory_is_short(void)
{
    begin();
    machine.places_max = 6;
    pager_may_forget(&pager, 0);
    machine.disk[40 * (size_t)TREE_BLOCK_BYTES + 99] ^= 4;
    for (uint32_t i = 0; i < 40; i++)
        CHECK(is_good(i));
    CHECK(touch(40) == zeros && touch(0) == zeros);
    CHECK(pager_is_failed(&pager, NULL) && !pager_is_short(&pager));
    end();
}

static void
a_block_that_cannot_be_mapped_is_said_to_be_missing(void)
{
    struct why why;
    begin();
    machine.cannot_map = true;
    CHECK(!pager_touch(&pager, 0, 1));
    CHECK(!pager_touch_all(&pager, 0, &why));
    CHECK(strcmp(why.text, "model.bin: cannot be mapped") == 0);
    end();
}

static void
reads_under_way_are_waited_for_at_the_end(void)
{
    begin();
    CHECK(is_good(0) && is_good(1) && is_good(2));
    end(); /* checks it */
}

static const struct tap_test tests[] = {
    TAP(threads_see_good_blocks_each_read_once),
    TAP(each_thread_that_goes_on_is_read_ahead_for),
    TAP(only_what_is_touched_is_read),
    TAP(everything_is_read_in_long_requests),
    TAP(threads_that_touch_a_corrupt_block_see_zeros),
    TAP(any_flipped_bit_shows_zeros),
    TAP(nothing_is_read_after_a_failure),
    TAP(reading_all_ends_at_a_bad_block_with_the_reason),
    TAP(only_the_block_that_cannot_be_read_is_lost),
    TAP(a_device_that_dies_ends_everything),
    TAP(without_memory_zeros_are_shown_and_the_bundle_is_not_at_fault),
    TAP(without_a_device_zeros_are_shown),
    TAP(what_was_read_first_is_forgotten_first_and_read_again),
    TAP(threads_with_little_memory_see_good_blocks),
    TAP(a_corrupt_block_is_never_shown_where_memory_is_short),
    TAP(a_block_that_cannot_be_mapped_is_said_to_be_missing),
    TAP(reads_under_way_are_waited_for_at_the_end),
};
TAP_MAIN(tests)
