/*
 * I4 and I7: the frame table, the runs of free frames, and what the other parts noted per frame.
 * I3: each kernel frame is used for one thing, and charged to whoever has it.
 */
#include "debug/audit.h"

#include "core/frame.h"
#include "core/genesis.h"
#include "core/slab.h"

#define COUNT_MODULUS 4096u /* of struct audit_frame */
#define NO_FRAME      UINT32_MAX

static struct audit_frame noted[AUDIT_FRAMES_MAX];

static struct {
    uint64_t state[4];                   /* frames, by enum frame_state */
    uint32_t lists[FRAME_ORDER_MAX + 1]; /* runs of an order that are the first of their list */
    uint32_t runs[FRAME_ORDER_MAX + 1];
    pfn_t free_end; /* of the last free run: what lies before it is in the pool */
} seen;

void
audit_frames_begin(void)
{
    memset(noted, 0, sizeof(noted));
}

struct audit_frame *
audit_frame_of(pfn_t pfn)
{
    return frame_of(pfn) == NULL ? NULL : &noted[pfn - frame_table.first];
}

struct audit_frame *
audit_frame_at(const void *pointer)
{
    uintptr_t start = (uintptr_t)frame_to_kernel(frame_table.first);
    uintptr_t offset = (uintptr_t)pointer - start;
    return offset / PAGE_BYTES < frame_table.count ? &noted[offset / PAGE_BYTES] : NULL;
}

bool
audit_has_role(const void *pointer, enum audit_role role)
{
    const struct audit_frame *frame = audit_frame_at(pointer);
    return frame != NULL && frame->role == role;
}

static const char *
role_text(unsigned role)
{
    static const char *const text[] = {
        "nothing",          "a cell",        "an environment", "a table of capabilities",
        "capability slots", "a page table",  "a vCPU",         "a control page",
        "vector registers", "small objects", "a queue",        "a session",
        "a shared NIC's",   "a ring",        "a ring page"};
    return text[role];
}

void
audit_claim(const void *pointer, enum audit_role role, const void *owner)
{
    struct audit_frame *frame = audit_frame_at(pointer);
    if (frame == NULL) {
        AUDIT_BROKEN(3, "memory %lx, used as %s, is not RAM\n", audit_name(pointer),
                     role_text(role));
        return;
    }
    pfn_t pfn = frame_from_kernel(pointer);
    const struct frame *entry = frame_of(pfn);
    AUDIT(3, frame->role == ROLE_NONE, "frame %lx is %s and %s", (unsigned long)pfn,
          role_text(frame->role), role_text(role));
    AUDIT(3, frame_state(entry) == FRAME_KERNEL, "frame %lx is %s, but not the kernel's",
          (unsigned long)pfn, role_text(role));
    AUDIT(3, entry->owner == owner, "frame %lx, %s of %lx, is charged to %lx", (unsigned long)pfn,
          role_text(role), audit_name(owner), audit_name(entry->owner));
    frame->role = role;
}

void
audit_claim_part(const struct origin *origin)
{
    struct slab_frame *slab = slab_of(origin);
    if (!audit_has_role(slab, ROLE_SLAB)) {
        audit_claim(slab, ROLE_SLAB, origin->cell);
        audit_lock(&origin->cell->slab_lock, "slab of cell", origin->cell);
    }
    struct audit_frame *frame = audit_frame_at(slab);
    if (frame != NULL) {
        uint32_t part = slab_part(slab, origin);
        AUDIT(3, part != 0 && (slab->free & (1u << part)) == 0,
              "object %lx lies in a free part of its slab", audit_name(origin));
        frame->writable = (frame->writable + 1) & (COUNT_MODULUS - 1);
    }
}

static void
check_slab(const struct slab_frame *slab, uint32_t objects)
{
    uint32_t used = (uint32_t)__builtin_popcount(slab_parts(slab->part_bytes) & ~slab->free);
    AUDIT(3, used == objects, "slab %lx has %u parts in use, %u objects found", audit_name(slab),
          used, objects);
}

/* --- Frames in use -------------------------------------------------------------------------------
 */

static uint32_t
count_in(uint64_t word, uint64_t one)
{
    return (uint32_t)((word / one) & FRAME_COUNT_MASK);
}

