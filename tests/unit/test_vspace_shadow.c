/* Address spaces against a shadow of what should be mapped, and TLBs that walk at any time. */
#include "tap.h"
#include "vspace/space.h"

#define SHADOW_PAGES  1500u /* crosses two tables */
#define SHADOW_FRAMES 1024u
#define SHADOW_STEPS  60000

static struct {
    uint64_t random;
    struct {
        uint32_t pfn, prot; /* prot 0: nothing */
    } page[2][SHADOW_PAGES];
    uint32_t writable[SHADOW_FRAMES], executable[SHADOW_FRAMES];
} shadow;

static struct vspace *const spaces[2] = {&space, &other};

static uint32_t
random_below(uint32_t below)
{
    return tap_random(&shadow.random, below);
}

static void
shadow_count(uint32_t pfn, uint32_t prot, int change)
{
    shadow.writable[pfn] += (prot & EXO_PROT_WRITE) ? (uint32_t)change : 0;
    shadow.executable[pfn] += (prot & EXO_PROT_EXEC) ? (uint32_t)change : 0;
}

static bool
shadow_may(uint32_t pfn, uint32_t prot)
{
    return !((prot & EXO_PROT_WRITE) && shadow.executable[pfn]) &&
           !((prot & EXO_PROT_EXEC) && shadow.writable[pfn]);
}

static void
shadow_set(uint32_t s, uint32_t page, uint32_t pfn, uint32_t prot)
{
    shadow_count(shadow.page[s][page].pfn, shadow.page[s][page].prot, -1);
    shadow.page[s][page].pfn = pfn;
    shadow.page[s][page].prot = prot;
    shadow_count(pfn, prot, 1);
}

static void
step_map(uint32_t s, uint32_t page, uint32_t pages, uint32_t pfn, uint32_t prot)
{
    err_t expected = EXO_OK;
    uint32_t i = 0;
    for (; i < pages && expected == EXO_OK; i++) {
        if (shadow.page[s][page + i].prot != 0) {
            expected = EXO_E_OCCUPIED;
        } else if (!shadow_may(pfn + i, prot)) {
            expected = EXO_E_WX;
        } else {
            shadow_set(s, page + i, pfn + i, prot);
            continue;
        }
        break;
    }
    err_t err = vspace_map(spaces[s], VA + page * PAGE_BYTES, run + pfn, pages, prot, VSPACE_MEMORY,
                           &budget, &done);
    CHECK_EQ(err, expected);
    CHECK_EQ(done, i);
}

static void
step_unmap(uint32_t s, uint32_t page, uint32_t pages)
{
    for (uint32_t i = 0; i < pages; i++)
        shadow_set(s, page + i, 0, 0);
    err_t err = vspace_unmap(spaces[s], VA + page * PAGE_BYTES, pages, false, &done);
    CHECK_EQ(err, EXO_OK);
    CHECK_EQ(done, pages);
}

/* The longest piece from `page` on that maps frames in order. */
static void
step_protect(uint32_t s, uint32_t page, uint32_t pages, uint32_t prot)
{
    uint32_t pfn = shadow.page[s][page].pfn, n = 0;
    while (n < pages && shadow.page[s][page + n].prot && shadow.page[s][page + n].pfn == pfn + n)
        n++;
    err_t expected = n == 0 ? EXO_E_RANGE : EXO_OK;
    uint32_t i = 0;
    for (uint32_t j = 0; j < n; j++)
        shadow_set(s, page + j, 0, 0);
    for (; i < n && expected == EXO_OK; i++) {
        if (!shadow_may(pfn + i, prot)) {
            expected = EXO_E_WX;
            break;
        }
        shadow_set(s, page + i, pfn + i, prot);
    }
    err_t err =
        vspace_protect(spaces[s], VA + page * PAGE_BYTES, run + pfn, n ? n : 1, prot, &done);
    CHECK_EQ(err, expected);
    CHECK_EQ(done, i);
}

static void
step_sweep(uint32_t s, uint32_t pfn, uint32_t count)
{
    uint32_t lo = (uint32_t)(VA >> PAGE_SHIFT), hi = lo + SHADOW_PAGES;
    for (uint32_t page = 0; page < SHADOW_PAGES; page++)
        if (shadow.page[s][page].prot && shadow.page[s][page].pfn - pfn < count)
            shadow_set(s, page, 0, 0);
    while (vspace_sweep(spaces[s], run + pfn, count, &lo, hi, 200) == EXO_E_AGAIN)
        CHECK(lo < hi);
}

/* Programs run and walkers fill TLBs at any time: also while entries are hidden. */
static void
use_memory(void)
{
    uint64_t pte;
    for (int i = 0; i < 8; i++)
        fake_access(random_below(4), VA + random_below(SHADOW_PAGES) * PAGE_BYTES, &pte);
}

static void
shadow_compare(void)
{
    for (uint32_t s = 0; s < 2; s++) {
        for (uint32_t page = 0; page < SHADOW_PAGES; page++) {
            uint32_t prot = 0;
            pfn_t pfn = run;
            vspace_find(spaces[s], VA + page * PAGE_BYTES, &pfn, &prot);
            CHECK_EQ(prot, shadow.page[s][page].prot);
            CHECK(prot == 0 || pfn == run + shadow.page[s][page].pfn);
        }
    }
    for (uint32_t i = 0; i < SHADOW_FRAMES; i++) {
        CHECK_EQ(writable(run + i), shadow.writable[i]);
        CHECK_EQ(executable(run + i), shadow.executable[i]);
    }
}

static void
shadow_step(void)
{
    const uint32_t prots[] = {R, RW, RX};
    uint32_t s = random_below(2), pages = 1 + random_below(random_below(4) ? 12 : 300);
    uint32_t page = random_below(SHADOW_PAGES - pages), prot = prots[random_below(3)];
    uint32_t pfn = random_below(SHADOW_FRAMES - pages);
    fake_cpu = random_below(4);
    switch (random_below(12)) {
    case 0: step_unmap(s, page, pages); break;
    case 1: step_sweep(s, pfn, pages); break;
    case 2: vspace_activate(spaces[s]); break;
    case 3: vspace_activate(NULL); break;
    case 4:
    case 5:
    case 6:
    case 7: step_protect(s, page, pages, prot); break;
    default: step_map(s, page, pages, pfn, prot); break;
    }
}

static void
space_agrees_with_its_shadow_and_the_tlbs_with_both(void)
{
    setup(SHADOW_FRAMES);
    memset(&shadow, 0, sizeof(shadow));
    shadow.random = 42;
    fake_before_flush = use_memory;
    for (int step = 0; step < SHADOW_STEPS; step++) {
        use_memory();
        shadow_step();
        CHECK(fake_tlbs_are_right());
        CHECK_EQ(fake_count.stale_writable, 0);
        if (step % 500 == 0)
            shadow_compare();
    }
    CHECK(fake_count.asid_flushes > 100 && fake_count.page_flushes > 100);
}

static const struct tap_test tests[] = {
    TAP(space_agrees_with_its_shadow_and_the_tlbs_with_both),
};
TAP_MAIN(tests)
