/*
 * System calls in any order, with small arguments, over the portable kernel on the host.
 */
#include "fake_kernel.h"
#include "tap.h"

#define CELL      EXO_BOOT_CELL
#define ARGUMENTS 8
#define SLOTS     12u

/* What each round begins with; the slots behind are free. */
enum { THE_CELL = 24, THE_ENV, THE_BADGE, THE_FRAMES, THE_NOTIFICATION };

static struct exo_cell_info before;

/* One of `count` values `step` apart; but `slots` times in eight, and with no `count`, any slot. */
struct argument {
    uint64_t first;
    uint32_t count, step, slots;
};
#define RANDOM_CALLS        (sizeof(random_calls) / sizeof(random_calls[0]))
#define ONLY(value)         {(value), 1, 0, 0}
#define FROM(value, number) {(value), (number), 1, 0}
#define MOSTLY(value)       {(value), 1, 0, 3}

/* What is not said is a slot, and what lies in memory a mapping. */
static const struct random_call {
    enum exo_call call;
    struct argument x[ARGUMENTS];
    bool limits; /* lie in memory instead */
} random_calls[] = {
    {.call = EXO_CALL_cap_copy,
     .x = {[1] = MOSTLY(EXO_SELF), [3] = FROM(0, 32), [4] = FROM(0, 2), [5] = ONLY(0)}},
    /* not the cell: inside of itself nobody could reach it */
    {.call = EXO_CALL_cap_move, .x = {FROM(THE_ENV + 1, SLOTS - 2), [1] = MOSTLY(EXO_SELF)}},
    {.call = EXO_CALL_cap_drop},
    {.call = EXO_CALL_cap_revoke},
    {.call = EXO_CALL_cap_info, .x = {[1] = ONLY(FAKE_USER)}},
    {.call = EXO_CALL_cell_create, .x = {MOSTLY(THE_CELL), [2] = ONLY(FAKE_USER)}, .limits = true},
    {.call = EXO_CALL_cell_limits, .x = {[1] = ONLY(FAKE_USER)}, .limits = true},
    {.call = EXO_CALL_cell_reap},
    {.call = EXO_CALL_frames_alloc, .x = {MOSTLY(THE_CELL), [2] = FROM(1, 20), [3] = FROM(0, 3)}},
    {.call = EXO_CALL_frames_split, .x = {[1] = FROM(0, 10)}},
    {.call = EXO_CALL_map, .x = {MOSTLY(EXO_SELF), ONLY(FAKE_USER), ONLY(1), ONLY(0)}},
    {.call = EXO_CALL_unmap, .x = {MOSTLY(EXO_SELF), ONLY(FAKE_USER), ONLY(1), ONLY(0)}},
    {.call = EXO_CALL_protect, .x = {MOSTLY(EXO_SELF), ONLY(FAKE_USER), ONLY(1), ONLY(0)}},
    {.call = EXO_CALL_env_create, .x = {MOSTLY(THE_CELL)}},
    {.call = EXO_CALL_env_supervise},
    {.call = EXO_CALL_vcpu_create,
     .x = {MOSTLY(THE_ENV), [2] = ONLY(1), [3] = {0x3000000, 8, 0x1000, 0}}},
    {.call = EXO_CALL_cpu_assign, .x = {ONLY(EXO_BOOT_CPU + 1), FROM(0, 32), ONLY(1)}},
    {.call = EXO_CALL_notification_create, .x = {MOSTLY(THE_CELL)}},
    {.call = EXO_CALL_notification_bind},
    {.call = EXO_CALL_notify, .x = {MOSTLY(THE_BADGE)}},
    {.call = EXO_CALL_endpoint_create, .x = {MOSTLY(THE_CELL)}},
};

static uint64_t
choose_argument(uint64_t *state, const struct argument *a)
{
    if (a->count == 0 || tap_random(state, 8) < a->slots)
        return THE_CELL + tap_random(state, SLOTS);
    return a->first + (uint64_t)a->step * tap_random(state, a->count);
}

