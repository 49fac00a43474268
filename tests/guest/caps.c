// config: smp=1,4 cpu=max,cortex-a72 timeout=120
/* Capabilities: copies only shrink, and none outlives what it was derived from. */
#include "fixture.h"
#include "refuse.h"

/* --- Copies --------------------------------------------------------------------------------- */

static void
copy_has_the_rights_asked_for_and_names_the_same_object(void)
{
    uint32_t slot = new_endpoint(), copy = copy_of(slot, EXO_READ | EXO_COPY);
    struct exo_cap_info root = info_of(slot), info = info_of(copy);
    check_equal(info.type, EXO_TYPE_ENDPOINT);
    check_equal(info.rights, EXO_READ | EXO_COPY);
    check_equal(info.object, root.object);
    check_equal(info.depth, 1);
    check_equal(info.flags, 0);
    check_equal(root.depth, 0);
    check_equal(info_of(slot).flags, EXO_CAP_ROOT | EXO_CAP_CHILDREN);
}

static void
copy_cannot_gain_rights(void)
{
    uint32_t slot = new_endpoint(), copy = copy_of(slot, EXO_READ | EXO_COPY);
    uint32_t other = rt_slot_take();
    check_equal(exo_cap_copy(copy, EXO_SELF, other, EXO_READ | EXO_WRITE, 0, 0), EXO_E_RIGHT);
    check_equal(exo_cap_copy(copy, EXO_SELF, other, EXO_RIGHTS_ALL, 0, 0), EXO_E_RIGHT);
    check_equal(exo_cap_copy(copy, EXO_SELF, other, EXO_READ, 0, 0), EXO_OK);
}

static void
capability_without_copy_right_is_not_copied(void)
{
    uint32_t copy = copy_of(new_endpoint(), EXO_READ | EXO_WRITE | EXO_CONTROL);
    check_equal(exo_cap_copy(copy, EXO_SELF, rt_slot_take(), EXO_READ, 0, 0), EXO_E_RIGHT);
}

static void
copy_refuses_bad_slots_and_rights(void)
{
    struct call call = {EXO_CALL_cap_copy,
                        {new_endpoint(), EXO_BOOT_ENV, rt_slot_take(), EXO_READ, 0, 0}};
    call.x[3] = 32;
    check_equal(call_raw(&call), EXO_E_ARG);
    call.x[3] = 1ull << 32;
    check_equal(call_raw(&call), EXO_E_ARG);
    call.x[3] = EXO_READ;
    refuses_bad_environment(call, 1, EXO_CONTROL);
    refuses_bad_destination(call, 2);
    call.x[0] = rt_slot_take();
    check_equal(call_raw(&call), EXO_E_SLOT);
    call.x[0] = 1ull << 32 | EXO_BOOT_CELL;
    check_equal(call_raw(&call), EXO_E_SLOT);
}

static void
copy_of_frames_narrows_their_range(void)
{
    uint32_t slot = new_frames(EXO_BOOT_CELL, 10), copy = rt_slot_take(), third = rt_slot_take();
    uint64_t base = info_of(slot).base_or_badge;
    check_equal(exo_cap_copy(slot, EXO_SELF, copy, EXO_RIGHTS_ALL, base + 2, 5), EXO_OK);
    check_equal(info_of(copy).base_or_badge, base + 2);
    check_equal(info_of(copy).count, 5);
    check_equal(exo_cap_copy(copy, EXO_SELF, third, EXO_READ, base + 1, 2), EXO_E_RANGE);
    check_equal(exo_cap_copy(copy, EXO_SELF, third, EXO_READ, base + 6, 2), EXO_E_RANGE);
    check_equal(exo_cap_copy(copy, EXO_SELF, third, EXO_READ, base + 2, 6), EXO_E_RANGE);
    check_equal(exo_cap_copy(copy, EXO_SELF, third, EXO_READ, base + 2, 0), EXO_E_RANGE);
    check_equal(exo_cap_copy(copy, EXO_SELF, third, EXO_READ, UINT64_MAX, 1), EXO_E_RANGE);
    check_equal(exo_cap_copy(copy, EXO_SELF, third, EXO_READ, 0, 1), EXO_E_RANGE);
    check_equal(exo_cap_copy(copy, EXO_SELF, third, EXO_READ, base + 6, 1), EXO_OK);
}

static void
copy_of_a_cpu_narrows_its_slots(void)
{
    uint32_t copy = rt_slot_take(), third = rt_slot_take();
    check_equal(exo_cap_copy(EXO_BOOT_CPU, EXO_SELF, copy, EXO_RIGHTS_ALL, 8, 4), EXO_OK);
    check_equal(info_of(copy).base_or_badge, 8);
    check_equal(info_of(copy).count, 4);
    check_equal(exo_cap_copy(copy, EXO_SELF, third, EXO_READ, 7, 2), EXO_E_RANGE);
    check_equal(exo_cap_copy(copy, EXO_SELF, third, EXO_READ, 11, 2), EXO_E_RANGE);
}

