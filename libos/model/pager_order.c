/* Which blocks are forgotten where memory is short. Under the host's lock. */
#include <string.h>

#include "pager_private.h"

/*
 * A step of a model reads all of its weights in the same order as the one before. Were the oldest
 * block forgotten for each new one, every block would be gone when its turn comes. So those that
 * were read first stay, and what is forgotten is the newest, but for so many that may be in use
 * now.
 */
#define RECENT_BLOCKS (PAGER_STREAMS * PAGER_AHEAD_BLOCKS / 2)

/* With so many blocks the first one is not wanted any more, whether somebody touched it or not. */
#define HELD_FOR_AHEAD (4 * PAGER_AHEAD_BLOCKS)

void
pager_may_forget(struct pager *pager, size_t payload)
{
    pager->may_forget |= 1u << payload;
}

void
order_add(struct pager *pager, size_t payload, uint64_t number)
{
    if (pager->may_forget & 1u << payload)
        pager->order[pager->order_count++] = (uint32_t)number;
}

static void
take(struct pager *pager, uint64_t position, uint32_t count)
{
    pager->order_count -= count;
    memmove(pager->order + position, pager->order + position + count,
            (pager->order_count - position) * sizeof(pager->order[0]));
}

static size_t
payload_of(const struct pager *pager, uint64_t number)
{
    size_t payload = pager->bundle->manifest.payload_count - 1;
    while (number < pager->bundle->first_leaf[payload])
        payload--;
    return payload;
}

/* So many blocks up to there can be forgotten at once: of one window, and read one after the other.
 */
static uint32_t
forgettable_run(const struct pager *pager, size_t payload, uint64_t position)
{
    const uint32_t *order = pager->order + position;
    uint64_t number = *order, first = pager->bundle->first_leaf[payload];
    uint64_t window = number - (number - first) % PAGER_WINDOW_BLOCKS;
    uint32_t run = 1;
    while (run <= position && run < PAGER_READ_BLOCKS && number - run + 1 > window &&
           order[-(int64_t)run] == number - run &&
           pager->state[number - run] == pager->state[number])
        run++;
    return run;
}

/* The others keep their order. */
static void
take_all_of(struct pager *pager, uint64_t number, uint32_t run)
{
    uint64_t kept = 0;
    for (uint64_t i = 0; i < pager->order_count; i++)
        if (pager->order[i] < number || pager->order[i] >= number + run)
            pager->order[kept++] = pager->order[i];
    pager->order_count = kept;
}

static bool
forget(struct pager *pager, uint64_t position)
{
    size_t payload = payload_of(pager, pager->order[position]);
    uint32_t asked = forgettable_run(pager, payload, position), run = asked;
    uint64_t number = pager->order[position] - asked + 1;
    uint64_t first = pager->bundle->first_leaf[payload], index = number - first;
    take(pager, position - asked + 1, asked);
    if (pager->state[number] == BLOCK_SHOWN &&
        !pager->host->hide(pager->host->context, payload, &index, &run))
        return false; /* they stay, for good */
    number = first + index;
    if (run > asked)
        take_all_of(pager, number, run);
    memset(pager->state + number, BLOCK_EMPTY, run);
    for (uint32_t i = 0; i < run; i++)
        pager->host->put(pager->host->context, pager->place[number + i]);
    pager->counts.blocks_forgotten += run;
    pager->counts.blocks_held -= run;
    return true;
}

/* Where forgetting begins. */
static uint64_t
begin_at(const struct pager *pager)
{
    uint64_t half = pager->order_count / 2;
    return pager->order_count - 1 - (half < RECENT_BLOCKS ? half : RECENT_BLOCKS);
}

bool
pager_forget(struct pager *pager)
{
    return order_forget(pager, false);
}

/* For a block that is touched, or that is read ahead: from there on backwards; then what is recent.
 */
bool
order_forget(struct pager *pager, bool for_ahead)
{
    uint64_t begin = pager->order_count > 0 ? begin_at(pager) : 0;
    for (uint64_t i = 0; i < pager->order_count; i++) {
        uint64_t position = i <= begin ? begin - i : i;
        uint8_t state = pager->state[pager->order[position]];
        if (for_ahead && state == BLOCK_READ && pager->counts.blocks_held < HELD_FOR_AHEAD)
            return false;
        if (state != BLOCK_CHECKED)
            return forget(pager, position) || order_forget(pager, for_ahead);
    }
    return false;
}
