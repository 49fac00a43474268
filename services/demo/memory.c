/* Memory is the program's: it answers its own page faults, and is asked for what it can spare. */
#include "demo.h"

static const uint32_t read_write = EXO_PROT_READ | EXO_PROT_WRITE;

/* --- A pager of its own ---------------------------------------------------------------------- */

#define REGION_PAGES 64u

static struct {
    uint64_t va;
    uint32_t slot;
    unsigned faults;
} region;

/* Demand zero in five lines: the next frame goes where the fault was, and the program goes on. */
static void
page_in(const struct rt_upcall *upcall, struct exo_context *context)
{
    uint64_t page = (upcall->a - region.va) / EXO_PAGE_BYTES;
    if (page >= REGION_PAGES)
        rt_report_and_exit(upcall, context);
    const struct exo_map entry = {region.va + page * EXO_PAGE_BYTES, region.slot, region.faults++,
                                  1, read_write};
    (void)exo_map(EXO_SELF, &entry, 1, context);
    rt_report_and_exit(upcall, context);
}

static int
page_itself(uint64_t unused)
{
    (void)unused;
    region.slot = rt_slot_take();
    region.va = rt_va_take(REGION_PAGES, 0);
    (void)exo_frames_alloc(EXO_BOOT_CELL, region.slot, REGION_PAGES, EXO_ALLOC_CONTIGUOUS, 0);
    (void)rt_on(EXO_UPCALL_FAULT, page_in);
    volatile uint64_t *words = (volatile uint64_t *)(uintptr_t)region.va;
    uint64_t begin = rt_ticks();
    for (unsigned i = 0; i < REGION_PAGES; i++)
        words[(i * 37 % REGION_PAGES) * 512] = i; /* in no particular order */
    uint64_t ns = rt_ticks_to_ns(rt_ticks() - begin) / REGION_PAGES;
    rt_printf("   the program touched %u pages where nothing was mapped, and answered %u page\n"
              "   faults itself: %llu ns each, from the fault to going on\n",
              REGION_PAGES, region.faults, (unsigned long long)ns);
    return region.faults == REGION_PAGES ? 0 : 1;
}

void
show_pager(void)
{
    struct rt_child child;
    demo_scene("A program that answers its own page faults");
    if (demo_start(&(struct rt_spawn){.entry = page_itself, .console = true}, &child))
        (void)demo_finish(&child);
    rt_printf(
        "\n   The kernel only tells the program where it faulted. What belongs there, zeros,\n"
        "   a file, a block of model weights that is checked first, is the program's code.\n");
}

/* --- Asked, and then taken -----------------------------------------------------------------------
 */

#define EXTRA_PAGES 100u
#define GRACE_NS    (20 * RT_MS_NS)

struct shared {
    _Atomic uint32_t ready, look;
};

static int
ignore_what_is_asked(uint64_t unused)
{
    struct shared *shared = rt_shared();
    const struct exo_control *control = rt_control();
    struct rt_memory memory;
    (void)unused;
    if (rt_memory_take(EXTRA_PAGES, read_write, &memory) != EXO_OK)
        return 1;
    shared->ready = 1;
    if (!rt_wait_word(&shared->look, 1, rt_deadline_ns(10 * RT_S_NS)) || control->repossessed != 1)
        return 2;
    const struct exo_repossessed *taken = &control->repossessed_list[0];
    rt_printf("   the program reads in its control page: %u frames from %llx on were taken;\n"
              "   they were the ones from %llx on that it had not given back\n",
              taken->count, (unsigned long long)taken->base, (unsigned long long)memory.pfn);
    return 0;
}

void
show_revocation(void)
{
    struct rt_child child;
    struct exo_cell_info before, after;
    demo_scene("Frames asked back, and taken from one who does not answer");
    const struct rt_spawn spawn = {
        .entry = ignore_what_is_asked, .cpu = demo_other_cpu(), .console = true};
    if (!demo_start(&spawn, &child))
        return;
    struct shared *shared = rt_shared_of(&child);
    (void)rt_wait_word(&shared->ready, 1, rt_deadline_ns(10 * RT_S_NS));
    (void)exo_cell_info(child.cell, &before);
    uint32_t target = before.own[EXO_RES_FRAMES] - EXTRA_PAGES;
    rt_printf("   its cell uses %u frames; it is asked to come down to %u within %llu ms\n",
              before.own[EXO_RES_FRAMES], target, GRACE_NS / RT_MS_NS);
    int64_t err = rt_reclaim(child.cell, target, rt_ns_to_ticks(GRACE_NS));
    (void)exo_cell_info(child.cell, &after);
    rt_printf("   it did not answer: now it uses %u, %llu were taken by force (%s)\n",
              after.own[EXO_RES_FRAMES], (unsigned long long)after.repossessed_frames,
              exo_error_text(err));
    shared->look = 1;
    (void)demo_finish(&child);
}
