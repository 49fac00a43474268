/*
 * Every single bit of a small bundle is protected: with any one of them flipped the bundle is
 * refused when it is eager; when it is checked on fault, it is refused or the block is.
 */
#include <stdlib.h>
#include <string.h>

#include "bundle/fixture.h"
#include "tap.h"

#define SAMPLES 2000

static struct fixture fixture;

static void
flip(struct fixture_file *file, size_t bit)
{
    file->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* Whether a bundle that opens has all its blocks good. */
static bool
all_blocks_are_good(void)
{
    static uint8_t block[TREE_BLOCK_BYTES];
    struct bundle bundle;
    bool good = bundle_open(&fixture.loader, "small", BUNDLE_NEWEST, &bundle);
    if (!good)
        return false;
    for (size_t i = 0; i < bundle.manifest.payload_count; i++)
        for (uint64_t b = 0; b < tree_blocks((uint64_t)bundle.manifest.payloads[i].bytes); b++)
            good = good && bundle_read_block(&bundle, i, b, block) == BUNDLE_BLOCK_GOOD;
    bundle_close(&bundle);
    return good;
}

static void
check_every_bit_of_the_manifest(const char *verify)
{
    fixture_begin(&fixture);
    fixture_make(&fixture, 1, verify);
    struct fixture_file *manifest = fixture_find(&fixture, "small", 1, MANIFEST_FILE);
    CHECK(manifest->count > SIGNATURE_TEXT_BYTES + 500);
    for (size_t bit = 0; bit < manifest->count * 8; bit++) {
        flip(manifest, bit);
        CHECK_EQ(fixture_open(&fixture, BUNDLE_NEWEST), 0);
        flip(manifest, bit);
    }
    CHECK_EQ(fixture_open(&fixture, BUNDLE_NEWEST), 1);
    fixture_end(&fixture);
}

static void
every_bit_of_the_manifest(void)
{
    check_every_bit_of_the_manifest("on-fault");
}

/* Where no signature is needed, a manifest with a wrong one is still none. */
static void
every_bit_of_the_signature_where_none_is_needed(void)
{
    fixture_begin(&fixture);
    fixture_make(&fixture, 1, "on-fault");
    fixture.loader.allow_unsigned = true;
    struct fixture_file *manifest = fixture_find(&fixture, "small", 1, MANIFEST_FILE);
    size_t first = manifest->count - SIGNATURE_TEXT_BYTES;
    for (size_t bit = first * 8; bit < manifest->count * 8; bit++) {
        flip(manifest, bit);
        CHECK_EQ(fixture_open(&fixture, BUNDLE_NEWEST), 0);
        flip(manifest, bit);
    }
    fixture_end(&fixture);
}

/* Bits of payloads and leaves in turn: the first and the last of each, then any. */
static void
check_sampled_bits(const char *verify, bool (*good)(void))
{
    static const char *const paths[] = {"model.bin", "tokenizer.bin", MANIFEST_LEAVES_FILE};
    uint64_t random = 1;
    fixture_begin(&fixture);
    fixture_make(&fixture, 1, verify);
    for (int i = 0; i < SAMPLES; i++) {
        struct fixture_file *file = fixture_find(&fixture, "small", 1, paths[i % 3]);
        size_t bit = tap_random(&random, (uint32_t)file->count * 8);
        bit = i < 3 ? 0 : i < 6 ? file->count * 8 - 1 : bit;
        flip(file, bit);
        CHECK(!good());
        flip(file, bit);
    }
    CHECK(good());
    fixture_end(&fixture);
}

static bool
opens(void)
{
    return fixture_open(&fixture, BUNDLE_NEWEST) == 1;
}

static void
sampled_bits_of_payload_and_tree_eagerly(void)
{
    check_sampled_bits("eager", opens);
}

static void
sampled_bits_of_payload_and_tree_on_fault(void)
{
    check_sampled_bits("on-fault", all_blocks_are_good);
}

static const struct tap_test tests[] = {
    TAP(every_bit_of_the_manifest),
    TAP(every_bit_of_the_signature_where_none_is_needed),
    TAP(sampled_bits_of_payload_and_tree_eagerly),
    TAP(sampled_bits_of_payload_and_tree_on_fault),
};

TAP_MAIN(tests)
