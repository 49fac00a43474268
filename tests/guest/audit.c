// config: build=debug smp=1,4 cpu=max devices=rng,net:hub
/* The audit finds nothing in a sound kernel, and names the invariant of each seeded violation. */
#include "fixture.h"

#define FREE_LINE 250u /* no device of the board has it */

/* An interrupt line, open and bound. */
static void
open_line(void)
{
    uint32_t line = rt_slot_take();
    check_equal(exo_irq_open(EXO_BOOT_CELL, line, EXO_BOOT_IRQ, FREE_LINE, EXO_IRQ_LEVEL), EXO_OK);
    check_equal(exo_irq_bind(line, badged(new_notification(), 1)), EXO_OK);
}

/* One that receives, with a buffer. */
static void
make_port(void)
{
    const uint32_t device = EXO_BOOT_DEVICE + 1;
    const struct exo_descriptor buffer = {.flags = EXO_DESCRIPTOR_WRITE, .length = 2048};
    uint32_t port = rt_slot_take(), ring = rt_slot_take();
    check_equal(exo_again(exo_device_open(EXO_BOOT_CELL, device, 2, 0, 2).status), EXO_OK);
    check_equal(exo_queue_open(EXO_BOOT_CELL, port, device, 0, ring, 0x010000005452, 0), EXO_OK);
    uint32_t frames = new_frames(EXO_BOOT_CELL, 1);
    check_equal(exo_queue_region(port, frames, 0, 1, EXO_WRITE).status, EXO_OK);
    check_equal(exo_queue_submit(port, &buffer, 1, 0, false).status, EXO_OK);
}

/* What the seeds break: a mapped run, a run with a copy, an endpoint, a line, a queue with a
 * region, a port. */
static void
make_objects(void)
{
    struct rt_memory memory;
    check_equal(rt_memory_take(4, EXO_PROT_READ | EXO_PROT_WRITE, &memory), EXO_OK);
    (void)copy_of(new_frames(EXO_BOOT_CELL, 2), EXO_READ | EXO_COPY);
    (void)new_endpoint();
    open_line();
    check_equal(exo_again(exo_device_open(EXO_BOOT_CELL, EXO_BOOT_DEVICE, 1, 0, 0).status), EXO_OK);
    uint32_t queue = rt_slot_take(), ring = rt_slot_take();
    check_equal(exo_queue_open(EXO_BOOT_CELL, queue, EXO_BOOT_DEVICE, 0, ring, 0, 0), EXO_OK);
    uint32_t frames = new_frames(EXO_BOOT_CELL, 2);
    check_equal(exo_queue_region(queue, frames, 0, 2, EXO_WRITE).status, EXO_OK);
    make_port();
}

static void
audit_finds_nothing_wrong(void)
{
    make_objects();
    struct exo_audit audit = exo_machine_audit(EXO_BOOT_MACHINE);
    check_equal(audit.status, EXO_OK);
    check_equal(audit.violations, 0);
    check_equal(audit.broken, 0);
}

/* Each seed in [first, last] breaks invariant I<n> and no other, and nothing stays broken. */
static void
audit_names(unsigned n, uint32_t first, uint32_t last)
{
    make_objects();
    for (uint32_t seed = first; seed <= last; seed++) {
        rt_printf("# seed %u, I%u:\n", seed, n);
        struct exo_audit audit = exo_machine_audit_seeded(EXO_BOOT_MACHINE, seed);
        check_equal(audit.status, EXO_OK);
        check(audit.violations > 0);
        check_equal(audit.broken, 1u << (n - 1));
    }
    check_equal(exo_machine_audit(EXO_BOOT_MACHINE).violations, 0);
}

static void
audit_names_i1_derivation(void)
{
    audit_names(1, 1, 3);
}

static void
audit_names_i2_membership(void)
{
    audit_names(2, 4, 5);
}

static void
audit_names_i3_accounts(void)
{
    audit_names(3, 6, 7);
}

static void
audit_names_i4_frames(void)
{
    audit_names(4, 8, 10);
}

static void
audit_names_i5_mappings(void)
{
    audit_names(5, 11, 12);
}

static void
audit_names_i6_vcpus(void)
{
    audit_names(6, 13, 15);
}

static void
audit_names_i7_locks_and_free_runs(void)
{
    audit_names(7, 16, 17);
}

static void
audit_names_i8_interrupt_lines(void)
{
    audit_names(8, 18, 21);
}

static void
audit_names_i9_devices(void)
{
    audit_names(9, 22, 23);
}

static void
audit_names_i10_queues(void)
{
    audit_names(10, 24, 26);
}

static void
audit_names_i10_ports(void)
{
    audit_names(10, 29, 30);
}

