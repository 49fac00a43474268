// config: smp=1 cpu=max,cortex-a72
/*
 * Every encoding of MRS, MSR, SYS and SYSL at EL0 (Arm ARM C5.1, C5.3): what
 * does not trap has to be on the list of what programs may have. A register
 * that is missing there would be a way past the kernel, or a place in which one
 * program can leave what another one finds.
 */
#include "hostile.h"

/* op0:op1:CRn:CRm:op2, as bits 20..5 of the instruction. */
#define ENCODING(op0, op1, crn, crm, op2) \
    ((uint32_t)(op0) << 14 | (uint32_t)(op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

#define MRS  0xd5200009u /* to and from x9 */
#define MSR  0xd5000009u
#define BTI  0xd503245fu
#define RET  0xd65f03c0u
#define CODE 1000u /* instructions tried at a time */

struct allowed {
    uint32_t encoding;
    bool write;
    const char *name;
};

static const struct allowed allowed[] = {
    {ENCODING(2, 3, 0, 1, 0), false, "MDCCSR_EL0"}, /* TDCC traps it; a constant in the emulator */
    {ENCODING(3, 3, 0, 0, 1), false, "CTR_EL0"},
    {ENCODING(3, 3, 0, 0, 7), false, "DCZID_EL0"},
    {ENCODING(3, 3, 2, 4, 0), false, "RNDR"},
    {ENCODING(3, 3, 2, 4, 1), false, "RNDRRS"},
    {ENCODING(3, 3, 4, 2, 0), true, "NZCV"},
    {ENCODING(3, 3, 4, 2, 5), true, "DIT"},
    {ENCODING(3, 3, 4, 2, 6), true, "SSBS"},
    {ENCODING(3, 3, 4, 2, 7), true, "TCO"},
    {ENCODING(3, 3, 4, 4, 0), true, "FPCR"},
    {ENCODING(3, 3, 4, 4, 1), true, "FPSR"},
    {ENCODING(3, 3, 9, 14, 0), false, "PMUSERENR_EL0"},
    {ENCODING(3, 3, 13, 0, 2), true, "TPIDR_EL0"},
    {ENCODING(3, 3, 13, 0, 3), false, "TPIDRRO_EL0"},
    {ENCODING(3, 3, 14, 0, 0), false, "CNTFRQ_EL0"},
    {ENCODING(3, 3, 14, 0, 2), false, "CNTVCT_EL0"},
    {ENCODING(3, 3, 14, 0, 6), false, "CNTVCTSS_EL0"},
    {ENCODING(1, 3, 7, 4, 1), true, "DC ZVA"},
    {ENCODING(1, 3, 7, 4, 3), true, "DC GVA"},
    {ENCODING(1, 3, 7, 4, 4), true, "DC GZVA"},
    {ENCODING(1, 3, 7, 5, 1), true, "IC IVAU"},
    {ENCODING(1, 3, 7, 10, 1), true, "DC CVAC"},
    {ENCODING(1, 3, 7, 10, 3), true, "DC CGVAC"},
    {ENCODING(1, 3, 7, 10, 5), true, "DC CGDVAC"},
    {ENCODING(1, 3, 7, 11, 1), true, "DC CVAU"},
    {ENCODING(1, 3, 7, 12, 1), true, "DC CVAP"},
    {ENCODING(1, 3, 7, 12, 3), true, "DC CGVAP"},
    {ENCODING(1, 3, 7, 12, 5), true, "DC CGDVAP"},
    {ENCODING(1, 3, 7, 13, 1), true, "DC CVADP"},
    {ENCODING(1, 3, 7, 13, 3), true, "DC CGVADP"},
    {ENCODING(1, 3, 7, 13, 5), true, "DC CGDVADP"},
    {ENCODING(1, 3, 7, 14, 1), true, "DC CIVAC"},
    {ENCODING(1, 3, 7, 14, 3), true, "DC CIGVAC"},
    {ENCODING(1, 3, 7, 14, 5), true, "DC CIGDVAC"},
};

static struct {
    uint32_t *page; /* writable, or executable */
    struct rt_memory memory;
    uint8_t trapped[CODE];
    char scratch[4096] __attribute__((aligned(4096))); /* what x9 points to */
} lab;

static void
skip(const struct rt_upcall *upcall, struct exo_context *context)
{
    (void)upcall;
    uint64_t index = (context->pc - exo_address(lab.memory.at)) / 4 - 1;
    if (index < CODE)
        lab.trapped[index] = 1;
    context->pc += 4;
    context->x[9] = exo_address(lab.scratch);
}

static bool
may(uint32_t encoding, bool write)
{
    for (unsigned i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
        if (allowed[i].encoding == encoding)
            return allowed[i].write || !write;
    return false;
}

static void
execute(void)
{
    register uint64_t x9 __asm__("x9") = exo_address(lab.scratch);
    register const void *x10 __asm__("x10") = lab.memory.at;
    __asm__ volatile("blr x10" : "+r"(x9), "+r"(x10) : : "x30", "cc", "memory");
}

/* Tries `count` encodings from `first` on. */
static void
try_encodings(uint32_t instruction, uint32_t first, uint32_t count, bool write)
{
    uint64_t va = exo_address(lab.memory.at);
    uint32_t *code = lab.memory.at;
    check_equal(rt_protect_pages(va, lab.memory.slot, 0, 1, EXO_PROT_READ | EXO_PROT_WRITE),
                EXO_OK);
    code[0] = BTI;
    for (uint32_t i = 0; i < count; i++) {
        code[i + 1] = instruction | (first + i) << 5;
        lab.trapped[i] = 0;
    }
    code[count + 1] = RET;
    check_equal(rt_protect_pages(va, lab.memory.slot, 0, 1, EXO_PROT_READ | EXO_PROT_EXEC), EXO_OK);
    execute();
    for (uint32_t i = 0; i < count; i++) {
        uint32_t e = first + i;
        if (!lab.trapped[i] && !may(e, write)) {
            rt_printf("# %s S%u_%u_C%u_C%u_%u does not trap\n", write ? "MSR" : "MRS", e >> 14 & 3,
                      e >> 11 & 7, e >> 7 & 15, e >> 3 & 15, e & 7);
            check(lab.trapped[i]);
        }
    }
}

static void
try_all(uint32_t instruction, uint32_t first, uint32_t end, bool write)
{
    (void)rt_on(EXO_UPCALL_TRAP, skip);
    (void)rt_on(EXO_UPCALL_FAULT, skip);
    check_equal(rt_memory_take(1, EXO_PROT_READ | EXO_PROT_WRITE, &lab.memory), EXO_OK);
    for (uint32_t at = first; at < end; at += CODE)
        try_encodings(instruction, at, end - at < CODE ? end - at : CODE, write);
    rt_memory_put(&lab.memory);
}

static void
only_known_registers_can_be_read(void)
{
    try_all(MRS, ENCODING(2, 0, 0, 0, 0), ENCODING(4, 0, 0, 0, 0), false);
}

static void
only_known_registers_can_be_written(void)
{
    try_all(MSR, ENCODING(2, 0, 0, 0, 0), ENCODING(4, 0, 0, 0, 0), true);
}

static void
only_known_system_instructions_work(void)
{
    try_all(MSR, ENCODING(1, 0, 0, 0, 0), ENCODING(2, 0, 0, 0, 0), true);
    try_all(MRS, ENCODING(1, 0, 0, 0, 0), ENCODING(2, 0, 0, 0, 0), false);
}

static const struct test tests[] = {
    TEST(only_known_registers_can_be_read),
    TEST(only_known_registers_can_be_written),
    TEST(only_known_system_instructions_work),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
