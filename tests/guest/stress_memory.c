// config: smp=4 cpu=max,cortex-a72 timeout=120
/* Frames and mappings, used and taken away by several CPUs at once. */
#include "stress/parallel.h"

#define READ_WRITE (EXO_PROT_READ | EXO_PROT_WRITE)

/* --- Allocating and freeing ---------------------------------------------------------------------
 */

static uint64_t *
word_of(const struct rt_memory *memory, uint32_t page)
{
    return (uint64_t *)(void *)((char *)memory->at + (uint64_t)page * EXO_PAGE_BYTES);
}

/* Nobody else has these frames: they are zero, and keep what is written. */
static void
use_run(struct rt_memory *memory, uint64_t mark)
{
    for (uint32_t i = 0; i < memory->pages; i++) {
        check_equal(*word_of(memory, i), 0);
        *word_of(memory, i) = mark + i;
    }
    (void)exo_yield();
    for (uint32_t i = 0; i < memory->pages; i++)
        check_equal(*word_of(memory, i), mark + i);
}

static void
take_and_put(uint32_t number)
{
    struct dice dice = dice_of(number);
    for (unsigned i = 0; i < test_rounds(200, 3000); i++) {
        struct rt_memory memory;
        uint32_t pages = 1 + dice_below(&dice, dice_below(&dice, 8) == 0 ? 64 : 6);
        if (check_equal(rt_memory_take(pages, READ_WRITE, &memory), EXO_OK)) {
            use_run(&memory, (uint64_t)number << 32 | (uint64_t)i << 8);
            rt_memory_put(&memory);
        }
    }
}

static void
frames_are_one_owners_at_a_time(void)
{
    parallel_run(take_and_put, rt_machine.cpus * 2);
}

/* --- A writer, and somebody who takes the page away from it ----------------------------------- */

enum way { WAY_UNMAP, WAY_PROTECT, WAY_DROP, WAY_REVOKE, WAYS };

#define WRITERS 2u /* on CPUs 0 and 1; the page is taken away from CPU 2 */

static struct {
    uint64_t va;
    _Atomic uint32_t over;
    _Atomic uint64_t written[WRITERS], faulted[WRITERS]; /* accesses */
} race;

static void
write_until_over(uint32_t number)
{
    expect_faults();
    for (uint64_t i = 0; !atomic_load_explicit(&race.over, memory_order_relaxed); i++) {
        volatile uint64_t *at = (volatile uint64_t *)(uintptr_t)race.va;
        bool done = store_or_fault(at + number, ~i);
        atomic_fetch_add(done ? &race.written[number] : &race.faulted[number], 1);
    }
}

/* Every writer has done so much more since: each of its later accesses began after this call did.
 */
static void
wait_for_more(_Atomic uint64_t counts[WRITERS])
{
    for (uint32_t i = 0; i < WRITERS; i++) {
        uint64_t enough = atomic_load(&counts[i]) + 3, end = test_patience();
        while (atomic_load(&counts[i]) < enough && check(rt_ticks() < end))
            (void)exo_yield();
    }
}

struct page {
    uint32_t root, used; /* `used` justifies the mapping: the root itself, or a copy */
    uint64_t pfn;
};

static struct page
take_page(enum way way)
{
    struct page page = {.root = rt_slot_take()};
    page.pfn = exo_frames_alloc(EXO_BOOT_CELL, page.root, 1, EXO_ALLOC_CONTIGUOUS, 0).pfn;
    page.used = way == WAY_REVOKE ? copy_of(page.root, EXO_READ | EXO_WRITE) : page.root;
    check_equal(rt_map_pages(race.va, page.used, 0, 1, READ_WRITE), EXO_OK);
    return page;
}

static void
take_away(enum way way, struct page *page)
{
    switch (way) {
    case WAY_UNMAP: check_equal(rt_unmap_pages(race.va, 1), EXO_OK); break;
    case WAY_PROTECT:
        check_equal(rt_protect_pages(race.va, page->used, 0, 1, EXO_PROT_READ), EXO_OK);
        break;
    case WAY_DROP: check_equal(rt_drop(page->root), EXO_OK); break;
    default: check_equal(rt_revoke(page->root), EXO_OK); break;
    }
}

/* The frame belongs to another cell now, holds its pattern, and keeps it while writers try on. */
static void
give_to(uint32_t cell, uint64_t pfn)
{
    struct rt_memory theirs = {.slot = rt_slot_take(), .pages = 1};
    int64_t err;
    check_equal(exo_frames_alloc(cell, theirs.slot, 1, EXO_ALLOC_AT, pfn).status, EXO_OK);
    volatile uint64_t *at = rt_map_at_any(theirs.slot, 0, 1, READ_WRITE, &err);
    if (check_equal(err, EXO_OK)) {
        for (uint32_t i = 0; i < WRITERS; i++)
            at[i] = i;
        wait_for_more(race.faulted);
        for (uint32_t i = 0; i < WRITERS; i++)
            check_equal(at[i], i);
    }
    rt_memory_put(&theirs);
}

static void
free_page(struct page *page)
{
    (void)rt_drop(page->root);
    rt_slot_put(page->root);
    if (page->used != page->root)
        rt_slot_put(page->used);
}

