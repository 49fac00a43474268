// config: smp=1,4 cpu=max,cortex-a72 timeout=120
/* Cells: accounts that add up at every moment, and take everything along when they end. */
#include "fixture.h"
#include "refuse.h"

static struct exo_limits
limits_of(uint32_t frames, uint32_t caps, uint32_t envs, uint32_t slots)
{
    return (struct exo_limits){
        sizeof(struct exo_limits), EXO_ABI_VERSION, {frames, caps, envs, slots}};
}

/* Free for new things: what the account says that is neither used nor carved. */
static uint32_t
free_of(uint32_t cell, enum exo_resource resource)
{
    struct exo_cell_info info = account_of(cell);
    return info.limit[resource] - info.own[resource] - info.carved[resource];
}

static void
limits_of_a_child_are_carved_out_of_its_parents(void)
{
    const struct exo_limits limits = limits_of(100, 128, 2, 3);
    struct exo_cell_info before = account_of(EXO_BOOT_CELL);
    uint32_t slot = rt_slot_take();
    check_equal(exo_cell_create(EXO_BOOT_CELL, slot, &limits), EXO_OK);
    struct exo_cell_info after = account_of(EXO_BOOT_CELL), child = account_of(slot);
    for (int i = 0; i < EXO_RES_COUNT; i++) {
        check_equal(after.carved[i], before.carved[i] + limits.limit[i]);
        check_equal(child.limit[i], limits.limit[i]);
        check_equal(child.own[i], 0);
        check_equal(child.carved[i], 0);
    }
    check_equal(after.own[EXO_RES_FRAMES], before.own[EXO_RES_FRAMES] + 1); /* the cell itself */
    check_equal(child.depth, before.depth + 1);
}

static void
cell_create_refuses_bad_slots_and_address(void)
{
    const struct exo_limits limits = limits_of(1, 0, 0, 0);
    struct call call = {EXO_CALL_cell_create,
                        {EXO_BOOT_CELL, rt_slot_take(), exo_address(&limits)}};
    refuses_bad_capability(call, 0, EXO_WRITE);
    refuses_bad_destination(call, 1);
    refuses_bad_address(call, 2);
}

static void
limits_of_another_version_are_refused(void)
{
    uint32_t slot = rt_slot_take(), cell = new_cell(EXO_BOOT_CELL, 1);
    struct exo_limits limits = limits_of(1, 0, 0, 0);
    limits.size--;
    check_equal(exo_cell_create(EXO_BOOT_CELL, slot, &limits), EXO_E_ARG);
    check_equal(exo_cell_limits(cell, &limits), EXO_E_ARG);
    limits.size++;
    limits.version++;
    check_equal(exo_cell_create(EXO_BOOT_CELL, slot, &limits), EXO_E_ARG);
    check_equal(exo_cell_limits(cell, &limits), EXO_E_ARG);
}

static void
child_cannot_have_more_than_its_parent(void)
{
    uint32_t parent = new_cell(EXO_BOOT_CELL, 50), slot = rt_slot_take();
    struct exo_limits limits = limits_of(50, 0, 0, 0); /* one frame goes into the cell itself */
    check_equal(exo_cell_create(parent, slot, &limits), EXO_E_LIMIT);
    limits = limits_of(10, 257, 0, 0);
    check_equal(exo_cell_create(parent, slot, &limits), EXO_E_LIMIT);
    limits = limits_of(10, 0, 5, 0);
    check_equal(exo_cell_create(parent, slot, &limits), EXO_E_LIMIT);
    limits = limits_of(10, 0, 0, 1);
    check_equal(exo_cell_create(parent, slot, &limits), EXO_E_LIMIT);
    check_equal(account_of(parent).own[EXO_RES_FRAMES], 0); /* nothing stuck */
    check_equal(account_of(parent).carved[EXO_RES_CAPS], 0);
    limits = limits_of(49, 256, 4, 0);
    check_equal(exo_cell_create(parent, slot, &limits), EXO_OK);
    check_equal(free_of(parent, EXO_RES_FRAMES), 0);
}

static void
cells_are_at_most_eight_deep(void)
{
    uint32_t cell = EXO_BOOT_CELL, slot = rt_slot_take();
    const struct exo_limits limits = limits_of(1, 0, 0, 0);
    for (uint32_t depth = 1; depth < EXO_CELL_DEPTH_MAX; depth++) {
        const struct exo_limits some = limits_of(100 - 10 * depth, 0, 0, 0);
        uint32_t child = rt_slot_take();
        check_equal(exo_cell_create(cell, child, &some), EXO_OK);
        check_equal(account_of(child).depth, depth);
        cell = child;
    }
    check_equal(exo_cell_create(cell, slot, &limits), EXO_E_LIMIT);
}

