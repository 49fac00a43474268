// config: smp=1,4 cpu=max,cortex-a72 build=release,debug devices=rng
/*
 * Programs that lie to a queue: about buffers, chains, ids and what they have seen. What is refused
 * has changed nothing.
 */
#include "vring.h"

#define DEVICE EXO_BOOT_DEVICE
#define WRITE  EXO_DESCRIPTOR_WRITE
#define NEXT   EXO_DESCRIPTOR_NEXT
#define IDS    8u /* of QEMU's entropy device */
#define PAGES  2u
#define BYTES  (PAGES * EXO_PAGE_BYTES)

static bool
open_entropy(struct vring *vring)
{
    return open_device(EXO_BOOT_CELL, DEVICE, 1) &&
           open_vring(vring, EXO_BOOT_CELL, DEVICE, 0, 0, 0, PAGES);
}

/* The batch is refused, and the device hears nothing of it. */
static void
is_refused(struct vring *vring, const struct exo_descriptor *batch, uint32_t count, int64_t error)
{
    struct exo_queue_info before = vring_info(vring->slot);
    check_equal(vring_submit(vring, batch, count).status, error);
    struct exo_queue_info after = vring_info(vring->slot);
    check_equal(after.submitted, before.submitted);
    check_equal(after.in_flight, 0);
    check_equal(after.state, EXO_RING_OPEN);
    check_equal(vring->ring->used_index, vring->consumed);
}

static void
buffer_is_refused(struct vring *vring, struct exo_descriptor buffer, int64_t error)
{
    is_refused(vring, &buffer, 1, error);
}

/* Nothing was written meanwhile, and all ids can be used. */
static void
all_is_as_before(struct vring *vring)
{
    const uint64_t *words = vring->memory.at;
    for (uint32_t i = 0; i < BYTES / 8; i++)
        if (!check_equal(words[i], 0))
            return;
    (void)vring_works(vring);
}

/* --- Buffers -------------------------------------------------------------------------------------
 */

static void
buffer_outside_its_region_is_refused(void)
{
    struct vring vring;
    if (!open_entropy(&vring))
        return;
    buffer_is_refused(&vring, vring_buffer(0, WRITE, BYTES, 1), EXO_E_RANGE);
    buffer_is_refused(&vring, vring_buffer(0, WRITE, BYTES - 1, 2), EXO_E_RANGE);
    buffer_is_refused(&vring, vring_buffer(0, WRITE, 0, BYTES + 1), EXO_E_RANGE);
    buffer_is_refused(&vring, vring_buffer(0, WRITE, 0x80000000, 1), EXO_E_RANGE);
    all_is_as_before(&vring);
}

static void
buffer_of_length_zero_is_refused(void)
{
    struct vring vring;
    if (!open_entropy(&vring))
        return;
    buffer_is_refused(&vring, vring_buffer(0, WRITE, 0, 0), EXO_E_ARG);
    buffer_is_refused(&vring, vring_buffer(0, WRITE, BYTES, 0), EXO_E_ARG);
    buffer_is_refused(&vring, vring_buffer(0, 0, 0, 0), EXO_E_ARG);
    all_is_as_before(&vring);
}

static void
buffer_of_huge_length_is_refused(void)
{
    struct vring vring;
    if (!open_entropy(&vring))
        return;
    buffer_is_refused(&vring, vring_buffer(0, WRITE, 0, UINT32_MAX), EXO_E_RANGE);
    buffer_is_refused(&vring, vring_buffer(0, WRITE, 0, 0x80000000), EXO_E_RANGE);
    buffer_is_refused(&vring, vring_buffer(0, WRITE, UINT32_MAX, UINT32_MAX), EXO_E_RANGE);
    all_is_as_before(&vring);
}

/* The end modulo 2^32 lies inside the region. */
static void
offset_that_wraps_is_refused(void)
{
    struct vring vring;
    if (!open_entropy(&vring))
        return;
    buffer_is_refused(&vring, vring_buffer(0, WRITE, 0u - EXO_PAGE_BYTES, 2 * EXO_PAGE_BYTES),
                      EXO_E_RANGE);
    buffer_is_refused(&vring, vring_buffer(0, WRITE, 64, 0u - 32), EXO_E_RANGE);
    buffer_is_refused(&vring, vring_buffer(0, WRITE, UINT32_MAX, 1), EXO_E_RANGE);
    all_is_as_before(&vring);
}

