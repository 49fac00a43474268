/*
 * Address space identifiers: a bitmap. The search goes on where the last one ended, so that an
 * ASID rests as long as possible before it is used again.
 */
#include "core/pagetable.h"

#define ASIDS_MAX 65536u

static struct {
    struct spinlock lock;
    uint32_t next;                 /* word */
    uint64_t used[ASIDS_MAX / 64]; /* 0 is the kernel's, and never given out */
} asids = {.lock = SPINLOCK(RANK_ASID), .used = {1}};

uint16_t
asid_take(void)
{
    uint32_t words = arch_asid_count() / 64, found = 0;
    lock_acquire(&asids.lock);
    for (uint32_t i = 0; i < words && found == 0; i++) {
        uint32_t word = (asids.next + i) % words;
        if (asids.used[word] != UINT64_MAX) {
            found = word * 64 + (uint32_t)__builtin_ctzll(~asids.used[word]);
            asids.used[word] |= 1ull << (found % 64);
            asids.next = word + 1;
        }
    }
    lock_release(&asids.lock);
    return (uint16_t)found;
}

void
asid_put(uint16_t asid)
{
    lock_acquire(&asids.lock);
    ensure(asid != 0 && (asids.used[asid / 64] & (1ull << (asid % 64))) != 0);
    asids.used[asid / 64] &= ~(1ull << (asid % 64));
    lock_release(&asids.lock);
}