static void
limits_can_be_raised_and_lowered(void)
{
    uint32_t cell = new_cell(EXO_BOOT_CELL, 20);
    uint32_t before = free_of(EXO_BOOT_CELL, EXO_RES_FRAMES);
    struct exo_limits limits = limits_of(30, 64, 1, 2);
    check_equal(exo_cell_limits(cell, &limits), EXO_OK);
    check_equal(account_of(cell).limit[EXO_RES_FRAMES], 30);
    check_equal(account_of(cell).limit[EXO_RES_CAPS], 64);
    check_equal(free_of(EXO_BOOT_CELL, EXO_RES_FRAMES), before - 10);
    limits.limit[EXO_RES_FRAMES] = 0;
    check_equal(exo_cell_limits(cell, &limits), EXO_OK);
    check_equal(free_of(EXO_BOOT_CELL, EXO_RES_FRAMES), before + 20);
}

static void
limit_below_use_is_refused_and_changes_nothing(void)
{
    uint32_t cell = new_cell(EXO_BOOT_CELL, 40);
    (void)new_frames(cell, 20);
    struct exo_cell_info before = account_of(cell);
    struct exo_limits limits = limits_of(10, 256, 4, 0);
    check_equal(exo_cell_limits(cell, &limits), EXO_E_BUSY);
    check_equal(account_of(cell).limit[EXO_RES_FRAMES], 40);
    limits = limits_of(40, 0, 4, 1000000); /* the last one is refused: all go back */
    check_equal(exo_cell_limits(cell, &limits), EXO_E_LIMIT);
    check(memcmp(account_of(cell).limit, before.limit, sizeof(before.limit)) == 0);
}

static void
limit_above_what_the_parent_has_is_refused(void)
{
    uint32_t parent = new_cell(EXO_BOOT_CELL, 40), cell = new_cell(parent, 0);
    const struct exo_limits limits = limits_of(40, 0, 0, 0);
    check_equal(exo_cell_limits(cell, &limits), EXO_E_LIMIT);
    check_equal(account_of(cell).limit[EXO_RES_FRAMES], 0);
}

static void
cell_limits_refuses_bad_slot_address_and_the_root(void)
{
    const struct exo_limits limits = limits_of(1, 0, 0, 0);
    struct call call = {EXO_CALL_cell_limits, {new_cell(EXO_BOOT_CELL, 1), exo_address(&limits)}};
    refuses_bad_capability(call, 0, EXO_CONTROL);
    refuses_bad_address(call, 1);
    check_equal(exo_cell_limits(EXO_BOOT_CELL, &limits), EXO_E_STATE);
}

static void
cell_info_refuses_bad_slot_and_address(void)
{
    struct exo_cell_info info;
    struct call call = {EXO_CALL_cell_info, {EXO_BOOT_CELL, exo_address(&info)}};
    refuses_bad_capability(call, 0, EXO_READ);
    refuses_bad_result_address(call, 1);
}

static void
cell_reap_refuses_bad_slot(void)
{
    refuses_bad_capability((struct call){EXO_CALL_cell_reap, {EXO_BOOT_CELL}}, 0, EXO_WRITE);
}

static void
reap_of_a_tidy_cell_has_nothing_to_do(void)
{
    check_equal(rt_reap(EXO_BOOT_CELL), EXO_OK);
    check_equal(exo_cell_reap(EXO_BOOT_CELL), EXO_OK);
    check_equal(account_of(EXO_BOOT_CELL).dying_objects, 0);
}

/* --- The end of cells ----------------------------------------------------------------------- */