static void
put_random_memory(uint64_t *state, bool limits)
{
    static const struct argument slot = MOSTLY(THE_FRAMES);
    if (limits)
        fake_put_limits(tap_random(state, 100), 64 * tap_random(state, 4), tap_random(state, 3),
                        tap_random(state, 3));
    else
        fake_put_map(0, 0x2000000 + 0x1000ull * tap_random(state, 8),
                     (uint32_t)choose_argument(state, &slot), tap_random(state, 2),
                     1 + tap_random(state, 4), 1 + tap_random(state, 5));
}

static void
call_at_random(uint64_t *state, uint32_t *accepted)
{
    uint64_t x[ARGUMENTS];
    uint32_t which = tap_random(state, RANDOM_CALLS);
    const struct random_call *chosen = &random_calls[which];
    for (unsigned i = 0; i < ARGUMENTS; i++)
        x[i] = choose_argument(state, &chosen->x[i]);
    put_random_memory(state, chosen->limits);
    int64_t err = tap_random(state, 4) ? fake_call_again(chosen->call, x, ARGUMENTS)
                                       : fake_call(chosen->call, x, ARGUMENTS);
    accepted[which] += err == EXO_OK;
}

static void
make_the_first_objects(void)
{
    fake_put_limits(1500, 2048, 16, 16);
    CHECK_EQ(CALL(cell_create, CELL, THE_CELL, FAKE_USER), EXO_OK);
    CHECK_EQ(CALL(env_create, THE_CELL, THE_ENV), EXO_OK);
    CHECK_EQ(CALL(frames_alloc, THE_CELL, THE_FRAMES, 8, EXO_ALLOC_CONTIGUOUS, 0), EXO_OK);
    CHECK_EQ(CALL(notification_create, THE_CELL, THE_NOTIFICATION), EXO_OK);
    CHECK_EQ(CALL(notification_bind, THE_NOTIFICATION, EXO_BOOT_VCPU), EXO_OK);
    CHECK_EQ(CALL(cap_copy, THE_NOTIFICATION, EXO_SELF, THE_BADGE, EXO_WRITE, 1, 0), EXO_OK);
}

static void
drop_all(void)
{
    for (uint64_t slot = THE_CELL; slot < THE_CELL + SLOTS; slot++) {
        int64_t err = CALL_AGAIN(cap_drop, slot);
        CHECK(err == EXO_OK || err == EXO_E_SLOT);
    }
    CHECK_EQ(CALL_AGAIN(cell_reap, CELL), EXO_OK);
}

/* Page tables of init stay; everything else is back. */
static void
end_of_random_calls(void)
{
    struct exo_cell_info after = fake_cell_info(CELL);
    CHECK(after.own[EXO_RES_FRAMES] <= before.own[EXO_RES_FRAMES] + 4);
    CHECK_EQ(after.own[EXO_RES_ENVS], before.own[EXO_RES_ENVS]);
    CHECK_EQ(after.own[EXO_RES_CAPS], before.own[EXO_RES_CAPS]);
    CHECK_EQ(after.own[EXO_RES_CPU_SLOTS], before.own[EXO_RES_CPU_SLOTS]);
    for (int i = 0; i < EXO_RES_COUNT; i++)
        CHECK_EQ(after.carved[i], 0);
    fake_machine_end();
}

/* The sanitizers and the accounts are the judges; each call of the table was accepted at times. */
static void
random_calls_leave_nothing_behind(void)
{
    uint64_t state = 88172645463325252ull;
    uint32_t accepted[RANDOM_CALLS] = {0};
    fake_boot(4096, 2);
    before = fake_cell_info(CELL);
    for (int round = 0; round < 4000; round++) {
        make_the_first_objects();
        for (int i = 0; i < 200; i++)
            call_at_random(&state, accepted);
        CHECK(fake_tlbs_are_right());
        drop_all();
    }
    end_of_random_calls();
    for (unsigned i = 0; i < RANDOM_CALLS; i++)
        CHECK(accepted[i] > 0);
}

static const struct tap_test tests[] = {
    TAP(random_calls_leave_nothing_behind),
};
TAP_MAIN(tests)