static void
region_that_is_not_there_is_refused(void)
{
    struct vring vring;
    struct exo_descriptor into = vring_buffer(0, WRITE, 0, 64);
    if (!open_entropy(&vring))
        return;
    check_equal(exo_queue_region(vring.slot, vring.memory.slot, 1, 1, EXO_WRITE).value, 1);
    check_equal(exo_queue_release(vring.slot, 1), EXO_OK);
    for (uint32_t region = 1; region <= EXO_QUEUE_REGIONS_MAX + 1; region++) {
        into.region = (uint16_t)region;
        buffer_is_refused(&vring, into, EXO_E_RANGE);
        check_equal(exo_queue_release(vring.slot, region), EXO_E_SLOT);
    }
    into.region = UINT16_MAX;
    buffer_is_refused(&vring, into, EXO_E_RANGE);
    all_is_as_before(&vring);
}

static void
region_for_one_direction_is_not_used_for_the_other(void)
{
    struct vring vring;
    struct exo_descriptor into = vring_buffer(0, WRITE, 0, 64), from = vring_buffer(0, 0, 0, 64);
    if (!open_entropy(&vring))
        return;
    into.region = 1;
    from.region = 2;
    check_equal(exo_queue_region(vring.slot, vring.memory.slot, 0, 1, EXO_READ).value, into.region);
    check_equal(exo_queue_region(vring.slot, vring.memory.slot, 0, 1, EXO_WRITE).value,
                from.region);
    buffer_is_refused(&vring, into, EXO_E_RIGHT);
    buffer_is_refused(&vring, from, EXO_E_RIGHT);
    all_is_as_before(&vring);
}

/* --- Chains and ids ------------------------------------------------------------------------------
 */

static void
chain_that_loops_is_refused(void)
{
    struct vring vring;
    if (!open_entropy(&vring))
        return;
    const struct exo_descriptor loop[] = {vring_buffer(0, WRITE | NEXT, 0, 64),
                                          vring_buffer(1, WRITE | NEXT, 64, 64),
                                          vring_buffer(0, WRITE, 0, 64)};
    const struct exo_descriptor itself[] = {vring_buffer(3, WRITE | NEXT, 0, 64),
                                            vring_buffer(3, WRITE, 0, 64)};
    is_refused(&vring, loop, 3, EXO_E_OCCUPIED);
    is_refused(&vring, itself, 2, EXO_E_OCCUPIED);
    all_is_as_before(&vring);
}

static void
chain_without_an_end_is_refused(void)
{
    struct vring vring;
    if (!open_entropy(&vring))
        return;
    const struct exo_descriptor open[] = {vring_buffer(0, WRITE, 0, 64),
                                          vring_buffer(1, WRITE | NEXT, 64, 64),
                                          vring_buffer(2, WRITE | NEXT, 128, 64)};
    is_refused(&vring, open, 3, EXO_E_ARG);
    is_refused(&vring, open, 2, EXO_E_ARG);
    all_is_as_before(&vring);
}

static void
chain_that_is_too_long_is_refused(void)
{
    struct vring vring;
    struct exo_descriptor chain[EXO_SUBMIT_MAX + 1];
    if (!open_entropy(&vring))
        return;
    for (uint16_t i = 0; i <= EXO_SUBMIT_MAX; i++)
        chain[i] = vring_buffer(i % IDS, WRITE | NEXT, i, 1);
    is_refused(&vring, chain, EXO_SUBMIT_MAX + 1, EXO_E_ARG);
    chain[EXO_SUBMIT_MAX - 1].flags = WRITE;
    is_refused(&vring, chain, EXO_SUBMIT_MAX, EXO_E_OCCUPIED); /* more than there are ids */
    chain[IDS] = vring_buffer(IDS, WRITE, 0, 1);
    is_refused(&vring, chain, IDS + 1, EXO_E_RANGE);
    all_is_as_before(&vring);
}

