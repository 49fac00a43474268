// config: smp=1,4 cpu=max,cortex-a72 mem=128M
/* libos/vm: what regions show, what they refuse, and what they give back. */
#include "test.h"

#include <sched/sync.h>
#include <sched/thread.h>
#include <sched/timer.h>
#include <vm/object.h>
#include <vm/vm.h>

#define PAGE  4096ull
#define BLOCK (512 * PAGE)

static uint64_t
new_region(uint64_t bytes, uint32_t prot, uint32_t flags)
{
    uint64_t va = 0;
    check_equal(vm_map(&va, bytes, prot, flags, NULL, 0), EXO_OK);
    return va;
}

static uint64_t *
at(uint64_t va)
{
    return (uint64_t *)(uintptr_t)va;
}

/* --- Accesses that are refused are counted, and skipped. */

static struct {
    uint32_t count;
    uint64_t address;
} refused;

static void
skip_access(const struct rt_upcall *upcall, struct exo_context *context)
{
    refused.count++;
    refused.address = upcall->a;
    /* A jump to where nothing can be executed goes back to its caller. */
    context->pc = upcall->c & EXO_ACCESS_EXEC ? context->x[30] : context->pc + 4;
    context->pstate &= ~0xc00ull;
}

static uint32_t
refusals_of_read(uint64_t va)
{
    uint64_t value;
    refused.count = 0;
    __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(va) : "memory");
    return refused.count;
}

static uint32_t
refusals_of_write(uint64_t va)
{
    refused.count = 0;
    __asm__ volatile("str xzr, [%0]" : : "r"(va) : "memory");
    return refused.count;
}

static uint32_t
refusals_of_call(uint64_t va)
{
    refused.count = 0;
    ((void (*)(void))(uintptr_t)va)();
    return refused.count;
}

/* --- Anonymous memory */

static void
touched_page_is_zero_and_keeps_what_is_written(void)
{
    uint64_t va = new_region(64 * PAGE, VM_READ | VM_WRITE, 0), before = vm_counts().resident_pages;
    for (uint64_t i = 0; i < 64; i += 2) {
        check_equal(*at(va + i * PAGE + 8), 0);
        *at(va + i * PAGE) = i;
    }
    for (uint64_t i = 0; i < 64; i += 2)
        check_equal(*at(va + i * PAGE), i);
    check_equal(vm_counts().resident_pages - before, 32); /* those touched, and no others */
    check_equal(vm_unmap(va, 64 * PAGE), EXO_OK);
    check_equal(vm_counts().resident_pages, before);
}

static void
used_frames_come_back_as_zeros(void)
{
    for (unsigned round = 0; round < 20; round++) {
        uint64_t va = new_region(40 * PAGE, VM_READ | VM_WRITE, 0), sum = 0;
        for (uint64_t i = 0; i < 40; i++) {
            for (uint64_t j = 0; j < PAGE; j += 8)
                sum |= *at(va + i * PAGE + j);
            memset(at(va + i * PAGE), 0xff, PAGE);
        }
        check_equal(sum, 0);
        check_equal(vm_unmap(va, 40 * PAGE), EXO_OK);
    }
}

static void
frames_go_back_to_the_cell(void)
{
    struct exo_cell_info before = {0}, during = {0}, after = {0};
    uint64_t bytes = 4096 * PAGE;
    for (unsigned round = 0; round < 2; round++) { /* page tables stay after the first */
        check_equal(exo_cell_info(EXO_BOOT_CELL, &before), EXO_OK);
        uint64_t va = new_region(bytes, VM_READ | VM_WRITE, 0);
        check_equal(vm_populate(va, bytes, true), EXO_OK);
        check_equal(exo_cell_info(EXO_BOOT_CELL, &during), EXO_OK);
        check_equal(vm_unmap(va, bytes), EXO_OK);
        check_equal(exo_cell_info(EXO_BOOT_CELL, &after), EXO_OK);
    }
    check(during.own[EXO_RES_FRAMES] >= before.own[EXO_RES_FRAMES] + 3500);
    check(after.own[EXO_RES_FRAMES] <= before.own[EXO_RES_FRAMES] + 600);
}

