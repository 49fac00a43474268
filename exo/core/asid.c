/*
 * Address space identifiers: a bitmap. The search goes on where the last one ended, so that an
 * ASID rests as long as possible before it is used again.
 */
#include "core/pagetable.h"

#define ASIDS_MAX 65536u

static struct {
    struct spinlock lock;
    uint32_t next; /* word */
} asids = {.lock = SPINLOCK(RANK_ASID)};
static uint64_t used[ASIDS_MAX / 64]; /* not in the image: zeros at first */

uint16_t
asid_take(void)
{
    uint32_t words = arch_asid_count() / 64, found = 0;
    lock_acquire(&asids.lock);
    used[0] |= 1; /* the kernel's, never given out */
    for (uint32_t i = 0; i < words && found == 0; i++) {
        uint32_t word = (asids.next + i) % words;
        if (used[word] != UINT64_MAX) {
            found = word * 64 + (uint32_t)__builtin_ctzll(~used[word]);
            used[word] |= 1ull << (found % 64);
            asids.next = word + 1;
        }
    }
    lock_release(&asids.lock);
    return (uint16_t)found;
}

void
asid_put(uint16_t asid)
{
    HOLD(&asids.lock);
    ensure(asid != 0 && (used[asid / 64] & (1ull << (asid % 64))) != 0);
    used[asid / 64] &= ~(1ull << (asid % 64));
}
