/* What a worker believes about its slots and pages, and choosing from it. */
#include "worker.h"

#define SOON_NS 800000u

struct state now;
struct exo_cap_info info_buffer;
struct exo_limits limits_buffer;
struct exo_map map_buffer[EXO_MAP_ENTRIES_MAX];
struct exo_context context_buffer;
char bytes_buffer[BYTES] __attribute__((aligned(4096)));

/* xorshift64*, as in lib/test.c; each worker's sequence follows from its seed. */
uint64_t
random_next(void)
{
    now.random ^= now.random >> 12;
    now.random ^= now.random << 25;
    now.random ^= now.random >> 27;
    return now.random * 0x2545f4914f6cdd1dull;
}

uint32_t
below(uint32_t limit)
{
    return (uint32_t)((random_next() >> 32) * limit >> 32);
}

bool
one_in(uint32_t n)
{
    return below(n) == 0;
}

const struct slot *
slot_at(uint64_t slot)
{
    static const struct slot empty;
    return slot < SLOTS ? &now.slots[slot] : &empty;
}

void
slot_set(uint64_t slot, struct slot value)
{
    if (slot < SLOTS && !now.slots[slot].keep) {
        now.used += value.type != EXO_TYPE_NONE;
        now.used -= now.slots[slot].type != EXO_TYPE_NONE;
        now.slots[slot] = value;
    }
}

void
slot_clear(uint64_t slot)
{
    slot_set(slot, (struct slot){0});
}

void
slot_suspect(uint64_t slot)
{
    if (slot < SLOTS && slot != FUZZ_SLOT_PAGE)
        now.suspect = (uint32_t)slot;
}

/* --- What init granted ------------------------------------------------------------------------ */

static void
grant(uint32_t slot, enum exo_type type, uint32_t rights, uint32_t count)
{
    slot_set(slot, (struct slot){.type = (uint8_t)type, .rights = (uint8_t)rights, .count = count});
}

static void
keep(uint32_t slot, enum exo_type type, uint32_t rights)
{
    grant(slot, type, rights, 1);
    now.slots[slot].keep = 1;
}

static void
note_grants(const struct fuzz_page *shared)
{
    const uint32_t use = EXO_READ | EXO_WRITE | EXO_COPY, all = EXO_RIGHTS_ALL & ~EXO_EXEC;
    keep(EXO_BOOT_CELL, EXO_TYPE_CELL, use);
    keep(EXO_BOOT_ENV, EXO_TYPE_ENV, all);
    keep(EXO_BOOT_VCPU, EXO_TYPE_VCPU, all);
    keep(EXO_BOOT_IMAGE, EXO_TYPE_NONE, 0);
    keep(EXO_BOOT_DATA, EXO_TYPE_NONE, 0);
    keep(FUZZ_SLOT_PAGE, EXO_TYPE_NONE, 0);
    keep(FUZZ_SLOT_CODE, EXO_TYPE_FRAMES, EXO_READ | EXO_EXEC | EXO_COPY);
    keep(FUZZ_SLOT_MACHINE, EXO_TYPE_MACHINE, EXO_READ | EXO_COPY);
    keep(FUZZ_SLOT_TRACE, EXO_TYPE_TRACE, EXO_READ | EXO_CONTROL | EXO_COPY);
    grant(FUZZ_SLOT_SHARED, EXO_TYPE_FRAMES, EXO_RIGHTS_ALL, FUZZ_SHARED_FRAMES);
    for (uint32_t i = 0; i < FUZZ_ENDPOINTS; i++)
        keep(FUZZ_SLOT_ENDPOINT + i, EXO_TYPE_ENDPOINT, use);
    for (uint32_t i = 0; i < FUZZ_BELLS; i++)
        grant(FUZZ_SLOT_BELL + i, EXO_TYPE_NOTIFICATION, EXO_WRITE | EXO_COPY, 0);
    for (uint32_t i = 0; i < FUZZ_PEERS; i++) {
        grant(FUZZ_SLOT_PEER + i, EXO_TYPE_ENV, all, 0);
        now.slots[FUZZ_SLOT_PEER + i].risky = 1;
    }
    now.slots[EXO_BOOT_ENV].risky = now.slots[EXO_BOOT_VCPU].risky = 1;
    keep(FUZZ_SLOT_IRQS, EXO_TYPE_IRQ, EXO_WRITE | EXO_COPY);
    for (uint32_t i = 0; i < FUZZ_DEVICES; i++)
        keep(FUZZ_SLOT_DEVICE + i, EXO_TYPE_DEVICE, EXO_RIGHTS_ALL);
    keep(FUZZ_SLOT_VICTIM, EXO_TYPE_NONE, 0);
    for (uint32_t i = 0; i < shared->cpus; i++)
        grant(FUZZ_SLOT_CPU + i, EXO_TYPE_CPU, use, FUZZ_CPU_SHARE);
}

