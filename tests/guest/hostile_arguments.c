// config: smp=1,4 cpu=max,cortex-a72 devices=rng
/*
 * Every system call with every argument out of range, unaligned, and at the
 * edges of the address space, alone and together. The call has to return one of
 * the errors; the program that makes it has to live on, and so has everybody
 * else (the harness looks).
 */
#include "hostile.h"
#include "refuse.h"

/* What the calls below are given, when it is not garbage. */
enum {
    EMPTY = 42, /* destination */
    COPY,
    CELL,
    FRAMES,
    ENV,
    ENDPOINT,
    VCPU,
    NOTIFICATION,
    BADGED,
    LINE,
    QUEUE,
    RING,
    CPU = RT_SLOT_GRANT,
    TRACE,
    MACHINE,
    IRQS,
    DEVICE,
};

#define UNUSED_LINE 250 /* no device of the board has it */

static struct exo_limits limits = {sizeof(limits), EXO_ABI_VERSION, {1, 0, 0, 0}};
static struct exo_map entry = {0x30000000, FRAMES, 0, 1, EXO_PROT_READ};
/* Room for whatever a call that succeeds writes there: no other data lies within. */
static char buffer[65536] __attribute__((aligned(64)));
static struct exo_context context;
static struct exo_descriptor descriptor = {.flags = EXO_DESCRIPTOR_WRITE, .length = 8};

#define AT(object) ((uint64_t)(uintptr_t)&(object))

/* One acceptable call each, except where that would end or block the program.
 */
static const struct call good[] = {
    {EXO_CALL_null, {0}},
    {EXO_CALL_resume, {0}},
    {EXO_CALL_wait, {0}},
    {EXO_CALL_yield, {0}},
    {EXO_CALL_cap_copy, {EXO_BOOT_CELL, EXO_SELF, EMPTY, EXO_READ, 0, 0}},
    {EXO_CALL_cap_move, {COPY, EXO_SELF, EMPTY}},
    {EXO_CALL_cap_drop, {COPY}},
    {EXO_CALL_cap_revoke, {COPY}},
    {EXO_CALL_cap_info, {COPY, AT(buffer)}},
    {EXO_CALL_cap_extend, {ENV, 0}},
    {EXO_CALL_cell_create, {EXO_BOOT_CELL, EMPTY, AT(limits)}},
    {EXO_CALL_cell_limits, {CELL, AT(limits)}},
    {EXO_CALL_cell_info, {CELL, AT(buffer)}},
    {EXO_CALL_cell_reap, {CELL}},
    {EXO_CALL_cell_reclaim, {CELL, 0, 0}},
    {EXO_CALL_frames_alloc, {EXO_BOOT_CELL, EMPTY, 1, EXO_ALLOC_ANY, 0}},
    {EXO_CALL_frames_split, {FRAMES, 1, EMPTY}},
    {EXO_CALL_map, {EXO_SELF, AT(entry), 1, 0}},
    {EXO_CALL_unmap, {EXO_SELF, AT(entry), 1}},
    {EXO_CALL_protect, {EXO_SELF, AT(entry), 1}},
    {EXO_CALL_env_create, {EXO_BOOT_CELL, EMPTY}},
    {EXO_CALL_env_stop, {ENV}},
    {EXO_CALL_env_start, {ENV}},
    {EXO_CALL_env_supervise, {ENV, ENDPOINT}},
    {EXO_CALL_env_read, {EXO_SELF, AT(buffer), AT(buffer[512]), 8}},
    {EXO_CALL_env_write, {EXO_SELF, AT(buffer), AT(buffer[512]), 8}},
    {EXO_CALL_vcpu_create, {ENV, EMPTY, 0, 0x50000, 0x400000, 0, 0}},
    {EXO_CALL_vcpu_start, {VCPU}},
    {EXO_CALL_vcpu_stop, {VCPU}},
    {EXO_CALL_vcpu_get, {VCPU, AT(buffer)}},
    {EXO_CALL_vcpu_set, {VCPU, AT(context)}},
    {EXO_CALL_vcpu_config, {VCPU, EXO_VCPU_PRIORITY, 1}},
    {EXO_CALL_cpu_assign, {CPU, 0, 1, VCPU}},
    {EXO_CALL_cpu_info, {CPU, AT(buffer)}},
    {EXO_CALL_notification_create, {EXO_BOOT_CELL, EMPTY}},
    {EXO_CALL_notification_bind, {NOTIFICATION, VCPU}},
    {EXO_CALL_notify, {BADGED}},
    {EXO_CALL_endpoint_create, {EXO_BOOT_CELL, EMPTY}},
    {EXO_CALL_call, {ENDPOINT, 0, 0, 0, 0, EXO_NONE, EXO_NONE, 0}},
    {EXO_CALL_receive, {ENDPOINT, EXO_NONE, 0}},
    {EXO_CALL_reply, {0, 0, 0, 0, EXO_NONE}},
    {EXO_CALL_reply_receive, {ENDPOINT, 0, 0, 0, 0, EXO_NONE, EXO_NONE, 0}},
    {EXO_CALL_trace_read, {TRACE, 0, 0, AT(buffer), 1}},
    {EXO_CALL_trace_control, {TRACE, 0}},
    {EXO_CALL_machine_info, {MACHINE, AT(buffer)}},
    {EXO_CALL_machine_power, {MACHINE, 0, 0}},
    {EXO_CALL_machine_audit, {MACHINE}},
    {EXO_CALL_irq_open, {EXO_BOOT_CELL, EMPTY, IRQS, UNUSED_LINE + 1, 0}},
    {EXO_CALL_irq_bind, {LINE, BADGED}},
    {EXO_CALL_irq_ack, {LINE}},
    {EXO_CALL_device_info, {DEVICE, AT(buffer)}},
    {EXO_CALL_device_config, {DEVICE, 0, AT(buffer), 8}},
    {EXO_CALL_device_open, {EXO_BOOT_CELL, DEVICE, 1, 0, 0}},
    {EXO_CALL_device_close, {DEVICE}},
    {EXO_CALL_queue_open, {EXO_BOOT_CELL, EMPTY, DEVICE, 0, RING, 0, 0}},
    {EXO_CALL_queue_region, {QUEUE, FRAMES, 0, 1, EXO_WRITE}},
    {EXO_CALL_queue_release, {QUEUE, 0}},
    {EXO_CALL_queue_submit, {QUEUE, AT(descriptor), 1, 0, 0}},
    {EXO_CALL_queue_info, {QUEUE, AT(buffer)}},
};

