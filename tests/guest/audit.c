// config: build=debug smp=1,4 cpu=max
/* The audit finds nothing in a sound kernel, and names the invariant of each seeded violation. */
#include "fixture.h"

/* What the seeds break: a mapped run, a run with a copy, an endpoint. */
static void
make_objects(void)
{
    struct rt_memory memory;
    check_equal(rt_memory_take(4, EXO_PROT_READ | EXO_PROT_WRITE, &memory), EXO_OK);
    (void)copy_of(new_frames(EXO_BOOT_CELL, 2), EXO_READ | EXO_COPY);
    (void)new_endpoint();
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
audit_refuses_unknown_seeds(void)
{
    check_equal(exo_machine_audit_seeded(EXO_BOOT_MACHINE, 1000).status, EXO_E_ARG);
}

static const struct test tests[] = {
    TEST(audit_finds_nothing_wrong),   TEST(audit_names_i1_derivation),
    TEST(audit_names_i2_membership),   TEST(audit_names_i3_accounts),
    TEST(audit_names_i4_frames),       TEST(audit_names_i5_mappings),
    TEST(audit_names_i6_vcpus),        TEST(audit_names_i7_locks_and_free_runs),
    TEST(audit_refuses_unknown_seeds),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
