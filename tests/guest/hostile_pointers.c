// config: smp=1,4 cpu=max,cortex-a72
/*
 * Memory that a call is given and that is not what it seems: it ends in the middle, it is device
 * registers, another vCPU unmaps or rewrites it while the call reads and writes it.
 */
#include "hostile.h"
#include "refuse.h"

#define HERE 0xffff /* stands for the address in a call's arguments */

struct pointer_call {
    struct call call;
    uint32_t bytes;
    bool reads; /* the kernel reads there; otherwise it writes */
};

enum { FRAMES = RT_SLOT_GRANT, CELL, VCPU, ENV, EMPTY };

/* Every call that takes an address, acceptable but for that. */
static const struct pointer_call table[] = {
    {{EXO_CALL_cap_info, {EXO_BOOT_CELL, HERE}}, sizeof(struct exo_cap_info), false},
    {{EXO_CALL_cell_create, {EXO_BOOT_CELL, EMPTY, HERE}}, sizeof(struct exo_limits), true},
    {{EXO_CALL_cell_limits, {CELL, HERE}}, sizeof(struct exo_limits), true},
    {{EXO_CALL_cell_info, {EXO_BOOT_CELL, HERE}}, sizeof(struct exo_cell_info), false},
    {{EXO_CALL_map, {EXO_SELF, HERE, 2}}, 2 * sizeof(struct exo_map), true},
    {{EXO_CALL_unmap, {EXO_SELF, HERE, 2}}, 2 * sizeof(struct exo_map), true},
    {{EXO_CALL_protect, {EXO_SELF, HERE, 2}}, 2 * sizeof(struct exo_map), true},
    {{EXO_CALL_env_read, {EXO_SELF, 0x400000, HERE, 256}}, 256, false},
    {{EXO_CALL_env_write, {ENV, 0x10000, HERE, 256}}, 256, true},
    {{EXO_CALL_vcpu_get, {VCPU, HERE}}, sizeof(struct exo_context), false},
    {{EXO_CALL_vcpu_set, {VCPU, HERE}}, sizeof(struct exo_context), true},
    {{EXO_CALL_cpu_info, {EXO_BOOT_CPU, HERE}}, sizeof(struct exo_cpu_info), false},
    {{EXO_CALL_trace_read, {EXO_BOOT_TRACE, 0, 0, HERE, 4}}, 160, false},
    {{EXO_CALL_machine_info, {EXO_BOOT_MACHINE, HERE}}, sizeof(struct exo_machine_info), false},
};

#define CALLS (sizeof(table) / sizeof(table[0]))

static int64_t
call_at(const struct pointer_call *each, uint64_t address)
{
    struct call call = each->call;
    for (int i = 0; i < 8; i++)
        call.x[i] = call.x[i] == HERE ? address : call.x[i];
    int64_t status = call_raw(&call);
    (void)exo_cap_drop(EMPTY);
    return status;
}

static bool
is_an_answer(int64_t status)
{
    return check(status <= EXO_OK && status >= EXO_E_STATE);
}

/* The objects that the calls name; in slots that rt_slot_take never gives. */
static void
prepare(void)
{
    static const struct exo_limits limits = {sizeof(limits), EXO_ABI_VERSION, {8, 0, 0, 0}};
    check_equal(exo_cell_create(EXO_BOOT_CELL, CELL, &limits), EXO_OK);
    check_equal(exo_frames_alloc(EXO_BOOT_CELL, FRAMES, 4, EXO_ALLOC_CONTIGUOUS, 0).status, EXO_OK);
    check_equal(exo_env_create(EXO_BOOT_CELL, ENV), EXO_OK);
    check_equal(exo_cap_copy(FRAMES, ENV, 5, EXO_RIGHTS_ALL, 0, 0), EXO_OK);
    const struct exo_map entry = {0x10000, 5, 3, 1, EXO_PROT_READ | EXO_PROT_WRITE};
    check_equal(rt_map(ENV, &entry, 1), EXO_OK);
    check_equal(exo_vcpu_create(ENV, VCPU, 0, 0x20000, 0x400000, 0, 0), EXO_OK);
    /* The page tables that torn entries may lead to are there from the first run on. */
    static const uint64_t leads[] = {0x20000000, EXO_VA_END - EXO_PAGE_BYTES};
    for (unsigned i = 0; i < 2; i++) {
        check_equal(rt_map_pages(leads[i], FRAMES, 0, 1, EXO_PROT_READ), EXO_OK);
        check_equal(rt_unmap_pages(leads[i], 1), EXO_OK);
    }
    check_equal(exo_trace_control(EXO_BOOT_TRACE, 1u << EXO_TRACE_CALL), EXO_OK);
}

static void
clear(void)
{
    check_equal(exo_trace_control(EXO_BOOT_TRACE, 0), EXO_OK);
    for (uint32_t slot = FRAMES; slot <= ENV; slot++)
        check_equal(rt_drop(slot), EXO_OK);
}

/* --- The edge of what is mapped ------------------------------------------------------------- */

