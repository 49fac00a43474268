/*
 * Address space identifiers: a bitmap. The search goes on where the last one ended, so that an
 * ASID rests as long as possible before it is used again.
 */
#include "core/pagetable.h"

#define ASIDS_MAX 65536u

static struct {
    struct spinlock lock;
    uint32_t next;
    uint64_t used[ASIDS_MAX / 64]; /* 0 is the kernel's, and never given out */
} asids = {.lock = SPINLOCK(RANK_ASID), .used = {1}};

/* The first free one in the words [from, to) of the bitmap; 0: none. */
static uint32_t
find_free(uint32_t from, uint32_t to)
{
    for (uint32_t word = from; word < to; word++) {
        if (asids.used[word] != UINT64_MAX) {
            return word * 64 + (uint32_t)__builtin_ctzll(~asids.used[word]);
        }
    }
    return 0;
}

err_t
asid_take(uint16_t *asid)
{
    uint32_t words = arch_asid_count() / 64;
    lock_acquire(&asids.lock);
    uint32_t found = find_free(asids.next / 64, words);
    if (found == 0) {
        found = find_free(0, asids.next / 64);
    }
    if (found != 0) {
        asids.used[found / 64] |= 1ull << (found % 64);
        asids.next = (found + 64) % (words * 64);
    }
    lock_release(&asids.lock);
    *asid = (uint16_t)found;
    return found != 0 ? EXO_OK : EXO_E_LIMIT;
}

void
asid_put(uint16_t asid)
{
    lock_acquire(&asids.lock);
    ensure(asid != 0 && (asids.used[asid / 64] & (1ull << (asid % 64))) != 0);
    asids.used[asid / 64] &= ~(1ull << (asid % 64));
    lock_release(&asids.lock);
}