/* At most one store of each writer was done before the call returned and is not yet counted. */
static void
take_away_once(enum way way, uint32_t cell)
{
    uint64_t before[WRITERS];
    struct page page = take_page(way);
    wait_for_more(race.written);
    take_away(way, &page);
    for (uint32_t i = 0; i < WRITERS; i++)
        before[i] = atomic_load(&race.written[i]);
    wait_for_more(race.faulted);
    for (uint32_t i = 0; i < WRITERS; i++)
        check(atomic_load(&race.written[i]) <= before[i] + 1);
    free_page(&page);
    give_to(cell, page.pfn);
}

static void
write_or_take_away(uint32_t number)
{
    if (number < WRITERS) {
        write_until_over(number);
        return;
    }
    uint32_t cell = new_cell(EXO_BOOT_CELL, 16);
    (void)new_frames(cell, 1); /* so that the frame of its objects is there, and no other taken */
    for (unsigned i = 0; i < test_rounds(40, 400); i++)
        take_away_once((enum way)(i % WAYS), cell);
    atomic_store(&race.over, 1);
}

static void
no_write_lands_after_the_page_was_taken(void)
{
    race.va = rt_va_take(1, 0);
    atomic_store(&race.over, 0);
    parallel_run(write_or_take_away, WRITERS + 1);
}

/* --- W xor X: two CPUs want one frame for different uses
 * ------------------------------------------ */

#define LANDING  0xd503245fu /* bti c */
#define RETURN_0 0x52800000u /* mov w0, #0; the immediate is at bit 5 */
#define RETURN   0xd65f03c0u

static struct {
    uint32_t slot;
    uint64_t va[2];
    _Atomic int32_t writers, executors;
    _Atomic uint32_t refused, written, executed;
} flip;

/* A protect of the frame at va[number]; false when the other use was in its way. */
static bool
use_as(uint32_t number, uint32_t prot)
{
    int64_t err = rt_protect_pages(flip.va[number], flip.slot, 0, 1, prot);
    if (err == EXO_E_RANGE) /* the other use came in its moment without a mapping */
        err = rt_map_pages(flip.va[number], flip.slot, 0, 1, prot);
    check(err == EXO_OK || err == EXO_E_WX);
    atomic_fetch_add(&flip.refused, err == EXO_E_WX);
    return err == EXO_OK;
}

static void
write_code(uint32_t number, uint32_t value)
{
    if (!use_as(number, READ_WRITE))
        return;
    atomic_fetch_add(&flip.writers, 1);
    check_equal(atomic_load(&flip.executors), 0);
    volatile uint32_t *code = (volatile uint32_t *)(uintptr_t)flip.va[number];
    code[1] = RETURN_0 | value << 5;
    check_equal(atomic_load(&flip.executors), 0);
    atomic_fetch_add(&flip.written, 1);
    atomic_fetch_sub(&flip.writers, 1);
    (void)use_as(number, EXO_PROT_READ);
}

static void
execute_code(uint32_t number)
{
    if (!use_as(number, EXO_PROT_READ | EXO_PROT_EXEC))
        return;
    atomic_fetch_add(&flip.executors, 1);
    check_equal(atomic_load(&flip.writers), 0);
    uint32_t stored = ((volatile uint32_t *)(uintptr_t)flip.va[number])[1] >> 5 & 0xffff;
    uint32_t (*code)(void) = (uint32_t (*)(void))(uintptr_t)flip.va[number];
    check_equal(code(), stored);
    check_equal(atomic_load(&flip.writers), 0);
    atomic_fetch_add(&flip.executed, 1);
    atomic_fetch_sub(&flip.executors, 1);
    (void)use_as(number, EXO_PROT_READ);
}

static void
flip_page(uint32_t number)
{
    struct dice dice = dice_of(number);
    for (unsigned i = 0; i < test_rounds(1500, 30000); i++)
        if (dice_below(&dice, 2) == 0)
            write_code(number, dice_below(&dice, 0x10000));
        else
            execute_code(number);
}

static void
a_frame_is_never_written_and_executed(void)
{
    flip.slot = new_frames(EXO_BOOT_CELL, 1);
    for (uint32_t i = 0; i < 2; i++) {
        flip.va[i] = rt_va_take(1, 0);
        check_equal(rt_map_pages(flip.va[i], flip.slot, 0, 1, READ_WRITE), EXO_OK);
        volatile uint32_t *code = (volatile uint32_t *)(uintptr_t)flip.va[i];
        code[0] = LANDING;
        code[1] = RETURN_0;
        code[2] = RETURN;
        check(use_as(i, EXO_PROT_READ));
    }
    parallel_run(flip_page, 2);
    check(atomic_load(&flip.written) > 0 && atomic_load(&flip.executed) > 0);
    check_equal(atomic_load(&flip.writers), 0);
    check_equal(atomic_load(&flip.executors), 0);
}

static const struct test tests[] = {
    TEST(frames_are_one_owners_at_a_time),
    TEST(no_write_lands_after_the_page_was_taken),
    TEST(a_frame_is_never_written_and_executed),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
