// config: smp=4 cpu=max mem=256M cmdline="exo.pmu" devices=blk:1M,net timeout=120
/*
 * What submitting costs: queue_submit with 32 buffers for a NIC of one's own to send, and with 32
 * reads of one sector from an extent; copying in, checks, ring and doorbell included. And telling
 * the kernel of 32 completions, which the next submission does in the same call. Retired
 * instructions a descriptor, EL0 to EL0 (-icount).
 */
#include <rt/call.h>
#include <rt/console.h>
#include <rt/frames.h>
#include <rt/start.h>
#include <rt/time.h>

#define ROUNDS ((unsigned)rt_option_number("bench.rounds", 2000))
#define BATCH  32u

static const struct exo_ring *ring;
static struct exo_descriptor batch[BATCH];
static uint32_t queue;
static uint16_t consumed;

static inline uint64_t
instructions(void)
{
    uint64_t count;
    __asm__ volatile("isb\n\tmrs %0, pmevcntr0_el0" : "=r"(count)::"memory");
    return count;
}

static void
must(const char *what, int64_t status)
{
    if (status != EXO_OK) {
        rt_printf("# %s: %s\n", what, exo_error_text(status));
        rt_exit(1);
    }
}

/* Disks come before NICs on the bus, as they are named above. */
static void
open_queue(uint32_t device, uint32_t index, uint32_t queues)
{
    int64_t status;
    struct rt_memory memory;
    uint32_t ring_slot = rt_slot_take();
    queue = rt_slot_take();
    must("session", exo_again(exo_device_open(EXO_BOOT_CELL, device, queues, 0, 0).status));
    must("extent", exo_queue_open(EXO_BOOT_CELL, queue, device, index, ring_slot, 0, 0));
    ring = rt_map_at_any(ring_slot, 0, 1, EXO_PROT_READ, &status);
    must("ring page", status);
    must("memory", rt_memory_take(4, EXO_PROT_READ | EXO_PROT_WRITE, &memory));
    must("region", exo_queue_region(queue, memory.slot, 0, 4, EXO_READ | EXO_WRITE).status);
    for (uint16_t i = 0; i < BATCH; i++)
        batch[i] = (struct exo_descriptor){.id = i,
                                           .flags = index == 0 ? EXO_DESCRIPTOR_WRITE : 0,
                                           .offset = i * EXO_SECTOR_BYTES,
                                           .length = EXO_SECTOR_BYTES,
                                           .sector = i};
}

static uint64_t
submit(uint32_t count)
{
    uint64_t from = instructions();
    struct exo_submitted submitted = exo_queue_submit(queue, batch, count, consumed, false);
    uint64_t to = instructions();
    must("submit", submitted.status);
    return (to - from) & UINT32_MAX;
}

static void
report(const char *name, uint64_t sum, unsigned bar)
{
    uint64_t from = instructions(), own = instructions() - from;
    if (sum != 0) {
        rt_printf(
            "bench: %s %llu instructions bar=%u\n", name,
            (unsigned long long)((sum - own * ROUNDS + BATCH * ROUNDS / 2) / (BATCH * ROUNDS)),
            bar);
    }
}

static void
measure(const char *submit_name, const char *consume_name, unsigned bar)
{
    uint64_t submits = 0, harvests = 0;
    consumed = ring->start;
    for (unsigned i = 0; i < ROUNDS; i++) {
        submits += submit(BATCH);
        uint16_t wanted = (uint16_t)(consumed + BATCH);
        while (__atomic_load_n(&ring->used_index, __ATOMIC_ACQUIRE) != wanted)
            (void)exo_yield();
        consumed = wanted;
        harvests += submit(0);
    }
    report(submit_name, submits, bar);
    report(consume_name, harvests, bar);
}

int
main(void)
{
    open_queue(EXO_BOOT_DEVICE + 1, 1, 2);
    measure("queue-submit", "queue-consume", 60);
    open_queue(EXO_BOOT_DEVICE, 0, 1);
    measure("extent-submit", "extent-consume", 180); /* three of the ring each */
    return 0;
}
