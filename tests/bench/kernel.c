// config: smp=4 cpu=max mem=256M cmdline="exo.pmu" timeout=120
/*
 * What the kernel's operations cost, EL0 to EL0: in retired instructions where the machine counts
 * them (-icount; PMU event INST_RETIRED, EL0 and EL1), in nanoseconds otherwise. What the loop
 * around the operation costs is measured alone and taken off.
 */
#include <rt/call.h>
#include <rt/console.h>
#include <rt/frames.h>
#include <rt/spawn.h>
#include <rt/start.h>
#include <rt/time.h>
#include <rt/upcall.h>
#include <rt/vcpu.h>

#define ROUNDS ((unsigned)rt_option_number("bench.rounds", 2000))
#define PAGES  64u
#define BLOCK  (2u << 20)

/* Event counter 0 counts INST_RETIRED when exo.pmu is on the kernel's command line. */
static inline uint64_t
instructions(void)
{
    uint64_t count;
    __asm__ volatile("isb\n\tmrs %0, pmevcntr0_el0" : "=r"(count)::"memory");
    return count;
}

struct reading {
    uint64_t instructions, ticks;
};

static inline struct reading
read_now(void)
{
    return (struct reading){instructions(), rt_ticks()};
}

struct sum {
    uint64_t instructions, ticks, rounds;
};

static inline void
add(struct sum *sum, struct reading from, struct reading to)
{
    sum->instructions += (to.instructions - from.instructions) & UINT32_MAX;
    sum->ticks += to.ticks - from.ticks;
    sum->rounds++;
}

static struct sum reading_cost; /* of read_now itself, a round */

static void
report(const char *name, struct sum sum, uint64_t divisor, unsigned bar)
{
    uint64_t own = reading_cost.instructions / reading_cost.rounds * sum.rounds;
    uint64_t own_ticks = reading_cost.ticks / reading_cost.rounds * sum.rounds;
    uint64_t count = sum.instructions > own ? sum.instructions - own : 0;
    uint64_t ticks = sum.ticks > own_ticks ? sum.ticks - own_ticks : 0;
    if (sum.instructions != 0) {
        rt_printf("bench: %s %llu instructions bar=%u\n", name,
                  (unsigned long long)((count + divisor / 2) / divisor), bar);
    }
    rt_printf("bench: %s-time %llu ns\n", name,
              (unsigned long long)(rt_ticks_to_ns(ticks) / divisor));
}

static void
must(const char *what, int64_t status)
{
    if (status != EXO_OK) {
        rt_printf("# %s: %s\n", what, exo_error_text(status));
        rt_exit(1);
    }
}

static void
measure_reading(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct reading from = read_now(), to = read_now();
        add(&reading_cost, from, to);
    }
}

/* The loop in assembly: a round is the call and four instructions, which are taken off. */
static void
null_call(void)
{
    struct sum sum = {0};
    register uint64_t x8 __asm__("x8") = EXO_CALL_null;
    register uint64_t x9 __asm__("x9") = ROUNDS;
    struct reading from = read_now();
    __asm__ volatile("1: svc #0\n sub x9, x9, #1\n cbnz x9, 1b"
                     : "+r"(x9)
                     : "r"(x8)
                     : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "memory");
    add(&sum, from, read_now());
    sum.instructions -= sum.instructions == 0 ? 0 : 2ull * ROUNDS;
    report("null-call", sum, ROUNDS, 80);
}

/* --- Protected call ------------------------------------------------------------------------------
 */

static int
serve(uint64_t unused)
{
    (void)unused;
    struct exo_message m = exo_receive(RT_SLOT_GRANT, EXO_NONE, EXO_FOREVER);
    while (m.status == EXO_OK) {
        m = exo_reply_receive(RT_SLOT_GRANT, m.word[0] + 1, m.word[1], m.word[2], m.word[3],
                              EXO_NONE, EXO_NONE, EXO_FOREVER);
    }
    return (int)m.status;
}

