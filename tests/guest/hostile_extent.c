// config: smp=1,4 cpu=max,cortex-a72 build=release,debug devices=blk:1M
/* Programs that want more of a disk than their extent: sectors beside it, and other operations. */
#include "vring.h"

#define DEVICE EXO_BOOT_DEVICE
#define SECTOR EXO_SECTOR_BYTES
#define FIRST  100u
#define COUNT  64u
#define ALL    (EXO_READ | EXO_WRITE | EXO_EXEC | EXO_CONTROL)

struct operation {
    enum exo_block_operation operation;
    uint32_t right, bytes;
};

static const struct operation operations[] = {
    {EXO_BLOCK_READ, EXO_READ, SECTOR},
    {EXO_BLOCK_WRITE, EXO_WRITE, SECTOR},
    {EXO_BLOCK_FLUSH, EXO_EXEC, 0},
    {EXO_BLOCK_DISCARD, EXO_CONTROL, SECTOR},
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static bool
open_extent(struct vring *vring)
{
    return open_device(EXO_BOOT_CELL, DEVICE, 2) &&
           open_vring(vring, EXO_BOOT_CELL, DEVICE, 0, FIRST, COUNT, 2);
}

/* As it would be done through that capability. */
static int64_t
attempt(struct vring *vring, uint32_t slot, struct exo_descriptor request)
{
    struct vring through = *vring;
    through.slot = slot;
    int64_t status = vring_submit(&through, &request, 1).status;
    if (status == EXO_OK && vring_wait(&through, 1))
        check_equal(vring->ring->status[request.id], 0);
    return status;
}

static struct exo_descriptor
request_of(const struct operation *operation, uint64_t sector, uint32_t bytes)
{
    return block_request(operation->operation, 0, sector, 0, bytes);
}

/* The disk's 64-bit words have their own offsets as values. */
static void
neighbours_are_untouched(void)
{
    struct vring all;
    if (!open_vring(&all, EXO_BOOT_CELL, DEVICE, 1, 0, 0, 1))
        return;
    const uint64_t *words = all.memory.at;
    static const uint64_t beside[] = {FIRST - 1, FIRST + COUNT, 0};
    for (unsigned i = 0; i < 3; i++) {
        check_equal(attempt(&all, all.slot, block_request(EXO_BLOCK_READ, 0, beside[i], 0, SECTOR)),
                    EXO_OK);
        check_equal(words[0], beside[i] * SECTOR);
        check_equal(words[SECTOR / 8 - 1], (beside[i] + 1) * SECTOR - 8);
    }
}

/* By one sector at either end, by many, and by so many that the sum is inside again. */
static void
sectors_outside_of_the_extent_are_refused(void)
{
    struct vring vring;
    if (!open_extent(&vring))
        return;
    static const uint64_t outside[] = {COUNT,         UINT64_MAX,       0ull - FIRST,
                                       UINT32_MAX,    1ull << 32,       (1ull << 55) - FIRST,
                                       1ull << 55,    (1ull << 32) + 1, UINT64_MAX / SECTOR,
                                       2048u - FIRST, 1ull << 63};
    for (unsigned op = 0; op < OPERATIONS; op++) {
        if (operations[op].bytes == 0) /* a flush has no sectors */
            continue;
        for (unsigned i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
            check_equal(
                attempt(&vring, vring.slot, request_of(&operations[op], outside[i], SECTOR)),
                EXO_E_RANGE);
        check_equal(attempt(&vring, vring.slot, request_of(&operations[op], COUNT - 1, 2 * SECTOR)),
                    EXO_E_RANGE);
    }
    neighbours_are_untouched();
}

/* A chain may be longer than each of its buffers. */
static void
chain_that_runs_out_of_the_extent_is_refused(void)
{
    struct vring vring;
    if (!open_extent(&vring))
        return;
    struct exo_descriptor chain[] = {block_request(EXO_BLOCK_WRITE, 0, COUNT - 1, 0, SECTOR),
                                     block_request(EXO_BLOCK_WRITE, 1, COUNT - 1, 0, SECTOR)};
    chain[0].flags = EXO_DESCRIPTOR_NEXT;
    check_equal(vring_submit(&vring, chain, 2).status, EXO_E_RANGE);
    chain[0].length = chain[1].length = SECTOR / 2;
    check_equal(vring_submit(&vring, chain, 2).status, EXO_OK);
    check(vring_wait(&vring, 1));
    neighbours_are_untouched();
}

static void
operation_without_its_right_is_refused(void)
{
    struct vring vring;
    if (!open_extent(&vring))
        return;
    for (unsigned op = 0; op < OPERATIONS; op++) {
        const struct operation *operation = &operations[op];
        uint32_t only = copy_of(vring.slot, operation->right);
        uint32_t others = copy_of(vring.slot, ALL & ~operation->right);
        struct exo_descriptor request =
            request_of(operation, 7 * (operation->bytes != 0), operation->bytes);
        check_equal(attempt(&vring, others, request), EXO_E_RIGHT);
        check_equal(attempt(&vring, only, request), EXO_OK);
    }
    struct exo_queue_info info = vring_info(vring.slot);
    check_equal(info.submitted, OPERATIONS);
}

static void
requests_that_are_none_are_refused(void)
{
    struct vring vring;
    if (!open_extent(&vring))
        return;
    struct exo_descriptor request = block_request(EXO_BLOCK_READ, 0, 0, 0, SECTOR);
    for (uint32_t operation = 0; operation <= 32; operation++) {
        request.operation = (uint16_t)operation;
        if (operation != EXO_BLOCK_READ && operation != EXO_BLOCK_WRITE)
            check_equal(attempt(&vring, vring.slot, request), EXO_E_ARG);
    }
    const struct exo_descriptor bad[] = {
        {.operation = UINT16_MAX, .flags = EXO_DESCRIPTOR_WRITE, .length = SECTOR},
        {.operation = EXO_BLOCK_READ, .length = SECTOR}, /* the disk would read memory */
        {.operation = EXO_BLOCK_WRITE, .flags = EXO_DESCRIPTOR_WRITE, .length = SECTOR},
        {.operation = EXO_BLOCK_READ, .flags = EXO_DESCRIPTOR_WRITE, .length = SECTOR - 1},
        {.operation = EXO_BLOCK_WRITE, .length = SECTOR + 1},
        {.operation = EXO_BLOCK_READ, .flags = EXO_DESCRIPTOR_WRITE},
        {.operation = EXO_BLOCK_FLUSH, .length = SECTOR},
        {.operation = EXO_BLOCK_FLUSH, .flags = EXO_DESCRIPTOR_NEXT},
        {.operation = EXO_BLOCK_DISCARD},
        {.operation = EXO_BLOCK_DISCARD, .flags = EXO_DESCRIPTOR_WRITE, .length = SECTOR},
        {.operation = EXO_BLOCK_DISCARD, .length = SECTOR / 2},
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (!check_equal(attempt(&vring, vring.slot, bad[i]), EXO_E_ARG))
            rt_printf("# request %u\n", i);
    check_equal(vring_info(vring.slot).submitted, 0);
}

/* The kernel's own descriptors, behind the owner's, are nobody's to name. */
static void
id_of_a_header_is_refused(void)
{
    struct vring vring;
    if (!open_extent(&vring))
        return;
    uint16_t ids = vring.ring->ids;
    check_equal(ids, vring.ring->entries / 4);
    for (unsigned op = 0; op < OPERATIONS; op++) {
        struct exo_descriptor request = request_of(&operations[op], 0, operations[op].bytes);
        for (uint32_t id = ids; id <= 4u * ids; id += ids) {
            request.id = (uint16_t)id;
            check_equal(attempt(&vring, vring.slot, request), EXO_E_RANGE);
        }
    }
}

static void
copy_of_an_extent_has_no_more_than_the_extent(void)
{
    struct vring vring;
    if (!open_extent(&vring))
        return;
    uint32_t slot = rt_slot_take(), part = rt_slot_take();
    check_equal(exo_cap_copy(vring.slot, EXO_SELF, slot, EXO_READ, FIRST - 1, 2), EXO_E_RANGE);
    check_equal(exo_cap_copy(vring.slot, EXO_SELF, slot, EXO_READ, FIRST + 1, COUNT), EXO_E_RANGE);
    check_equal(exo_cap_copy(vring.slot, EXO_SELF, slot, EXO_READ, 0, COUNT), EXO_E_RANGE);
    check_equal(exo_cap_copy(vring.slot, EXO_SELF, part, EXO_READ | EXO_COPY, FIRST + 8, 8),
                EXO_OK);
    check_equal(exo_cap_copy(part, EXO_SELF, slot, EXO_READ, FIRST + 7, 2), EXO_E_RANGE);
    check(exo_cap_copy(part, EXO_SELF, slot, ALL, FIRST + 8, 8) != EXO_OK ||
          info_of(slot).rights == EXO_READ);
    check_equal(attempt(&vring, part, block_request(EXO_BLOCK_READ, 0, 8, 0, SECTOR)), EXO_E_RANGE);
    check_equal(attempt(&vring, part, block_request(EXO_BLOCK_READ, 0, UINT64_MAX, 0, SECTOR)),
                EXO_E_RANGE);
    check_equal(attempt(&vring, part, block_request(EXO_BLOCK_READ, 0, 7, 0, SECTOR)), EXO_OK);
    check_equal(*(uint64_t *)vring.memory.at, (FIRST + 15) * SECTOR);
}

static void
extent_is_no_larger_than_the_disk(void)
{
    if (!open_device(EXO_BOOT_CELL, DEVICE, 1))
        return;
    static const uint64_t ranges[][2] = {{2048, 1},       {2047, 2},      {0, 2049},
                                         {UINT64_MAX, 2}, {1, 0},         {1ull << 32, 1},
                                         {0, 1ull << 32}, {1, UINT64_MAX}};
    uint32_t slot = rt_slot_take(), ring = rt_slot_take();
    for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        check_equal(
            exo_queue_open(EXO_BOOT_CELL, slot, DEVICE, 0, ring, ranges[i][0], ranges[i][1]),
            EXO_E_RANGE);
    check_equal(exo_queue_open(EXO_BOOT_CELL, slot, DEVICE, 0, ring, 2047, 1), EXO_OK);
}

static void
revoked_copy_reaches_nothing(void)
{
    struct vring vring;
    if (!open_extent(&vring))
        return;
    uint32_t reader = copy_of(vring.slot, EXO_READ);
    check_equal(exo_cap_copy(reader, EXO_SELF, rt_slot_take(), EXO_READ, 0, 0), EXO_E_RIGHT);
    check_equal(vring_info(reader).count, COUNT);
    check_equal(rt_revoke(vring.slot), EXO_OK);
    check_equal(exo_queue_submit(reader, NULL, 0, vring.consumed, false).status, EXO_E_SLOT);
    check_equal(attempt(&vring, vring.slot, block_request(EXO_BLOCK_READ, 0, 0, 0, SECTOR)),
                EXO_OK);
}

static const struct test tests[] = {
    TEST(sectors_outside_of_the_extent_are_refused),
    TEST(chain_that_runs_out_of_the_extent_is_refused),
    TEST(requests_that_are_none_are_refused),
    TEST(id_of_a_header_is_refused),
    TEST(copy_of_an_extent_has_no_more_than_the_extent),
    TEST(extent_is_no_larger_than_the_disk),
    TEST(revoked_copy_reaches_nothing),
    TEST(operation_without_its_right_is_refused),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
