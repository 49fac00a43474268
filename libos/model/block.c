/*
 * Blocks, and the end of a generation that has a bad one.
 *
 * bad_leaf changes once, from 0. Who finds a bad block demotes first and answers then, and a check
 * looks at bad_leaf last: a block that was called good was so before anything bad was known.
 */
#include <string.h>

#include <model/bundle.h>

static enum bundle_block
demote(struct bundle *bundle, uint64_t leaf)
{
    uint64_t none = 0;
    atomic_compare_exchange_strong_explicit(&bundle->bad_leaf, &none, leaf + 1,
                                            memory_order_acq_rel, memory_order_acquire);
    return BUNDLE_BLOCK_BAD;
}

enum bundle_block
bundle_check_block(struct bundle *bundle, size_t payload, uint64_t index, const void *block,
                   size_t bytes)
{
    uint8_t leaf[HASH_BYTES];
    uint64_t payload_bytes = (uint64_t)bundle->manifest.payloads[payload].bytes;
    uint64_t number = bundle->first_leaf[payload] + index;
    if (index >= tree_blocks(payload_bytes) || bytes != tree_block_bytes(payload_bytes, index))
        return BUNDLE_BLOCK_UNREADABLE;
    tree_leaf(block, bytes, leaf);
    if (memcmp(leaf, bundle->leaves[number], HASH_BYTES) != 0)
        return demote(bundle, number);
    return bundle_is_demoted(bundle, NULL) ? BUNDLE_BLOCK_DEMOTED : BUNDLE_BLOCK_GOOD;
}

enum bundle_block
bundle_read_block(struct bundle *bundle, size_t payload, uint64_t index, void *to)
{
    uint64_t payload_bytes = (uint64_t)bundle->manifest.payloads[payload].bytes;
    size_t bytes = 0;
    enum bundle_block result = BUNDLE_BLOCK_UNREADABLE;
    if (index < tree_blocks(payload_bytes)) {
        bytes = tree_block_bytes(payload_bytes, index);
        if (bundle->store->read(bundle->store, &bundle->files[payload], index * TREE_BLOCK_BYTES,
                                to, bytes))
            result = bundle_check_block(bundle, payload, index, to, bytes);
    }
    size_t good = result == BUNDLE_BLOCK_GOOD ? bytes : 0;
    memset((uint8_t *)to + good, 0, TREE_BLOCK_BYTES - good);
    return result;
}

bool
bundle_is_demoted(const struct bundle *bundle, struct why *why)
{
    uint64_t bad = atomic_load_explicit(&bundle->bad_leaf, memory_order_acquire);
    size_t payload = bundle->manifest.payload_count - 1;
    if (bad == 0)
        return false;
    while (bad - 1 < bundle->first_leaf[payload])
        payload--;
    if (why)
        why_set(why, "%s: block %llu is not what was signed",
                bundle->manifest.payloads[payload].path,
                (unsigned long long)(bad - 1 - bundle->first_leaf[payload]));
    return true;
}
