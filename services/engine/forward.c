/*
 * The forward pass, as each worker of the team runs it: a row of phases, whose pieces the workers
 * share (share.h). Of a step of one token all workers compute for themselves what has one row only,
 * the residual stream and the vectors that products read: that takes less than waiting for one of
 * them.
 */
#include "engine_private.h"
#include "real.h"

/* --- Products --------------------------------------------------------------------------------- */

/* A tensor times the vectors in front of it, and where the results go. */
struct product {
    const struct engine_tensor *tensor;
    float *const *out;
};

/* Blocks of it. Rows that cannot be had leave the whole step failed; the others go on. */
static void
multiply_blocks(struct engine *engine, uint32_t worker, const struct product *product,
                struct share_range blocks, uint32_t count)
{
    const struct engine_tensor *tensor = product->tensor;
    const struct engine_kernel *kernel = step_kernel(engine, tensor);
    uint32_t slot = step_is_single(engine) ? worker : 0;
    struct engine_vectors vectors = vectors_from(engine, slot, count, tensor);
    struct engine_rows rows;
    for (uint32_t block = blocks.first; block < blocks.end; block++)
        if (engine->source->rows(engine->source->context, worker, tensor, block, &rows))
            kernel->multiply(&rows, block * ENGINE_BLOCK_ROWS, engine_block_rows(tensor, block),
                             &vectors, product->out);
        else
            __atomic_store_n(&engine->failed, true, __ATOMIC_RELAXED);
}

/* Of the blocks of `of` tensors, one behind the other, those in `range`. */
static void
multiply(struct engine *engine, uint32_t worker, const struct product *products, uint32_t of,
         struct share_range range, uint32_t count)
{
    for (uint32_t i = 0, before = 0, blocks; i < of && before < range.end; i++, before += blocks) {
        struct share_range part = {range.first > before ? range.first - before : 0, 0};
        blocks = engine_tensor_blocks(products[i].tensor);
        part.end = range.end - before < blocks ? range.end - before : blocks;
        multiply_blocks(engine, worker, &products[i], part, count);
    }
}

/* --- Vectors ---------------------------------------------------------------------------------- */

/* One vector to be made: of token `t` (or of the end of an item), into `slot`. */
struct making {
    uint32_t worker, layer, t, slot;
    bool late; /* nobody needs the vector any more, but what is added to the residual stream counts
                */
};

/* What vectors are made of, and as which part of a step that counts. */
struct vectors {
    void (*make)(struct engine *engine, const struct making *making);
    enum engine_part part;
};

/*
 * Begins a phase of `blocks` blocks that are multiplied with `count` vectors: which are made in a
 * phase before it, or, of a step of one token, by each worker for itself.
 */
static struct share
begin_products(struct engine *engine, uint32_t worker, uint32_t layer, uint32_t count,
               struct vectors vectors, uint32_t blocks)
{
    struct share_range range;
    struct share share;
    if (!step_is_single(engine)) {
        share = share_begin(engine, worker, count);
        while (share_take(&share, &range))
            for (uint32_t t = range.first; t < range.end; t++)
                vectors.make(engine, &(struct making){worker, layer, t, t, false});
        step_ends_part(engine, &share, vectors.part);
    }
    share = share_begin(engine, worker, blocks);
    if (step_is_single(engine)) {
        vectors.make(engine, &(struct making){worker, layer, 0, worker, !share.inside});
        step_measures_part(engine, worker, vectors.part);
    }
    return share;
}

static void
finish(struct engine *engine, const struct making *making, struct step_readers readers,
       const float *from)
{
    if (!making->late)
        vectors_finish(engine, &readers, making->slot, from);
}

/* The vector = token t's x scaled to a mean square of 1, times the norm's weights. */
static void
norm(struct engine *engine, const struct making *making, uint32_t t, uint32_t norm_index,
     struct step_readers readers)
{
    const struct engine_shape *shape = &engine->model->shape;
    const float *weights = engine->norms + (size_t)norm_index * shape->dim;
    const float *x = step_x(engine, making->worker, t);
    float *out = engine->normed + (size_t)making->slot * shape->dim, sum = 0;
    if (making->late)
        return;
    for (uint32_t i = 0; i < shape->dim; i++)
        sum += x[i] * x[i];
    float scale = 1.0f / real_sqrt(sum / (float)shape->dim + shape->norm_epsilon);
    for (uint32_t i = 0; i < shape->dim; i++)
        out[i] = weights[i] * (scale * x[i]);
    finish(engine, making, readers, out);
}

