// config: smp=1,4 cpu=max cmdline=exo.audit=0 devices=net:user
/* A port that sends as fast as it can, and another beside it on the same NIC. */
#include "wire.h"

#define SHARED    EXO_BOOT_DEVICE
#define ROUNDS    20u /* at least, and until the flood has had its share of the ring that often */
#define HALF      (EXO_CPU_SLOTS / 2) /* of the flood's CPU is its own */
#define ELSEWHERE wire_mac(0x77)

struct flood {
    _Atomic uint32_t begun;
};

/* Its share of the ring is always on its way. */
static int
flood(uint64_t unused)
{
    struct flood *flood = rt_shared();
    struct wire wire = {.skip = WIRE_SKIP};
    (void)unused;
    for (unsigned i = 0; i < WIRE_SLOTS; i++)
        wire.slot[i] = RT_SLOT_GRANT + i;
    child_expects(wire_start(&wire));
    for (;;) {
        int64_t status = wire_send(&wire, ELSEWHERE, ELSEWHERE, wire.sent);
        child_expects(status == EXO_OK || status == EXO_E_OCCUPIED);
        if (status == EXO_E_OCCUPIED) /* the ring is full */
            atomic_store(&flood->begun, 1);
    }
}

static struct exo_queue_info
port_info(uint32_t slot)
{
    struct exo_queue_info info = {0};
    check_equal(exo_queue_info(slot, &info), EXO_OK);
    return info;
}

static bool
start_flood(struct wire *wire, struct rt_child *child)
{
    struct rt_spawn spawn = {
        .entry = flood, .cpu = other_cpu(), .limit = {[EXO_RES_CPU_SLOTS] = HALF}};
    wire_open_port(wire, SHARED, 0, wire_mac(1));
    for (unsigned i = 0; i < WIRE_SLOTS; i++)
        spawn.grant[i] = (struct rt_grant){.src = wire->slot[i],
                                           .dst = RT_SLOT_GRANT + i,
                                           .rights = EXO_READ | EXO_COPY |
                                                     (i % 2 != 0 ? 0 : EXO_WRITE | EXO_CONTROL)};
    return start_child(&spawn, child) &&
           check_equal(exo_cpu_assign(EXO_BOOT_CPU + spawn.cpu, HALF, HALF, child->vcpu), EXO_OK);
}

static void
beside_a_flood_a_port_has_its_share(void)
{
    struct wire flooding, ours;
    struct rt_child child;
    check_equal(exo_again(exo_device_open(EXO_BOOT_CELL, SHARED, 2, 0, 2).status), EXO_OK);
    wire_open_port(&ours, SHARED, 1, wire_mac(2));
    check(wire_start(&ours));
    uint32_t share = ours.tx->ids;
    if (!start_flood(&flooding, &child))
        return;
    check(rt_wait_word(&((struct flood *)rt_shared_of(&child))->begun, 1, test_patience()));
    uint64_t before = port_info(flooding.slot[WIRE_TX]).completed, others = 0;
    uint32_t rounds = 0;
    for (; rounds < ROUNDS || others < ROUNDS * share; rounds++) {
        for (uint32_t i = 0; i < share; i++) /* whatever the other does: there is room for all */
            if (!check_equal(wire_send(&ours, ELSEWHERE, ELSEWHERE, i), EXO_OK))
                return;
        check(port_info(flooding.slot[WIRE_TX]).in_flight <= share);
        if (!check(wire_settle(&ours)) || !check_equal(child.page->state, RT_CHILD_RUNS))
            return;
        others = port_info(flooding.slot[WIRE_TX]).completed - before;
    }
    struct exo_queue_info info = port_info(ours.slot[WIRE_TX]);
    rt_printf("# %u frames beside %u of the flood, %u interrupts\n", (uint32_t)info.completed,
              (uint32_t)others, (uint32_t)info.interrupts);
    check_equal(info.completed, rounds * share);
    rt_kill(&child);
    check_equal(exo_again(exo_device_close(SHARED)), EXO_OK);
}

static const struct test tests[] = {
    TEST(beside_a_flood_a_port_has_its_share),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
