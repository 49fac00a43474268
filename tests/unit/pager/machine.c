#include "machine.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

#define NOWHERE UINT32_MAX

struct machine machine;
struct pager pager;
const uint8_t zeros[TREE_BLOCK_BYTES];
static struct bundle bundle;
static uint8_t leaves[BLOCKS][HASH_BYTES];

void
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
    uint32_t places = machine.places_max + (read->anywhere ? machine.places_kept : 0);
    while (first < places && machine.place[first] != PLACE_FREE)
        first++;
    while (count < read->count && first + count < places &&
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

/* Whether all blocks of the block's window are shown, by one mapping that cannot be cut. */
static bool
is_whole(uint64_t index)
{
    uint64_t first = index - index % PAGER_WINDOW_BLOCKS;
    uint32_t count = 0;
    while (count < PAGER_WINDOW_BLOCKS && machine.shown[first + count] != NULL)
        count++;
    return machine.maps_windows && count == PAGER_WINDOW_BLOCKS;
}

static bool
hide_blocks(void *context, size_t payload, uint64_t *index, uint32_t *count)
{
    (void)context;
    require(payload == 0 && *index % PAGER_WINDOW_BLOCKS + *count <= PAGER_WINDOW_BLOCKS,
            "blocks of two windows are hidden at once");
    if (is_whole(*index)) {
        *index -= *index % PAGER_WINDOW_BLOCKS;
        *count = PAGER_WINDOW_BLOCKS;
        machine.windows_hidden++;
    }
    for (uint32_t i = 0; i < *count; i++)
        machine.shown[*index + i] = NULL;
    machine.hidden += *count;
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

/* --- What tests do -----------------------------------------------------------------------------
 */

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

void
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

void
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

void
begin_again(void)
{
    struct why why;
    pager_close(&pager);
    atomic_store(&bundle.bad_leaf, 0);
    memset(machine.shown, 0, sizeof(machine.shown));
    memset(machine.place, 0, sizeof(machine.place));
    CHECK(pager_open(&pager, &bundle, &host, &why));
}

const uint8_t *
touch(uint32_t index)
{
    require(pager_touch(&pager, 0, index), "a block cannot be shown");
    pthread_mutex_lock(&machine.lock);
    const uint8_t *shown = machine.shown[index];
    pthread_mutex_unlock(&machine.lock);
    return shown;
}

bool
is_good(uint32_t index)
{
    const uint8_t *shown = touch(index);
    size_t bytes = tree_block_bytes(BYTES, index);
    return memcmp(shown, machine.disk + (size_t)index * TREE_BLOCK_BYTES, bytes) == 0 &&
           memcmp(shown + bytes, zeros, TREE_BLOCK_BYTES - bytes) == 0;
}

void
run_threads(void *(*entry)(void *))
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, entry, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}
