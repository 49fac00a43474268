/*
 * The hash tree over a payload: RFC 6962 §2.1 with SHA-256, its entries being the payload's blocks.
 *
 *   leaf of a block      SHA-256(0x00, the block's bytes)
 *   node over two        SHA-256(0x01, left, right)
 *   root of n > 1 leaves the node over the roots of the first k and of the other n - k leaves, k
 *                        being the largest power of two below n; of one leaf: the leaf
 *
 * A block is TREE_BLOCK_BYTES long; the last is as long as what is left (never 0), without padding.
 * The bytes 0x00 and 0x01 keep a leaf from being taken for a node. The tree does not say how many
 * leaves it has: who compares a root must know the payload's size from elsewhere (the manifest).
 */
#ifndef MODEL_TREE_H
#define MODEL_TREE_H

#include <model/hash.h>

#define TREE_BLOCK_BYTES 65536u

/* Blocks of a payload. */
static inline uint64_t
tree_blocks(uint64_t payload_bytes)
{
    return payload_bytes / TREE_BLOCK_BYTES + (payload_bytes % TREE_BLOCK_BYTES != 0);
}

/* Bytes of one of its blocks; `block` is below tree_blocks(payload_bytes). */
static inline size_t
tree_block_bytes(uint64_t payload_bytes, uint64_t block)
{
    uint64_t left = payload_bytes - block * TREE_BLOCK_BYTES;
    return left < TREE_BLOCK_BYTES ? (size_t)left : TREE_BLOCK_BYTES;
}

void tree_leaf(const void *block, size_t bytes, uint8_t leaf[HASH_BYTES]);

/* The root over `count` > 0 leaves. */
void tree_root(const uint8_t (*leaves)[HASH_BYTES], uint64_t count, uint8_t root[HASH_BYTES]);

#endif
