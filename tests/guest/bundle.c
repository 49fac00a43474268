// config: smp=1,4 cpu=max,cortex-a72
/*
 * Bundles in the machine: the loader of libos/model over a store image, with the trust root that
 * the boot image carries. The store has "test" in three generations: 1 is checked on fault, 2 is
 * eager, 3 is signed correctly and damaged.
 */
#include <model/bundle.h>
#include <model/image.h>
#include <rt/module.h>

#include "bundle/libc.h"
#include "stress/parallel.h"
#include "test.h"

#define FLIPS    30
#define PAYLOAD  200000 /* bytes; tests/guest/bundle/bundle.mk */
#define ROUNDS   20
#define VCPUS    2
#define MESSAGES 400 /* that are hashed twice */

/* The store image, in memory of our own: tests damage it. */
static struct memory_device {
    struct image_device device;
    char *bytes;
} device;

static struct trust trust;
static struct image image;
static struct bundle bundle;
static unsigned rejected;
static char reason[256], opened[256];

static bool
read_memory(struct image_device *from, uint64_t offset, void *to, size_t bytes)
{
    memcpy(to, ((struct memory_device *)from)->bytes + offset, bytes);
    return true;
}

static void
report(void *context, const struct bundle_event *event)
{
    (void)context;
    if (event->verdict == BUNDLE_REJECTED) {
        rejected++;
        rt_format(reason, sizeof(reason), "%s/%lld: %s", event->name, (long long)event->generation,
                  event->text);
    } else {
        rt_format(opened, sizeof(opened), "%s/%lld: %s", event->name, (long long)event->generation,
                  event->text);
    }
}

static bool
open_below(int64_t below)
{
    const struct bundle_loader loader = {.store = &image.store, .trust = &trust, .report = report};
    rejected = 0;
    reason[0] = 0;
    return bundle_open(&loader, "test", below, &bundle);
}

/* Copies the store out of the boot image, and opens it. */
static bool
begin(void)
{
    struct rt_module store, key;
    struct rt_memory memory;
    struct why why;
    memory_reset();
    hash_use(rt_machine.features & EXO_FEATURE_SHA256 ? &hash_arm : &hash_portable);
    if (!check(rt_module_find("store", &store) && rt_module_find("trust", &key)) ||
        !check_equal(rt_memory_take((uint32_t)(store.bytes / EXO_PAGE_BYTES),
                                    EXO_PROT_READ | EXO_PROT_WRITE, &memory),
                     EXO_OK))
        return false;
    memcpy(memory.at, store.at, store.bytes);
    device = (struct memory_device){{store.bytes, read_memory}, memory.at};
    bool fine = trust_read("trust", key.at, key.bytes, &trust, &why) &&
                image_open(&image, &device.device, &why);
    if (!fine)
        rt_printf("# %s\n", why.text);
    return check(fine);
}

static void
the_newest_generation_that_verifies_is_opened(void)
{
    if (!begin())
        return;
    check(open_below(BUNDLE_NEWEST));
    rt_printf("# %s\n# %s\n", reason, opened);
    check_equal(bundle.manifest.generation, 2);
    check_equal(rejected, 1);
    check(strcmp(reason, "test/3: payload.bin: block 1 is not what was signed") == 0);
    check(strcmp(opened,
                 "test/2: signed by development, verified eagerly, 1 payloads in 4 blocks") == 0);
    bundle_close(&bundle);
}

static struct store_file
file_of(int64_t generation, const char *path)
{
    struct store_file file = {0};
    check(image.store.open(&image.store, "test", generation, path, &file));
    return file;
}

static void
any_flipped_bit_ends_the_eager_generation(void)
{
    static const char *const paths[] = {MANIFEST_FILE, MANIFEST_LEAVES_FILE, "payload.bin"};
    if (!begin())
        return;
    for (int i = 0; i < FLIPS; i++) {
        struct store_file file = file_of(2, paths[i % 3]);
        uint64_t bit = test_random() % (file.bytes * 8);
        char *byte = device.bytes + file.offset + bit / 8;
        *byte = (char)(*byte ^ 1 << bit % 8);
        check(open_below(3) && bundle.manifest.generation == 1 && rejected == 1);
        bundle_close(&bundle);
        *byte = (char)(*byte ^ 1 << bit % 8);
        memory_reset();
        check(image_open(&image, &device.device, &(struct why){{0}}));
    }
    check(open_below(3) && bundle.manifest.generation == 2);
}