static void
check_counts(pfn_t pfn, uint64_t word, const struct audit_frame *found)
{
    uint32_t writable = count_in(word, FRAME_WRITABLE_ONE);
    uint32_t executable = count_in(word, FRAME_EXECUTABLE_ONE);
    AUDIT(4, (writable & (COUNT_MODULUS - 1)) == found->writable,
          "frame %lx: %u writable mappings counted, %u found", (unsigned long)pfn, writable,
          found->writable);
    AUDIT(4, (executable & (COUNT_MODULUS - 1)) == found->executable,
          "frame %lx: %u executable mappings counted, %u found", (unsigned long)pfn, executable,
          found->executable);
    AUDIT(4, writable == 0 || executable == 0, "frame %lx is writable and executable",
          (unsigned long)pfn);
    AUDIT(4, (writable | executable) == 0 || (word & FRAME_CLEAN) != 0,
          "frame %lx is mapped and not clean", (unsigned long)pfn);
    AUDIT(4, executable == 0 || (word & FRAME_ICACHE) != 0,
          "frame %lx is executable and its caches are not coherent", (unsigned long)pfn);
    AUDIT(4, (word & FRAME_CLEANING) == 0, "frame %lx is being zeroed by nobody",
          (unsigned long)pfn);
}

static void
check_owned(pfn_t pfn, struct origin *origin)
{
    if (origin == NULL || origin->type != EXO_TYPE_FRAMES || origin->device) {
        AUDIT_BROKEN(4, "frame %lx: its owner %lx is no run of frames\n", (unsigned long)pfn,
                     audit_name(origin));
        return;
    }
    AUDIT(4, pfn - origin->base < origin->count, "frame %lx lies outside of its owner %lx",
          (unsigned long)pfn, audit_name(origin));
    AUDIT(4, origin->phase < ORIGIN_DEAD, "frame %lx: its owner %lx is dead", (unsigned long)pfn,
          audit_name(origin));
    audit_found(origin->cell, EXO_RES_FRAMES, 1);
}

/* The boot image's run is on no list: its memory is found from its frames. */
static void
claim_eternal(pfn_t pfn, const struct frame *frame)
{
    const struct origin *origin = frame->owner;
    enum frame_state state = (enum frame_state)((frame->use >> FRAME_STATE_SHIFT) & 3);
    if (state == FRAME_OWNED && origin != NULL && origin->eternal && origin->base == pfn)
        audit_claim_part(origin);
}

/* Only the root cell is charged to nobody. */
static void
check_kernel(pfn_t pfn, const void *owner, const struct audit_frame *found)
{
    AUDIT(3, found->role != ROLE_NONE, "frame %lx, charged to %lx, is used for nothing",
          (unsigned long)pfn, audit_name(owner));
    if (owner == NULL) {
        AUDIT(3, found->role == ROLE_CELL, "frame %lx, %s, is charged to nobody",
              (unsigned long)pfn, role_text(found->role));
    } else {
        const struct origin *origin = owner;
        bool slots = origin->type == EXO_TYPE_ENV;
        audit_found(slots ? origin->cell : owner, EXO_RES_FRAMES, 1);
    }
}

/* --- Free runs ---------------------------------------------------------------------------------
 */

static const struct frame *
link_at(uint32_t index)
{
    return index < frame_table.count ? &frame_table.entries[index] : NULL;
}

static void
check_links(pfn_t pfn, const struct frame *head, uint64_t word)
{
    uint32_t self = (uint32_t)(pfn - frame_table.first);
    const uint64_t kind = ~(uint64_t)FRAME_CLEAN;
    const struct frame *next = link_at(head->next), *prev = link_at(head->prev);
    AUDIT(7,
          head->next == NO_FRAME ||
              (next != NULL && next->prev == self && (next->use & kind) == (word & kind)),
          "free run %lx: what follows it in its list does not", (unsigned long)pfn);
    AUDIT(7,
          head->prev == NO_FRAME ||
              (prev != NULL && prev->next == self && (prev->use & kind) == (word & kind)),
          "free run %lx: what precedes it in its list does not", (unsigned long)pfn);
}