static void
forgotten_pages_are_zero_again(void)
{
    uint64_t va = new_region(8 * PAGE, VM_READ | VM_WRITE, 0);
    for (uint64_t i = 0; i < 8; i++)
        *at(va + i * PAGE) = 7;
    check_equal(vm_forget(va + 2 * PAGE, 3 * PAGE), EXO_OK);
    for (uint64_t i = 0; i < 8; i++)
        check_equal(*at(va + i * PAGE), i >= 2 && i < 5 ? 0 : 7);
    check_equal(vm_unmap(va, 8 * PAGE), EXO_OK);
}

static void
neighbours_have_a_guard_page_between(void)
{
    uint64_t one = new_region(PAGE, VM_READ | VM_WRITE, 0);
    uint64_t other = new_region(PAGE, VM_READ | VM_WRITE, 0);
    check(one + PAGE < other || other + PAGE < one);
    vm_on_violation(skip_access);
    check_equal(refusals_of_write(one + PAGE), 1);
    check_equal(refused.address, one + PAGE);
    check_equal(refusals_of_read(one - 8), 1);
    vm_on_violation(NULL);
    check_equal(vm_unmap(one, PAGE), EXO_OK);
    check_equal(vm_unmap(other, PAGE), EXO_OK);
}

static void
unmapped_hole_is_refused_and_its_sides_stay(void)
{
    uint64_t va = new_region(6 * PAGE, VM_READ | VM_WRITE, 0);
    for (uint64_t i = 0; i < 6; i++)
        *at(va + i * PAGE) = i + 1;
    check_equal(vm_unmap(va + 2 * PAGE, 2 * PAGE), EXO_OK);
    vm_on_violation(skip_access);
    check_equal(refusals_of_read(va + 2 * PAGE), 1);
    check_equal(refusals_of_read(va + 3 * PAGE), 1);
    vm_on_violation(NULL);
    check_equal(*at(va + PAGE), 2);
    check_equal(*at(va + 4 * PAGE), 5);
    check_equal(vm_unmap(va, 6 * PAGE), EXO_OK); /* with the hole */
}

static void
fixed_map_replaces_what_is_there(void)
{
    uint64_t va = new_region(4 * PAGE, VM_READ | VM_WRITE, 0), middle = va + PAGE;
    *at(va) = *at(va + PAGE) = *at(va + 3 * PAGE) = 9;
    check_equal(vm_map(&middle, 2 * PAGE, VM_READ, VM_FIXED, NULL, 0), EXO_OK);
    check_equal(middle, va + PAGE);
    check_equal(*at(va + PAGE), 0);
    check_equal(*at(va), 9);
    check_equal(*at(va + 3 * PAGE), 9);
    check_equal(vm_unmap(va, 4 * PAGE), EXO_OK);
}

/* --- Protection */

static void
protection_is_kept(void)
{
    uint64_t va = new_region(2 * PAGE, VM_READ | VM_WRITE, 0);
    *at(va) = 5;
    vm_on_violation(skip_access);
    check_equal(vm_protect(va, PAGE, VM_READ), EXO_OK);
    check_equal(refusals_of_write(va), 1);
    check_equal(refusals_of_read(va), 0);
    check_equal(vm_protect(va, PAGE, VM_NONE), EXO_OK);
    check_equal(refusals_of_read(va), 1);
    check_equal(refusals_of_write(va + PAGE), 0);
    check_equal(vm_protect(va, PAGE, VM_READ | VM_WRITE), EXO_OK);
    check_equal(*at(va), 5);
    check_equal(refusals_of_write(va), 0);
    check_equal(refusals_of_call(va), 1);
    vm_on_violation(NULL);
    check_equal(vm_unmap(va, 2 * PAGE), EXO_OK);
}

