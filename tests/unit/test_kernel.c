/*
 * The portable kernel driven by system calls on the host, under the sanitizers: lives of objects,
 * revocation, teardown, accounts. What needs a real CPU is tested in the machine (tests/guest).
 */
#include "fake_kernel.h"
#include "tap.h"

#define CELL      EXO_BOOT_CELL
#define FREE_SLOT 32u

static struct exo_cell_info before;

/* A machine; its accounts are remembered. */
static void
begin(void)
{
    fake_boot(4096, 2);
    before = fake_cell_info(CELL);
}

/* Nothing may be left of what the test made. */
static void
end(void)
{
    CHECK_EQ(CALL_AGAIN(cell_reap, CELL), EXO_OK);
    struct exo_cell_info after = fake_cell_info(CELL);
    for (int i = 0; i < EXO_RES_COUNT; i++) {
        CHECK_EQ(after.own[i], before.own[i]);
        CHECK_EQ(after.carved[i], before.carved[i]);
    }
    CHECK_EQ(after.dying_objects, 0);
    fake_machine_end();
}

static void
boot_leaves_the_accounts_balanced(void)
{
    begin();
    for (int i = 0; i < EXO_RES_COUNT; i++)
        CHECK(before.own[i] + before.carved[i] <= before.limit[i]);
    CHECK_EQ(before.limit[EXO_RES_FRAMES] - before.own[EXO_RES_FRAMES], frame_free_count());
    end();
}