static void
ended_cell_takes_along_what_it_paid_for(void)
{
    uint32_t cell = new_cell(EXO_BOOT_CELL, 64), env = new_env(cell);
    uint32_t frames = new_frames(cell, 4), endpoint = rt_slot_take(), copy;
    struct exo_cap_info info;
    check_equal(exo_endpoint_create(cell, endpoint), EXO_OK);
    copy = copy_of(frames, EXO_READ);
    int64_t err;
    const void *at = rt_map_at_any(copy, 0, 4, EXO_PROT_READ, &err);
    check_equal(err, EXO_OK);
    check_equal(rt_drop(cell), EXO_OK);
    check_equal(exo_cap_info(env, &info), EXO_E_SLOT);
    check_equal(exo_cap_info(frames, &info), EXO_E_SLOT);
    check_equal(exo_cap_info(copy, &info), EXO_E_SLOT);
    check_equal(exo_cap_info(endpoint, &info), EXO_E_SLOT);
    catch_faults();
    (void)try_read(exo_address(at));
    check_equal(caught.count, 1);
}

static void
ended_cell_takes_its_children_along(void)
{
    uint32_t before = free_of(EXO_BOOT_CELL, EXO_RES_FRAMES);
    uint32_t outer = new_cell(EXO_BOOT_CELL, 200), middle = new_cell(outer, 150);
    uint32_t inner = new_cell(middle, 100), env = new_env(inner), frames = new_frames(inner, 50);
    struct exo_cap_info info;
    check_equal(rt_drop(outer), EXO_OK);
    check_equal(exo_cap_info(middle, &info), EXO_E_SLOT);
    check_equal(exo_cap_info(inner, &info), EXO_E_SLOT);
    check_equal(exo_cap_info(env, &info), EXO_E_SLOT);
    check_equal(exo_cap_info(frames, &info), EXO_E_SLOT);
    check_equal(rt_reap(EXO_BOOT_CELL), EXO_OK);
    check_equal(free_of(EXO_BOOT_CELL, EXO_RES_FRAMES), before);
}

static void
nothing_is_made_in_a_cell_that_ends(void)
{
    uint32_t cell = new_cell(EXO_BOOT_CELL, 200), copy = copy_of(cell, EXO_RIGHTS_ALL);
    (void)new_frames(cell, 100);
    if (exo_cap_drop(cell) == EXO_E_AGAIN) {
        uint32_t slot = rt_slot_take();
        int64_t err = exo_env_create(copy, slot);
        check(err == EXO_E_GONE || err == EXO_E_SLOT);
        check_equal(rt_drop(cell), EXO_OK);
    }
}

/* An environment ends with the roots of other objects in its table: reap finds and ends them. */
static void
roots_in_the_table_of_an_ended_environment_end(void)
{
    uint32_t cell = new_cell(EXO_BOOT_CELL, 64), env = new_env(EXO_BOOT_CELL);
    uint32_t frames = new_frames(EXO_BOOT_CELL, 4), inner = new_frames(cell, 4);
    struct exo_cap_info info;
    check_equal(exo_cap_move(frames, env, 5), EXO_OK);
    check_equal(exo_cap_move(cell, env, 6), EXO_OK);
    check_equal(rt_drop(env), EXO_OK);
    check_equal(rt_reap(EXO_BOOT_CELL), EXO_OK);
    check_equal(account_of(EXO_BOOT_CELL).dying_objects, 0);
    check_equal(exo_cap_info(inner, &info), EXO_E_SLOT);
}

/* --- Reclaiming frames ------------------------------------------------------------------------ */

static void
reclaim_takes_what_is_free_at_once(void)
{
    uint32_t cell = new_cell(EXO_BOOT_CELL, 100);
    uint32_t before = free_of(EXO_BOOT_CELL, EXO_RES_FRAMES);
    struct exo_reclaim step = exo_cell_reclaim(cell, 30, rt_ticks_hz());
    check_equal(step.status, EXO_OK);
    check_equal(account_of(cell).limit[EXO_RES_FRAMES], 30);
    check_equal(free_of(EXO_BOOT_CELL, EXO_RES_FRAMES), before + 70);
}

static void
reclaim_takes_by_force_after_the_grace(void)
{
    uint32_t cell = new_cell(EXO_BOOT_CELL, 100), frames = new_frames(cell, 50);
    struct exo_cap_info info;
    check_equal(rt_reclaim(cell, 30, rt_ns_to_ticks(RT_MS_NS)), EXO_OK);
    check_equal(exo_cap_info(frames, &info), EXO_E_SLOT);
    struct exo_cell_info account = account_of(cell);
    check_equal(account.limit[EXO_RES_FRAMES], 30);
    check_equal(account.repossessed_frames, 50);
}

