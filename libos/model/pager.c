/* Blocks on their way from the device to where they are shown. All under the host's lock, but for
 * the check of a block, which its CHECKED state keeps others away from. */
#include <stdlib.h>
#include <string.h>

#include "pager_private.h"

static void
free_tables(struct pager *pager)
{
    free(pager->state);
    free(pager->place);
    free(pager->order);
    pager->state = NULL;
    pager->place = NULL;
    pager->order = NULL;
}

bool
pager_open(struct pager *pager, struct bundle *bundle, const struct pager_host *host,
           struct why *why)
{
    uint64_t blocks = manifest_leaves(&bundle->manifest);
    memset(pager, 0, sizeof(*pager));
    pager->bundle = bundle;
    pager->host = host;
    pager->state = calloc((size_t)blocks, sizeof(pager->state[0]));
    pager->place = calloc((size_t)blocks, sizeof(pager->place[0]));
    pager->order = calloc((size_t)blocks, sizeof(pager->order[0]));
    if (pager->state && pager->place && pager->order)
        return true;
    free_tables(pager);
    return why_set(why, "no memory for the pager's tables: %llu blocks",
                   (unsigned long long)blocks);
}

static bool
has_failed(const struct pager *pager)
{
    return atomic_load_explicit(&pager->failed, memory_order_relaxed);
}

static void
fail(struct pager *pager, const struct why *why)
{
    if (!has_failed(pager))
        pager->why = *why;
    atomic_store_explicit(&pager->failed, true, memory_order_release);
}

static void
fail_at(struct pager *pager, size_t payload, uint64_t index, const char *what)
{
    struct why why;
    why_set(&why, "%s: block %llu %s", pager->bundle->manifest.payloads[payload].path,
            (unsigned long long)index, what);
    fail(pager, &why);
}

