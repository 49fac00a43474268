// config: smp=1,4 cpu=max,cortex-a72 timeout=60
/* Programs that forge, widen and reuse capabilities, or reach for those of
 * others. */
#include "fixture.h"

#define SLOTS (EXO_CAP_PAGES_MAX * EXO_CAPS_PER_PAGE)

/* Every slot number, and numbers that are none, through a call that takes any
 * capability. */
static int
guess_slots(uint64_t unused)
{
    struct exo_cap_info info;
    uint32_t found = 0;
    (void)unused;
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        int64_t status = exo_cap_info(slot, &info);
        child_expects(status == EXO_OK || status == EXO_E_SLOT);
        found += status == EXO_OK;
    }
    child_expects(found == 5); /* cell, environment, vCPU, image, data: what rt_spawn gives */
    for (int i = 0; i < 1000; i++) {
        uint64_t slot = test_random() | (uint64_t)SLOTS << i % 40;
        child_expects(
            exo_raw_call(EXO_CALL_cap_info, slot, exo_address(&info), 0, 0, 0, 0, 0, 0).status ==
            EXO_E_SLOT);
    }
    return 0;
}

static void
guessed_slots_name_nothing(void)
{
    run_child(guess_slots, 0);
}

static void
copies_never_gain_rights(void)
{
    uint32_t object = new_notification(), one = rt_slot_take(), two = rt_slot_take();
    for (uint32_t rights = 0; rights <= EXO_RIGHTS_ALL; rights++) {
        check_equal(exo_cap_copy(object, EXO_SELF, one, rights, 0, 0), EXO_OK);
        for (uint32_t more = 0; more <= EXO_RIGHTS_ALL; more++) {
            bool allowed = (rights & EXO_COPY) && (more & ~rights) == 0;
            int64_t status = exo_cap_copy(one, EXO_SELF, two, more, 0, 0);
            if (!check_equal(status, allowed ? EXO_OK : EXO_E_RIGHT))
                return;
            if (allowed) {
                check_equal(info_of(two).rights, more);
                check_equal(rt_drop(two), EXO_OK);
            }
        }
        check_equal(rt_drop(one), EXO_OK);
    }
}

static void
copies_never_gain_range(void)
{
    uint32_t frames = new_frames(EXO_BOOT_CELL, 8), part = rt_slot_take(), copy = rt_slot_take();
    uint64_t base = info_of(frames).base_or_badge;
    check_equal(exo_cap_copy(frames, EXO_SELF, part, EXO_RIGHTS_ALL, base + 2, 3), EXO_OK);
    const struct {
        uint64_t base, count;
    } wider[] = {
        {base + 1, 1},
        {base + 1, 4},
        {base + 2, 4},
        {base + 4, 2},
        {base + 5, 1},
        {base, 8},
        {0, 1},
        {0, UINT32_MAX},
        {base + 2, UINT64_MAX},
        {base + 3, 1ull << 32},
        {UINT64_MAX, 2},
        {base + 2 + (1ull << 32), 1},
    };
    for (unsigned i = 0; i < sizeof(wider) / sizeof(wider[0]); i++) {
        struct exo_results r = exo_raw_call(EXO_CALL_cap_copy, part, EXO_SELF, copy, EXO_READ,
                                            wider[i].base, wider[i].count, 0, 0);
        check_equal(r.status, EXO_E_RANGE);
    }
    check_equal(exo_cap_copy(part, EXO_SELF, copy, EXO_READ, 0, 0), EXO_OK);
    check_equal(info_of(copy).base_or_badge, base + 2);
    check_equal(info_of(copy).count, 3);
}

static void
badges_are_set_once(void)
{
    uint32_t endpoint = badged(new_endpoint(), 0x10), copy = rt_slot_take();
    check_equal(exo_cap_copy(endpoint, EXO_SELF, copy, EXO_WRITE, 0x30, 0), EXO_E_RIGHT);
    check_equal(exo_cap_copy(endpoint, EXO_SELF, copy, EXO_WRITE, 0, 0), EXO_OK);
    check_equal(info_of(copy).base_or_badge, 0x10);
}

/* A slot number that named something names nothing, or what came into it later,
 * never the old. */
static void
dropped_slot_does_not_work_again(void)
{
    struct rt_memory memory;
    check_equal(rt_memory_take(1, EXO_PROT_READ | EXO_PROT_WRITE, &memory), EXO_OK);
    uint64_t old = info_of(memory.slot).object;
    uint32_t slot = memory.slot;
    check_equal(rt_drop(slot), EXO_OK);
    const struct exo_map entry = {rt_va_take(1, 0), slot, 0, 1, EXO_PROT_READ};
    check_equal(exo_map(EXO_SELF, &entry, 1, NULL).status, EXO_E_SLOT);
    check_equal(exo_cap_copy(slot, EXO_SELF, rt_slot_take(), EXO_READ, 0, 0), EXO_E_SLOT);
    check_equal(exo_endpoint_create(EXO_BOOT_CELL, slot), EXO_OK);
    check_equal(exo_map(EXO_SELF, &entry, 1, NULL).status, EXO_E_TYPE);
    check(info_of(slot).object != old);
    catch_faults();
    (void)try_read(exo_address(memory.at));
    check_equal(caught.count, 1);
}

/* With copies of an endpoint's and a notification's capability in RT_SLOT_GRANT
 * and behind. */