static void
protected_call(void)
{
    struct sum sum = {0};
    struct rt_child child;
    uint32_t endpoint = rt_slot_take();
    must("endpoint", exo_endpoint_create(EXO_BOOT_CELL, endpoint));
    struct rt_spawn spawn = {
        .entry = serve,
        .grant = {{.src = endpoint, .dst = RT_SLOT_GRANT, .rights = EXO_READ}},
    };
    must("spawn", rt_spawn(&spawn, &child));
    for (unsigned i = 0; i < ROUNDS + 16; i++) {
        struct reading from = read_now();
        struct exo_message m = exo_call(endpoint, i, 2, 3, 4, EXO_NONE, EXO_NONE, EXO_FOREVER);
        struct reading to = read_now();
        must("call", m.status);
        if (m.word[0] != i + 1ull)
            must("answer", EXO_E_ARG);
        if (i >= 16)
            add(&sum, from, to);
    }
    report("call-reply", sum, sum.rounds, 450);
    rt_kill(&child);
    (void)rt_drop(endpoint);
}

/* --- Notification
 * ---------------------------------------------------------------------------------- */

/* Shared by the two: when the waiting one's code ran. */
struct wake {
    _Atomic uint64_t round;
    struct reading woken;
};

static int
wait_for_notifications(uint64_t unused)
{
    struct wake *wake = rt_shared();
    struct exo_control *control = rt_control();
    (void)unused;
    int64_t status;
    do {
        status = exo_wait(EXO_FOREVER);
        struct reading now = read_now();
        if (__atomic_exchange_n(&control->events, 0, __ATOMIC_ACQ_REL) != 0) {
            wake->woken = now;
            atomic_fetch_add(&wake->round, 1);
        }
    } while (status == EXO_OK);
    return (int)status;
}

/* Starts one that waits, and owns the CPU's slots; `badged` notifies it. */
static struct wake *
start_waiting(struct rt_child *child, uint32_t plain, uint32_t badged)
{
    must("notification", exo_notification_create(EXO_BOOT_CELL, plain));
    must("badge", exo_cap_copy(plain, EXO_SELF, badged, EXO_WRITE | EXO_COPY, 1, 0));
    struct rt_spawn spawn = {.entry = wait_for_notifications};
    spawn.limit[EXO_RES_FRAMES] = RT_SPAWN_FRAMES;
    spawn.limit[EXO_RES_CAPS] = RT_SPAWN_CAPS;
    spawn.limit[EXO_RES_ENVS] = 1;
    spawn.limit[EXO_RES_CPU_SLOTS] = EXO_CPU_SLOTS;
    must("spawn", rt_spawn(&spawn, child));
    must("bind", exo_notification_bind(plain, child->vcpu));
    must("assign", exo_cpu_assign(EXO_BOOT_CPU, 0, EXO_CPU_SLOTS, child->vcpu));
    for (unsigned i = 0; i < 8; i++)
        (void)exo_yield();
    return rt_shared_of(child);
}

/* From the call to the first instruction of the one that waited. */
static void
notification(void)
{
    struct sum sum = {0};
    struct rt_child child;
    uint32_t plain = rt_slot_take(), badged = rt_slot_take();
    struct wake *wake = start_waiting(&child, plain, badged);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t round = atomic_load(&wake->round);
        struct reading from = read_now();
        (void)exo_notify(badged);
        while (atomic_load(&wake->round) == round)
            (void)exo_yield();
        add(&sum, from, wake->woken);
    }
    report("notify-wake", sum, sum.rounds, 400);
    rt_kill(&child);
    (void)rt_drop(plain);
}

/* --- Device interrupt
 * --------------------------------------------------------------------------------- */

#define RTC_LINE 34u /* the PL031's on this board (Arm DDI 0224): an alarm set for now is due */
enum { RTC_DATA = 0, RTC_MATCH = 1, RTC_MASK = 4, RTC_RAW = 5, RTC_CLEAR = 7 };

/*
 * From the store that makes the line high, behind which the CPU takes the interrupt, to the first
 * instruction of the one that waited. A round in which the second ended meanwhile does not count.
 */