static void
embed(struct engine *engine, uint32_t worker, uint32_t t)
{
    const struct engine_tensor *table = engine->model->embedding;
    const struct step_token *token = &engine->tokens[t];
    struct engine_rows rows;
    if (!engine->source->rows(engine->source->context, worker, table,
                              token->token / ENGINE_BLOCK_ROWS, &rows)) {
        __atomic_store_n(&engine->failed, true, __ATOMIC_RELAXED);
        return;
    }
    step_kernel(engine, table)
        ->expand(&rows, token->token % ENGINE_BLOCK_ROWS, table->columns, table->group,
                 step_x(engine, worker, t));
}

static void
set_rotations(struct engine *engine, uint32_t t)
{
    const struct engine_shape *shape = &engine->model->shape;
    uint32_t half = shape->rope_dim / 2;
    float *rotations = engine->rotations + (size_t)t * 2 * half;
    for (uint32_t i = 0; i < half; i++) {
        real_sincos((float)engine->tokens[t].position * engine->frequencies[i],
                    &rotations[2 * i + 1], &rotations[2 * i]);
        rotations[2 * i] *= shape->rope_magnitude;
        rotations[2 * i + 1] *= shape->rope_magnitude;
    }
}

/*
 * What a layer's attention (0) or feed-forward part (1) leaves to be added to the residual stream.
 */
static float *const *
down_of(const struct engine *engine, uint32_t layer, uint32_t part)
{
    return engine->down + (step_is_single(engine) ? 2 * layer + part : 0);
}

static void
add_down(struct engine *engine, const struct making *making, uint32_t t, uint32_t layer,
         uint32_t part)
{
    float *x = step_x(engine, making->worker, t);
    const float *down = down_of(engine, layer, part)[t];
    for (uint32_t i = 0; i < engine->model->shape.dim; i++)
        x[i] += down[i];
}

static void
begin_layer(struct engine *engine, const struct making *making)
{
    const struct engine_layer *layer = &engine->model->layers[making->layer];
    norm(engine, making, making->t, 2 * making->layer,
         (struct step_readers){{layer->query, layer->key, layer->value}});
}

/* A single token's rotations are made once, in the first phase. */
static void
begin_token(struct engine *engine, const struct making *making)
{
    embed(engine, making->worker, making->t);
    if (!step_is_single(engine))
        set_rotations(engine, making->t);
    begin_layer(engine, making);
}

static void
end_layer(struct engine *engine, const struct making *making)
{
    add_down(engine, making, making->t, making->layer - 1, 1);
    begin_layer(engine, making);
}

static void
make_mixed(struct engine *engine, const struct making *making)
{
    const struct engine_layer *layer = &engine->model->layers[making->layer];
    finish(engine, making, (struct step_readers){{layer->output}}, engine->mixed[making->t]);
}

static void
end_attention(struct engine *engine, const struct making *making)
{
    const struct engine_layer *layer = &engine->model->layers[making->layer];
    add_down(engine, making, making->t, making->layer, 0);
    norm(engine, making, making->t, 2 * making->layer + 1,
         (struct step_readers){{layer->gate, layer->up}});
}

static void
make_activated(struct engine *engine, const struct making *making)
{
    const struct engine_layer *layer = &engine->model->layers[making->layer];
    finish(engine, making, (struct step_readers){{layer->down}}, engine->gate[making->t]);
}

/* Behind the last layer only tokens whose logits are wanted are looked at. */
static void
end_item(struct engine *engine, const struct making *making)
{
    uint32_t layers = engine->model->shape.layers, t = engine->ends[making->t];
    if (layers > 0)
        add_down(engine, making, t, layers - 1, 1);
    else
        embed(engine, making->worker, t);
    norm(engine, making, t, 2 * layers, (struct step_readers){{engine->model->classifier}});
}

/* --- Layers -----------------------------------------------------------------------------------
 */

