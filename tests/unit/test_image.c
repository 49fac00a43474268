/* The store image: what is packed is found, and an image with anything wrong is not opened. */
#include <stdlib.h>
#include <string.h>

#include "bundle/image_fixture.h"
#include "tap.h"

static struct image_fixture fixture;
static struct image image;
static struct why why;

static bool
opens(void)
{
    return image_open(&image, &fixture.device, &why);
}

/* Whether the image, as the test has changed it, is refused for that reason. */
static bool
is_refused(const char *reason)
{
    if (opens()) {
        image_close(&image);
        return false;
    }
    if (strstr(why.text, reason))
        return true;
    printf("# %s\n", why.text);
    return false;
}

/* A correct image with one entry changed, and sealed again. */
#define ENTRY_IS_REFUSED(number, change, reason)                           \
    (image_fixture_make(&fixture), (void)(fixture.entries[number].change), \
     image_fixture_seal(&fixture), is_refused(reason))
#define SUPERBLOCK_IS_REFUSED(change, reason)                         \
    (image_fixture_make(&fixture), (void)(fixture.superblock.change), \
     image_fixture_seal(&fixture), is_refused(reason))

static void
generations_come_newest_first(void)
{
    int64_t generation;
    image_fixture_make(&fixture);
    CHECK(opens());
    struct store *store = &image.store;
    CHECK(store->newest(store, "one", INT64_MAX, &generation) && generation == 2);
    CHECK(store->newest(store, "one", 2, &generation) && generation == 1);
    CHECK(!store->newest(store, "one", 1, &generation));
    CHECK(!store->newest(store, "one", 0, &generation));
    CHECK(!store->newest(store, "one", -5, &generation));
    CHECK(store->newest(store, "two", INT64_MAX, &generation) && generation == 7);
    CHECK(!store->newest(store, "three", INT64_MAX, &generation));
    CHECK(!store->newest(store, "", INT64_MAX, &generation));
    image_close(&image);
}

static void
files_are_found_and_read(void)
{
    static uint8_t bytes[STORE_ALIGN_BYTES];
    struct store_file file;
    image_fixture_make(&fixture);
    CHECK(opens());
    struct store *store = &image.store;
    CHECK(store->open(store, "one", 2, MANIFEST_FILE, &file));
    CHECK_EQ(file.bytes, 400);
    CHECK_EQ(file.offset, 4 * IMAGE_ALIGN_BYTES);
    CHECK(store->read(store, &file, 0, bytes, (size_t)file.bytes));
    for (int i = 0; i < 400; i++)
        CHECK_EQ(bytes[i], (uint8_t)(3 * 16 + i));
    CHECK(!store->open(store, "one", 3, MANIFEST_FILE, &file));
    CHECK(!store->open(store, "one", 2, "b.bin", &file));
    CHECK(!store->open(store, "two", 2, "a.bin", &file));
    image_close(&image);
}

static void
a_failing_device_is_reported(void)
{
    static uint8_t bytes[STORE_ALIGN_BYTES];
    struct store_file file;
    image_fixture_make(&fixture);
    CHECK(opens());
    CHECK(image.store.open(&image.store, "two", 7, "a.bin", &file));
    fixture.broken = true;
    CHECK(!image.store.read(&image.store, &file, 0, bytes, 10));
    image_close(&image);
    CHECK(is_refused("the superblock cannot be read"));
}

static void
an_empty_image_is_an_image(void)
{
    int64_t generation;
    image_fixture_make(&fixture);
    fixture.superblock.entry_count = 0;
    fixture.superblock.image_bytes = IMAGE_ALIGN_BYTES;
    image_fixture_seal(&fixture);
    CHECK(opens());
    CHECK(!image.store.newest(&image.store, "one", INT64_MAX, &generation));
    image_close(&image);
}

static void
another_device_or_version_is_refused(void)
{
    CHECK(SUPERBLOCK_IS_REFUSED(magic[0] = 'X', "no store image"));
    CHECK(SUPERBLOCK_IS_REFUSED(version = 2, "the image has version 2, not 1"));
    image_fixture_make(&fixture);
    fixture.device.bytes = 100;
    CHECK(is_refused("the superblock cannot be read"));
}

static void
an_image_that_is_longer_than_the_device_is_refused(void)
{
    image_fixture_make(&fixture);
    fixture.device.bytes -= STORE_ALIGN_BYTES;
    CHECK(is_refused("the image has 458752 bytes, the device 454656"));
    CHECK(SUPERBLOCK_IS_REFUSED(image_bytes -= 1, "the image has"));
    CHECK(SUPERBLOCK_IS_REFUSED(image_bytes = 0, "the image has"));
    CHECK(SUPERBLOCK_IS_REFUSED(image_bytes = UINT64_MAX, "the image has"));
}

