/*
 * Weights that are packed when they are asked for: a source in front of that of the file. A block
 * of rows is read through the file's source, packed for the kernel that was chosen, and kept; what
 * the file's source has of it is not looked at again.
 *
 * Where there is no memory for more, the blocks that are kept stay, since a step asks for all of
 * them in the same order as the one before it; each further one is packed anew each time, into the
 * one place that every worker has for that. Between steps its program may take memory of some of
 * them back: they are packed again when they are asked for, and kept if there is memory by then.
 */
#ifndef ENGINE_PACKING_H
#define ENGINE_PACKING_H

#include "engine/kernel.h"

/* What packing needs of its program; called by several workers at once. */
struct engine_packing_host {
    void *context;
    /* So many bytes, a multiple of ENGINE_ARENA_ALIGN and aligned to that, for as long as there is
     * packing. NULL: there is no memory for them, now. */
    void *(*take)(void *context, size_t bytes);
    /* Whether all that the file's source has given so far is the file's. What was packed before
     * that is denied is not kept. NULL: it always is. */
    bool (*is_good)(void *context);
};

/* One worker's. */
struct engine_packing_share {
    uint8_t *spare; /* for what is not kept */
    uint64_t kept_blocks, kept_bytes, passed_blocks;
};

/* Its owner reads nothing of it. */
struct engine_packing {
    const struct engine_model *model;
    const struct engine_source *file;
    const struct engine_kernel *const *kernels;
    const struct engine_packing_host *host;
    uint32_t *first;  /* of each tensor: its first block in the next list */
    uint8_t **blocks; /* packed; NULL: not yet; of any worker */
    struct engine_packing_share *shares;
    uint32_t workers;
    uint64_t forgotten_blocks, forgotten_bytes;
};

/*
 * Nothing is packed yet. Everything must outlive it but `arena`'s description, whose memory is used
 * (one that only counts tells how much: the result is then ENGINE_E_SPACE). `kernels`: one for each
 * tensor, as engine_choose chose; those that need no packing get what the file's source gives.
 */
int engine_packing_open(struct engine_packing *packing, const struct engine_model *model,
                        const struct engine_source *file,
                        const struct engine_kernel *const *kernels, uint32_t workers,
                        const struct engine_packing_host *host, struct engine_arena *arena,
                        struct engine_error *error);

/*
 * What is kept with a byte in [from, from + bytes) is not kept any more: their number. Its program
 * has the memory back, which `take` may give again. No step is under way, nobody uses rows of one.
 */
uint64_t engine_packing_forget(struct engine_packing *packing, const void *from, size_t bytes);

struct engine_source engine_packing_source(struct engine_packing *packing);

/* Bytes of all blocks, packed: so many are taken at most, but for some that each worker took when
 * what it read turned out bad. */
uint64_t engine_packing_bytes(const struct engine_packing *packing);

struct engine_packing_counts {
    uint64_t kept_blocks, kept_bytes; /* now */
    uint64_t passed_blocks;           /* packed and not kept, since the beginning */
    uint64_t forgotten_blocks;        /* kept, and then not any more */
};

/* A guess while a step is under way. */
struct engine_packing_counts engine_packing_counts(const struct engine_packing *packing);

#endif
