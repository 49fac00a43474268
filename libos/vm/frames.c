/* Frames from the cell, in runs, and memory for vm's own tables. */
#include "private.h"

#define RUNS_MAX   2048u
#define RUN_PAGES  512u /* most frames of a run: a block */
#define RUN_LEAST  16u
#define GROWTH     8u /* a new run is a part of what there is */
#define KEEP_FREE  64u
#define META_PAGES 8u
#define META_ALIGN 64u

_Static_assert(RUNS_MAX << FRAME_RUN_SHIFT == 1u << FRAME_BITS, "a frame's number fits");

struct run {
    uint32_t slot, count, free; /* slot EXO_NONE: this entry has no frames */
    bool is_block;              /* taken as one, and of no more use as one once it is free */
    uint64_t used[RUN_PAGES / 64], dirty[RUN_PAGES / 64];
};

static struct run *runs[RUNS_MAX];
static uint32_t run_count, frames_total, frames_free;
static struct {
    char *at;
    uint32_t left;
} meta;

void *
meta_take(uint32_t bytes)
{
    uint32_t rounded = (bytes + META_ALIGN - 1) & ~(META_ALIGN - 1);
    struct rt_memory memory;
    if (rounded > meta.left) {
        if (rt_memory_take(META_PAGES, EXO_PROT_READ | EXO_PROT_WRITE, &memory) != EXO_OK)
            return NULL;
        meta.at = memory.at;
        meta.left = META_PAGES * EXO_PAGE_BYTES;
    }
    void *taken = meta.at;
    meta.at += rounded;
    meta.left -= rounded;
    return taken;
}

struct exo_map
frame_entry(uint32_t frame, uint64_t va, uint32_t pages, uint32_t prot)
{
    const struct run *run = runs[frame >> FRAME_RUN_SHIFT];
    return (struct exo_map){va, run->slot, frame % RUN_PAGES, pages, prot};
}

void *
window_open(uint32_t window, uint32_t frame, uint32_t prot)
{
    const struct exo_map entry = frame_entry(frame, window_va(window), 1, prot);
    return rt_map(EXO_SELF, &entry, 1) == EXO_OK ? (void *)(uintptr_t)entry.va : NULL;
}

void
window_close(uint32_t window)
{
    (void)rt_unmap_pages(window_va(window), 1);
}

static struct run *
unused_run(uint32_t *number)
{
    for (*number = 0; *number < run_count; ++*number)
        if (runs[*number]->slot == EXO_NONE)
            return runs[*number];
    if (run_count == RUNS_MAX)
        return NULL;
    struct run *made = meta_take(sizeof(*made));
    if (made != NULL)
        runs[run_count++] = made;
    return made;
}

/* A cell that is nearly full may still have a smaller run. */
static int64_t
add_run(uint32_t pages, enum exo_alloc how, uint32_t *number)
{
    struct run *run = unused_run(number);
    uint32_t slot = rt_slot_take();
    struct exo_frames frames = {.status = EXO_E_LIMIT};
    if (run != NULL && slot != EXO_NONE) {
        do {
            frames = exo_frames_alloc(EXO_BOOT_CELL, slot, pages, how, 0);
            pages /= 2;
        } while (frames.status == EXO_E_LIMIT && how == EXO_ALLOC_ANY && pages > 0);
    }
    if (frames.status != EXO_OK) {
        rt_slot_put(slot);
        if (run != NULL)
            run->slot = EXO_NONE;
        return frames.status;
    }
    *run = (struct run){.slot = slot, .count = (uint32_t)frames.count};
    run->free = run->count;
    for (uint32_t word = 0; word < RUN_PAGES / 64; word++) /* what is not there is in use */
        run->used[word] = word * 64 >= run->count       ? UINT64_MAX
                          : run->count - word * 64 < 64 ? UINT64_MAX << (run->count - word * 64)
                                                        : 0;
    frames_total += run->count;
    frames_free += run->count;
    counts.runs++;
    return EXO_OK;
}