static void
badge_is_given_once(void)
{
    uint32_t slot = new_notification(), copy = badged(slot, 6), third = rt_slot_take();
    check_equal(info_of(copy).base_or_badge, 6);
    check_equal(exo_cap_copy(copy, EXO_SELF, third, EXO_READ, 2, 0), EXO_E_RIGHT);
    check_equal(exo_cap_copy(copy, EXO_SELF, third, EXO_READ, 7, 0), EXO_E_RIGHT);
    check_equal(exo_cap_copy(copy, EXO_SELF, third, EXO_READ, 0, 0), EXO_OK);
    check_equal(info_of(third).base_or_badge, 6);
    check_equal(exo_cap_copy(slot, EXO_SELF, rt_slot_take(), EXO_READ, 1, 1), EXO_E_ARG);
}

static void
types_without_range_or_badge_take_neither(void)
{
    static const uint32_t slots[] = {EXO_BOOT_CELL, EXO_BOOT_ENV, EXO_BOOT_VCPU, EXO_BOOT_MACHINE,
                                     EXO_BOOT_TRACE};
    for (unsigned i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
        uint32_t copy = rt_slot_take();
        check_equal(exo_cap_copy(slots[i], EXO_SELF, copy, EXO_READ, 1, 0), EXO_E_ARG);
        check_equal(exo_cap_copy(slots[i], EXO_SELF, copy, EXO_READ, 0, 1), EXO_E_ARG);
        check_equal(exo_cap_copy(slots[i], EXO_SELF, copy, EXO_READ, 0, 0), EXO_OK);
    }
}

/* --- Moves ---------------------------------------------------------------------------------- */

static void
moved_capability_keeps_its_place_in_the_tree(void)
{
    uint32_t slot = new_endpoint(), copy = copy_of(slot, EXO_READ), dst = rt_slot_take();
    struct exo_cap_info info;
    check_equal(exo_again(exo_cap_move(slot, EXO_SELF, dst)), EXO_OK);
    check_equal(exo_cap_info(slot, &info), EXO_E_SLOT);
    check_equal(info_of(dst).flags, EXO_CAP_ROOT | EXO_CAP_CHILDREN);
    check_equal(info_of(dst).rights, EXO_RIGHTS_ALL);
    check_equal(rt_drop(dst), EXO_OK);
    check_equal(exo_cap_info(copy, &info), EXO_E_SLOT);
}

static void
moved_frames_are_not_mapped_any_more(void)
{
    struct rt_memory memory;
    uint32_t dst = rt_slot_take();
    check_equal(rt_memory_take(2, EXO_PROT_READ, &memory), EXO_OK);
    check_equal(exo_again(exo_cap_move(memory.slot, EXO_SELF, dst)), EXO_OK);
    check_equal(info_of(dst).flags, EXO_CAP_ROOT);
    catch_faults();
    (void)try_read(exo_address(memory.at));
    check_equal(caught.count, 1);
}

static void
move_refuses_bad_slots(void)
{
    struct call call = {EXO_CALL_cap_move, {new_endpoint(), EXO_BOOT_ENV, rt_slot_take()}};
    refuses_bad_environment(call, 1, EXO_CONTROL);
    refuses_bad_destination(call, 2);
    call.x[1] = EXO_SELF;
    call.x[2] = call.x[0];
    check_equal(call_raw(&call), EXO_E_OCCUPIED);
    call.x[0] = rt_slot_take();
    check_equal(call_raw(&call), EXO_E_SLOT);
}

static void
only_what_may_be_copied_moves_to_another_environment(void)
{
    uint32_t env = new_env(EXO_BOOT_CELL), dst = rt_slot_take();
    uint32_t copy = copy_of(new_endpoint(), EXO_READ);
    check_equal(exo_cap_move(copy, env, 5), EXO_E_RIGHT);
    check_equal(exo_cap_move(copy, EXO_SELF, dst), EXO_OK);
    uint32_t root = new_endpoint();
    struct exo_cap_info info;
    check_equal(exo_cap_move(root, env, 5), EXO_OK);
    check_equal(exo_cap_info(root, &info), EXO_E_SLOT);
    check_equal(exo_cap_move(new_endpoint(), env, 5), EXO_E_OCCUPIED);
}

/* --- Drop and revoke ------------------------------------------------------------------------- */