static void
written_page_becomes_executable_and_is_not_writable(void)
{
    uint64_t va = new_region(PAGE, VM_READ | VM_WRITE, 0);
    *(uint32_t *)(uintptr_t)va = 0xd503245f;       /* bti c */
    *(uint32_t *)(uintptr_t)(va + 4) = 0xd65f03c0; /* ret */
    check_equal(vm_protect(va, PAGE, VM_READ | VM_EXEC), EXO_OK);
    vm_on_violation(skip_access);
    check_equal(refusals_of_call(va), 0);
    check_equal(refusals_of_write(va), 1);
    check_equal(vm_protect(va, PAGE, VM_READ | VM_WRITE), EXO_OK);
    check_equal(refusals_of_write(va), 0);
    check_equal(refusals_of_call(va), 1);
    vm_on_violation(NULL);
    check_equal(vm_unmap(va, PAGE), EXO_OK);
}

static void
bad_arguments_are_refused(void)
{
    uint64_t va = 0, odd = VM_START + 1, low = 0x10000, va2 = new_region(PAGE, VM_READ, 0);
    check_equal(vm_map(&va, PAGE, VM_WRITE | VM_EXEC, 0, NULL, 0), EXO_E_WX);
    check_equal(vm_map(&va, PAGE, 8, 0, NULL, 0), EXO_E_ARG);
    check_equal(vm_map(&va, PAGE, VM_READ, 64, NULL, 0), EXO_E_ARG);
    check_equal(vm_map(&va, 0, VM_READ, 0, NULL, 0), EXO_E_RANGE);
    check_equal(vm_map(&va, 100, VM_READ, 0, NULL, 0), EXO_E_ALIGN);
    check_equal(vm_map(&va, VM_END - VM_START, VM_READ, 0, NULL, 0), EXO_E_LIMIT);
    check_equal(vm_map(&va, 2 * VM_END, VM_READ, 0, NULL, 0), EXO_E_RANGE);
    check_equal(vm_map(&odd, PAGE, VM_READ, VM_FIXED, NULL, 0), EXO_E_ALIGN);
    check_equal(vm_map(&low, PAGE, VM_READ, VM_FIXED, NULL, 0), EXO_E_RANGE);
    check_equal(vm_protect(va2, PAGE, VM_WRITE | VM_EXEC), EXO_E_WX);
    check_equal(vm_protect(va2, 2 * PAGE, VM_READ), EXO_E_RANGE);
    check_equal(vm_unmap(va2 + 8, PAGE), EXO_E_ALIGN);
    check_equal(vm_unmap(va2, 0), EXO_E_RANGE);
    check_equal(vm_unmap(va2, PAGE), EXO_OK);
}

static void
regions_are_limited_and_come_back(void)
{
    uint64_t va = new_region(4 * VM_REGIONS_MAX * PAGE, VM_READ, 0);
    int64_t err = EXO_OK;
    uint32_t made = 0;
    for (; made < 2 * VM_REGIONS_MAX && err == EXO_OK; made++)
        err = vm_protect(va + 2 * made * PAGE, PAGE, VM_READ | VM_WRITE);
    check_equal(err, EXO_E_LIMIT);
    check(made >= VM_REGIONS_MAX / 2 - 8);
    /* Of a full table the first and the last region go without being cut. */
    check_equal(vm_unmap(va, PAGE), EXO_E_LIMIT);
    check_equal(*at(va), 0);
}

/* --- Blocks */

static void
block_region_takes_one_fault_for_two_megabytes(void)
{
    uint64_t va = new_region(2 * BLOCK, VM_READ | VM_WRITE, VM_BLOCKS);
    check_equal(va % BLOCK, 0);
    uint64_t before = vm_counts().faults, resident = vm_counts().resident_pages;
    for (uint64_t i = 0; i < 512; i++)
        *at(va + i * PAGE) = i;
    check_equal(vm_counts().faults - before, 1);
    check_equal(vm_counts().resident_pages - resident, 512);
    check_equal(*at(va + 511 * PAGE), 511);
    check_equal(vm_unmap(va + PAGE, PAGE), EXO_E_ALIGN);
    check_equal(vm_protect(va, BLOCK, VM_READ), EXO_OK);
    vm_on_violation(skip_access);
    check_equal(refusals_of_write(va + 5 * PAGE), 1);
    vm_on_violation(NULL);
    check_equal(*at(va + 5 * PAGE), 5);
    check_equal(vm_unmap(va, 2 * BLOCK), EXO_OK);
    check_equal(vm_counts().resident_pages, resident);
}

