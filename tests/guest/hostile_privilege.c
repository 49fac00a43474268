// config: smp=1,4 cpu=max,cortex-a72
/*
 * EL0 that wants to be more: resume with every bit of PSTATE, jumps into the
 * kernel, privileged instructions, and every system register and system
 * instruction that there may be.
 */
#include "hostile.h"

#define PSTATE_USER 0xf1001c00ull /* NZCV, DIT, SSBS, BTYPE */
#define PSTATE_Z    0x40000000ull

/* --- resume --------------------------------------------------------------------------------- */

static struct {
    uint64_t next;   /* PSTATE that the interrupted code goes on with */
    uint64_t pstate; /* what it had */
    uint64_t syndrome;
    unsigned count;
} probe;

static void
probe_trap(const struct rt_upcall *upcall, struct exo_context *context)
{
    probe.pstate = context->pstate;
    probe.syndrome = upcall->b;
    probe.count++;
    context->pc += 4;
    context->pstate = probe.next;
    probe.next = 0;
}

/* CurrentEL is not readable at EL0 (Arm ARM C5.2.1): each of these traps, or
 * EL0 is no more. */
static void
resume_with(uint64_t pstate)
{
    probe.next = pstate;
    probe.count = 0;
    __asm__ volatile("mrs x9, CurrentEL\n\t"
                     "mrs x9, CurrentEL"
                     :
                     :
                     : "x9", "cc", "memory");
    check_equal(probe.count, 2);
    check_equal(probe.pstate & ~PSTATE_USER, 0);
    check_equal(probe.pstate & PSTATE_Z, pstate & PSTATE_Z);
}

static void
resume_never_leaves_el0(void)
{
    (void)rt_on(EXO_UPCALL_TRAP, probe_trap);
    for (unsigned bit = 0; bit < 64; bit++) {
        resume_with(1ull << bit);
        resume_with(~(1ull << bit));
    }
    for (uint64_t mode = 0; mode < 32; mode++) {
        resume_with(mode);
        resume_with(mode | 0x3c0); /* with D, A, I, F */
        resume_with(mode | PSTATE_Z | 0x300000);
    }
    resume_with(UINT64_MAX);
    for (unsigned i = 0; i < test_rounds(1000, 100000); i++)
        resume_with(test_random());
}

static const uint64_t nowhere[] = {
    0,
    EXO_VA_START - 4,
    EXO_VA_END,
    EXO_VA_END - 4,
    1ull << 47,
    1ull << 55,
    1ull << 63,
    0x0080000000400000,
    0xff00000000400000,
    0xfffffe0000000000,
    0xffffff8000000000, /* the linear map from its start, the kernel's image,
                           its end */
    0xffffff8040000000,
    0xffffff8040200000,
    0xffffffffc0000000,
    0xffffffffc0000800,
    0xffffffffc0001000,
    0xffffffffc0010000,
    0xfffffffffffff000,
    0xfffffffffffffffc,
};

#define NOWHERE (sizeof(nowhere) / sizeof(nowhere[0]))

/* Wherever the jump was to, it goes back to who made it. */
static void
jumped(const struct rt_upcall *upcall, struct exo_context *context)
{
    (void)upcall;
    probe.count++;
    probe.pstate = context->pstate;
    context->pc = context->x[30];
    context->pstate = 0;
}

static void
jumps_to_the_kernel_and_to_nowhere_fault(void)
{
    (void)rt_on(EXO_UPCALL_FAULT, jumped);
    (void)rt_on(EXO_UPCALL_TRAP, jumped);
    for (unsigned i = 0; i < NOWHERE; i++) {
        for (uint64_t unaligned = 0; unaligned < 4; unaligned++) {
            probe.count = 0;
            try_call(nowhere[i] + unaligned);
            check_equal(probe.count, 1);
            check_equal(probe.pstate & ~PSTATE_USER, 0);
        }
    }
}

static void
loads_and_stores_to_the_kernel_and_to_nowhere_fault(void)
{
    for (unsigned i = 0; i < NOWHERE; i++) {
        catch_faults();
        (void)try_read(nowhere[i]);
        try_write(nowhere[i], 0);
        if (!check_equal(caught.count, 2))
            rt_printf("# at %llx\n", (unsigned long long)nowhere[i]);
    }
}

