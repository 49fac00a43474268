// config: smp=1,4 cpu=max,cortex-a72 timeout=60
/* Branch targets (BTI) and signed pointers (PAC): on for every program, with keys of its own. */
#include "fixture.h"

/* pacia1716, in the hint space: x17 signed with x16 as modifier. */
static uint64_t
sign(uint64_t pointer)
{
    register uint64_t x17 __asm__("x17") = pointer;
    register uint64_t x16 __asm__("x16") = 0x1234;
    __asm__ volatile("hint #8" : "+r"(x17) : "r"(x16));
    return x17;
}

/* autia1716 */
static uint64_t
authenticate(uint64_t pointer)
{
    register uint64_t x17 __asm__("x17") = pointer;
    register uint64_t x16 __asm__("x16") = 0x1234;
    __asm__ volatile("hint #12" : "+r"(x17) : "r"(x16));
    return x17;
}

static bool
has(uint32_t feature, const char *why)
{
    if (!(rt_machine.features & feature))
        test_skip(why);
    return rt_machine.features & feature;
}

static uint64_t word = 77;

static void
signed_pointer_is_good_again_once_authenticated(void)
{
    uint64_t pointer = exo_address(&word);
    check_equal(authenticate(sign(pointer)), pointer);
}

/* With FEAT_FPAC the instruction itself traps; without, the pointer's use faults. */
static void
forged_signature_is_caught(void)
{
    if (!has(EXO_FEATURE_PAC, "the CPU has no pointer authentication"))
        return;
    uint64_t pointer = sign(exo_address(&word));
    catch_faults();
    (void)try_read(authenticate(pointer ^ 1ull << 50));
    check(caught.count >= 1);
    catch_faults();
    check_equal(try_read(authenticate(pointer)), 77);
    check_equal(caught.count, 0);
}

static int
sign_some(uint64_t count)
{
    uint64_t *signatures = rt_shared();
    for (uint64_t i = 0; i < count; i++)
        signatures[i] = sign(0x400000 + 16 * i);
    return 0;
}

/* A signature has few bits: some may agree by chance, not all. */
static void
keys_differ_between_environments(void)
{
    enum { COUNT = 8 };
    struct rt_child child;
    if (!has(EXO_FEATURE_PAC, "the CPU has no pointer authentication") ||
        !start_child(&(struct rt_spawn){.entry = sign_some, .argument = COUNT}, &child))
        return;
    check_equal(rt_child_wait(&child, test_patience()), RT_CHILD_EXITED);
    const uint64_t *theirs = rt_shared_of(&child);
    unsigned same = 0;
    for (uint64_t i = 0; i < COUNT; i++)
        same += theirs[i] == sign(0x400000 + 16 * i);
    check(same < COUNT);
}

static void
keys_stay_the_same_across_switches(void)
{
    uint64_t pointer = exo_address(&word), before = sign(pointer);
    check(run_child(sign_some, 1)); /* others run with their keys meanwhile */
    check_equal(sign(pointer), before);
}

/* The target of an indirect branch has to be a landing pad; this one is not. */
static uint64_t
jump_into_the_middle(void)
{
    uint64_t landed;
    __asm__ volatile("adr x9, 1f\n\t"
                     "mov %0, #0\n\t"
                     "br x9\n"
                     "1:\n\t"
                     "add %0, %0, #1\n\t"
                     "add %0, %0, #2"
                     : "=&r"(landed)
                     :
                     : "x9");
    return landed;
}

static void
branch_to_what_is_no_target_is_a_trap(void)
{
    if (!has(EXO_FEATURE_BTI, "the CPU has no branch target identification")) {
        check_equal(jump_into_the_middle(), 3);
        return;
    }
    catch_faults();
    check_equal(jump_into_the_middle(), 2); /* the handler skips the first instruction */
    check_equal(caught.count, 1);
    check_equal(caught.upcall.kind, EXO_UPCALL_TRAP);
    check_equal(caught.upcall.b >> 26, 0x0d); /* Arm ARM ESR_ELx, EC: branch target exception */
}

static const struct test tests[] = {
    TEST(signed_pointer_is_good_again_once_authenticated),
    TEST(forged_signature_is_caught),
    TEST(keys_differ_between_environments),
    TEST(keys_stay_the_same_across_switches),
    TEST(branch_to_what_is_no_target_is_a_trap),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
