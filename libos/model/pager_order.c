/* Which blocks are forgotten where memory is short. Under the host's lock. */
#include <string.h>

#include "pager_private.h"

/* With so many blocks the oldest one is not wanted any more, whether somebody touched it or not. */
#define HELD_FOR_AHEAD (4 * PAGER_AHEAD_BLOCKS)

void
pager_may_forget(struct pager *pager, size_t payload)
{
    pager->may_forget |= 1u << payload;
}

static uint64_t
all_blocks(const struct pager *pager)
{
    return manifest_leaves(&pager->bundle->manifest);
}

void
order_add(struct pager *pager, size_t payload, uint64_t number)
{
    if (pager->may_forget & 1u << payload)
        pager->order[(pager->order_first + pager->order_count++) % all_blocks(pager)] =
            (uint32_t)number;
}

static uint64_t
take_oldest(struct pager *pager)
{
    uint64_t number = pager->order[pager->order_first];
    pager->order_first = (pager->order_first + 1) % all_blocks(pager);
    pager->order_count--;
    return number;
}

static size_t
payload_of(const struct pager *pager, uint64_t number)
{
    size_t payload = pager->bundle->manifest.payload_count - 1;
    while (number < pager->bundle->first_leaf[payload])
        payload--;
    return payload;
}

/* So many blocks from `number` on can be forgotten at once: what follows the oldest one is next,
 * and in its window. */
static uint32_t
forgettable_run(const struct pager *pager, size_t payload, uint64_t number)
{
    uint64_t first = pager->bundle->first_leaf[payload], end = first + blocks_of(pager, payload);
    uint64_t window = (number - first) / PAGER_WINDOW_BLOCKS + 1;
    uint32_t run = 1;
    if (first + window * PAGER_WINDOW_BLOCKS < end)
        end = first + window * PAGER_WINDOW_BLOCKS;
    while (run <= pager->order_count && run < PAGER_READ_BLOCKS && number + run < end &&
           pager->order[(pager->order_first + run - 1) % all_blocks(pager)] == number + run &&
           pager->state[number + run] == pager->state[number])
        run++;
    return run;
}

/* The others keep their order. */
static void
take_all_of(struct pager *pager, size_t payload, uint64_t number, uint32_t run)
{
    for (uint64_t left = pager->order_count; left > 0; left--) {
        uint64_t other = take_oldest(pager);
        if (other < number || other >= number + run)
            order_add(pager, payload, other);
    }
}

static bool
forget(struct pager *pager, uint64_t number)
{
    size_t payload = payload_of(pager, number);
    uint32_t asked = forgettable_run(pager, payload, number), run = asked;
    uint64_t first = pager->bundle->first_leaf[payload], index = number - first;
    for (uint32_t i = 1; i < run; i++)
        (void)take_oldest(pager);
    if (pager->state[number] == BLOCK_SHOWN &&
        !pager->host->hide(pager->host->context, payload, &index, &run))
        return false; /* they stay, for good */
    number = first + index;
    if (run > asked)
        take_all_of(pager, payload, number, run);
    memset(pager->state + number, BLOCK_EMPTY, run);
    for (uint32_t i = 0; i < run; i++)
        pager->host->put(pager->host->context, pager->place[number + i]);
    pager->counts.blocks_forgotten += run;
    pager->counts.blocks_held -= run;
    return true;
}

bool
pager_forget(struct pager *pager)
{
    return order_forget(pager, false);
}

/* The oldest ones, for one that is touched, or that is read ahead. */
bool
order_forget(struct pager *pager, bool for_ahead)
{
    for (uint64_t left = pager->order_count; left > 0; left--) {
        uint8_t state = pager->state[pager->order[pager->order_first]];
        if (for_ahead && state == BLOCK_READ && pager->counts.blocks_held < HELD_FOR_AHEAD)
            return false;
        uint64_t number = take_oldest(pager);
        if (state == BLOCK_CHECKED)
            order_add(pager, payload_of(pager, number), number);
        else if (forget(pager, number))
            return true;
    }
    return false;
}
