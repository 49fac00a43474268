/*
 * SHA-256 and the hash tree, against RFC 6962 §2.1 written down the way the RFC has it, by
 * recursion, and against values that Python's hashlib gave.
 */
#include <stdlib.h>
#include <string.h>

#include <model/signature.h>
#include <model/tree.h>

#include "tap.h"

#define MOST 70

static uint8_t leaves[MOST][HASH_BYTES];

static bool
is(const uint8_t digest[HASH_BYTES], const char *digits)
{
    char text[2 * HASH_BYTES + 1];
    signature_hex(digest, HASH_BYTES, text);
    return strcmp(text, digits) == 0;
}

static void
sha256_of_abc_is_that_of_fips_180(void)
{
    struct hash hash;
    uint8_t digest[HASH_BYTES];
    hash_begin(&hash);
    hash_add(&hash, "a", 1);
    hash_add(&hash, "bc", 2);
    hash_end(&hash, digest);
    CHECK(is(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

static void
leaves_and_nodes_have_different_first_bytes(void)
{
    uint8_t leaf[HASH_BYTES], root[HASH_BYTES], as_leaf[HASH_BYTES];
    tree_leaf("abc", 3, leaf); /* hashlib.sha256(b"\0abc") */
    CHECK(is(leaf, "609f6e36d2405585188d5cfd761f407c7cc46a7d3f314c88270469dde315fcd1"));
    memset(leaves[0], 'l', HASH_BYTES);
    memset(leaves[1], 'r', HASH_BYTES);
    tree_root((const uint8_t(*)[HASH_BYTES])leaves, 2,
              root); /* sha256(b"\1" + 32*b"l" + 32*b"r") */
    CHECK(is(root, "3ee3e780e02dbefc2aea2b5cc8a10a21798d1aaa183c4cf81af4d0591749ce6f"));
    tree_leaf(leaves, 2 * HASH_BYTES, as_leaf);
    CHECK(memcmp(root, as_leaf, HASH_BYTES) != 0);
}

/* MTH of RFC 6962 §2.1, over leaf hashes. */
static void
recursive_root(const uint8_t (*list)[HASH_BYTES], uint64_t count, uint8_t root[HASH_BYTES])
{
    uint8_t both[1 + 2 * HASH_BYTES] = {1};
    struct hash hash;
    uint64_t k = 1;
    if (count == 1) {
        memcpy(root, list[0], HASH_BYTES);
        return;
    }
    while (2 * k < count)
        k *= 2;
    recursive_root(list, k, both + 1);
    recursive_root(list + k, count - k, both + 1 + HASH_BYTES);
    hash_begin(&hash);
    hash_add(&hash, both, sizeof(both));
    hash_end(&hash, root);
}

static void
roots_have_the_shape_of_the_rfc(void)
{
    uint8_t root[HASH_BYTES], expected[HASH_BYTES];
    for (size_t i = 0; i < MOST; i++)
        tree_leaf(&i, sizeof(i), leaves[i]);
    for (uint64_t count = 1; count <= MOST; count++) {
        tree_root((const uint8_t(*)[HASH_BYTES])leaves, count, root);
        recursive_root((const uint8_t(*)[HASH_BYTES])leaves, count, expected);
        CHECK(memcmp(root, expected, HASH_BYTES) == 0);
    }
}

static void
the_root_of_one_leaf_is_the_leaf(void)
{
    uint8_t root[HASH_BYTES];
    tree_leaf("x", 1, leaves[0]);
    tree_root((const uint8_t(*)[HASH_BYTES])leaves, 1, root);
    CHECK(memcmp(root, leaves[0], HASH_BYTES) == 0);
}

static void
a_short_last_block_is_not_padded(void)
{
    uint8_t shorter[HASH_BYTES], longer[HASH_BYTES];
    tree_leaf("ab", 2, shorter);
    tree_leaf("ab\0", 3, longer);
    CHECK(memcmp(shorter, longer, HASH_BYTES) != 0);
}

static void
blocks_are_counted_and_measured(void)
{
    CHECK_EQ(tree_blocks(1), 1);
    CHECK_EQ(tree_blocks(65536), 1);
    CHECK_EQ(tree_blocks(65537), 2);
    CHECK(tree_blocks(UINT64_MAX) == 1ull << 48);
    CHECK_EQ(tree_block_bytes(65536, 0), 65536);
    CHECK_EQ(tree_block_bytes(65537, 0), 65536);
    CHECK_EQ(tree_block_bytes(65537, 1), 1);
}

static const struct tap_test tests[] = {
    TAP(sha256_of_abc_is_that_of_fips_180), TAP(leaves_and_nodes_have_different_first_bytes),
    TAP(roots_have_the_shape_of_the_rfc),   TAP(the_root_of_one_leaf_is_the_leaf),
    TAP(a_short_last_block_is_not_padded),  TAP(blocks_are_counted_and_measured),
};

TAP_MAIN(tests)
