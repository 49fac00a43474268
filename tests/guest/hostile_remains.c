// config: smp=1,4 cpu=max,cortex-a72
/* Programs that look for what others left: in frames, in registers, behind old
 * mappings. */
#include "hostile.h"
#include "registers.h"

#define SECRET 0x5ec4e75ec4e75ec4ull
#define PAGES  64u

static void
fill(void *at, uint32_t pages)
{
    uint64_t *word = at;
    for (uint32_t i = 0; i < pages * (EXO_PAGE_BYTES / 8); i++)
        word[i] = SECRET;
}

/* --- What a frame or a register held before ------------------------------------------------- */

static int
leave_secrets(uint64_t unused)
{
    struct rt_memory memory;
    (void)unused;
    child_expects(rt_memory_take(PAGES, EXO_PROT_READ | EXO_PROT_WRITE, &memory) == EXO_OK);
    fill(memory.at, PAGES);
    *(uint64_t *)rt_shared() = memory.pfn;
    fp_registers_fill(SECRET);
    return 0;
}

static void
frames_come_to_their_next_owner_empty(void)
{
    struct rt_child child;
    if (!start_child(&(struct rt_spawn){.entry = leave_secrets}, &child) ||
        !check_equal(rt_child_wait(&child, test_patience()), RT_CHILD_EXITED)) {
        return;
    }
    uint64_t pfn = *(uint64_t *)rt_shared_of(&child);
    rt_kill(&child);
    uint32_t slot = rt_slot_take();
    int64_t err;
    check_equal(exo_frames_alloc(EXO_BOOT_CELL, slot, PAGES, EXO_ALLOC_AT, pfn).status, EXO_OK);
    const char *at = rt_map_at_any(slot, 0, PAGES, EXO_PROT_READ, &err);
    check(at != NULL && pages_are_zero(at, PAGES));
    /* Once it is theirs, what they wrote stays while it is unmapped. */
    check_equal(rt_unmap_pages(exo_address(at), PAGES), EXO_OK);
    char *written = rt_map_at_any(slot, 0, PAGES, EXO_PROT_READ | EXO_PROT_WRITE, &err);
    fill(written, 1);
    check_equal(rt_unmap_pages(exo_address(written), PAGES), EXO_OK);
    at = rt_map_at_any(slot, 0, 1, EXO_PROT_READ, &err);
    check(at != NULL && *(const uint64_t *)(const void *)at == SECRET);
}

static void
blocks_come_to_their_next_owner_empty(void)
{
    uint32_t slot = rt_slot_take();
    int64_t err;
    for (int i = 0; i < 2; i++) {
        struct exo_frames frames =
            exo_frames_alloc(EXO_BOOT_CELL, slot, EXO_BLOCK_PAGES, EXO_ALLOC_BLOCK, 0);
        check_equal(frames.status, EXO_OK);
        void *at = rt_map_at_any(slot, 0, EXO_BLOCK_PAGES,
                                 EXO_PROT_READ | EXO_PROT_WRITE | EXO_PROT_BLOCK, &err);
        if (!check_equal(err, EXO_OK))
            return;
        check(pages_are_zero(at, EXO_BLOCK_PAGES));
        fill(at, EXO_BLOCK_PAGES);
        check_equal(rt_drop(slot), EXO_OK);
        (void)rt_reap(EXO_BOOT_CELL);
    }
}

/* Tables of capabilities and pages, control pages, vCPUs: full of addresses and
 * numbers. */
static void
frames_of_dead_kernel_objects_come_empty(void)
{
    uint32_t slot = rt_slot_take();
    uint64_t pfns[32];
    unsigned count = 0;
    int64_t err;
    /* The frames that are next in line become objects, then memory. */
    check_equal(exo_frames_alloc(EXO_BOOT_CELL, slot, 32, EXO_ALLOC_CONTIGUOUS, 0).status, EXO_OK);
    uint64_t base = info_of(slot).base_or_badge;
    check_equal(rt_drop(slot), EXO_OK);
    (void)rt_reap(EXO_BOOT_CELL);
    for (int i = 0; i < 4; i++) {
        uint32_t env = new_env(EXO_BOOT_CELL), vcpu = new_vcpu(env);
        check_equal(exo_cap_copy(vcpu, env, 5, EXO_READ, 0, 0), EXO_OK);
        check_equal(rt_drop(vcpu), EXO_OK);
        check_equal(rt_drop(env), EXO_OK);
    }
    (void)rt_reap(EXO_BOOT_CELL);
    for (uint64_t pfn = base; pfn < base + 32; pfn++) {
        uint32_t one = rt_slot_take();
        if (exo_frames_alloc(EXO_BOOT_CELL, one, 1, EXO_ALLOC_AT, pfn).status == EXO_OK) {
            const void *at = rt_map_at_any(one, 0, 1, EXO_PROT_READ, &err);
            check(at != NULL && pages_are_zero(at, 1));
            pfns[count++] = pfn;
        }
    }
    check(count > 0 && pfns[0] >= base);
}