/* --- Objects */

static struct {
    _Atomic uint32_t fills, gone;
    uint64_t bad; /* this page cannot be had */
} file;

/* Waits, as one that reads a disk does; and uses FP registers, which are the thread's. */
static int64_t
fill_page(struct vm_object *object, uint64_t number, void *to)
{
    check(object->own == &file);
    thread_sleep_ns(100000);
    atomic_fetch_add(&file.fills, 1);
    for (uint64_t i = 0; i < PAGE / 8; i++)
        ((uint64_t *)to)[i] = number << 32 | i;
    __asm__ volatile("movi v0.2d, #0\n\tmovi v31.2d, #0\n\tmsr fpsr, xzr" : : : "v0", "v31");
    return number == file.bad ? EXO_E_STATE : EXO_OK;
}

static void
file_is_gone(struct vm_object *object)
{
    check(object->own == &file);
    atomic_fetch_add(&file.gone, 1);
}

static struct vm_object *
new_object(uint64_t pages)
{
    static const struct vm_pager pager = {.fill = fill_page, .gone = file_is_gone};
    atomic_store(&file.fills, 0);
    atomic_store(&file.gone, 0);
    file.bad = UINT64_MAX;
    struct vm_object *object = vm_object_make(&pager, &file, pages);
    check(object != NULL);
    return object;
}

static void
object_is_filled_when_it_is_touched(void)
{
    struct vm_object *object = new_object(16);
    uint64_t va = 0;
    check_equal(vm_map(&va, 14 * PAGE, VM_READ, 0, object, 2 * PAGE), EXO_OK);
    check_equal(file.fills, 0);
    check_equal(*at(va + 3 * PAGE + 16), 5ull << 32 | 2);
    check_equal(*at(va + 3 * PAGE + 24), 5ull << 32 | 3);
    check_equal(*at(va), 2ull << 32);
    check_equal(file.fills, 2);
    vm_on_violation(skip_access);
    check_equal(refusals_of_write(va), 1);
    vm_on_violation(NULL);
    check_equal(vm_unmap(va, 14 * PAGE), EXO_OK);
    check_equal(file.gone, 0);
    vm_object_drop(object);
    check_equal(file.gone, 1);
}

static void
private_write_makes_a_copy_and_shared_writes_meet(void)
{
    struct vm_object *object = new_object(4);
    uint64_t mine = 0, one = 0, other = 0;
    check_equal(vm_map(&mine, 4 * PAGE, VM_READ | VM_WRITE, 0, object, 0), EXO_OK);
    check_equal(vm_map(&one, 4 * PAGE, VM_READ | VM_WRITE, VM_SHARED, object, 0), EXO_OK);
    check_equal(vm_map(&other, 2 * PAGE, VM_READ, VM_SHARED, object, PAGE), EXO_OK);
    check_equal(*at(mine + PAGE), 1ull << 32);
    *at(one + PAGE) = 77;
    check_equal(*at(other), 77);
    check_equal(*at(mine + PAGE), 77); /* not yet its own */
    *at(mine + PAGE) = 88;
    check_equal(*at(one + PAGE), 77);
    *at(one + PAGE) = 99;
    check_equal(*at(mine + PAGE), 88);
    check_equal(*at(mine + PAGE + 8), 1ull << 32 | 1);
    check_equal(vm_forget(mine, 4 * PAGE), EXO_OK);
    check_equal(*at(mine + PAGE), 99);
    check_equal(file.fills, 1);
    check_equal(vm_unmap(mine, 4 * PAGE), EXO_OK);
    check_equal(vm_unmap(one, 4 * PAGE), EXO_OK);
    check_equal(*at(other), 99);
    vm_object_drop(object);
    check_equal(file.gone, 0);
    check_equal(vm_unmap(other, 2 * PAGE), EXO_OK);
    check_equal(file.gone, 1);
}