static void
audit_names_i3_what_pays_for_a_nic(void)
{
    audit_names(3, 31, 31);
}

static void
audit_names_i4_what_devices_write(void)
{
    audit_names(4, 27, 27);
}

static void
audit_names_i3_what_pays_for_rings(void)
{
    audit_names(3, 28, 28);
}

static void
audit_refuses_unknown_seeds(void)
{
    check_equal(exo_machine_audit_seeded(EXO_BOOT_MACHINE, 1000).status, EXO_E_ARG);
}

/* --- States between the steps of what takes several calls --- */

/* Whether the audit still finds nothing; the rest of the test is pointless when not. */
static bool
still_sound(void)
{
    return check_equal(exo_machine_audit(EXO_BOOT_MACHINE).violations, 0);
}

static void
audit_holds_between_the_steps_of_a_revocation(void)
{
    uint32_t root = new_frames(EXO_BOOT_CELL, 8), copy = root;
    int64_t status;
    for (unsigned i = 0; i < 100; i++) {
        copy = copy_of(i % 3 == 0 ? root : copy, EXO_READ | EXO_COPY);
        if (i % 10 == 0)
            check(rt_map_at_any(copy, 0, 8, EXO_PROT_READ, &status) != NULL);
    }
    do {
        status = exo_cap_revoke(root);
    } while (still_sound() && status == EXO_E_AGAIN);
    check_equal(status, EXO_OK);
}

static int
call_for_ever(uint64_t endpoint)
{
    for (;;)
        (void)exo_call((uint32_t)endpoint, 1, 2, 3, 4, EXO_NONE, EXO_NONE, EXO_FOREVER);
    return 0;
}

/* A cell in a cell, with a program that is in a call when its end begins. */
static void
audit_holds_between_the_steps_of_an_end(void)
{
    uint32_t outer = new_cell(EXO_BOOT_CELL, 1024), endpoint = new_endpoint();
    struct rt_spawn spawn = {
        .entry = call_for_ever,
        .argument = RT_SLOT_GRANT,
        .cpu = other_cpu(),
        .parent_cell = outer,
        .limit = {[EXO_RES_CAPS] = 128},
        .grant = {{.src = endpoint, .dst = RT_SLOT_GRANT, .rights = EXO_WRITE}}};
    struct rt_child child;
    int64_t status;
    if (!start_child(&spawn, &child))
        return;
    (void)new_frames(outer, 40);
    (void)new_env(outer);
    check_equal(exo_receive(endpoint, EXO_NONE, test_patience()).status, EXO_OK);
    still_sound();
    do {
        status = exo_cap_drop(outer);
    } while (still_sound() && status == EXO_E_AGAIN);
    check_equal(status, EXO_OK);
    do {
        status = exo_cell_reap(EXO_BOOT_CELL);
    } while (still_sound() && status == EXO_E_AGAIN);
    check_equal(status, EXO_OK);
}

/* A program that does what it wants on another CPU stands still between two calls. */
static void
audit_holds_while_others_run(void)
{
    uint32_t endpoint = new_endpoint();
    struct rt_spawn spawn = {
        .entry = call_for_ever,
        .argument = RT_SLOT_GRANT,
        .cpu = other_cpu(),
        .grant = {{.src = endpoint, .dst = RT_SLOT_GRANT, .rights = EXO_WRITE}}};
    struct rt_child child;
    if (!start_child(&spawn, &child))
        return;
    for (unsigned i = 0; i < test_rounds(50, 5000) && still_sound(); i++) {
        check_equal(exo_receive(endpoint, EXO_NONE, test_patience()).status, EXO_OK);
        still_sound();
        check_equal(exo_reply(0, 0, 0, 0, EXO_NONE), EXO_OK);
    }
    rt_kill(&child);
}

static const struct test tests[] = {
    TEST(audit_finds_nothing_wrong),
    TEST(audit_names_i1_derivation),
    TEST(audit_names_i2_membership),
    TEST(audit_names_i3_accounts),
    TEST(audit_names_i4_frames),
    TEST(audit_names_i5_mappings),
    TEST(audit_names_i6_vcpus),
    TEST(audit_names_i7_locks_and_free_runs),
    TEST(audit_names_i8_interrupt_lines),
    TEST(audit_names_i9_devices),
    TEST(audit_names_i10_queues),
    TEST(audit_names_i10_ports),
    TEST(audit_names_i3_what_pays_for_a_nic),
    TEST(audit_names_i4_what_devices_write),
    TEST(audit_names_i3_what_pays_for_rings),
    TEST(audit_refuses_unknown_seeds),
    TEST(audit_holds_between_the_steps_of_a_revocation),
    TEST(audit_holds_between_the_steps_of_an_end),
    TEST(audit_holds_while_others_run),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
