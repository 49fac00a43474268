// config: smp=1,4 cpu=max,cortex-a72 timeout=120
/* Frames asked back from a running program: it may choose which; who does not answer loses some. */
#include "fixture.h"

#define EXTRA 60u /* frames that the program takes beside those that it lives in */

struct shared {
    _Atomic uint32_t ready, asked, looked;
    uint64_t amount, deadline, delivered_at;
    uint64_t repossessed, base, count, resource;
    uint64_t pfn;
    uint32_t faults;
};

static struct rt_memory extra;

static void
give_back(const struct rt_upcall *upcall, struct exo_context *context)
{
    struct shared *shared = rt_shared();
    (void)context;
    shared->amount = upcall->b;
    shared->deadline = upcall->c;
    shared->delivered_at = rt_ticks();
    rt_memory_put(&extra);
    shared->asked = 1;
}

static int
take_and_wait(struct shared *shared)
{
    child_expects(rt_memory_take(EXTRA, EXO_PROT_READ | EXO_PROT_WRITE, &extra) == EXO_OK);
    memset(extra.at, 1, EXTRA * EXO_PAGE_BYTES);
    shared->pfn = extra.pfn;
    shared->ready = 1;
    child_expects(rt_wait_word(&shared->looked, 1, test_patience()));
    return 0;
}

static int
polite_program(uint64_t unused)
{
    (void)unused;
    (void)rt_on(EXO_UPCALL_REVOKE, give_back);
    return take_and_wait(rt_shared());
}

/* Default handlers: what is asked is not heard. Then it looks what was taken. */
static int
deaf_program(uint64_t unused)
{
    struct shared *shared = rt_shared();
    const struct exo_control *control = rt_control();
    (void)unused;
    int line = take_and_wait(shared);
    child_expects(line == 0);
    shared->repossessed = control->repossessed;
    const struct exo_repossessed *newest =
        &control->repossessed_list[(control->repossessed - 1) % EXO_REPOSSESSED_MAX];
    shared->base = newest->base;
    shared->count = newest->count;
    shared->resource = newest->resource;
    catch_faults();
    (void)try_read(exo_address(extra.at));
    shared->faults = caught.count;
    struct exo_cap_info info;
    child_expects(exo_cap_info(extra.slot, &info) == EXO_E_SLOT);
    return 0;
}

/* Starts it, waits until it has its memory; frames that the cell uses then. */
static uint32_t
start(int (*entry)(uint64_t argument), uint32_t cpu, struct rt_child *child)
{
    if (!start_child(&(struct rt_spawn){.entry = entry, .cpu = cpu}, child))
        return 0;
    struct shared *shared = rt_shared_of(child);
    check(rt_wait_word(&shared->ready, 1, test_patience()));
    return account_of(child->cell).own[EXO_RES_FRAMES];
}

static void
polite_program_on(uint32_t cpu)
{
    struct rt_child child;
    uint32_t used = start(polite_program, cpu, &child), target = used - EXTRA + 5;
    if (used == 0)
        return;
    struct shared *shared = rt_shared_of(&child);
    uint64_t grace = rt_ns_to_ticks(EXO_GRACE_SECONDS_MAX * RT_S_NS); /* it does not take that */
    check_equal(rt_reclaim(child.cell, target, grace), EXO_OK);
    check(rt_wait_word(&shared->asked, 1, test_patience())); /* the handler may not be through */
    check_equal(shared->amount, used - target);
    check(shared->deadline > shared->delivered_at);
    check(shared->deadline <= shared->delivered_at + grace);
    check_equal(account_of(child.cell).repossessed_frames, 0);
    check_equal(account_of(child.cell).limit[EXO_RES_FRAMES], target);
    shared->looked = 1;
    check(child_succeeds(&child));
}

static void
program_on_this_cpu_gives_back_what_it_chooses(void)
{
    polite_program_on(0);
}

static void
program_on_another_cpu_gives_back_what_it_chooses(void)
{
    polite_program_on(other_cpu());
}

static void
program_that_does_not_answer_loses_frames_and_can_read_which(void)
{
    struct rt_child child;
    uint32_t used = start(deaf_program, other_cpu(), &child), target = used - EXTRA + 5;
    if (used == 0)
        return;
    struct shared *shared = rt_shared_of(&child);
    check_equal(rt_reclaim(child.cell, target, rt_ns_to_ticks(2 * RT_MS_NS)), EXO_OK);
    check_equal(account_of(child.cell).repossessed_frames, EXTRA);
    check_equal(account_of(child.cell).limit[EXO_RES_FRAMES], target);
    shared->looked = 1;
    check_equal(rt_child_wait(&child, test_patience()), RT_CHILD_EXITED);
    check_equal(child.page->code, 0);
    check_equal(shared->repossessed, 1);
    check_equal(shared->base, shared->pfn);
    check_equal(shared->count, EXTRA);
    check_equal(shared->resource, EXO_RES_FRAMES);
    check_equal(shared->faults, 1);
}

static int
inside_for_ever(uint64_t unused)
{
    struct shared *shared = rt_shared();
    (void)unused;
    child_expects(rt_memory_take(EXTRA, EXO_PROT_READ | EXO_PROT_WRITE, &extra) == EXO_OK);
    (void)rt_inside_enter();
    shared->ready = 1;
    for (;;) {
    }
}

/* A program that never lets an upcall through holds its frames for eight graces at most. */
static void
program_that_is_always_inside_does_not_escape(void)
{
    struct rt_child child;
    uint32_t used = start(inside_for_ever, other_cpu(), &child);
    uint64_t grace = rt_ns_to_ticks(4 * RT_MS_NS), began = rt_ticks();
    if (used == 0)
        return;
    struct exo_reclaim step = exo_cell_reclaim(child.cell, used - EXTRA, grace);
    check(step.deadline_ticks <= rt_ticks() + 8 * grace);
    check_equal(rt_reclaim(child.cell, used - EXTRA, grace), EXO_OK);
    check(rt_ticks() - began >= 8 * grace);
    check_equal(account_of(child.cell).repossessed_frames, EXTRA);
}

static const struct test tests[] = {
    TEST(program_on_this_cpu_gives_back_what_it_chooses),
    TEST(program_on_another_cpu_gives_back_what_it_chooses),
    TEST(program_that_does_not_answer_loses_frames_and_can_read_which),
    TEST(program_that_is_always_inside_does_not_escape),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
