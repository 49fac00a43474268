/*
 * Packing at the first use. A block is its finder's: who changes its entry from NULL to `claimed`
 * packs it, and puts it there when it is done. Who finds it claimed (two tokens of one step may be
 * words of one block) packs a copy for itself, and waits for nobody. Atomics are builtins: newlib's
 * <stdatomic.h> does not compile with gcc.
 */
#include "engine/packing.h"

static uint8_t claimed;

static bool
is_packed(const struct engine_packing *packing, const struct engine_tensor *tensor)
{
    return packing->kernels[tensor->index]->layout->pack != NULL;
}

/* Of a block with all rows, as a multiple of what memory is aligned to. */
static size_t
block_bytes(const struct engine_packing *packing, const struct engine_tensor *tensor)
{
    const struct engine_layout *layout = packing->kernels[tensor->index]->layout;
    size_t bytes = layout->block_bytes(ENGINE_BLOCK_ROWS, tensor->columns);
    return (bytes + ENGINE_ARENA_ALIGN - 1) & ~(size_t)(ENGINE_ARENA_ALIGN - 1);
}

static size_t
widest_block(const struct engine_packing *packing)
{
    size_t widest = 0;
    for (uint32_t i = 0; i < packing->model->tensor_count; i++) {
        const struct engine_tensor *tensor = &packing->model->tensors[i];
        if (is_packed(packing, tensor) && block_bytes(packing, tensor) > widest)
            widest = block_bytes(packing, tensor);
    }
    return widest;
}

static void
take_lists(struct engine_packing *packing, struct engine_arena *arena)
{
    const struct engine_model *model = packing->model;
    uint32_t blocks = 0;
    packing->first = engine_arena_take(arena, model->tensor_count, sizeof *packing->first);
    for (uint32_t i = 0; i < model->tensor_count; i++) {
        if (packing->first != NULL)
            packing->first[i] = blocks;
        if (is_packed(packing, &model->tensors[i]))
            blocks += engine_tensor_blocks(&model->tensors[i]);
    }
    packing->blocks = engine_arena_take(arena, blocks, sizeof *packing->blocks);
    for (uint32_t i = 0; packing->blocks != NULL && i < blocks; i++)
        packing->blocks[i] = NULL;
}

static void
take_shares(struct engine_packing *packing, struct engine_arena *arena)
{
    size_t widest = widest_block(packing);
    packing->shares = engine_arena_take(arena, packing->workers, sizeof *packing->shares);
    for (uint32_t i = 0; i < packing->workers; i++) {
        uint8_t *spare = engine_arena_take(arena, 1, widest);
        if (packing->shares != NULL)
            packing->shares[i] = (struct engine_packing_share){.spare = spare};
    }
}

int
engine_packing_open(struct engine_packing *packing, const struct engine_model *model,
                    const struct engine_source *file, const struct engine_kernel *const *kernels,
                    uint32_t workers, const struct engine_packing_host *host,
                    struct engine_arena *arena, struct engine_error *error)
{
    *packing = (struct engine_packing){
        .model = model, .file = file, .kernels = kernels, .host = host, .workers = workers};
    take_lists(packing, arena);
    take_shares(packing, arena);
    if (arena->base == NULL || arena->used_bytes > arena->size_bytes)
        return engine_fail(error, ENGINE_E_SPACE, "packing: no memory for lists of blocks");
    return ENGINE_OK;
}

/* --- Blocks ----------------------------------------------------------------------------------- */

static uint8_t **
entry_of(const struct engine_packing *packing, const struct engine_tensor *tensor, uint32_t block)
{
    return &packing->blocks[packing->first[tensor->index] + block];
}

static void
pack(const struct engine_packing *packing, const struct engine_tensor *tensor, uint32_t block,
     struct engine_rows *rows, void *to)
{
    rows->group = tensor->group;
    packing->kernels[tensor->index]->layout->pack(rows, engine_block_rows(tensor, block),
                                                  tensor->columns, to);
}

static bool
is_good(const struct engine_packing *packing)
{
    return packing->host->is_good == NULL || packing->host->is_good(packing->host->context);
}

