// config: smp=1,4 cpu=max,cortex-a72 timeout=60
/* resume: all registers at once, never more than EL0 may have. */
#include "fixture.h"
#include "refuse.h"
#include "registers.h"

#define NZCV 0xf0000000ull

static struct exo_context
patterned(void)
{
    struct exo_context context = {.pstate = 0x60000000};
    for (unsigned i = 0; i < 31; i++)
        context.x[i] = 0x1111000000000000ull + i;
    return context;
}

static void
resume_loads_every_register(void)
{
    static uint64_t dump[32] __attribute__((aligned(16)));
    struct exo_context context = patterned();
    check_equal(resume_and_dump(&context, dump), EXO_OK);
    for (unsigned i = 0; i < 31; i++)
        check_equal(dump[i], context.x[i]);
    check_equal(dump[31] & NZCV, 0x60000000);
}

static void
resume_clears_inside(void)
{
    static uint64_t dump[32] __attribute__((aligned(16)));
    struct exo_context context = patterned();
    (void)rt_inside_enter();
    check_equal(resume_and_dump(&context, dump), EXO_OK);
    check_equal(rt_control()->inside, 0);
}

/* Mode, interrupt masks, single step, PAN, UAO, IL, SS, TCO: none of them is the program's. */
static void
resume_forces_el0(void)
{
    static uint64_t dump[32] __attribute__((aligned(16)));
    static const uint64_t forged[] = {0x5,
                                      0x4,
                                      0x9,
                                      0xd,
                                      0x3c5,
                                      0x10,
                                      0x1f,
                                      0x200000,
                                      0x100000,
                                      0x2c003c0,
                                      0xfffffffff0fff3ffull};
    for (unsigned i = 0; i < sizeof(forged) / sizeof(forged[0]); i++) {
        struct exo_context context = patterned();
        context.pstate = forged[i];
        check_equal(resume_and_dump(&context, dump), EXO_OK);
        catch_faults();
        __asm__ volatile("mrs xzr, ttbr0_el1"); /* undefined at EL0 */
        check_equal(caught.count, 1);
        rt_upcall_reset();
    }
}

static void
resume_refuses_misaligned_context(void)
{
    struct exo_context context[2] = {{.pc = 0}};
    for (unsigned offset = 1; offset < 8; offset++)
        check_equal(exo_svc1(EXO_CALL_resume, exo_address(context) + offset), EXO_E_ALIGN);
}

static void
resume_refuses_unreadable_context(void)
{
    refuses_bad_address((struct call){EXO_CALL_resume, {0}}, 0);
}

/* The context's last bytes lie on a page that is not there. */
static void
resume_refuses_context_that_ends_outside(void)
{
    struct rt_memory page;
    check_equal(rt_memory_take(1, EXO_PROT_READ | EXO_PROT_WRITE, &page), EXO_OK);
    uint64_t at = exo_address(page.at) + EXO_PAGE_BYTES - sizeof(struct exo_context) + 8;
    check_equal(exo_svc1(EXO_CALL_resume, at), EXO_E_FAULT);
}

static void
refused_resume_leaves_inside(void)
{
    uint32_t before = rt_inside_enter();
    check_equal(exo_svc1(EXO_CALL_resume, 4), EXO_E_ALIGN);
    check_equal(rt_control()->inside, 1);
    check_equal(exo_svc1(EXO_CALL_resume, 8), EXO_E_FAULT);
    check_equal(rt_control()->inside, 1);
    rt_inside_leave(before);
}

static uint64_t event_pc, event_bits;

static void
record_event(const struct rt_upcall *upcall, struct exo_context *context)
{
    event_bits = upcall->a;
    event_pc = context->pc;
}

/* An event that came while inside is delivered by resume, before the context's first instruction.
 */
static void
resume_makes_the_upcall_that_is_due(void)
{
    static uint64_t dump[32] __attribute__((aligned(16)));
    struct exo_context context = patterned();
    uint32_t notification = new_notification();
    check_equal(exo_notification_bind(notification, EXO_BOOT_VCPU), EXO_OK);
    (void)rt_on(EXO_UPCALL_EVENT, record_event);
    rt_event_mask(4);
    event_bits = event_pc = 0;
    (void)rt_inside_enter();
    check_equal(exo_notify(badged(notification, 4)), EXO_OK);
    check_equal(event_bits, 0);
    check_equal(resume_and_dump(&context, dump), EXO_OK);
    check_equal(event_bits, 4);
    check_equal(event_pc, context.pc);
    check_equal(dump[30], context.x[30]);
}

static const struct test tests[] = {
    TEST(resume_loads_every_register),
    TEST(resume_clears_inside),
    TEST(resume_forces_el0),
    TEST(resume_refuses_misaligned_context),
    TEST(resume_refuses_unreadable_context),
    TEST(resume_refuses_context_that_ends_outside),
    TEST(refused_resume_leaves_inside),
    TEST(resume_makes_the_upcall_that_is_due),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