static void
device_interrupt(void)
{
    struct sum sum = {0};
    struct rt_child child;
    int64_t status;
    uint32_t plain = rt_slot_take(), badged = rt_slot_take(), line = rt_slot_take();
    volatile uint32_t *rtc =
        rt_map_at_any(EXO_BOOT_RTC, 0, 1, EXO_PROT_READ | EXO_PROT_WRITE, &status);
    must("rtc", status);
    struct wake *wake = start_waiting(&child, plain, badged);
    must("irq", exo_irq_open(EXO_BOOT_CELL, line, EXO_BOOT_IRQ, RTC_LINE, EXO_IRQ_LEVEL));
    must("bind", exo_irq_bind(line, badged));
    rtc[RTC_MASK] = 1;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t round = atomic_load(&wake->round);
        uint32_t data = rtc[RTC_DATA];
        struct reading from = read_now();
        rtc[RTC_MATCH] = data;
        if (!(rtc[RTC_RAW] & 1))
            continue;
        while (atomic_load(&wake->round) == round)
            (void)exo_yield();
        add(&sum, from, wake->woken);
        rtc[RTC_CLEAR] = 1;
        (void)exo_again(exo_irq_ack(line));
    }
    report("interrupt-wake", sum, sum.rounds, 600);
    rt_kill(&child);
    (void)rt_drop(plain);
    (void)rt_drop(line);
}

/* --- Page fault
 * --------------------------------------------------------------------------------------- */

static struct exo_map fault_entry;

/* Maps the page and goes on with the program in the same call. */
static void
map_and_resume(const struct rt_upcall *upcall, struct exo_context *context)
{
    fault_entry.va = upcall->a & ~(uint64_t)(EXO_PAGE_BYTES - 1);
    (void)exo_map(EXO_SELF, &fault_entry, 1, context);
    rt_printf("# map with resume came back\n");
    rt_exit(1);
}

static void
page_fault(void)
{
    struct sum sum = {0};
    struct rt_memory memory;
    must("memory", rt_memory_take(1, EXO_PROT_READ | EXO_PROT_WRITE, &memory));
    must("unmap", rt_unmap_pages((uint64_t)memory.at, 1));
    fault_entry =
        (struct exo_map){.slot = memory.slot, .pages = 1, .prot = EXO_PROT_READ | EXO_PROT_WRITE};
    (void)rt_on(EXO_UPCALL_FAULT, map_and_resume);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct reading from = read_now();
        *(volatile uint64_t *)memory.at = i;
        add(&sum, from, read_now());
        must("unmap", rt_unmap_pages((uint64_t)memory.at, 1));
    }
    (void)rt_on(EXO_UPCALL_FAULT, NULL);
    report("page-fault", sum, sum.rounds, 700);
    rt_memory_put(&memory);
}

/* --- map and unmap
 * --------------------------------------------------------------------------------------- */

static void
map_pages(void)
{
    struct sum map = {0}, unmap = {0};
    struct rt_memory memory;
    must("memory", rt_memory_take(PAGES, EXO_PROT_READ | EXO_PROT_WRITE, &memory));
    struct exo_map entry = {.va = (uint64_t)memory.at,
                            .slot = memory.slot,
                            .pages = PAGES,
                            .prot = EXO_PROT_READ | EXO_PROT_WRITE};
    for (unsigned i = 0; i < ROUNDS / 10; i++) {
        struct reading a = read_now();
        struct exo_progress unmapped = exo_unmap(EXO_SELF, &entry, 1);
        struct reading b = read_now();
        must("unmap", unmapped.status);
        struct reading c = read_now();
        struct exo_progress mapped = exo_map(EXO_SELF, &entry, 1, NULL);
        struct reading d = read_now();
        must("map", mapped.status);
        add(&unmap, a, b);
        add(&map, c, d);
    }
    report("map-64-a-page", map, map.rounds * PAGES, 40);
    report("unmap-64-a-page", unmap, unmap.rounds * PAGES, 40);
    rt_memory_put(&memory);
}

/* --- What the kernel itself takes
 * -------------------------------------------------------------------------- */

static void
boot(uint64_t first_ticks)
{
    /* The counter starts with the machine; under -icount a nanosecond is one instruction. */
    bool counted = instructions() != 0;
    rt_printf("bench: power-on-to-user%s %llu %s\n", counted ? "" : "-time",
              (unsigned long long)rt_ticks_to_ns(first_ticks),
              counted ? "instructions bar=3000000" : "ns");
    rt_printf("bench: kernel-image %llu bytes bar=131072\n",
              (unsigned long long)rt_machine.image_bytes);
    rt_printf("bench: kernel-memory %llu bytes bar=2097152\n",
              (unsigned long long)(rt_machine.kernel_frames * EXO_PAGE_BYTES));
}

int
main(void)
{
    boot(rt_ticks());
    measure_reading();
    null_call();
    protected_call();
    notification();
    device_interrupt();
    page_fault();
    map_pages();
    return 0;
}