#define GOOD (sizeof(good) / sizeof(good[0]))
_Static_assert(GOOD == EXO_CALL_COUNT, "each call");

#define CODE 0x400000ull

static const uint64_t evil[] = {
    0,
    1,
    7,
    EXO_CAPS_PER_PAGE,
    EXO_PAGE_BYTES,
    EXO_ALLOC_MAX + 1,
    EXO_VA_START - 8,
    EXO_VA_START - 1,
    EXO_CAPS_PER_PAGE *EXO_CAP_PAGES_MAX - 1,
    EXO_CAPS_PER_PAGE *EXO_CAP_PAGES_MAX,
    EXO_BOOT_STACK_TOP - 8, /* the last bytes of a page, nothing behind */
    EXO_BOOT_STACK_TOP - 1,
    AT(buffer[1]),
    CODE, /* read-only */
    0x7fffffff,
    0x80000000,
    EXO_NONE,
    EXO_SELF,
    1ull << 32,
    (1ull << 32) + 1,
    EXO_VA_END - EXO_PAGE_BYTES,
    EXO_VA_END - 8,
    EXO_VA_END,
    1ull << 47,
    1ull << 55,
    0x00ff000000400000,
    1ull << 63,
    0xffff7fffffffffff,
    0xffffff8000000000, /* the kernel's linear map, and its image */
    0xffffffffc0000000,
    UINT64_MAX - 7,
    UINT64_MAX,
};

#define EVIL (sizeof(evil) / sizeof(evil[0]))

static bool
is_there(uint32_t slot)
{
    struct exo_cap_info info;
    return exo_cap_info(slot, &info) == EXO_OK;
}

static const struct exo_limits roomy = {sizeof(roomy), EXO_ABI_VERSION, {16, 64, 0, 0}};

/* What the calls before this one destroyed is made again. */
static void
repair(void)
{
    (void)rt_drop(EMPTY);
    (void)exo_cap_copy(EXO_BOOT_CELL, EXO_SELF, COPY, EXO_READ | EXO_COPY, 0, 0);
    (void)exo_cell_create(EXO_BOOT_CELL, CELL, &roomy);
    (void)exo_frames_alloc(EXO_BOOT_CELL, FRAMES, 4, EXO_ALLOC_CONTIGUOUS, 0);
    (void)exo_env_create(EXO_BOOT_CELL, ENV);
    (void)exo_endpoint_create(EXO_BOOT_CELL, ENDPOINT);
    if (!is_there(VCPU))
        (void)exo_vcpu_create(ENV, VCPU, 0, 0x40000, 0x400000, 0, 0);
    (void)exo_notification_create(EXO_BOOT_CELL, NOTIFICATION);
    (void)exo_cap_copy(NOTIFICATION, EXO_SELF, BADGED, EXO_WRITE | EXO_COPY, 1, 0);
    (void)exo_irq_open(EXO_BOOT_CELL, LINE, IRQS, UNUSED_LINE, EXO_IRQ_LEVEL);
    (void)rt_drop(RING);
    if (exo_queue_submit(QUEUE, NULL, 0, 0, false).status != EXO_OK) {
        (void)rt_drop(QUEUE);
        (void)exo_again(exo_device_open(EXO_BOOT_CELL, DEVICE, 1, 0, 0).status);
        (void)exo_queue_open(EXO_BOOT_CELL, QUEUE, DEVICE, 0, RING, 0, 0);
        (void)exo_queue_region(QUEUE, FRAMES, 0, 1, EXO_WRITE);
    }
    (void)rt_unmap_pages(entry.va, 1);
    __atomic_store_n(&rt_control()->events, 1, __ATOMIC_RELAXED); /* wait returns at once */
}