static void
access_behind_the_object_is_refused(void)
{
    struct vm_object *object = new_object(2);
    uint64_t va = 0;
    check_equal(vm_map(&va, 4 * PAGE, VM_READ, 0, object, 0), EXO_OK);
    vm_on_violation(skip_access);
    check_equal(refusals_of_read(va + 2 * PAGE), 1);
    vm_on_violation(NULL);
    check_equal(vm_unmap(va, 4 * PAGE), EXO_OK);
    vm_object_drop(object);
}

static _Atomic uint32_t started;

static void *
sum_all_pages(void *argument)
{
    uint64_t sum = 0, va = (uintptr_t)argument;
    atomic_fetch_add(&started, 1);
    while (atomic_load(&started) < 4)
        thread_yield();
    for (uint64_t i = 0; i < 16; i++)
        sum += *at(va + i * PAGE + 8);
    return (void *)(uintptr_t)sum;
}

static void
page_that_many_touch_is_filled_once(void)
{
    struct vm_object *object = new_object(16);
    struct thread *threads[4];
    uint64_t va = 0;
    atomic_store(&started, 0);
    check_equal(vm_map(&va, 16 * PAGE, VM_READ, 0, object, 0), EXO_OK);
    for (unsigned i = 0; i < 4; i++)
        check_equal(thread_create(&threads[i], NULL, sum_all_pages, at(va)), EXO_OK);
    for (unsigned i = 0; i < 4; i++)
        check_equal((uintptr_t)thread_join(threads[i]), (120ull << 32) + 16);
    check_equal(file.fills, 16);
    check_equal(vm_unmap(va, 16 * PAGE), EXO_OK);
    vm_object_drop(object);
}

/* The pager runs in the thread, between two instructions of it. */
static void
fill_keeps_all_registers_of_the_thread(void)
{
    struct vm_object *object = new_object(1);
    uint64_t va = 0, low = 0, high = 0, value = 0, flags = 0;
    check_equal(vm_map(&va, PAGE, VM_READ, 0, object, 0), EXO_OK);
    __asm__ volatile("mov x9, #0x55\n\t"
                     "dup v0.2d, x9\n\t"
                     "mov x9, #0x66\n\t"
                     "dup v31.2d, x9\n\t"
                     "cmp xzr, xzr\n\t"
                     "ldr %2, [%4, #8]\n\t"
                     "cset %3, eq\n\t"
                     "mov %0, v0.d[1]\n\t"
                     "mov %1, v31.d[0]\n\t"
                     : "=&r"(low), "=&r"(high), "=&r"(value), "=&r"(flags)
                     : "r"(va)
                     : "x9", "v0", "v31", "cc", "memory");
    check_equal(low, 0x55);
    check_equal(high, 0x66);
    check_equal(value, 1);
    check_equal(flags, 1);
    check_equal(file.fills, 1);
    check_equal(vm_unmap(va, PAGE), EXO_OK);
    vm_object_drop(object);
}

/* --- Stacks */

static uint64_t
use_stack(uint64_t depth)
{
    uint64_t here[128];
    here[0] = depth;
    __asm__ volatile("" : : "r"(here) : "memory"); /* all of it is there */
    uint64_t below = depth > 0 ? use_stack(depth - 1) : 0;
    return below + here[0];
}

static void *
go_deep(void *argument)
{
    return (void *)(uintptr_t)use_stack((uintptr_t)argument);
}

static void
stack_grows_as_it_is_used(void)
{
    uint64_t bytes = 256 * PAGE, va = new_region(bytes, VM_READ | VM_WRITE, 0);
    uint64_t before = vm_counts().resident_pages;
    struct thread *thread;
    const struct thread_attributes how = {.vcpu = SCHED_ANY, .stack_top = at(va + bytes)};
    check_equal(thread_create(&thread, &how, go_deep, (void *)1), EXO_OK);
    check_equal((uintptr_t)thread_join(thread), 1);
    check(vm_counts().resident_pages - before < 5);
    check_equal(thread_create(&thread, &how, go_deep, (void *)600), EXO_OK);
    check_equal((uintptr_t)thread_join(thread), 600 * 601 / 2);
    check(vm_counts().resident_pages - before > 100);
    check_equal(vm_unmap(va, bytes), EXO_OK);
}