static int
reach_for_the_root(uint64_t unused)
{
    (void)unused;
    for (uint32_t slot = RT_SLOT_GRANT; slot < RT_SLOT_GRANT + 2; slot++) {
        uint32_t moved = rt_slot_take();
        child_expects(exo_cap_move(slot, EXO_SELF, moved) == EXO_OK);
        child_expects(rt_revoke(moved) == EXO_OK);
        child_expects(rt_drop(moved) == EXO_OK);
    }
    /* The parent's table: there is no capability of its environment to name it
     * by. */
    for (uint32_t env = 0; env < EXO_CAPS_PER_PAGE; env++) {
        if (env != EXO_BOOT_ENV) {
            child_expects(exo_cap_copy(EXO_BOOT_CELL, env, 60, EXO_READ, 0, 0) < 0);
            child_expects(exo_cap_move(EXO_BOOT_CELL, env, 60) < 0);
            child_expects(exo_cap_extend(env, 5) < 0);
            child_expects(exo_env_stop(env) < 0);
        }
    }
    return 0;
}

static void
dropping_a_copy_leaves_the_object(void)
{
    uint32_t endpoint = new_endpoint(), notification = new_notification();
    const struct rt_spawn spawn = {
        .entry = reach_for_the_root,
        .grant = {{.src = endpoint, .dst = RT_SLOT_GRANT, .rights = EXO_RIGHTS_ALL},
                  {.src = notification, .dst = RT_SLOT_GRANT + 1, .rights = EXO_RIGHTS_ALL}}};
    struct rt_child child;
    if (start_child(&spawn, &child))
        child_succeeds(&child);
    check_equal(info_of(endpoint).flags, EXO_CAP_ROOT);
    check_equal(info_of(notification).flags, EXO_CAP_ROOT);
}

/* Without EXO_COPY a capability stays where it is. */
static int
hand_over(uint64_t unused)
{
    uint32_t env = rt_slot_take();
    (void)unused;
    child_expects(exo_env_create(EXO_BOOT_CELL, env) == EXO_OK);
    child_expects(exo_cap_move(RT_SLOT_GRANT, env, 5) == EXO_E_RIGHT);
    child_expects(exo_cap_copy(RT_SLOT_GRANT, env, 5, EXO_READ, 0, 0) == EXO_E_RIGHT);
    child_expects(exo_cap_copy(RT_SLOT_GRANT, EXO_SELF, 50, EXO_READ, 0, 0) == EXO_E_RIGHT);
    return 0;
}

static void
capability_without_copy_is_not_handed_over(void)
{
    const struct rt_spawn spawn = {.entry = hand_over,
                                   .limit = {[EXO_RES_ENVS] = 2},
                                   .grant = {{.src = new_endpoint(),
                                              .dst = RT_SLOT_GRANT,
                                              .rights = EXO_RIGHTS_ALL & ~(uint32_t)EXO_COPY}}};
    struct rt_child child;
    if (start_child(&spawn, &child))
        child_succeeds(&child);
}

/* RT_SLOT_GRANT: slots 4 and 5 of CPU 0, to be assigned; its cell may have two.
 */
static int
take_slots(uint64_t unused)
{
    (void)unused;
    for (uint32_t slot = 0; slot < EXO_CAPS_PER_PAGE; slot++)
        if (slot != RT_SLOT_GRANT)
            child_expects(exo_cpu_assign(slot, 0, 1, EXO_BOOT_VCPU) < 0);
    const uint64_t beyond[][2] = {{2, 1}, {0, 3}, {1, 2}, {UINT64_MAX, 2}, {1, UINT64_MAX}, {0, 0}};
    for (unsigned i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
        child_expects(exo_raw_call(EXO_CALL_cpu_assign, RT_SLOT_GRANT, beyond[i][0], beyond[i][1],
                                   EXO_BOOT_VCPU, 0, 0, 0, 0)
                          .status == EXO_E_RANGE);
    }
    struct exo_cpu_info info;
    child_expects(exo_cpu_assign(RT_SLOT_GRANT, 0, 2, EXO_BOOT_VCPU) == EXO_OK);
    child_expects(exo_cpu_info(RT_SLOT_GRANT, &info) == EXO_OK);
    for (uint32_t i = 0; i < EXO_CPU_SLOTS; i++)
        child_expects((info.owner[i] != 0) == (i == 4 || i == 5));
    return 0;
}

static void
slots_need_their_capability(void)
{
    const struct rt_spawn spawn = {.entry = take_slots,
                                   .limit = {[EXO_RES_CPU_SLOTS] = 2},
                                   .grant = {{.src = EXO_BOOT_CPU,
                                              .dst = RT_SLOT_GRANT,
                                              .rights = EXO_READ | EXO_WRITE,
                                              .base_or_badge = 4,
                                              .count = 2}}};
    struct rt_child child;
    if (start_child(&spawn, &child))
        child_succeeds(&child);
}

static const struct test tests[] = {
    TEST(guessed_slots_name_nothing),
    TEST(copies_never_gain_rights),
    TEST(copies_never_gain_range),
    TEST(badges_are_set_once),
    TEST(dropped_slot_does_not_work_again),
    TEST(dropping_a_copy_leaves_the_object),
    TEST(capability_without_copy_is_not_handed_over),
    TEST(slots_need_their_capability),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
