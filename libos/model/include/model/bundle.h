/*
 * The loader: finds the newest generation of a bundle that verifies, and checks its blocks.
 *
 * An opened bundle has: a manifest signed by a trusted key, for the name and generation that the
 * store gave; all payloads there with the sizes that it says; the leaves of their hash trees in
 * memory, checked against the signed roots; and, with `verify = "eager"`, every byte of every
 * payload checked against the leaves. With "on-fault" a block is checked when somebody needs it.
 *
 * A block that turns out bad demotes the bundle: from then on no block of it verifies, and its
 * owner opens the next generation, below this one. A demotion is for good and needs no lock.
 */
#ifndef MODEL_BUNDLE_H
#define MODEL_BUNDLE_H

#include <stdint.h> /* first: newlib's <stdatomic.h> takes its types from there */
#include <stdatomic.h>

#include <model/manifest.h>
#include <model/signature.h>
#include <model/store.h>
#include <model/tree.h>

#define BUNDLE_NEWEST INT64_MAX /* below this are all generations */

enum bundle_verdict {
    BUNDLE_REJECTED, /* this generation; the next is tried */
    BUNDLE_OPENED,   /* this one it is; `text` says how it was verified */
    BUNDLE_UNSIGNED, /* the same, but nobody signed it */
    BUNDLE_NONE,     /* no generation is left; `generation` is 0 */
};

struct bundle_event {
    const char *name;
    int64_t generation;
    enum bundle_verdict verdict;
    const char *text; /* one line, valid during the call */
};

struct bundle;

struct bundle_loader {
    struct store *store;
    const struct trust *trust;
    bool allow_unsigned; /* experiments: a manifest without signature will do */

    void *context; /* handed to the functions below */
    void (*report)(void *context, const struct bundle_event *event);
    /*
     * If not NULL, called last, with all that the loader checks being fine: the owner's own
     * conditions, such as the model's shape. False rejects the generation for `why`.
     */
    bool (*accept)(void *context, struct bundle *bundle, struct why *why);
    /*
     * If not NULL, takes the place of reading and checking everything when `verify` is "eager", for
     * an owner that wants the bytes in memory of its own, or several threads to check them. It must
     * have had every block checked. False rejects the generation for `why`.
     */
    bool (*load)(void *context, struct bundle *bundle, struct why *why);
};

/* Its owner reads manifest, files and key; the rest is the loader's. */
struct bundle {
    struct manifest manifest;
    struct store_file files[MANIFEST_PAYLOADS_MAX]; /* of the payloads, in the manifest's order */
    const struct trust_key *key;                    /* that signed it; NULL: unsigned */
    struct store *store;
    uint8_t (*leaves)[HASH_BYTES]; /* of all payloads, one behind the other */
    uint64_t first_leaf[MANIFEST_PAYLOADS_MAX];
    _Atomic uint64_t bad_leaf; /* 0: none; else 1 + the index of the first one found */
};

enum bundle_block {
    BUNDLE_BLOCK_GOOD,
    BUNDLE_BLOCK_BAD,        /* it is not what was signed; the bundle is demoted */
    BUNDLE_BLOCK_DEMOTED,    /* another block was bad before */
    BUNDLE_BLOCK_UNREADABLE, /* the store failed; the bundle is as it was */
};

/*
 * Opens the newest generation of `name` below `below` that verifies; reports each that does not.
 * False: none is left (reported as well), or no memory. `loader` is not needed afterwards, its
 * store and trust must outlive the bundle.
 */
bool bundle_open(const struct bundle_loader *loader, const char *name, int64_t below,
                 struct bundle *bundle);

/* Ends a bundle that was opened; nobody may be in a call about it. */
void bundle_close(struct bundle *bundle);

/*
 * Whether the `bytes` bytes at `block` are block `index` of a payload. They must be in memory that
 * nobody else can write or see yet: a block that is not BUNDLE_BLOCK_GOOD must not become visible.
 * Takes no lock, calls nobody back; any number of threads may check at once.
 */
enum bundle_block bundle_check_block(struct bundle *bundle, size_t payload, uint64_t index,
                                     const void *block, size_t bytes);

/*
 * Reads a block into `to`, TREE_BLOCK_BYTES long and seen by nobody else yet, and checks it. What
 * is behind the end of the payload is zero. If the block is not good, all of `to` is zero.
 */
enum bundle_block bundle_read_block(struct bundle *bundle, size_t payload, uint64_t index,
                                    void *to);

/* Whether the bundle is demoted; then `why` (may be NULL) names the payload and the block. */
bool bundle_is_demoted(const struct bundle *bundle, struct why *why);

#endif
