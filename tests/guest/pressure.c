// config: smp=1,4
/* A cell is asked for frames, and its program's vm gives them: nothing is taken by force. */
#include "test.h"

#include <sched/sync.h>
#include <sched/thread.h>
#include <sched/timer.h>
#include <vm/vm.h>

#define PAGE   4096ull
#define PAGES  600ull
#define FRAMES 3000u
#define GRACE  (EXO_GRACE_SECONDS_MAX * RT_S_NS) /* it does not take that */

/* What parent and child share: rt_shared. */
struct talk {
    _Atomic uint32_t ready, asked, over;
    uint64_t wanted;
};

static struct talk *
talk_of(void)
{
    return rt_shared();
}

/* --- The child: keeps one region, and has one that it can do without. */

static uint64_t kept, spare;

static void
give_spare(struct vm_pressure *self, uint64_t frames, uint64_t deadline_ticks)
{
    (void)self;
    (void)deadline_ticks;
    talk_of()->wanted = frames;
    atomic_store(&talk_of()->asked, 1);
    check_equal(vm_forget(spare, PAGES * PAGE), EXO_OK);
}

static int
use_memory(void)
{
    static struct vm_pressure pressure = {.asked = give_spare};
    vm_on_pressure(&pressure);
    if (vm_map(&kept, PAGES * PAGE, VM_READ | VM_WRITE, 0, NULL, 0) != EXO_OK ||
        vm_map(&spare, PAGES * PAGE, VM_READ | VM_WRITE, 0, NULL, 0) != EXO_OK ||
        vm_populate(kept, PAGES * PAGE, true) != EXO_OK ||
        vm_populate(spare, PAGES * PAGE, true) != EXO_OK)
        return __LINE__;
    for (uint64_t i = 0; i < PAGES; i++)
        *(uint64_t *)(uintptr_t)(kept + i * PAGE) = i;
    atomic_store(&talk_of()->ready, 1);
    if (!rt_wait_word(&talk_of()->over, 1, test_patience()))
        return __LINE__;
    for (uint64_t i = 0; i < PAGES; i++)
        if (*(uint64_t *)(uintptr_t)(kept + i * PAGE) != i)
            return __LINE__;
    if (*(uint64_t *)(uintptr_t)spare != 0)
        return __LINE__;
    return rt_control()->repossessed == 0 ? 0 : __LINE__;
}

/* A child begins without what the configuration starts. */
static int
child_main(uint64_t argument)
{
    const struct sched_parameters parameters = {.vcpus = 1};
    (void)argument;
    vm_start();
    return sched_run(&parameters, use_memory);
}

/* --- The parent */

static void
asked_for_frames_the_program_gives_what_it_can_spare(void)
{
    struct rt_child child;
    struct exo_cell_info info = {0};
    const struct rt_spawn spawn = {
        .entry = child_main, .console = true, .limit[EXO_RES_FRAMES] = FRAMES};
    if (!check_equal(rt_spawn(&spawn, &child), EXO_OK))
        return;
    struct talk *talk = rt_shared_of(&child);
    check(rt_wait_word(&talk->ready, 1, test_patience()));
    check_equal(exo_cell_info(child.cell, &info), EXO_OK);
    uint32_t used = info.own[EXO_RES_FRAMES], target = used - 400;
    check(used > 2 * PAGES);
    check_equal(rt_reclaim(child.cell, target, rt_ns_to_ticks(GRACE)), EXO_OK);
    check_equal(atomic_load(&talk->asked), 1);
    check(talk->wanted <= 400);
    check_equal(exo_cell_info(child.cell, &info), EXO_OK);
    check(info.own[EXO_RES_FRAMES] <= target);
    check_equal(info.repossessed_frames, 0);
    check_equal(info.limit[EXO_RES_FRAMES], target);
    atomic_store(&talk->over, 1);
    check_equal(rt_child_wait(&child, test_patience()), RT_CHILD_EXITED);
    check_equal(child.page->code, 0);
    rt_kill(&child);
}

static const struct test tests[] = {TEST(asked_for_frames_the_program_gives_what_it_can_spare)};

int
main(void)
{
    return test_main_libos(tests, sizeof(tests) / sizeof(tests[0]));
}