/* A block that is this worker's to pack: its entry says so, until it has it, or has not. */
static uint8_t *
pack_claimed(struct engine_packing *packing, uint32_t worker, const struct engine_tensor *tensor,
             uint32_t block, struct engine_rows *rows)
{
    struct engine_packing_share *share = &packing->shares[worker];
    size_t bytes = block_bytes(packing, tensor);
    uint8_t *kept = packing->host->take(packing->host->context, bytes);
    uint8_t *to = kept != NULL ? kept : share->spare;
    pack(packing, tensor, block, rows, to);
    bool stays = kept != NULL && is_good(packing);
    share->kept_blocks += stays;
    share->kept_bytes += stays ? bytes : 0;
    share->passed_blocks += !stays;
    __atomic_store_n(entry_of(packing, tensor, block), stays ? to : NULL, __ATOMIC_RELEASE);
    return to;
}

/* Somebody else packs it at this moment. */
static uint8_t *
pack_copy(struct engine_packing *packing, uint32_t worker, const struct engine_tensor *tensor,
          uint32_t block, struct engine_rows *rows)
{
    struct engine_packing_share *share = &packing->shares[worker];
    share->passed_blocks++;
    pack(packing, tensor, block, rows, share->spare);
    return share->spare;
}

/* A block that nobody packed yet, as it is in the file. */
static bool
pack_rows(struct engine_packing *packing, uint32_t worker, const struct engine_tensor *tensor,
          uint32_t block, struct engine_rows *rows)
{
    uint8_t **entry = entry_of(packing, tensor, block), *at = NULL;
    if (!packing->file->rows(packing->file->context, worker, tensor, block, rows))
        return false;
    if (__atomic_compare_exchange_n(entry, &at, &claimed, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_ACQUIRE))
        at = pack_claimed(packing, worker, tensor, block, rows);
    else if (at == &claimed)
        at = pack_copy(packing, worker, tensor, block, rows);
    *rows = (struct engine_rows){.values = at};
    return true;
}

static bool
packing_rows(void *context, uint32_t worker, const struct engine_tensor *tensor, uint32_t block,
             struct engine_rows *rows)
{
    struct engine_packing *packing = context;
    if (!is_packed(packing, tensor))
        return packing->file->rows(packing->file->context, worker, tensor, block, rows);
    uint8_t *at = __atomic_load_n(entry_of(packing, tensor, block), __ATOMIC_ACQUIRE);
    if (at == NULL || at == &claimed)
        return pack_rows(packing, worker, tensor, block, rows);
    *rows = (struct engine_rows){.values = at};
    return true;
}

struct engine_source
engine_packing_source(struct engine_packing *packing)
{
    return (struct engine_source){packing, packing_rows};
}

/* Of one tensor. */
static uint64_t
forget_blocks(struct engine_packing *packing, const struct engine_tensor *tensor, uintptr_t from,
              size_t bytes)
{
    uint64_t forgotten = 0;
    for (uint32_t i = 0; i < engine_tensor_blocks(tensor); i++) {
        uint8_t **entry = entry_of(packing, tensor, i);
        uintptr_t at = (uintptr_t)*entry;
        if (*entry == NULL || at + block_bytes(packing, tensor) <= from || at >= from + bytes)
            continue;
        *entry = NULL;
        forgotten++;
    }
    return forgotten;
}

uint64_t
engine_packing_forget(struct engine_packing *packing, const void *from, size_t bytes)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < packing->model->tensor_count; i++) {
        const struct engine_tensor *tensor = &packing->model->tensors[i];
        if (!is_packed(packing, tensor))
            continue;
        uint64_t forgotten = forget_blocks(packing, tensor, (uintptr_t)from, bytes);
        packing->forgotten_bytes += forgotten * block_bytes(packing, tensor);
        all += forgotten;
    }
    packing->forgotten_blocks += all;
    return all;
}

/* --- Counts ----------------------------------------------------------------------------------- */

uint64_t
engine_packing_bytes(const struct engine_packing *packing)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < packing->model->tensor_count; i++) {
        const struct engine_tensor *tensor = &packing->model->tensors[i];
        if (is_packed(packing, tensor))
            bytes += (uint64_t)engine_tensor_blocks(tensor) * block_bytes(packing, tensor);
    }
    return bytes;
}

struct engine_packing_counts
engine_packing_counts(const struct engine_packing *packing)
{
    struct engine_packing_counts counts = {0};
    for (uint32_t i = 0; i < packing->workers; i++) {
        const struct engine_packing_share *share = &packing->shares[i];
        counts.kept_blocks += share->kept_blocks;
        counts.kept_bytes += share->kept_bytes;
        counts.passed_blocks += share->passed_blocks;
    }
    counts.kept_blocks -= packing->forgotten_blocks;
    counts.kept_bytes -= packing->forgotten_bytes;
    counts.forgotten_blocks = packing->forgotten_blocks;
    return counts;
}
