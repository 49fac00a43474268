/* One region, filled from its start. */
#include "chunks.h"

#include <rt/frames.h>
#include <sched/sync.h>
#include <vm/vm.h>

#define CHUNK (EXO_BLOCK_PAGES * (uint64_t)EXO_PAGE_BYTES)
#define CHUNKS_SPARE \
    16u /* more than there must be: what is taken and then not used is not had back */

static struct mutex lock; /* protects what follows, but for opening and closing */
static struct {
    uint64_t va, bytes; /* of the region, ... */
    uint64_t present;   /* ... of them with memory, ... */
    uint64_t used;      /* ... and in use */
    uint64_t most;      /* ... and with memory, at any time */
    uint64_t spare_frames;
} chunks;

bool
chunks_open(uint64_t bytes)
{
    chunks.bytes = (bytes / CHUNK + CHUNKS_SPARE) * CHUNK;
    chunks.va = chunks.present = chunks.used = chunks.most = 0;
    chunks.spare_frames = rt_frames_free() / 8;
    if (vm_map(&chunks.va, chunks.bytes, VM_READ | VM_WRITE, VM_BLOCKS, NULL, 0) != EXO_OK)
        chunks.bytes = 0;
    return chunks.bytes > 0;
}

static bool
grow(void)
{
    uint64_t va = chunks.va + chunks.present;
    if (chunks.present == chunks.bytes || rt_frames_free() < chunks.spare_frames + EXO_BLOCK_PAGES)
        return false;
    if (vm_populate(va, CHUNK, true) != EXO_OK) {
        (void)vm_forget(va, CHUNK);
        return false;
    }
    chunks.present += CHUNK;
    chunks.most = chunks.present > chunks.most ? chunks.present : chunks.most;
    return true;
}

void *
chunks_take(void *unused, size_t bytes)
{
    void *taken = NULL;
    (void)unused;
    mutex_lock(&lock);
    while (chunks.present - chunks.used < bytes && grow())
        continue;
    if (chunks.present - chunks.used >= bytes) {
        taken = (void *)(uintptr_t)(chunks.va + chunks.used);
        chunks.used += bytes;
    }
    mutex_unlock(&lock);
    return taken;
}

uint64_t
chunks_give(uint64_t bytes, uint64_t keep, void (*forget)(const void *from, size_t bytes))
{
    mutex_lock(&lock);
    uint64_t least = (keep + CHUNK - 1) / CHUNK * CHUNK;
    uint64_t cut = (chunks.present > bytes ? chunks.present - bytes : 0) / CHUNK * CHUNK;
    cut = cut > least ? cut : least;
    uint64_t given = cut < chunks.present ? chunks.present - cut : 0;
    if (given > 0) {
        forget((const void *)(uintptr_t)(chunks.va + cut), given);
        (void)vm_forget(chunks.va + cut, given);
        chunks.present = cut;
        chunks.used = chunks.used < cut ? chunks.used : cut;
    }
    mutex_unlock(&lock);
    return given;
}

uint64_t
chunks_most(void)
{
    return chunks.most;
}

void
chunks_close(void)
{
    if (chunks.bytes > 0)
        (void)vm_unmap(chunks.va, chunks.bytes);
    chunks.bytes = chunks.present = chunks.used = chunks.most = 0;
}
