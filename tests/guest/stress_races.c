// config: smp=4 cpu=max,cortex-a72 timeout=120
/* Two calls at the same moment, each of which would be right alone. */
#include "stress/parallel.h"

#define READ_WRITE (EXO_PROT_READ | EXO_PROT_WRITE)

static _Atomic uint32_t over;

/* --- A split and a move that name the same two slots, the other way round ------------------------
 */

static uint32_t low, high;

static void
split_or_move(uint32_t number)
{
    for (unsigned i = 0; i < test_rounds(20000, 200000); i++) {
        int64_t err =
            number % 2 == 0 ? exo_frames_split(high, 1, low) : exo_cap_move(low, EXO_SELF, high);
        check(err == EXO_E_OCCUPIED || err == EXO_E_GONE); /* the other one holds both slots */
    }
}

static void
split_and_move_do_not_wait_for_each_other(void)
{
    low = new_notification();
    high = new_frames(EXO_BOOT_CELL, 2);
    check(low < high);
    parallel_run(split_or_move, 4);
}

/* --- A server that is stopped while it is called ------------------------------------------------
 */

static struct {
    uint32_t endpoint;
    _Atomic uint64_t served;
} shop;

static void
serve(void *unused)
{
    (void)unused;
    struct exo_message m = exo_receive(shop.endpoint, EXO_NONE, EXO_FOREVER);
    while (m.status == EXO_OK) {
        atomic_fetch_add(&shop.served, 1);
        m = exo_reply_receive(shop.endpoint, 0, 0, 0, 0, EXO_NONE, EXO_NONE, EXO_FOREVER);
    }
}

static void
buy(void *unused)
{
    (void)unused;
    while (!atomic_load(&over))
        (void)exo_call(shop.endpoint, 0, 0, 0, 0, EXO_NONE, EXO_NONE, EXO_FOREVER);
}

static uint64_t
spin(uint64_t ns)
{
    uint64_t until = rt_deadline_ns(ns);
    while (rt_ticks() < until) {
    }
    return until;
}

static void
a_server_that_was_stopped_is_not_entered(void)
{
    struct rt_thread server, client;
    uint32_t cpu = other_cpu();
    atomic_store(&over, 0);
    shop.endpoint = new_endpoint();
    check_equal(rt_vcpu_start(cpu, serve, NULL, &server), EXO_OK);
    check_equal(rt_vcpu_start(cpu, buy, NULL, &client), EXO_OK);
    for (unsigned i = 0; i < test_rounds(20000, 200000); i++) {
        check_equal(rt_stop_vcpu(server.slot), EXO_OK);
        uint64_t before = atomic_load(&shop.served);
        (void)spin(5000);
        if (!check_equal(atomic_load(&shop.served), before))
            break;
        check_equal(exo_vcpu_start(server.slot), EXO_OK);
    }
    (void)exo_vcpu_start(server.slot);
    atomic_store(&over, 1);
    check(rt_vcpu_wait(&client, test_patience()));
    rt_vcpu_end(&client);
    rt_vcpu_end(&server);
}

/* --- Interrupts at a neighbour's CPU ------------------------------------------------------------
 */

static void
work(void *unused)
{
    (void)unused;
    while (!atomic_load(&over)) {
    }
}

static uint64_t
interrupts_of(uint32_t cpu, uint64_t position, uint64_t *count)
{
    static struct exo_trace_event events[1024];
    struct exo_trace read = exo_trace_read(EXO_BOOT_TRACE, cpu, position, events, 1024);
    *count += read.position - position + read.count;
    return read.position + read.count;
}

/* What another CPU does to its own vCPUs there costs a neighbour a few interrupts a slot. */
static void
interrupted_while(void (*annoy)(uint32_t slot), uint32_t slot)
{
    struct rt_thread neighbour;
    uint64_t count = 0, position, calls = 0;
    atomic_store(&over, 0);
    check_equal(rt_vcpu_start(other_cpu(), work, NULL, &neighbour), EXO_OK);
    check_equal(exo_cpu_assign(EXO_BOOT_CPU + other_cpu(), 0, EXO_CPU_SLOTS, neighbour.slot),
                EXO_OK);
    check_equal(exo_trace_control(EXO_BOOT_TRACE, 1u << EXO_TRACE_INTERRUPT), EXO_OK);
    uint64_t began = rt_ticks(), until = rt_deadline_ns(50 * RT_MS_NS);
    position = interrupts_of(other_cpu(), 0, &count);
    count = 0;
    for (; rt_ticks() < until; calls++)
        annoy(slot);
    (void)interrupts_of(other_cpu(), position, &count);
    uint64_t slots = (rt_ticks() - began) / rt_ns_to_ticks(EXO_SLOT_NS);
    check_equal(exo_trace_control(EXO_BOOT_TRACE, 0), EXO_OK);
    rt_printf("# %lu rounds, %lu interrupts in %lu slots\n", calls, count, slots);
    check(count < slots * 10);
    atomic_store(&over, 1);
    check(rt_vcpu_wait(&neighbour, test_patience()));
    rt_vcpu_end(&neighbour);
}

static void
stop_and_start(uint32_t slot)
{
    (void)exo_vcpu_stop(slot);
    (void)exo_vcpu_start(slot);
}

static void
starting_and_stopping_a_vcpu_interrupts_its_neighbour_little(void)
{
    struct rt_thread other;
    check_equal(rt_vcpu_make(other_cpu(), work, NULL, &other), EXO_OK);
    interrupted_while(stop_and_start, other.slot);
    rt_vcpu_end(&other);
}

/* --- Steps -------------------------------------------------------------------------------------
 */

#define COPIES 16u
#define BLOCKS 4u

/* Each block costs 512 counts: no call removes those of many capabilities. */
static void
one_step_of_a_revocation_sweeps_one_mapping(void)
{
    uint32_t root = rt_slot_take(), steps = 1;
    uint64_t va = rt_va_take(COPIES * BLOCKS * EXO_BLOCK_PAGES, EXO_BLOCK_PAGES * EXO_PAGE_BYTES);
    check_equal(
        exo_frames_alloc(EXO_BOOT_CELL, root, BLOCKS * EXO_BLOCK_PAGES, EXO_ALLOC_BLOCK, 0).status,
        EXO_OK);
    for (uint32_t i = 0; i < COPIES; i++) {
        uint32_t copy = copy_of(root, EXO_READ | EXO_WRITE);
        const struct exo_map entry = {va + i * BLOCKS * EXO_BLOCK_PAGES * EXO_PAGE_BYTES, copy, 0,
                                      BLOCKS * EXO_BLOCK_PAGES, READ_WRITE | EXO_PROT_BLOCK};
        check_equal(rt_map(EXO_SELF, &entry, 1), EXO_OK);
    }
    uint64_t longest = 0, begin = rt_ticks();
    while (exo_cap_revoke(root) == EXO_E_AGAIN) {
        uint64_t now = rt_ticks();
        longest = now - begin > longest ? now - begin : longest;
        begin = now;
        steps++;
    }
    rt_printf("# %u steps, the longest %lu ns\n", steps, rt_ticks_to_ns(longest));
    check(steps >= COPIES);
}

static const struct test tests[] = {
    TEST(one_step_of_a_revocation_sweeps_one_mapping),
    TEST(starting_and_stopping_a_vcpu_interrupts_its_neighbour_little),
    TEST(a_server_that_was_stopped_is_not_entered),
    TEST(split_and_move_do_not_wait_for_each_other),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