static void
attention(struct engine *engine, uint32_t worker, uint32_t index)
{
    const struct engine_layer *layer = &engine->model->layers[index];
    uint32_t count = engine->token_count;
    const struct product read[] = {{layer->query, engine->query},
                                   {layer->key, engine->key},
                                   {layer->value, engine->value}},
                         output = {layer->output, down_of(engine, index, 0)};
    struct share_range range;
    struct share share =
        begin_products(engine, worker, index, count,
                       index == 0 ? (struct vectors){begin_token, ENGINE_EMBEDDING}
                                  : (struct vectors){end_layer, ENGINE_NORM},
                       engine_tensor_blocks(layer->query) + 2 * engine_tensor_blocks(layer->key));
    while (share_take(&share, &range)) {
        if (index == 0 && range.first == 0 && step_is_single(engine))
            set_rotations(engine, 0);
        multiply(engine, worker, read, 3, range, count);
    }
    step_ends_part(engine, &share, ENGINE_QUERY_KEY_VALUE);
    heads_attend(engine, worker, index);
    share = begin_products(engine, worker, index, count, (struct vectors){make_mixed, ENGINE_NORM},
                           engine_tensor_blocks(layer->output));
    while (share_take(&share, &range))
        multiply(engine, worker, &output, 1, range, count);
    step_ends_part(engine, &share, ENGINE_OUTPUT);
}

/*
 * Blocks of gate and of up, and what becomes of them, but not before they are many: an emulator
 * changes from one code to the other as slowly as it does a block.
 */
static void
multiply_gates(struct engine *engine, const struct engine_layer *layer, struct share *share)
{
    const struct product gate = {layer->gate, engine->gate}, up = {layer->up, engine->up};
    struct share_range range, done = {0, 0};
    while (share_take(share, &range)) {
        multiply_blocks(engine, share->worker, &gate, range, engine->token_count);
        multiply_blocks(engine, share->worker, &up, range, engine->token_count);
        if (range.first != done.end) {
            step_activate(engine, layer, done);
            done.first = range.first;
        }
        done.end = range.end;
    }
    step_activate(engine, layer, done);
}

/* Whoever takes the first piece of `down` has the next layer's keys placed: none are in use. */
static void
feed_forward(struct engine *engine, uint32_t worker, uint32_t index)
{
    const struct engine_layer *layer = &engine->model->layers[index];
    const struct product down = {layer->down, down_of(engine, index, 1)};
    uint32_t count = engine->token_count;
    struct share_range range;
    struct share share =
        begin_products(engine, worker, index, count, (struct vectors){end_attention, ENGINE_NORM},
                       engine_tensor_blocks(layer->gate));
    multiply_gates(engine, layer, &share);
    step_ends_part(engine, &share, ENGINE_GATE_UP);
    share = begin_products(engine, worker, index, count,
                           (struct vectors){make_activated, ENGINE_ACTIVATION},
                           engine_tensor_blocks(layer->down));
    while (share_take(&share, &range)) {
        if (range.first == 0 && engine->attention == NULL &&
            index + 1 < engine->model->shape.layers)
            heads_place_keys(engine, index + 1);
        multiply(engine, worker, &down, 1, range, count);
    }
    step_ends_part(engine, &share, ENGINE_DOWN);
}

/* Logits of the last token of each item that wants them: side by side, one product for all. */
static void
classify(struct engine *engine, uint32_t worker)
{
    const struct product classifier = {engine->model->classifier, engine->logits};
    uint32_t count = engine->logits_count;
    struct share_range range;
    if (count == 0)
        return;
    struct share share =
        begin_products(engine, worker, 0, count, (struct vectors){end_item, ENGINE_NORM},
                       engine_tensor_blocks(classifier.tensor));
    while (share_take(&share, &range))
        multiply(engine, worker, &classifier, 1, range, count);
    step_ends_part(engine, &share, ENGINE_CLASSIFIER);
}

void
forward_worker(void *argument, uint32_t worker)
{
    struct engine *engine = argument;
    for (uint32_t layer = 0; layer < engine->model->shape.layers; layer++) {
        attention(engine, worker, layer);
        feed_forward(engine, worker, layer);
    }
    classify(engine, worker);
}