static bool
is_own_memory(uint64_t slot)
{
    return slot == EXO_BOOT_IMAGE || slot == EXO_BOOT_DATA;
}

/* Whether the call may be made: not those that would rightly stop or block this
 * program. */
static bool
is_bearable(const struct call *call)
{
    const uint64_t *x = call->x;
    switch (call->number) {
    case EXO_CALL_resume: return x[0] != CODE;
    case EXO_CALL_map: return x[3] != CODE;
    case EXO_CALL_env_stop: return x[0] != EXO_SELF;
    case EXO_CALL_call: return x[7] == 0 || x[0] != ENDPOINT;
    case EXO_CALL_receive: return x[2] == 0 || x[0] != ENDPOINT;
    case EXO_CALL_reply_receive: return x[7] == 0 || x[0] != ENDPOINT;
    case EXO_CALL_cap_drop:
    case EXO_CALL_cap_move: return !is_own_memory(x[0]);
    case EXO_CALL_queue_region: return !is_own_memory(x[1]);
    default: return true;
    }
}

static bool
is_answered(const struct call *call)
{
    if (!is_bearable(call))
        return true;
    int64_t status = call_raw(call);
    return status <= EXO_OK && status >= EXO_E_RESET;
}

static int
each_argument_alone(uint64_t unused)
{
    (void)unused;
    for (unsigned i = 0; i < GOOD; i++) {
        for (unsigned argument = 0; argument < 8; argument++) {
            for (unsigned j = 0; j < EVIL; j++) {
                struct call call = good[i];
                repair();
                call.x[argument] = evil[j];
                child_expects(is_answered(&call));
            }
        }
    }
    return 0;
}

static int
several_arguments(uint64_t rounds)
{
    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t random = test_random();
        struct call call = good[random % GOOD];
        for (unsigned argument = 0; argument < 8; argument++) {
            random = test_random();
            if (random % 4 == 0)
                call.x[argument] = evil[random / 4 % EVIL];
            else if (random % 64 == 1)
                call.x[argument] = random >> (random >> 8) % 64;
        }
        if (i % 8 == 0)
            repair();
        __atomic_store_n(&rt_control()->events, 1, __ATOMIC_RELAXED);
        child_expects(is_answered(&call));
    }
    return 0;
}

static void
offend(int (*entry_)(uint64_t argument), uint64_t argument)
{
    const struct rt_spawn spawn = {
        .entry = entry_,
        .argument = argument,
        .limit = {2048, 4096, 6, 2},
        .grant = {{.src = EXO_BOOT_CPU,
                   .dst = CPU,
                   .rights = EXO_READ | EXO_WRITE | EXO_COPY,
                   .base_or_badge = 3,
                   .count = 2},
                  {.src = EXO_BOOT_TRACE, .dst = TRACE, .rights = EXO_READ | EXO_CONTROL},
                  {.src = EXO_BOOT_MACHINE, .dst = MACHINE, .rights = EXO_READ | EXO_COPY},
                  {.src = EXO_BOOT_IRQ,
                   .dst = IRQS,
                   .rights = EXO_WRITE | EXO_COPY,
                   .base_or_badge = UNUSED_LINE,
                   .count = 2},
                  {.src = EXO_BOOT_DEVICE, .dst = DEVICE, .rights = EXO_RIGHTS_ALL}}};
    struct rt_child child;
    if (start_child(&spawn, &child))
        child_succeeds(&child);
    check_equal(exo_trace_control(EXO_BOOT_TRACE, 0), EXO_OK);
}

static void
each_call_answers_each_bad_argument(void)
{
    offend(each_argument_alone, 0);
}

static void
each_call_answers_bad_arguments_together(void)
{
    offend(several_arguments, test_rounds(30000, 1000000));
}

static void
unknown_calls_are_refused(void)
{
    for (uint64_t number = EXO_CALL_COUNT; number != 0; number <<= 1) {
        check_equal(exo_svc1(number, 0), EXO_E_CALL);
        check_equal(exo_svc1(~number | 1ull << 40, 0), EXO_E_CALL);
    }
}

static const struct test tests[] = {
    TEST(each_call_answers_each_bad_argument),
    TEST(each_call_answers_bad_arguments_together),
    TEST(unknown_calls_are_refused),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