static void
too_many_entries_are_refused(void)
{
    CHECK(SUPERBLOCK_IS_REFUSED(entry_count = IMAGE_ENTRIES_MAX + 1, "4097 entries, more than"));
    CHECK(SUPERBLOCK_IS_REFUSED(entry_count = UINT32_MAX, "entries, more than 4096"));
    CHECK(SUPERBLOCK_IS_REFUSED(entry_count = IMAGE_ENTRIES_MAX, "the image has"));
}

static void
bytes_that_mean_nothing_are_refused(void)
{
    CHECK(SUPERBLOCK_IS_REFUSED(zero[77] = 1, "bytes that mean nothing"));
    CHECK(ENTRY_IS_REFUSED(2, zero = 1, "entry 2 has a name"));
    CHECK(ENTRY_IS_REFUSED(2, name[47] = 1, "entry 2 has a name"));
    CHECK(ENTRY_IS_REFUSED(2, path[63] = 1, "entry 2 has a name"));
}

static void
names_that_no_bundle_has_are_refused(void)
{
    CHECK(ENTRY_IS_REFUSED(0, name[0] = '/', "entry 0 has a name"));
    CHECK(ENTRY_IS_REFUSED(0, name[0] = 0, "entry 0 has a name"));
    CHECK(ENTRY_IS_REFUSED(0, path[1] = '/', "entry 0 has a name"));
    CHECK(ENTRY_IS_REFUSED(0, path[0] = '.', "entry 0 has a name"));
    CHECK(ENTRY_IS_REFUSED(0, generation = 0, "entry 0 has a name"));
    CHECK(ENTRY_IS_REFUSED(5, generation = 1ull << 63, "entry 5 has a name"));
}

static void
entries_out_of_order_or_alike_are_refused(void)
{
    CHECK(ENTRY_IS_REFUSED(2, generation = 1, "entry 2 is not in order"));
    CHECK(ENTRY_IS_REFUSED(1, path[0] = 'A', "entry 1 is not in order"));
    image_fixture_make(&fixture);
    memcpy(fixture.entries[1].path, fixture.entries[0].path, MANIFEST_PATH_BYTES);
    image_fixture_seal(&fixture);
    CHECK(is_refused("entry 1 is not in order"));
    CHECK(ENTRY_IS_REFUSED(4, name[0] = 'a', "entry 4 is not in order"));
}

static void
files_out_of_place_are_refused(void)
{
    CHECK(ENTRY_IS_REFUSED(0, offset = 0, "entry 0, one/1/a.bin, does not lie in its place"));
    CHECK(ENTRY_IS_REFUSED(0, offset += 512, "does not lie in its place"));
    CHECK(ENTRY_IS_REFUSED(1, offset = IMAGE_ALIGN_BYTES, "does not lie in its place"));
    CHECK(ENTRY_IS_REFUSED(1, bytes = IMAGE_ALIGN_BYTES + 1, "does not lie in its place"));
    CHECK(ENTRY_IS_REFUSED(5, bytes = IMAGE_ALIGN_BYTES + 1, "does not lie in its place"));
    CHECK(ENTRY_IS_REFUSED(5, bytes = UINT64_MAX, "does not lie in its place"));
    CHECK(ENTRY_IS_REFUSED(5, offset = 0xffffffffffff0000ull, "does not lie in its place"));
    CHECK(ENTRY_IS_REFUSED(5, offset += IMAGE_ALIGN_BYTES, "does not lie in its place"));
}

/* What the checksums cover is refused when any bit of it is another. */
static void
every_bit_of_superblock_and_directory_is_covered(void)
{
    size_t bits = 8 * (sizeof(struct image_superblock) + sizeof(fixture.entries));
    image_fixture_make(&fixture);
    for (size_t bit = 0; bit < bits; bit++) {
        fixture.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(!opens());
        fixture.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CHECK(opens());
    image_close(&image);
}

static const struct tap_test tests[] = {
    TAP(generations_come_newest_first),
    TAP(files_are_found_and_read),
    TAP(a_failing_device_is_reported),
    TAP(an_empty_image_is_an_image),
    TAP(another_device_or_version_is_refused),
    TAP(an_image_that_is_longer_than_the_device_is_refused),
    TAP(too_many_entries_are_refused),
    TAP(bytes_that_mean_nothing_are_refused),
    TAP(names_that_no_bundle_has_are_refused),
    TAP(entries_out_of_order_or_alike_are_refused),
    TAP(files_out_of_place_are_refused),
    TAP(every_bit_of_superblock_and_directory_is_covered),
};

TAP_MAIN(tests)