static uint64_t
number_of(const struct pager *pager, size_t payload, uint64_t index)
{
    return pager->bundle->first_leaf[payload] + index;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static struct pager_read *
free_read(struct pager *pager)
{
    for (unsigned i = 0; i < PAGER_READS; i++)
        if (pager->read[i].state == PAGER_READ_FREE)
            return &pager->read[i];
    return NULL;
}

/* How many blocks from there on one read can have. */
static uint32_t
run_of(const struct pager *pager, uint64_t number, uint64_t count)
{
    uint32_t most = count < PAGER_READ_BLOCKS ? (uint32_t)count : PAGER_READ_BLOCKS, run = 0;
    if (pager->state[number] == BLOCK_ALONE)
        return 1;
    while (run < most && pager->state[number + run] == BLOCK_EMPTY)
        run++;
    return run;
}

static enum pager_begun
begin_read(struct pager *pager, size_t payload, uint64_t index, uint32_t count, bool is_ahead)
{
    struct pager_read *read = free_read(pager);
    uint64_t number = number_of(pager, payload, index);
    enum pager_begun begun = PAGER_NO_MEMORY;
    if (!read)
        return PAGER_NO_MEMORY; /* until one ends */
    do {
        *read = (struct pager_read){.payload = payload, .index = index, .count = count};
        begun = pager->host->begin(pager->host->context, read);
    } while (begun == PAGER_NO_MEMORY && order_forget(pager, is_ahead));
    if (begun == PAGER_NO_MEMORY && !is_ahead) {
        read->anywhere = true;
        begun = pager->host->begin(pager->host->context, read);
    }
    if (begun != PAGER_BEGUN)
        return begun;
    read->state = PAGER_READ_FLYING;
    memset(pager->state + number, BLOCK_FLYING, read->count);
    pager->counts.blocks_held += read->count;
    pager->blocks_begun += read->count;
    return PAGER_BEGUN;
}

/* Reads what is not there of [index, index + count), as far as there are reads and memory; the
 * first block that was not looked at. */
static uint64_t
read_ahead(struct pager *pager, size_t payload, uint64_t index, uint64_t count)
{
    uint64_t end = index + count;
    while (index < end) {
        uint64_t number = number_of(pager, payload, index);
        uint32_t run = run_of(pager, number, end - index);
        if (run > 0 && begin_read(pager, payload, index, run, true) != PAGER_BEGUN)
            return index;
        index++;
        while (index < end && pager->state[number_of(pager, payload, index)] == BLOCK_FLYING)
            index++;
    }
    return end;
}

static void
end_read(struct pager *pager, struct pager_read *read)
{
    uint64_t number = number_of(pager, read->payload, read->index);
    uint8_t state = !read->failed ? BLOCK_READ : read->count == 1 ? BLOCK_UNREADABLE : BLOCK_ALONE;
    memset(pager->state + number, state, read->count);
    for (uint32_t i = 0; i < read->count; i++) {
        pager->place[number + i] = read->place + i;
        if (!read->failed)
            order_add(pager, read->payload, number + i);
    }
    if (!read->failed)
        pager->counts.blocks_read += read->count;
    else
        pager->counts.blocks_held -= read->count;
    read->state = PAGER_READ_FREE;
}

/* Until something has changed: one thread waits for the device, the others for that one. */
static void
await(struct pager *pager)
{
    const struct pager_host *host = pager->host;
    if (pager->polled) {
        host->sleep(host->context);
        return;
    }
    pager->polled = true;
    while (!host->poll(host->context)) {
        host->unlock(host->context);
        host->pause(host->context);
        host->lock(host->context);
    }
    pager->polled = false;
    for (unsigned i = 0; i < PAGER_READS; i++)
        if (pager->read[i].state == PAGER_READ_ENDED)
            end_read(pager, &pager->read[i]);
    host->wake(host->context);
}

static bool
any_flies(const struct pager *pager)
{
    for (unsigned i = 0; i < PAGER_READS; i++)
        if (pager->read[i].state != PAGER_READ_FREE)
            return true;
    return false;
}

void
pager_close(struct pager *pager)
{
    pager->host->lock(pager->host->context);
    while (any_flies(pager))
        await(pager);
    pager->host->unlock(pager->host->context);
    free_tables(pager);
}

/* --- Reading ahead ---------------------------------------------------------------------------- */

/* The stream that is at this block: in its last two windows, or right behind them. */
static struct pager_stream *
find_stream(struct pager *pager, uint64_t number)
{
    for (unsigned i = 0; i < PAGER_STREAMS; i++) {
        struct pager_stream *stream = &pager->stream[i];
        if (stream->used > 0 && stream->first <= number && number <= stream->next)
            return stream;
    }
    return NULL;
}

static struct pager_stream *
oldest_stream(struct pager *pager)
{
    struct pager_stream *oldest = pager->stream;
    for (unsigned i = 1; i < PAGER_STREAMS; i++)
        if (pager->stream[i].used < oldest->used)
            oldest = &pager->stream[i];
    return oldest;
}

/*
 * Who comes to the last window that was asked for gets one more, twice as long; so the device is at
 * work while that one is used. A first touch begins a stream and reads nothing ahead.
 */
static void
follow(struct pager *pager, size_t payload, uint64_t index)
{
    uint64_t number = number_of(pager, payload, index), first = pager->bundle->first_leaf[payload];
    struct pager_stream *stream = find_stream(pager, number);
    if (!stream) {
        stream = oldest_stream(pager);
        *stream = (struct pager_stream){number + 1, number + 1, number + 1, ++pager->touches, 1};
        return;
    }
    stream->used = ++pager->touches;
    uint64_t end = first + blocks_of(pager, payload), next = stream->next;
    uint32_t window =
        2 * stream->window < PAGER_AHEAD_BLOCKS ? 2 * stream->window : PAGER_AHEAD_BLOCKS;
    if (number < stream->mark || next < first || next >= end)
        return;
    uint64_t begun = pager->blocks_begun + (next == number);
    uint64_t count = end - next < window ? end - next : window;
    stream->next = first + read_ahead(pager, payload, next - first, count);
    if (stream->next > next) {
        stream->first = stream->mark;
        stream->mark = next;
        stream->window = window;
        pager->counts.blocks_ahead += pager->blocks_begun - begun;
    }
}

/* --- Showing ---------------------------------------------------------------------------------- */

static bool
show(struct pager *pager, size_t payload, uint64_t index, uint32_t place)
{
    bool shown = pager->host->show(pager->host->context, payload, index, place);
    if (shown)
        pager->state[number_of(pager, payload, index)] = BLOCK_SHOWN;
    return shown;
}

/* What is behind the payload's end was not signed by anybody. */
static enum bundle_block
check_bytes(struct pager *pager, size_t payload, uint64_t index, uint8_t *block)
{
    size_t bytes =
        tree_block_bytes((uint64_t)pager->bundle->manifest.payloads[payload].bytes, index);
    memset(block + bytes, 0, TREE_BLOCK_BYTES - bytes);
    return bundle_check_block(pager->bundle, payload, index, block, bytes);
}

/* Without the lock while it is hashed: other threads check other blocks. */
static bool
check(struct pager *pager, size_t payload, uint64_t index)
{
    const struct pager_host *host = pager->host;
    uint64_t number = number_of(pager, payload, index);
    uint32_t place = pager->place[number];
    struct why why;
    pager->state[number] = BLOCK_CHECKED;
    pager->checking++;
    host->unlock(host->context);
    enum bundle_block result = check_bytes(pager, payload, index, host->at(host->context, place));
    host->lock(host->context);
    pager->checking--;
    pager->counts.bytes_verified += result == BUNDLE_BLOCK_GOOD ? TREE_BLOCK_BYTES : 0;
    if (result != BUNDLE_BLOCK_GOOD && bundle_is_demoted(pager->bundle, &why))
        fail(pager, &why);
    bool shown = show(pager, payload, index, result == BUNDLE_BLOCK_GOOD ? place : PAGER_ZEROS);
    if (!shown)
        pager->state[number] = BLOCK_READ;
    host->wake(host->context);
    return shown;
}

/* A block that nobody reads yet. Without a read or memory for it, what flies may end and help, and
 * who checks a block at this moment. */
static bool
fetch(struct pager *pager, size_t payload, uint64_t index)
{
    if (has_failed(pager))
        return show(pager, payload, index, PAGER_ZEROS);
    enum pager_begun begun = begin_read(pager, payload, index, 1, false);
    if (begun == PAGER_BEGUN)
        return true;
    if (any_flies(pager)) {
        await(pager);
        return true;
    }
    if (begun == PAGER_NO_MEMORY && pager->checking > 0) {
        pager->host->sleep(pager->host->context);
        return true;
    }
    pager->is_short = begun == PAGER_NO_MEMORY;
    fail_at(pager, payload, index, begun == PAGER_NO_MEMORY ? "has no memory" : "has no disk");
    return show(pager, payload, index, PAGER_ZEROS);
}

/* One step towards SHOWN. */
static bool
advance(struct pager *pager, size_t payload, uint64_t index)
{
    switch ((enum block_state)pager->state[number_of(pager, payload, index)]) {
    case BLOCK_EMPTY:
    case BLOCK_ALONE: return fetch(pager, payload, index);
    case BLOCK_UNREADABLE:
        fail_at(pager, payload, index, "cannot be read from the disk");
        return show(pager, payload, index, PAGER_ZEROS);
    case BLOCK_FLYING: await(pager); return true;
    case BLOCK_READ:
        return has_failed(pager) ? show(pager, payload, index, PAGER_ZEROS)
                                 : check(pager, payload, index);
    case BLOCK_CHECKED: pager->host->sleep(pager->host->context); return true;
    case BLOCK_SHOWN: break;
    }
    return true;
}

bool
pager_touch(struct pager *pager, size_t payload, uint64_t index)
{
    const struct pager_host *host = pager->host;
    const uint8_t *state = &pager->state[number_of(pager, payload, index)];
    bool fine = true;
    host->lock(host->context);
    pager->counts.faults++;
    if (*state != BLOCK_SHOWN && !has_failed(pager))
        follow(pager, payload, index);
    while (fine && *state != BLOCK_SHOWN)
        fine = advance(pager, payload, index);
    host->unlock(host->context);
    return fine;
}

bool
pager_touch_all(struct pager *pager, size_t payload, struct why *why)
{
    uint64_t first = pager->bundle->first_leaf[payload], blocks = blocks_of(pager, payload);
    pager->host->lock(pager->host->context);
    *oldest_stream(pager) =
        (struct pager_stream){first, first, first, ++pager->touches, PAGER_AHEAD_BLOCKS};
    pager->host->unlock(pager->host->context);
    for (uint64_t index = 0; index < blocks && !pager_is_failed(pager, why); index++)
        if (!pager_touch(pager, payload, index))
            return why_set(why, "%s: cannot be mapped",
                           pager->bundle->manifest.payloads[payload].path);
    return !pager_is_failed(pager, why);
}

bool
pager_is_failed(struct pager *pager, struct why *why)
{
    bool failed = atomic_load_explicit(&pager->failed, memory_order_acquire);
    if (failed && why)
        *why = pager->why;
    return failed;
}

bool
pager_is_short(struct pager *pager)
{
    return pager_is_failed(pager, NULL) && pager->is_short;
}

struct pager_counts
pager_counts(struct pager *pager)
{
    pager->host->lock(pager->host->context);
    struct pager_counts now = pager->counts;
    pager->host->unlock(pager->host->context);
    return now;
}