void
state_begin(struct fuzz_page *shared)
{
    now.shared = shared;
    now.random = shared->seed;
    now.suspect = EXO_NONE;
    note_grants(shared);
}

/* --- Choosing --------------------------------------------------------------------------------- */

static bool
is_queue(uint8_t type)
{
    return type == EXO_TYPE_QUEUE || type == EXO_TYPE_EXTENT || type == EXO_TYPE_PORT;
}

static bool
fits(const struct slot *slot, enum exo_type type, uint32_t rights)
{
    bool right_type = type == EXO_TYPE_NONE    ? slot->type != EXO_TYPE_NONE
                      : type == EXO_TYPE_QUEUE ? is_queue(slot->type)
                                               : slot->type == type;
    return right_type && (slot->rights & rights) == rights;
}

/* The first that fits from a random one on; EXO_NONE. */
static uint32_t
find(enum exo_type type, uint32_t rights, bool safe)
{
    uint32_t at = below(SLOTS);
    for (uint32_t i = 0; i < SLOTS; i++, at = (at + 1) % SLOTS) {
        const struct slot *slot = &now.slots[at];
        if (fits(slot, type, rights) && !(safe && (slot->keep || slot->risky)))
            return at;
    }
    return EXO_NONE;
}

bool
have(enum exo_type type, uint32_t rights)
{
    return find(type, rights, false) != EXO_NONE;
}

/* Numbers that a check should look at twice. */
uint64_t
pick_odd(void)
{
    static const uint64_t odd[] = {
        0,
        1,
        2,
        7,
        63,
        64,
        511,
        512,
        513,
        4095,
        4096,
        4097,
        0x10000,
        0x7fffffff,
        0x80000000,
        EXO_NONE,
        EXO_SELF,
        1ull << 32,
        EXO_VA_END,
        1ull << 47,
        1ull << 63,
        UINT64_MAX,
        UINT64_MAX - 4095,
        EXO_VA_END - 4096,
        EXO_VA_END - 8,
        0xffff000000000000ull,
    };
    uint32_t i = below(sizeof(odd) / sizeof(odd[0]) + 4);
    return i < sizeof(odd) / sizeof(odd[0]) ? odd[i] : random_next() >> below(64);
}

static uint64_t
any_slot(void)
{
    uint64_t slot = one_in(8) ? pick_odd() : below(SLOTS + 64);
    return slot < SLOTS && now.slots[slot].keep ? FUZZ_SLOT_FREE : slot;
}

uint64_t
pick(enum exo_type type, uint32_t rights)
{
    if (one_in(24))
        return any_slot();
    uint32_t slot = find(type, rights, false);
    return slot != EXO_NONE ? slot : any_slot();
}

uint64_t
pick_other(enum exo_type type, uint32_t rights)
{
    uint32_t slot = find(type, rights, true);
    return slot != EXO_NONE && !one_in(24) ? slot : FUZZ_SLOT_FREE + below(SLOTS);
}

uint64_t
pick_env(uint32_t rights)
{
    return below(5) < 3 ? EXO_SELF : pick(EXO_TYPE_ENV, rights);
}

uint64_t
pick_device(uint32_t rights)
{
    return one_in(24) ? pick(EXO_TYPE_DEVICE, rights) : FUZZ_SLOT_DEVICE + below(FUZZ_DEVICES);
}

uint64_t
pick_empty(void)
{
    if (one_in(32))
        return any_slot();
    for (uint32_t tries = 0; tries < 32; tries++) {
        uint32_t slot = FUZZ_SLOT_FREE + below(SLOTS - FUZZ_SLOT_FREE);
        if (now.slots[slot].type == EXO_TYPE_NONE)
            return slot;
    }
    return FUZZ_SLOT_FREE + below(SLOTS - FUZZ_SLOT_FREE);
}

/* Usually the buffer; else arena memory, which may not be mapped, or nonsense. */
uint64_t
pick_buffer(const void *usual)
{
    switch (below(40)) {
    case 0: return pick_odd();
    case 1: return ARENA_VA + below(ARENA_PAGES) * PAGE + below(4096);
    case 2: return ARENA_VA + below(ARENA_PAGES) * PAGE;
    case 3: return BLOCK_VA + below(4 * 512) * PAGE;
    default: return exo_address(usual);
    }
}

/* Now, or soon: never so late that a worker seems to hang. */
uint64_t
pick_deadline(void)
{
    switch (below(12)) {
    case 0: return 0;
    case 1: return rt_ticks();
    default: return rt_deadline_ns(below(SOON_NS));
    }
}