static int
look_into_registers(uint64_t unused)
{
    uint64_t thread;
    (void)unused;
    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(thread));
    child_expects(thread == 0);
    child_expects(fp_registers_any() == 0);
    return 0;
}

static void
registers_of_another_program_are_not_seen(void)
{
    struct rt_child child;
    for (int i = 0; i < 4; i++) {
        fp_registers_fill(SECRET);
        __asm__ volatile("msr tpidr_el0, %0" : : "r"(SECRET));
        check_equal(rt_spawn(&(struct rt_spawn){.entry = leave_secrets}, &child), EXO_OK);
        (void)rt_child_wait(&child, test_patience());
        rt_kill(&child);
        run_child(look_into_registers, 0);
    }
}

/* --- Mappings that are gone ----------------------------------------------------------------- */

static struct {
    volatile uint64_t *va;
    _Atomic uint32_t faults, newest;
} reader;

static void
count_fault(const struct rt_upcall *upcall, struct exo_context *context)
{
    (void)upcall;
    context->pc += 4;
    atomic_fetch_add(&reader.faults, 1);
}

static void
read_for_ever(void *unused)
{
    (void)unused;
    (void)rt_on(EXO_UPCALL_FAULT, count_fault);
    while (atomic_load(&reader.faults) == 0) {
        uint64_t value = 0;
        __asm__ volatile("ldr %0, [%1]" : "+r"(value) : "r"(reader.va) : "memory");
        if (value > atomic_load(&reader.newest))
            atomic_store(&reader.newest, (uint32_t)value);
    }
}

/* Written by an alias after unmap has returned: who still sees it has a stale
 * translation. */
static void
unmapped_page_is_gone_on_every_cpu(void)
{
    for (unsigned i = 0; i < test_rounds(30, 1000); i++) {
        struct rt_memory memory;
        struct rt_thread thread;
        int64_t err;
        memset(&reader, 0, sizeof(reader));
        check_equal(rt_memory_take(1, EXO_PROT_READ | EXO_PROT_WRITE, &memory), EXO_OK);
        reader.va = rt_map_at_any(memory.slot, 0, 1, EXO_PROT_READ, &err);
        *(volatile uint64_t *)memory.at = 1;
        check_equal(rt_vcpu_start(other_cpu(), read_for_ever, NULL, &thread), EXO_OK);
        check(rt_wait_word(&reader.newest, 1, test_patience()));
        check_equal(rt_unmap_pages(exo_address((const void *)(uintptr_t)reader.va), 1), EXO_OK);
        *(volatile uint64_t *)memory.at = 2;
        check(rt_vcpu_wait(&thread, test_patience()));
        check_equal(reader.newest, 1);
        rt_vcpu_end(&thread);
        rt_memory_put(&memory);
    }
}

/*
 * Dropping a capability takes its frames out of the pages that were mapped through it. Were an
 * address that was refused among them, the sweep would meet the tables again behind their end, and
 * tell the TLBs of other pages than it emptied.
 */
static void
refused_address_is_none_of_what_a_drop_sweeps(void)
{
    static const uint64_t refused[] = {EXO_VA_END, 1ull << 40, EXO_VA_END * 31, UINT64_MAX << 12};
    for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        uint32_t frames = new_frames(EXO_BOOT_CELL, 1), copy = copy_of(frames, EXO_READ);
        uint64_t low = rt_va_take(2, 0), high = low + EXO_PAGE_BYTES;
        check_equal(rt_map_pages(low, frames, 0, 1, EXO_PROT_READ | EXO_PROT_WRITE), EXO_OK);
        try_write(low, SECRET);
        check_equal(rt_map_pages(high, copy, 0, 1, EXO_PROT_READ), EXO_OK);
        check(rt_map_pages(refused[i], copy, 0, 1, EXO_PROT_READ) < 0);
        check_equal(rt_drop(copy), EXO_OK);
        check_equal(rt_drop(frames), EXO_OK);
        catch_faults();
        check(try_read(low) != SECRET);
        check_equal(caught.count, 1);
    }
}

static const struct test tests[] = {
    TEST(frames_come_to_their_next_owner_empty),
    TEST(blocks_come_to_their_next_owner_empty),
    TEST(frames_of_dead_kernel_objects_come_empty),
    TEST(registers_of_another_program_are_not_seen),
    TEST(unmapped_page_is_gone_on_every_cpu),
    TEST(refused_address_is_none_of_what_a_drop_sweeps),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