static void
memory_that_ends_in_the_middle_is_a_fault(void)
{
    struct rt_memory memory;
    prepare();
    check_equal(rt_memory_take(1, EXO_PROT_READ | EXO_PROT_WRITE, &memory), EXO_OK);
    uint64_t end = exo_address(memory.at) + EXO_PAGE_BYTES;
    for (unsigned i = 0; i < CALLS; i++) {
        check(call_at(&table[i], end - table[i].bytes) != EXO_E_FAULT);
        check(call_at(&table[i], end - table[i].bytes - 3) != EXO_E_FAULT); /* any alignment */
        for (uint32_t bytes = 1; bytes < table[i].bytes; bytes += bytes < 64 ? 1 : 61) {
            check_equal(call_at(&table[i], end - bytes), EXO_E_FAULT);
            check_equal(call_at(&table[i], EXO_VA_END - bytes), EXO_E_FAULT);
            check_equal(call_at(&table[i], EXO_VA_START - bytes), EXO_E_FAULT);
            check_equal(call_at(&table[i], 0 - (uint64_t)bytes), EXO_E_FAULT);
        }
    }
    clear();
}

/* The clock's registers: reading and writing them is harmless, of whatever width and alignment. */
static void
device_registers_are_taken_or_refused(void)
{
    uint64_t va = rt_va_take(1, 0);
    prepare();
    check_equal(rt_map_pages(va, EXO_BOOT_RTC, 0, 1, EXO_PROT_READ | EXO_PROT_WRITE), EXO_OK);
    for (unsigned i = 0; i < CALLS; i++)
        for (uint64_t offset = 0; offset < 16; offset++)
            is_an_answer(call_at(&table[i], va + offset));
    check_equal(rt_protect_pages(va, EXO_BOOT_RTC, 0, 1, EXO_PROT_READ), EXO_E_ARG);
    check_equal(rt_unmap_pages(va, 1), EXO_OK);
    clear();
}

/* --- Memory that changes -------------------------------------------------------------------- */

static struct {
    uint32_t slot;
    uint64_t va;
    _Atomic uint32_t stop;
} change;

static void
unmap_and_map(void *unused)
{
    (void)unused;
    while (!atomic_load(&change.stop)) {
        (void)rt_unmap_pages(change.va, 2);
        (void)rt_map_pages(change.va, change.slot, 0, 1, EXO_PROT_READ);
        (void)rt_map_pages(change.va + EXO_PAGE_BYTES, change.slot, 1, 1,
                           EXO_PROT_READ | EXO_PROT_WRITE);
        (void)rt_protect_pages(change.va, change.slot, 0, 1, EXO_PROT_READ | EXO_PROT_WRITE);
    }
}

static struct rt_memory alias;

/* Entries of mappings and limits turn from good to bad and back. */
static void
rewrite(void *unused)
{
    static const struct exo_map good = {.va = 0x20000000, .slot = FRAMES, .pages = 1, .prot = 1};
    static const struct exo_map bad[] = {
        {EXO_BOOT_CONTROL_VA, FRAMES, 0, 1, 7},
        {0xffffff8000000000, FRAMES, 0, 1, 3},
        {0x20000000, EXO_BOOT_MACHINE, 0, 1, 3},
        {0x20000001, FRAMES, UINT32_MAX, UINT32_MAX, 3},
        {EXO_VA_END - 4096, FRAMES, 3, 2, 3},
        {0x20000000, FRAMES, 0, 512, 11},
        {sizeof(struct exo_limits) | 1ull << 32, 1000000, 0, 0, 0},
    };
    struct exo_map *entries = (void *)((char *)alias.at + 64);
    (void)unused;
    for (unsigned i = 0; !atomic_load(&change.stop); i++) {
        const struct exo_map *next = i % 2 ? &bad[i / 2 % (sizeof(bad) / sizeof(bad[0]))] : &good;
        entries[0] = good;
        entries[1] = *next;
    }
}

static void
call_while(void (*other)(void *unused))
{
    struct rt_thread thread;
    prepare();
    check_equal(rt_memory_take(2, EXO_PROT_READ | EXO_PROT_WRITE, &alias), EXO_OK);
    change.slot = alias.slot;
    change.va = other == rewrite ? exo_address(alias.at) : rt_va_take(2, 0);
    atomic_store(&change.stop, 0);
    check_equal(rt_vcpu_start(other_cpu(), other, NULL, &thread), EXO_OK);
    for (unsigned round = 0; round < test_rounds(300, 10000); round++) {
        const struct exo_map entry = {.va = 0x20000000, .pages = 4};
        for (unsigned i = 0; i < CALLS; i++) {
            uint64_t offset = other == rewrite ? 64 : EXO_PAGE_BYTES - round % 200;
            if (!table[i].reads && other == rewrite)
                continue;
            is_an_answer(call_at(&table[i], change.va + offset));
        }
        (void)exo_unmap(EXO_SELF, &entry, 1);
    }
    atomic_store(&change.stop, 1);
    check(rt_vcpu_wait(&thread, test_patience()));
    rt_vcpu_end(&thread);
    clear();
}

static void
memory_that_another_vcpu_unmaps_is_taken_or_a_fault(void)
{
    call_while(unmap_and_map);
}

static void
memory_that_another_vcpu_rewrites_is_read_once(void)
{
    call_while(rewrite);
}

static const struct test tests[] = {
    TEST(memory_that_ends_in_the_middle_is_a_fault),
    TEST(device_registers_are_taken_or_refused),
    TEST(memory_that_another_vcpu_unmaps_is_taken_or_a_fault),
    TEST(memory_that_another_vcpu_rewrites_is_read_once),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