#define SECTION_BYTES (RT_INSIDE_STACK_BYTES / 2)

static struct rt_lock outer, inner;

static __attribute__((noinline)) void
lock_further_down(void)
{
    char here[SECTION_BYTES];
    __asm__ volatile("" : : "r"(here) : "memory");
    rt_lock(&inner);
    rt_unlock(&inner);
}

/* Locks within locks at every place of a page, on a stack of which nothing was touched below. */
static uint64_t
lock_going_down(uint64_t depth)
{
    char here[64];
    __asm__ volatile("" : : "r"(here) : "memory");
    rt_lock(&outer);
    lock_further_down();
    rt_unlock(&outer);
    return depth > 0 ? lock_going_down(depth - 1) + 1 : 0;
}

static void *
lock_deep(void *argument)
{
    return (void *)(uintptr_t)lock_going_down((uintptr_t)argument);
}

/* A fault inside would end this program. */
static void
locks_within_locks_find_their_stack_there(void)
{
    uint64_t bytes = 64 * PAGE, va = new_region(bytes, VM_READ | VM_WRITE, 0);
    struct thread *thread;
    const struct thread_attributes how = {.vcpu = SCHED_ANY, .stack_top = at(va + bytes)};
    check_equal(thread_create(&thread, &how, lock_deep, (void *)300), EXO_OK);
    check_equal((uintptr_t)thread_join(thread), 300);
    check_equal(vm_unmap(va, bytes), EXO_OK);
}

/* --- Many vCPUs, many faults */

static void *
map_and_unmap(void *argument)
{
    uint64_t errors = 0;
    for (uint64_t round = 0; round < test_rounds(40, 1000); round++) {
        uint64_t va = 0, pages = 1 + round % 30;
        errors += vm_map(&va, pages * PAGE, VM_READ | VM_WRITE, 0, NULL, 0) != EXO_OK;
        for (uint64_t i = 0; i < pages; i++) {
            errors += *at(va + i * PAGE) != 0;
            *at(va + i * PAGE) = va + i;
        }
        errors += vm_protect(va, pages * PAGE, VM_READ) != EXO_OK;
        for (uint64_t i = 0; i < pages; i++)
            errors += *at(va + i * PAGE) != va + i;
        errors += vm_unmap(va, pages * PAGE) != EXO_OK;
    }
    (void)argument;
    return (void *)(uintptr_t)errors;
}

static void
threads_map_and_unmap_at_once(void)
{
    struct thread *threads[6];
    uint64_t resident = vm_counts().resident_pages;
    for (unsigned i = 0; i < 6; i++)
        check_equal(thread_create(&threads[i], NULL, map_and_unmap, NULL), EXO_OK);
    for (unsigned i = 0; i < 6; i++)
        check_equal((uintptr_t)thread_join(threads[i]), 0);
    check_equal(vm_counts().resident_pages, resident);
}

static const struct test tests[] = {
    TEST(touched_page_is_zero_and_keeps_what_is_written),
    TEST(used_frames_come_back_as_zeros),
    TEST(frames_go_back_to_the_cell),
    TEST(forgotten_pages_are_zero_again),
    TEST(neighbours_have_a_guard_page_between),
    TEST(unmapped_hole_is_refused_and_its_sides_stay),
    TEST(fixed_map_replaces_what_is_there),
    TEST(protection_is_kept),
    TEST(written_page_becomes_executable_and_is_not_writable),
    TEST(bad_arguments_are_refused),
    TEST(block_region_takes_one_fault_for_two_megabytes),
    TEST(object_is_filled_when_it_is_touched),
    TEST(private_write_makes_a_copy_and_shared_writes_meet),
    TEST(access_behind_the_object_is_refused),
    TEST(page_that_many_touch_is_filled_once),
    TEST(fill_keeps_all_registers_of_the_thread),
    TEST(stack_grows_as_it_is_used),
    TEST(locks_within_locks_find_their_stack_there),
    TEST(threads_map_and_unmap_at_once),
    TEST(regions_are_limited_and_come_back),
};

int
main(void)
{
    return test_main_libos(tests, sizeof(tests) / sizeof(tests[0]));
}