static void
reclaim_leaves_frames_alone_until_the_grace_is_over(void)
{
    uint32_t cell = new_cell(EXO_BOOT_CELL, 100), frames = new_frames(cell, 50);
    struct exo_cap_info info;
    uint64_t grace = rt_ticks_hz() * EXO_GRACE_SECONDS_MAX, began = rt_ticks();
    struct exo_reclaim step = exo_cell_reclaim(cell, 30, grace);
    check_equal(step.status, EXO_E_AGAIN);
    check(step.deadline_ticks >= began + grace);
    check_equal(exo_cap_info(frames, &info), EXO_OK);
    check_equal(exo_frames_alloc(cell, rt_slot_take(), 1, EXO_ALLOC_ANY, 0).status, EXO_E_LIMIT);
    check_equal(rt_drop(frames), EXO_OK); /* given back in time */
    check_equal(rt_reap(cell), EXO_OK);
    check_equal(rt_reclaim(cell, 30, grace), EXO_OK);
    check_equal(account_of(cell).repossessed_frames, 0);
}

/* What carves nothing takes nothing that its parent would have to keep for who asked. */
static void
cell_without_frames_ends_while_its_parent_gives_frames_back(void)
{
    uint32_t parent = new_cell(EXO_BOOT_CELL, 100), frames = new_frames(parent, 50);
    uint32_t cell = new_cell(parent, 0);
    uint64_t grace = rt_ticks_hz() * EXO_GRACE_SECONDS_MAX;
    check_equal(exo_cell_reclaim(parent, 30, grace).status, EXO_E_AGAIN);
    check_equal(rt_drop(cell), EXO_OK);
    check_equal(rt_drop(frames), EXO_OK);
    check_equal(rt_reap(parent), EXO_OK);
    check_equal(account_of(parent).dying_objects, 0);
}

static void
reclaim_says_when_kernel_objects_hold_more_than_the_target(void)
{
    uint32_t cell = new_cell(EXO_BOOT_CELL, 100);
    (void)new_env(cell);
    check_equal(rt_reclaim(cell, 1, rt_ns_to_ticks(RT_MS_NS)), EXO_E_BUSY);
    check(account_of(cell).limit[EXO_RES_FRAMES] >= 4);
}

static void
reclaim_refuses_bad_arguments(void)
{
    uint32_t cell = new_cell(EXO_BOOT_CELL, 10);
    uint64_t too_long = rt_ticks_hz() * EXO_GRACE_SECONDS_MAX + 1;
    refuses_bad_capability((struct call){EXO_CALL_cell_reclaim, {cell, 10, 1}}, 0, EXO_CONTROL);
    check_equal(exo_cell_reclaim(cell, 10, too_long).status, EXO_E_RANGE);
    check_equal(exo_cell_reclaim(cell, 10, UINT64_MAX).status, EXO_E_RANGE);
    check_equal(exo_cell_reclaim(EXO_BOOT_CELL, 10, 1).status, EXO_E_STATE);
    check_equal(exo_svc3(EXO_CALL_cell_reclaim, cell, 1ull << 32, 1), EXO_E_ARG);
}

static const struct test tests[] = {
    TEST(limits_of_a_child_are_carved_out_of_its_parents),
    TEST(cell_create_refuses_bad_slots_and_address),
    TEST(limits_of_another_version_are_refused),
    TEST(child_cannot_have_more_than_its_parent),
    TEST(cells_are_at_most_eight_deep),
    TEST(limits_can_be_raised_and_lowered),
    TEST(limit_below_use_is_refused_and_changes_nothing),
    TEST(limit_above_what_the_parent_has_is_refused),
    TEST(cell_limits_refuses_bad_slot_address_and_the_root),
    TEST(cell_info_refuses_bad_slot_and_address),
    TEST(cell_reap_refuses_bad_slot),
    TEST(reap_of_a_tidy_cell_has_nothing_to_do),
    TEST(ended_cell_takes_along_what_it_paid_for),
    TEST(ended_cell_takes_its_children_along),
    TEST(nothing_is_made_in_a_cell_that_ends),
    TEST(roots_in_the_table_of_an_ended_environment_end),
    TEST(reclaim_takes_what_is_free_at_once),
    TEST(reclaim_takes_by_force_after_the_grace),
    TEST(reclaim_leaves_frames_alone_until_the_grace_is_over),
    TEST(cell_without_frames_ends_while_its_parent_gives_frames_back),
    TEST(reclaim_says_when_kernel_objects_hold_more_than_the_target),
    TEST(reclaim_refuses_bad_arguments),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
