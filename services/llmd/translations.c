#include "translations.h"

#include <rt/frames.h>
#include <stdbool.h>
#include <stddef.h>

/* More than the kernel forgets one by one when they are unmapped (FLUSH_PAGES). */
#define PAGES        17u
#define FIRST_STEPS  16u /* enough for 2^24 pages */
#define PERIOD_STEPS 256u

static struct rt_memory memory;
static uint64_t steps, forgotten;

static bool
forget(void)
{
    uint64_t va = (uint64_t)(uintptr_t)memory.at;
    return memory.at != NULL && rt_unmap_pages(va, PAGES) == EXO_OK &&
           rt_map_pages(va, memory.slot, 0, PAGES, EXO_PROT_READ) == EXO_OK;
}

void
translations_used(void)
{
    steps++;
    if (steps == 1 && rt_memory_take(PAGES, EXO_PROT_READ, &memory) != EXO_OK)
        memory.at = NULL;
    if (steps <= FIRST_STEPS || steps % PERIOD_STEPS == 0)
        forgotten += forget();
}

uint64_t
translations_forgotten(void)
{
    return forgotten;
}