static void
drop_run(struct run *run)
{
    (void)rt_drop(run->slot);
    rt_slot_put(run->slot);
    run->slot = EXO_NONE;
    frames_total -= run->count;
    frames_free -= run->count;
    counts.runs--;
}

static bool
is_whole(const struct run *run)
{
    return run->slot != EXO_NONE && run->free == run->count;
}

uint64_t
frames_return(uint64_t wanted)
{
    uint64_t given = 0;
    for (uint32_t i = run_count; i-- > 0 && given < wanted;) {
        if (is_whole(runs[i])) {
            given += runs[i]->count;
            drop_run(runs[i]);
        }
    }
    return given;
}

static void
mark(uint64_t *bits, uint32_t index, bool value)
{
    uint64_t bit = 1ull << index % 64;
    bits[index / 64] = value ? bits[index / 64] | bit : bits[index / 64] & ~bit;
}

static bool
is_marked(const uint64_t *bits, uint32_t index)
{
    return bits[index / 64] >> index % 64 & 1;
}

/* The first free frame; a clean one if there is one in its word. */
static uint32_t
pick(const struct run *run)
{
    for (uint32_t word = 0; word < RUN_PAGES / 64; word++) {
        uint64_t free = ~run->used[word], clean = free & ~run->dirty[word];
        uint64_t wanted = clean != 0 ? clean : free;
        if (wanted != 0)
            return word * 64 + (uint32_t)__builtin_ctzll(wanted);
    }
    return RUN_PAGES;
}

static int64_t
take_from(uint32_t number, uint32_t *frame)
{
    struct run *run = runs[number];
    uint32_t index = pick(run);
    mark(run->used, index, true);
    run->free--;
    frames_free--;
    counts.resident_pages++;
    *frame = number << FRAME_RUN_SHIFT | index;
    if (!is_marked(run->dirty, index)) {
        mark(run->dirty, index, true);
        return EXO_OK; /* the kernel has cleared it, or does so when it is mapped */
    }
    void *page = window_open(WINDOW_ZERO, *frame, EXO_PROT_READ | EXO_PROT_WRITE);
    if (page == NULL) {
        frame_give(*frame);
        return EXO_E_MEMORY;
    }
    memset(page, 0, PAGE);
    window_close(WINDOW_ZERO);
    return EXO_OK;
}

int64_t
frame_take(uint32_t *frame)
{
    uint32_t number = 0, more = frames_total / GROWTH;
    while (number < run_count && (runs[number]->slot == EXO_NONE || runs[number]->free == 0))
        number++;
    if (number == run_count) {
        more = more < RUN_LEAST ? RUN_LEAST : more > RUN_PAGES ? RUN_PAGES : more;
        int64_t err = add_run(more, EXO_ALLOC_ANY, &number);
        if (err != EXO_OK)
            return err;
    }
    return take_from(number, frame);
}

int64_t
frame_take_block(uint32_t *frame)
{
    uint32_t number;
    int64_t err = add_run(RUN_PAGES, EXO_ALLOC_BLOCK, &number);
    if (err != EXO_OK)
        return err;
    struct run *run = runs[number];
    memset(run->used, 0xff, sizeof(run->used));
    memset(run->dirty, 0xff, sizeof(run->dirty));
    run->is_block = true;
    run->free = 0;
    frames_free -= RUN_PAGES;
    counts.resident_pages += RUN_PAGES;
    *frame = number << FRAME_RUN_SHIFT;
    return EXO_OK;
}

void
frame_give(uint32_t frame)
{
    struct run *run = runs[frame >> FRAME_RUN_SHIFT];
    mark(run->used, frame % RUN_PAGES, false);
    run->free++;
    frames_free++;
    counts.resident_pages--;
    if (is_whole(run) && (run->is_block || frames_free - run->count >= KEEP_FREE))
        drop_run(run);
}