static void
buffer_to_read_behind_one_to_write_is_refused(void)
{
    struct vring vring;
    if (!open_entropy(&vring))
        return;
    const struct exo_descriptor chain[] = {vring_buffer(0, NEXT, 0, 64),
                                           vring_buffer(1, WRITE | NEXT, 64, 64),
                                           vring_buffer(2, 0, 128, 64)};
    is_refused(&vring, chain, 3, EXO_E_ARG);
    all_is_as_before(&vring);
}

/* Indirect descriptors among them: the device would read what the kernel did not. */
static void
flags_that_are_not_defined_are_refused(void)
{
    struct vring vring;
    if (!open_entropy(&vring))
        return;
    for (uint32_t flag = 4; flag <= 0x8000; flag *= 2)
        buffer_is_refused(&vring, vring_buffer(0, (uint16_t)(WRITE | flag), 0, 64), EXO_E_ARG);
    all_is_as_before(&vring);
}

static void
id_beyond_the_ring_is_refused(void)
{
    struct vring vring;
    if (!open_entropy(&vring))
        return;
    buffer_is_refused(&vring, vring_buffer(IDS, WRITE, 0, 64), EXO_E_RANGE);
    buffer_is_refused(&vring, vring_buffer(256, WRITE, 0, 64), EXO_E_RANGE);
    buffer_is_refused(&vring, vring_buffer(UINT16_MAX, WRITE, 0, 64), EXO_E_RANGE);
    const struct exo_descriptor next[] = {vring_buffer(0, WRITE | NEXT, 0, 64),
                                          vring_buffer(IDS, WRITE, 64, 64)};
    is_refused(&vring, next, 2, EXO_E_RANGE);
    all_is_as_before(&vring);
}

static void
id_that_is_named_twice_is_refused(void)
{
    struct vring vring;
    if (!open_entropy(&vring))
        return;
    const struct exo_descriptor batch[] = {vring_buffer(0, WRITE, 0, 64),
                                           vring_buffer(1, WRITE, 64, 64),
                                           vring_buffer(0, WRITE, 128, 64)};
    is_refused(&vring, batch, 3, EXO_E_OCCUPIED);
    all_is_as_before(&vring);
}

static void
consumed_that_is_not_true_is_refused(void)
{
    struct vring vring;
    const struct exo_descriptor good = vring_buffer(0, WRITE, 0, 64);
    if (!open_entropy(&vring))
        return;
    check_equal(vring_submit(&vring, &good, 1).status, EXO_OK);
    if (!vring_wait(&vring, 1))
        return;
    uint16_t before = vring.consumed;
    check_equal(exo_queue_submit(vring.slot, NULL, 0, (uint16_t)(before + 1), false).status,
                EXO_OK);
    static const uint16_t wrong[] = {0, 2, 3, IDS + 2, 0x8000, 0x8001, 0xffff};
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        check_equal(
            exo_queue_submit(vring.slot, &good, 1, (uint16_t)(before + wrong[i]), false).status,
            EXO_E_RANGE);
    }
    struct exo_queue_info info = vring_info(vring.slot);
    check_equal(info.submitted, 1);
    check_equal(info.state, EXO_RING_OPEN);
    memset(vring.memory.at, 0, BYTES);
    all_is_as_before(&vring);
}

static const struct test tests[] = {
    TEST(buffer_outside_its_region_is_refused),
    TEST(buffer_of_length_zero_is_refused),
    TEST(buffer_of_huge_length_is_refused),
    TEST(offset_that_wraps_is_refused),
    TEST(region_that_is_not_there_is_refused),
    TEST(region_for_one_direction_is_not_used_for_the_other),
    TEST(chain_that_loops_is_refused),
    TEST(chain_without_an_end_is_refused),
    TEST(chain_that_is_too_long_is_refused),
    TEST(buffer_to_read_behind_one_to_write_is_refused),
    TEST(flags_that_are_not_defined_are_refused),
    TEST(id_beyond_the_ring_is_refused),
    TEST(id_that_is_named_twice_is_refused),
    TEST(consumed_that_is_not_true_is_refused),
};

int
main(void)
{
    return test_main(tests, sizeof(tests) / sizeof(tests[0]));
}