static void
context_outside_of_the_program_is_refused(void)
{
    struct exo_map entry = {rt_va_take(1, 0), new_frames(EXO_BOOT_CELL, 1), 0, 1, EXO_PROT_READ};
    for (unsigned i = 0; i < NOWHERE; i++) {
        for (uint64_t offset = 0; offset < 16; offset += 4) {
            const struct exo_context *context = (void *)(uintptr_t)(nowhere[i] + offset);
            if (exo_address(context) - EXO_VA_START < EXO_PAGE_BYTES)
                continue; /* the console is there */
            int64_t expected = (nowhere[i] + offset) % 8 == 0 ? EXO_E_FAULT : EXO_E_ALIGN;
            check_equal(exo_resume(context), expected);
            if (context != NULL) {
                check_equal(exo_map(EXO_SELF, &entry, 1, context).status, expected);
                check_equal(rt_unmap_pages(entry.va, 1), EXO_OK);
            }
        }
    }
}

/* --- Instructions --------------------------------------------------------------------------- */

/* x0 and x1 are as semihosting wants them to end the emulator, in case that HLT
 * reaches it. */
#define TRAPS(instruction)                                                                       \
    do {                                                                                         \
        static const uint64_t exit_block[2] = {0x20026, 77};                                     \
        register uint64_t x0 __asm__("x0") = 0x18;                                               \
        register const void *x1 __asm__("x1") = exit_block;                                      \
        caught.count = 0;                                                                        \
        __asm__ volatile(instruction : "+r"(x0), "+r"(x1) : : "x9", "x2", "x3", "cc", "memory"); \
        if (!check_equal(caught.count, 1)) {                                                     \
            rt_printf("# not trapped: %s\n", instruction);                                       \
        }                                                                                        \
    } while (0)

static void
privileged_instructions_trap(void)
{
    catch_faults();
    TRAPS("eret");
    TRAPS("drps");
    TRAPS("hvc #0");
    TRAPS("smc #0");
    TRAPS("hlt #0xf000"); /* semihosting */
    TRAPS("hlt #0");
    TRAPS("brk #0");
    TRAPS(".inst 0xd4a00001"); /* dcps1 */
    TRAPS(".inst 0xd4a00003"); /* dcps3 */
    TRAPS("udf #0");
    TRAPS("wfi");
    TRAPS("msr daifset, #15");
    TRAPS("msr daifclr, #15");
    TRAPS("msr spsel, #0");
    TRAPS(".inst 0xd500419f"); /* msr pan, #1 */
    TRAPS("tlbi vmalle1");
    TRAPS("tlbi vmalle1is");
    TRAPS("ic ialluis");
    TRAPS("dc isw, x9");
    TRAPS("dc cisw, x9");
    TRAPS("at s1e1r, x9");
    TRAPS("mrs x9, daif");
    TRAPS("mrs x9, midr_el1");
    TRAPS("mrs x9, sctlr_el1");
    TRAPS("msr sctlr_el1, xzr");
    TRAPS("msr ttbr0_el1, xzr");
    TRAPS("msr vbar_el1, xzr");
    TRAPS("mrs x9, elr_el1");
    TRAPS("msr spsr_el1, xzr");
    TRAPS("msr sp_el0, xzr");
    TRAPS("msr tpidrro_el0, xzr");
    TRAPS("mrs x9, tpidr_el1");
    TRAPS("mrs x9, cntpct_el0");
    TRAPS("mrs x9, cntp_ctl_el0");
    TRAPS("mrs x9, cntv_ctl_el0");
    TRAPS("msr cntv_ctl_el0, xzr");
    TRAPS("msr cntv_cval_el0, xzr");
    TRAPS("msr cntp_tval_el0, xzr");
    TRAPS("mrs x9, cntkctl_el1");
    TRAPS("mrs x9, pmccntr_el0");
    TRAPS("msr pmcr_el0, xzr");
    TRAPS("msr mdscr_el1, xzr");
    TRAPS("msr oslar_el1, xzr");
    TRAPS("mrs x9, s3_0_c12_c12_0");  /* icc_iar1_el1 */
    TRAPS("msr s3_0_c12_c11_5, xzr"); /* icc_sgi1r_el1 */
}

static const struct test tests[] = {
    TEST(resume_never_leaves_el0),
    TEST(jumps_to_the_kernel_and_to_nowhere_fault),
    TEST(loads_and_stores_to_the_kernel_and_to_nowhere_fault),
    TEST(context_outside_of_the_program_is_refused),
    TEST(privileged_instructions_trap),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