static void
frames_come_and_go(void)
{
    begin();
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(CALL(frames_alloc, CELL, FREE_SLOT, 1 + i * 3, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
        CHECK_EQ(CALL_AGAIN(cap_drop, FREE_SLOT), EXO_OK);
    }
    end();
}

static void
dropping_frames_unmaps_them(void)
{
    uint64_t pte;
    begin();
    CHECK_EQ(CALL(frames_alloc, CELL, FREE_SLOT, 8, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    fake_put_map(0, 0x2000000, FREE_SLOT, 0, 8, EXO_PROT_READ | EXO_PROT_WRITE);
    CHECK_EQ(CALL(map, EXO_SELF, FAKE_USER, 1, 0), EXO_OK);
    CHECK_EQ(fake_result(1), 8);
    CHECK(fake_access(0, 0x2003000, &pte));
    CHECK_EQ(CALL_AGAIN(cap_drop, FREE_SLOT), EXO_OK);
    CHECK(!fake_access(0, 0x2003000, &pte));
    CHECK(fake_tlbs_are_right());
    CHECK_EQ(CALL(cap_drop, FREE_SLOT), EXO_E_SLOT);
    /* the table that was made for the address stays with the environment */
    before.own[EXO_RES_FRAMES] += 1;
    end();
}

static void
revoke_takes_what_was_derived_and_nothing_else(void)
{
    begin();
    CHECK_EQ(CALL(frames_alloc, CELL, 32, 16, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    uint64_t base = fake_result(1);
    CHECK_EQ(CALL(cap_copy, 32, EXO_SELF, 33, EXO_READ | EXO_COPY, base + 4, 4), EXO_OK);
    CHECK_EQ(CALL(cap_copy, 33, EXO_SELF, 34, EXO_READ, base + 5, 1), EXO_OK);
    CHECK_EQ(CALL(cap_copy, 32, EXO_SELF, 35, EXO_READ, 0, 0), EXO_OK);
    CHECK_EQ(CALL(cap_copy, 33, EXO_SELF, 36, EXO_WRITE, 0, 0), EXO_E_RIGHT);
    CHECK_EQ(CALL(cap_copy, 33, EXO_SELF, 36, EXO_READ, base + 7, 2), EXO_E_RANGE);
    CHECK_EQ(CALL_AGAIN(cap_revoke, 33), EXO_OK);
    CHECK_EQ(CALL(cap_info, 34, FAKE_USER), EXO_E_SLOT);
    CHECK_EQ(CALL(cap_info, 33, FAKE_USER), EXO_OK);
    CHECK_EQ(CALL(cap_info, 35, FAKE_USER), EXO_OK);
    CHECK_EQ(CALL_AGAIN(cap_drop, 32), EXO_OK);
    CHECK_EQ(CALL(cap_info, 33, FAKE_USER), EXO_E_SLOT);
    CHECK_EQ(CALL(cap_info, 35, FAKE_USER), EXO_E_SLOT);
    end();
}

static void
a_long_chain_is_revoked_in_steps(void)
{
    begin();
    CHECK_EQ(CALL(cap_extend, EXO_SELF, 1), EXO_OK);
    CHECK_EQ(CALL(cap_extend, EXO_SELF, 2), EXO_OK);
    CHECK_EQ(CALL(frames_alloc, CELL, 40, 16, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    for (uint64_t i = 41; i < 190; i++) {
        CHECK_EQ(CALL(cap_copy, i % 3 ? i - 1 : 40, EXO_SELF, i, EXO_READ | EXO_COPY, 0, 0),
                 EXO_OK);
    }
    CHECK_EQ(CALL(cap_revoke, 40), EXO_E_AGAIN);
    CHECK_EQ(CALL(cap_copy, 40, EXO_SELF, 190, EXO_READ, 0, 0), EXO_E_BUSY);
    CHECK_EQ(CALL_AGAIN(cap_revoke, 40), EXO_OK);
    for (uint64_t i = 41; i < 190; i++)
        CHECK_EQ(CALL(cap_info, i, FAKE_USER), EXO_E_SLOT);
    CHECK_EQ(CALL_AGAIN(cap_drop, 40), EXO_OK);
    before.own[EXO_RES_FRAMES] += 2;
    before.own[EXO_RES_CAPS] += 2 * EXO_CAPS_PER_PAGE;
    end();
}

static void
grace_waits_for_a_cpu_in_the_kernel(void)
{
    begin();
    CHECK_EQ(CALL(frames_alloc, CELL, 40, 1, EXO_ALLOC_ANY, 0), EXO_OK);
    CHECK_EQ(CALL(cap_copy, 40, EXO_SELF, 41, EXO_READ, 0, 0), EXO_OK);
    cpus[1].epoch = global_epoch; /* it is inside, and does not leave */
    for (int i = 0; i < 100; i++)
        CHECK_EQ(CALL(cap_revoke, 40), EXO_E_AGAIN);
    CHECK_EQ(CALL(cap_info, 41, FAKE_USER), EXO_E_GONE);
    cpus[1].epoch = EPOCH_OUTSIDE;
    CHECK_EQ(CALL_AGAIN(cap_revoke, 40), EXO_OK);
    CHECK_EQ(CALL_AGAIN(cap_drop, 40), EXO_OK);
    end();
}

/* A cell with an environment, a vCPU, frames, an endpoint, and capabilities granted around. */
static void
furnish(uint32_t parent, uint32_t slot)
{
    fake_put_limits(200, 512, 4, 8);
    CHECK_EQ(CALL(cell_create, parent, slot, FAKE_USER), EXO_OK);
    CHECK_EQ(CALL(env_create, slot, slot + 1), EXO_OK);
    CHECK_EQ(CALL(vcpu_create, slot + 1, slot + 2, 0, 0x30000, 0x400000, 0x500000, 7), EXO_OK);
    CHECK_EQ(CALL(frames_alloc, slot, slot + 3, 16, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    CHECK_EQ(CALL(endpoint_create, slot, slot + 4), EXO_OK);
    CHECK_EQ(CALL(notification_create, slot, slot + 5), EXO_OK);
    CHECK_EQ(CALL(notification_bind, slot + 5, slot + 2), EXO_OK);
    CHECK_EQ(CALL(cap_copy, slot + 3, slot + 1, 5, EXO_READ | EXO_WRITE, 0, 0), EXO_OK);
    CHECK_EQ(CALL(cap_copy, slot + 4, slot + 1, 6, EXO_WRITE, 99, 0), EXO_OK);
    CHECK_EQ(CALL(env_supervise, slot + 1, slot + 4), EXO_OK);
    fake_put_map(0, 0x2000000, 5, 0, 16, EXO_PROT_READ | EXO_PROT_WRITE);
    CHECK_EQ(CALL(map, slot + 1, FAKE_USER, 1, 0), EXO_OK);
    CHECK_EQ(CALL(cpu_assign, EXO_BOOT_CPU, 0, 4, slot + 2), EXO_OK);
}

static void
killing_a_cell_takes_everything_back(void)
{
    begin();
    furnish(CELL, 32);
    CHECK_EQ(CALL_AGAIN(cap_drop, 32), EXO_OK);
    for (uint64_t i = 32; i < 38; i++)
        CHECK_EQ(CALL(cap_info, i, FAKE_USER), EXO_E_SLOT);
    end();
}

static void
killing_an_environment_leaves_its_cell(void)
{
    begin();
    furnish(CELL, 32);
    CHECK_EQ(CALL_AGAIN(cap_drop, 33), EXO_OK);
    CHECK_EQ(CALL(cap_info, 32, FAKE_USER), EXO_OK);
    CHECK_EQ(CALL(cap_info, 34, FAKE_USER), EXO_E_SLOT); /* its vCPU went with it */
    CHECK_EQ(CALL_AGAIN(cell_reap, 32), EXO_OK);
    struct exo_cell_info info = fake_cell_info(32);
    CHECK_EQ(info.own[EXO_RES_ENVS], 0);
    CHECK_EQ(info.own[EXO_RES_CPU_SLOTS], 0);
    CHECK_EQ(CALL_AGAIN(cap_drop, 32), EXO_OK);
    end();
}

static void
nested_cells_die_with_their_ancestor(void)
{
    begin();
    fake_put_limits(2000, 4096, 32, 16);
    CHECK_EQ(CALL(cell_create, CELL, 25, FAKE_USER), EXO_OK);
    furnish(25, 32);
    fake_put_limits(400, 1024, 8, 8);
    CHECK_EQ(CALL(cell_create, 25, 26, FAKE_USER), EXO_OK);
    fake_put_limits(300, 1024, 8, 8);
    CHECK_EQ(CALL(cell_create, 26, 27, FAKE_USER), EXO_OK);
    fake_put_limits(301, 1024, 8, 4);
    CHECK_EQ(CALL(cell_create, 26, 28, FAKE_USER), EXO_E_LIMIT);
    furnish(27, 40);
    CHECK_EQ(CALL_AGAIN(cap_drop, 25), EXO_OK);
    for (uint64_t i = 25; i < 46; i++)
        CHECK_EQ(CALL(cap_info, i, FAKE_USER), EXO_E_SLOT);
    end();
}

static void
roots_in_a_dying_table_doom_their_objects(void)
{
    begin();
    furnish(CELL, 32);
    fake_put_limits(100, 256, 2, 0);
    CHECK_EQ(CALL(cell_create, CELL, 48, FAKE_USER), EXO_OK);
    CHECK_EQ(CALL(frames_alloc, 48, 49, 9, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    CHECK_EQ(CALL(cap_move, 48, 33, 10), EXO_OK); /* the other environment holds the roots now */
    CHECK_EQ(CALL(cap_move, 49, 33, 11), EXO_OK);
    CHECK_EQ(CALL(cap_info, 48, FAKE_USER), EXO_E_SLOT);
    CHECK_EQ(CALL_AGAIN(cap_drop, 33), EXO_OK);
    CHECK_EQ(CALL_AGAIN(cap_drop, 32), EXO_OK);
    end();
}

static void
splitting_frames_lets_each_part_go_alone(void)
{
    uint64_t pte;
    begin();
    CHECK_EQ(CALL(frames_alloc, CELL, 40, 8, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    fake_put_map(0, 0x2000000, 40, 0, 8, EXO_PROT_READ);
    CHECK_EQ(CALL(map, EXO_SELF, FAKE_USER, 1, 0), EXO_OK);
    CHECK_EQ(CALL(frames_split, 40, 0, 41), EXO_E_RANGE);
    CHECK_EQ(CALL(frames_split, 40, 8, 41), EXO_E_RANGE);
    CHECK_EQ(CALL(frames_split, 40, 3, 41), EXO_OK);
    CHECK_EQ(CALL_AGAIN(cap_drop, 41), EXO_OK);
    CHECK(fake_access(0, 0x2002000, &pte));
    CHECK(!fake_access(0, 0x2003000, &pte));
    CHECK_EQ(CALL_AGAIN(cap_drop, 40), EXO_OK);
    before.own[EXO_RES_FRAMES] += 1;
    end();
}

static void
reclaim_takes_frames_by_force_after_the_deadline(void)
{
    begin();
    furnish(CELL, 32);
    CHECK_EQ(CALL(frames_alloc, 32, 50, 100, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    CHECK_EQ(CALL(cell_reclaim, 32, 60, 1000), EXO_E_AGAIN);
    uint64_t cap = fake_result(1);
    CHECK(cap > fake_ticks);
    CHECK_EQ(CALL(frames_alloc, 32, 51, 1, EXO_ALLOC_ANY, 0), EXO_E_LIMIT);
    CHECK_EQ(CALL(cell_reclaim, 32, 60, 1000), EXO_E_AGAIN);
    CHECK_EQ(CALL(cap_info, 50, FAKE_USER), EXO_OK); /* not before its time */
    fake_ticks = cap + 1;
    CHECK_EQ(CALL_AGAIN(cell_reclaim, 32, 60, 1000), EXO_OK);
    CHECK_EQ(CALL(cap_info, 50, FAKE_USER), EXO_E_SLOT);
    struct exo_cell_info info = fake_cell_info(32);
    CHECK_EQ(info.limit[EXO_RES_FRAMES], 60);
    CHECK(info.repossessed_frames >= 100);
    CHECK_EQ(CALL_AGAIN(cap_drop, 32), EXO_OK);
    end();
}

static const struct tap_test tests[] = {
    TAP(boot_leaves_the_accounts_balanced),
    TAP(frames_come_and_go),
    TAP(dropping_frames_unmaps_them),
    TAP(revoke_takes_what_was_derived_and_nothing_else),
    TAP(a_long_chain_is_revoked_in_steps),
    TAP(grace_waits_for_a_cpu_in_the_kernel),
    TAP(killing_a_cell_takes_everything_back),
    TAP(killing_an_environment_leaves_its_cell),
    TAP(nested_cells_die_with_their_ancestor),
    TAP(roots_in_a_dying_table_doom_their_objects),
    TAP(splitting_frames_lets_each_part_go_alone),
    TAP(reclaim_takes_frames_by_force_after_the_deadline),
};
TAP_MAIN(tests)