static void
check_run(pfn_t pfn, const struct frame *head)
{
    uint64_t word = head->use;
    uint32_t order = (uint32_t)(word >> FRAME_ORDER_SHIFT) & 31;
    uint64_t pages = 1ull << order;
    if (order > FRAME_ORDER_MAX || !is_aligned(pfn, pages) || frame_of(pfn + pages - 1) == NULL) {
        AUDIT_BROKEN(7, "free run %lx of order %u is no proper run\n", (unsigned long)pfn, order);
        return;
    }
    for (uint64_t i = 1; i < pages; i++) {
        AUDIT(7, (head[i].use & ~(uint64_t)FRAME_CLEAN) == 0,
              "free run %lx of order %u holds frame %lx, which is not free", (unsigned long)pfn,
              order, (unsigned long)(pfn + i));
    }
    const struct frame *buddy = frame_of(pfn ^ pages);
    const uint64_t kind = ~(uint64_t)FRAME_CLEAN;
    AUDIT(7, order == FRAME_ORDER_MAX || buddy == NULL || (buddy->use & kind) != (word & kind),
          "free run %lx of order %u was not joined with its buddy", (unsigned long)pfn, order);
    check_links(pfn, head, word);
    seen.runs[order]++;
    seen.lists[order] += head->prev == NO_FRAME;
    seen.state[FRAME_FREE] += pages;
    seen.free_end = pfn + pages;
}

static void
check_frame(pfn_t pfn, const struct frame *frame, const struct audit_frame *found)
{
    uint64_t word = frame->use;
    enum frame_state state = (enum frame_state)((word >> FRAME_STATE_SHIFT) & 3);
    if (pfn < seen.free_end)
        return;
    if (state == FRAME_FREE) {
        AUDIT(4, (word & ((1ull << FRAME_STATE_SHIFT) - 1)) == 0, "free frame %lx is in use",
              (unsigned long)pfn);
        check_run(pfn, frame);
        return;
    }
    static const struct audit_frame unmapped;
    seen.state[state]++;
    check_counts(pfn, word, found->role == ROLE_SLAB ? &unmapped : found);
    if (state == FRAME_OWNED)
        check_owned(pfn, frame->owner);
    else if (state == FRAME_KERNEL)
        check_kernel(pfn, frame->owner, found);
}

/* What boot reserved never changes; the root cell has all the rest, but its own frame. */
static void
check_sums(void)
{
    static uint64_t reserved;
    uint64_t rest = frame_table.count - seen.state[FRAME_RESERVED];
    if (reserved == 0)
        reserved = seen.state[FRAME_RESERVED];
    AUDIT(7, seen.state[FRAME_FREE] == frame_free_count(), "pool: %lu frames counted, %lu found",
          (unsigned long)frame_free_count(), (unsigned long)seen.state[FRAME_FREE]);
    AUDIT(7, seen.state[FRAME_RESERVED] == reserved, "RAM: %lu frames reserved, %lu at first",
          (unsigned long)seen.state[FRAME_RESERVED], (unsigned long)reserved);
    AUDIT(7, rest - 1 == root_cell->limit[EXO_RES_FRAMES],
          "RAM: %lu frames are the kernel's to give, the root cell has %u", (unsigned long)rest,
          root_cell->limit[EXO_RES_FRAMES]);
    for (uint32_t order = 0; order <= FRAME_ORDER_MAX; order++) {
        AUDIT(7, seen.lists[order] == (seen.runs[order] != 0), "pool: order %u has %u lists", order,
              seen.lists[order]);
    }
}

void
audit_frames(void)
{
    memset(&seen, 0, sizeof(seen));
    for (uint64_t i = 0; i < frame_table.count; i++)
        claim_eternal(frame_table.first + i, &frame_table.entries[i]);
    for (uint64_t i = 0; i < frame_table.count; i++)
        check_frame(frame_table.first + i, &frame_table.entries[i], &noted[i]);
    for (uint64_t i = 0; i < frame_table.count; i++)
        if (noted[i].role == ROLE_SLAB)
            check_slab(frame_to_kernel(frame_table.first + i), noted[i].writable);
    check_sums();
}