static void
dropped_slot_is_empty_and_can_be_used_again(void)
{
    uint32_t slot = new_endpoint();
    check_equal(rt_drop(slot), EXO_OK);
    check_equal(exo_cap_drop(slot), EXO_E_SLOT);
    check_equal(exo_endpoint_create(EXO_BOOT_CELL, slot), EXO_OK);
}

static void
drop_and_revoke_refuse_slots_that_do_not_exist(void)
{
    static const uint64_t slots[] = {0,
                                     EXO_CAPS_PER_PAGE * EXO_CAP_PAGES_MAX,
                                     EXO_NONE,
                                     EXO_SELF,
                                     1ull << 32 | EXO_BOOT_CELL,
                                     UINT64_MAX};
    for (unsigned i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
        check_equal(exo_svc1(EXO_CALL_cap_drop, slots[i]), EXO_E_SLOT);
        check_equal(exo_svc1(EXO_CALL_cap_revoke, slots[i]), EXO_E_SLOT);
    }
}

static void
dropping_a_capability_ends_what_was_derived_from_it(void)
{
    uint32_t root = new_endpoint(), child = copy_of(root, EXO_RIGHTS_ALL);
    uint32_t grandchild = copy_of(child, EXO_RIGHTS_ALL), sibling = copy_of(root, EXO_READ);
    struct exo_cap_info info;
    check_equal(rt_drop(child), EXO_OK);
    check_equal(exo_cap_info(grandchild, &info), EXO_E_SLOT);
    check_equal(exo_cap_info(sibling, &info), EXO_OK);
    check_equal(exo_cap_info(root, &info), EXO_OK);
}

static void
revoke_ends_what_was_derived_and_leaves_the_capability(void)
{
    uint32_t root = new_endpoint(), child = copy_of(root, EXO_RIGHTS_ALL);
    uint32_t grandchild = copy_of(child, EXO_RIGHTS_ALL), sibling = copy_of(root, EXO_READ);
    struct exo_cap_info info;
    check_equal(rt_revoke(child), EXO_OK);
    check_equal(exo_cap_info(grandchild, &info), EXO_E_SLOT);
    check_equal(exo_cap_info(child, &info), EXO_OK);
    check_equal(rt_revoke(root), EXO_OK);
    check_equal(exo_cap_info(child, &info), EXO_E_SLOT);
    check_equal(exo_cap_info(sibling, &info), EXO_E_SLOT);
    check_equal(info_of(root).flags, EXO_CAP_ROOT);
    check_equal(rt_revoke(root), EXO_OK);
}

static void
revoke_reaches_other_environments_and_their_mappings(void)
{
    uint32_t env = new_env(EXO_BOOT_CELL), slot = new_frames(EXO_BOOT_CELL, 1);
    const struct exo_map entry = {0x50000000, 5, 0, 1, EXO_PROT_READ};
    uint64_t word;
    check_equal(exo_cap_copy(slot, env, 5, EXO_READ, 0, 0), EXO_OK);
    check_equal(exo_map(env, &entry, 1, NULL).status, EXO_OK);
    check_equal(exo_env_read(env, 0x50000000, &word, 8).status, EXO_OK);
    check_equal(rt_revoke(slot), EXO_OK);
    check_equal(exo_env_read(env, 0x50000000, &word, 8).status, EXO_E_FAULT);
    check_equal(exo_cap_copy(slot, env, 5, EXO_READ, 0, 0), EXO_OK); /* the slot is empty */
}

static void
revoke_sweeps_wide_trees(void)
{
    enum { WIDTH = 300 };
    uint32_t root = new_endpoint(), copies[WIDTH];
    struct exo_cap_info info;
    for (unsigned i = 0; i < WIDTH; i++)
        copies[i] = copy_of(root, EXO_READ);
    check_equal(rt_revoke(root), EXO_OK);
    for (unsigned i = 0; i < WIDTH; i++)
        check_equal(exo_cap_info(copies[i], &info), EXO_E_SLOT);
}

static void
revoke_sweeps_deep_trees(void)
{
    enum { DEPTH = 300 };
    uint32_t root = new_endpoint(), last = root;
    struct exo_cap_info info;
    for (unsigned i = 0; i < DEPTH; i++)
        last = copy_of(last, EXO_RIGHTS_ALL);
    check_equal(info_of(last).depth, DEPTH);
    check_equal(rt_revoke(root), EXO_OK);
    check_equal(exo_cap_info(last, &info), EXO_E_SLOT);
}

