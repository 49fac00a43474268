/* Leaves and roots. */
#include <string.h>

#include <model/tree.h>

#define LEVELS 64 /* more than a 64-bit number of leaves has */

static void
hash_node(const uint8_t left[HASH_BYTES], const uint8_t right[HASH_BYTES], uint8_t to[HASH_BYTES])
{
    struct hash hash;
    hash_begin(&hash);
    hash_add(&hash, "\x01", 1);
    hash_add(&hash, left, HASH_BYTES);
    hash_add(&hash, right, HASH_BYTES);
    hash_end(&hash, to);
}

void
tree_leaf(const void *block, size_t bytes, uint8_t leaf[HASH_BYTES])
{
    struct hash hash;
    hash_begin(&hash);
    hash_add(&hash, "\x00", 1);
    hash_add(&hash, block, bytes);
    hash_end(&hash, leaf);
}

/*
 * Leaves are added from left to right. The stack holds the roots of full trees, the largest below:
 * after i leaves one for each bit that is set in i. What is left at the end is folded from the
 * right, which is the shape that RFC 6962 gives by recursion.
 */
void
tree_root(const uint8_t (*leaves)[HASH_BYTES], uint64_t count, uint8_t root[HASH_BYTES])
{
    uint8_t stack[LEVELS][HASH_BYTES];
    unsigned depth = 0;
    for (uint64_t i = 0; i < count; i++) {
        memcpy(stack[depth++], leaves[i], HASH_BYTES);
        for (uint64_t full = i + 1; full % 2 == 0; full /= 2, depth--)
            hash_node(stack[depth - 2], stack[depth - 1], stack[depth - 2]);
    }
    for (; depth > 1; depth--)
        hash_node(stack[depth - 2], stack[depth - 1], stack[depth - 2]);
    memcpy(root, stack[0], HASH_BYTES);
}