static void
a_block_that_turns_bad_on_fault_demotes_and_shows_nothing(void)
{
    static char block[TREE_BLOCK_BYTES];
    struct why why;
    if (!begin() || !check(open_below(2)))
        return;
    char *payload = device.bytes + bundle.files[0].offset;
    check_equal(bundle_read_block(&bundle, 0, 3, block), BUNDLE_BLOCK_GOOD);
    check(memcmp(block, payload + 3 * (size_t)TREE_BLOCK_BYTES,
                 PAYLOAD - 3 * (size_t)TREE_BLOCK_BYTES) == 0);
    payload[2 * TREE_BLOCK_BYTES] ^= 1;
    check_equal(bundle_read_block(&bundle, 0, 2, block), BUNDLE_BLOCK_BAD);
    for (size_t i = 0; i < sizeof(block); i++)
        if (!check_equal(block[i], 0))
            break;
    check_equal(bundle_read_block(&bundle, 0, 0, block), BUNDLE_BLOCK_DEMOTED);
    check(bundle_is_demoted(&bundle, &why));
    check(strcmp(why.text, "payload.bin: block 2 is not what was signed") == 0);
    check(!open_below(1));
}

/* A pager's part: a block is shown to others only when it verified. */
static struct {
    _Atomic uint32_t arrived[ROUNDS];
    _Atomic uint32_t bad, shown;
    char own[VCPUS][TREE_BLOCK_BYTES], visible[TREE_BLOCK_BYTES];
} faults;

static void
fault_again_and_again(uint32_t number)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        parallel_meet(&faults.arrived[round], VCPUS);
        enum bundle_block result = bundle_read_block(&bundle, 0, 1, faults.own[number]);
        if (result == BUNDLE_BLOCK_BAD)
            atomic_fetch_add(&faults.bad, 1);
        else if (atomic_fetch_add(&faults.shown, 1) == 0)
            memcpy(faults.visible, faults.own[number], TREE_BLOCK_BYTES);
    }
}

static void
two_vcpus_that_fault_one_corrupt_block_read_no_byte_of_it(void)
{
    if (!begin() || !check(open_below(2)))
        return;
    memset(&faults, 0, sizeof(faults));
    device.bytes[bundle.files[0].offset + TREE_BLOCK_BYTES + 9] ^= 0x20;
    parallel_run(fault_again_and_again, VCPUS);
    check_equal(atomic_load(&faults.bad), ROUNDS * VCPUS);
    check_equal(atomic_load(&faults.shown), 0);
    for (size_t i = 0; i < TREE_BLOCK_BYTES; i++)
        if (!check(!faults.visible[i] && !faults.own[0][i] && !faults.own[1][i]))
            break;
    check(bundle_is_demoted(&bundle, NULL));
}

/* Messages of all lengths up to MESSAGES, in pieces; and one of many blocks. */
static void
digest(const struct hash_method *method, const char *bytes, size_t count, size_t piece,
       uint8_t to[HASH_BYTES])
{
    struct hash hash;
    hash_use(method);
    hash_begin(&hash);
    for (size_t at = 0; at < count; at += piece)
        hash_add(&hash, bytes + at, piece < count - at ? piece : count - at);
    hash_end(&hash, to);
}

static void
sha256_by_instructions_is_that_of_libsodium(void)
{
    static char bytes[TREE_BLOCK_BYTES];
    uint8_t one[HASH_BYTES], other[HASH_BYTES];
    if (!(rt_machine.features & EXO_FEATURE_SHA256)) {
        test_skip("the CPU has no instructions for SHA-256");
        return;
    }
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)test_random();
    for (size_t count = 0; count < MESSAGES; count++) {
        digest(&hash_portable, bytes, count, MESSAGES, one);
        digest(&hash_arm, bytes, count, 1 + test_random() % 150, other);
        check(memcmp(one, other, HASH_BYTES) == 0);
    }
    digest(&hash_portable, bytes, sizeof(bytes), sizeof(bytes), one);
    digest(&hash_arm, bytes, sizeof(bytes), 10007, other);
    check(memcmp(one, other, HASH_BYTES) == 0);
}

static const struct test tests[] = {
    TEST(the_newest_generation_that_verifies_is_opened),
    TEST(any_flipped_bit_ends_the_eager_generation),
    TEST(a_block_that_turns_bad_on_fault_demotes_and_shows_nothing),
    TEST(two_vcpus_that_fault_one_corrupt_block_read_no_byte_of_it),
    TEST(sha256_by_instructions_is_that_of_libsodium),
};

int
main(void)
{
    return test_main_libos(tests, sizeof(tests) / sizeof(tests[0]));
}