static void
copies_are_refused_while_a_revoke_is_under_way(void)
{
    uint32_t root = new_endpoint(), other = rt_slot_take();
    for (unsigned i = 0; i < 100; i++)
        (void)copy_of(root, EXO_READ);
    check_equal(exo_cap_revoke(root), EXO_E_AGAIN); /* a step is bounded: 100 need more */
    check_equal(exo_cap_copy(root, EXO_SELF, other, EXO_READ, 0, 0), EXO_E_BUSY);
    check_equal(exo_cap_move(root, EXO_SELF, other), EXO_E_BUSY);
    check_equal(rt_revoke(root), EXO_OK);
    check_equal(exo_cap_copy(root, EXO_SELF, other, EXO_READ, 0, 0), EXO_OK);
}

/* --- Information and tables ----------------------------------------------------------------- */

static void
info_refuses_bad_slot_and_address(void)
{
    struct exo_cap_info info;
    check_equal(exo_cap_info(rt_slot_take(), &info), EXO_E_SLOT);
    check_equal(exo_cap_info(EXO_NONE, &info), EXO_E_SLOT);
    check_equal(exo_svc2(EXO_CALL_cap_info, 1ull << 32, exo_address(&info)), EXO_E_SLOT);
    refuses_bad_result_address((struct call){EXO_CALL_cap_info, {EXO_BOOT_CELL, 0}}, 1);
}

static void
extended_table_has_empty_slots(void)
{
    uint32_t env = new_env(EXO_BOOT_CELL), slot = new_endpoint();
    const uint32_t last = EXO_CAP_PAGES_MAX - 1;
    uint32_t dst = last * EXO_CAPS_PER_PAGE + 63;
    check_equal(exo_cap_copy(slot, env, dst, EXO_READ, 0, 0), EXO_E_SLOT);
    check_equal(exo_cap_extend(env, last), EXO_OK);
    check_equal(exo_cap_copy(slot, env, dst, EXO_READ, 0, 0), EXO_OK);
    check_equal(exo_cap_extend(env, last), EXO_E_OCCUPIED);
    check_equal(exo_cap_extend(env, 0), EXO_E_OCCUPIED);
}

static void
extend_refuses_bad_arguments(void)
{
    uint32_t env = new_env(EXO_BOOT_CELL);
    check_equal(exo_cap_extend(env, EXO_CAP_PAGES_MAX), EXO_E_RANGE);
    check_equal(exo_cap_extend(env, UINT32_MAX), EXO_E_RANGE);
    check_equal(exo_svc2(EXO_CALL_cap_extend, env, 1ull << 32), EXO_E_ARG);
    refuses_bad_environment((struct call){EXO_CALL_cap_extend, {env, 3}}, 0, EXO_CONTROL);
}

static void
cell_pays_for_table_pages(void)
{
    uint32_t cell = new_cell(EXO_BOOT_CELL, 64), env = new_env(cell);
    check_equal(account_of(cell).own[EXO_RES_CAPS], 64);
    for (uint32_t page = 1; page < 4; page++)
        check_equal(exo_cap_extend(env, page), EXO_OK);
    check_equal(account_of(cell).own[EXO_RES_CAPS], 256);
    check_equal(exo_cap_extend(env, 4), EXO_E_LIMIT); /* new_cell gives 256 slots */
    check_equal(rt_drop(env), EXO_OK);
    check_equal(rt_reap(cell), EXO_OK);
    check_equal(account_of(cell).own[EXO_RES_CAPS], 0);
    check_equal(account_of(cell).own[EXO_RES_FRAMES], 0);
}

static const struct test tests[] = {
    TEST(copy_has_the_rights_asked_for_and_names_the_same_object),
    TEST(copy_cannot_gain_rights),
    TEST(capability_without_copy_right_is_not_copied),
    TEST(copy_refuses_bad_slots_and_rights),
    TEST(copy_of_frames_narrows_their_range),
    TEST(copy_of_a_cpu_narrows_its_slots),
    TEST(badge_is_given_once),
    TEST(types_without_range_or_badge_take_neither),
    TEST(moved_capability_keeps_its_place_in_the_tree),
    TEST(moved_frames_are_not_mapped_any_more),
    TEST(move_refuses_bad_slots),
    TEST(only_what_may_be_copied_moves_to_another_environment),
    TEST(dropped_slot_is_empty_and_can_be_used_again),
    TEST(drop_and_revoke_refuse_slots_that_do_not_exist),
    TEST(dropping_a_capability_ends_what_was_derived_from_it),
    TEST(revoke_ends_what_was_derived_and_leaves_the_capability),
    TEST(revoke_reaches_other_environments_and_their_mappings),
    TEST(revoke_sweeps_wide_trees),
    TEST(revoke_sweeps_deep_trees),
    TEST(copies_are_refused_while_a_revoke_is_under_way),
    TEST(info_refuses_bad_slot_and_address),
    TEST(extended_table_has_empty_slots),
    TEST(extend_refuses_bad_arguments),
    TEST(cell_pays_for_table_pages),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
