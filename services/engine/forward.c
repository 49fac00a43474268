/*
 * The forward pass, as each worker of the team runs it. It is cut into phases, whose pieces the
 * workers share (share.h); a barrier stands before a phase that reads what others wrote. Of a step
 * of one token all workers compute for themselves what has one row only, the residual stream and
 * the vectors that products read: that takes less than waiting for one of them.
 */
#include "engine_private.h"
#include "lanes.h"
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
    struct engine_vectors vectors = vectors_from(engine, step_slot(worker, count), count, tensor);
    struct engine_rows rows;
    for (uint32_t block = blocks.first; block < blocks.end; block++)
        if (engine->source->rows(engine->source->context, worker, tensor, block, &rows))
            kernel->multiply(&rows, block * ENGINE_BLOCK_ROWS, engine_block_rows(tensor, block),
                             &vectors, product->out);
        else
            __atomic_store_n(&engine->failed, true, __ATOMIC_RELAXED);
}

/* Products of tensors with the same `count` vectors, as one phase. */
static void
multiply(struct engine *engine, uint32_t worker, const struct product *products, uint32_t of,
         uint32_t count)
{
    struct share_range range, part;
    uint32_t blocks = 0;
    for (uint32_t i = 0; i < of; i++)
        blocks += engine_tensor_blocks(products[i].tensor);
    struct share share = share_begin(engine, worker, blocks);
    while (share_take(&share, &range))
        for (uint32_t i = 0, before = 0; i < of && before < range.end; i++, before += blocks) {
            blocks = engine_tensor_blocks(products[i].tensor);
            part.first = range.first > before ? range.first - before : 0;
            part.end = range.end - before < blocks ? range.end - before : blocks;
            multiply_blocks(engine, worker, &products[i], part, count);
        }
}

/* --- Vectors ---------------------------------------------------------------------------------- */

/* One vector to be made: of token `t` (or of the end of an item), into `slot`. */
struct making {
    uint32_t worker, layer, t, slot;
};

/*
 * Makes `count` vectors: a single one of a step of one token by each worker for itself, else as a
 * phase.
 */
static void
make_vectors(struct engine *engine, uint32_t worker, uint32_t layer, uint32_t count,
             void (*make)(struct engine *engine, const struct making *making),
             enum engine_part part)
{
    if (count == 1) {
        make(engine, &(struct making){worker, layer, 0, worker});
        step_measures_part(engine, worker, part);
        return;
    }
    struct share_range range;
    struct share share = share_begin(engine, worker, count);
    while (share_take(&share, &range))
        for (uint32_t t = range.first; t < range.end; t++)
            make(engine, &(struct making){worker, layer, t, t});
    step_ends_part(engine, worker, part);
}

/* The vector = x scaled to a mean square of 1, times the norm's weights. */
static void
norm(struct engine *engine, const float *x, uint32_t norm_index, struct step_readers readers,
     uint32_t slot)
{
    const struct engine_shape *shape = &engine->model->shape;
    const float *weights = engine->norms + (size_t)norm_index * shape->dim;
    float *out = engine->normed + (size_t)slot * shape->dim, sum = 0;
    for (uint32_t i = 0; i < shape->dim; i++)
        sum += x[i] * x[i];
    float scale = 1.0f / real_sqrt(sum / (float)shape->dim + shape->norm_epsilon);
    for (uint32_t i = 0; i < shape->dim; i++)
        out[i] = weights[i] * (scale * x[i]);
    vectors_finish(engine, &readers, slot, out);
}

/* The norm in front of a layer's attention; behind the last layer there is none. */
static void
norm_layer(struct engine *engine, const struct making *making, uint32_t index)
{
    const struct engine_layer *layer = &engine->model->layers[index];
    if (index < engine->model->shape.layers)
        norm(engine, step_x(engine, making->worker, making->t), 2 * index,
             (struct step_readers){{layer->query, layer->key, layer->value}}, making->slot);
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

/* Rotations are read behind the first products only: one worker is enough for a single token's. */
static void
begin_token(struct engine *engine, const struct making *making)
{
    embed(engine, making->worker, making->t);
    if (engine->token_count > 1 || making->worker == engine->workers - 1)
        set_rotations(engine, making->t);
    norm_layer(engine, making, 0);
}

static void
make_mixed(struct engine *engine, const struct making *making)
{
    const struct engine_layer *layer = &engine->model->layers[making->layer];
    vectors_finish(engine, &(struct step_readers){{layer->output}}, making->slot,
                   engine->mixed[making->t]);
}

/* What the layer's attention, or its feed-forward part, adds to the residual stream. */
static void
add_down(struct engine *engine, const struct making *making)
{
    float *x = step_x(engine, making->worker, making->t);
    const float *down = engine->down[making->t];
    for (uint32_t i = 0; i < engine->model->shape.dim; i++)
        x[i] += down[i];
}

static void
end_attention(struct engine *engine, const struct making *making)
{
    const struct engine_layer *layer = &engine->model->layers[making->layer];
    add_down(engine, making);
    norm(engine, step_x(engine, making->worker, making->t), 2 * making->layer + 1,
         (struct step_readers){{layer->gate, layer->up}}, making->slot);
}

static void
make_activated(struct engine *engine, const struct making *making)
{
    const struct engine_layer *layer = &engine->model->layers[making->layer];
    vectors_finish(engine, &(struct step_readers){{layer->down}}, making->slot,
                   engine->gate[making->t]);
}

static void
end_layer(struct engine *engine, const struct making *making)
{
    add_down(engine, making);
    norm_layer(engine, making, making->layer + 1);
}

static void
end_item(struct engine *engine, const struct making *making)
{
    norm(engine, step_x(engine, making->worker, engine->ends[making->t]),
         2 * engine->model->shape.layers, (struct step_readers){{engine->model->classifier}},
         making->slot);
}

/* --- Layers -----------------------------------------------------------------------------------
 */

static void
attention(struct engine *engine, uint32_t worker, uint32_t index)
{
    const struct engine_layer *layer = &engine->model->layers[index];
    uint32_t count = engine->token_count;
    const struct product products[] = {
        {layer->query, engine->query}, {layer->key, engine->key}, {layer->value, engine->value}};
    multiply(engine, worker, products, 3, count);
    step_ends_part(engine, worker, ENGINE_QUERY_KEY_VALUE);
    heads_attend(engine, worker, index);
    make_vectors(engine, worker, index, count, make_mixed, ENGINE_NORM);
    multiply(engine, worker, &(struct product){layer->output, engine->down}, 1, count);
    step_ends_part(engine, worker, ENGINE_OUTPUT);
    make_vectors(engine, worker, index, count, end_attention, ENGINE_NORM);
}

/* gate = silu(gate) * up, in integers as far as it pays; `count` is of whole groups. */
static void
activate_fast(float *gate, const float *up, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += LANES) {
        ints x = lanes_load(gate + i), y = lanes_load(up + i);
        ints sigmoid = (ints)lanes_to_floats(lanes_sigmoid(x));
        sigmoid = (sigmoid - (16 << LANES_MANTISSA)) & (sigmoid != 0);
        lanes_store(gate + i, (ints)((reals)x * (reals)sigmoid * (reals)y));
    }
}

static void
activate_exactly(float *gate, const float *up, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        gate[i] = gate[i] / (1.0f + real_exp(-gate[i])) * up[i];
}

/* What becomes of those blocks of gate and up, for all tokens. */
static void
activate(struct engine *engine, const struct engine_layer *layer, struct share_range blocks)
{
    bool fast = step_kernel(engine, layer->down)->form & ENGINE_ANY_INTEGERS;
    uint32_t first = blocks.first * ENGINE_BLOCK_ROWS, end = blocks.end * ENGINE_BLOCK_ROWS;
    uint32_t count = (end < layer->gate->rows ? end : layer->gate->rows) - first;
    for (uint32_t t = 0; t < engine->token_count; t++)
        (fast ? activate_fast : activate_exactly)(engine->gate[t] + first, engine->up[t] + first,
                                                  count);
}

/*
 * Blocks of gate and of up, and what becomes of them, but not before they are many: an emulator
 * changes from one code to the other as slowly as it does a block.
 */
static void
multiply_gates(struct engine *engine, uint32_t worker, const struct engine_layer *layer)
{
    const struct product gate = {layer->gate, engine->gate}, up = {layer->up, engine->up};
    struct share_range range, done = {0, 0};
    struct share share = share_begin(engine, worker, engine_tensor_blocks(layer->gate));
    while (share_take(&share, &range)) {
        multiply_blocks(engine, worker, &gate, range, engine->token_count);
        multiply_blocks(engine, worker, &up, range, engine->token_count);
        if (range.first != done.end) {
            activate(engine, layer, done);
            done.first = range.first;
        }
        done.end = range.end;
    }
    activate(engine, layer, done);
}

static void
feed_forward(struct engine *engine, uint32_t worker, uint32_t index)
{
    const struct engine_model *model = engine->model;
    const struct engine_layer *layer = &model->layers[index];
    uint32_t count = engine->token_count;
    if (worker == 0 && engine->attention == NULL && index + 1 < model->shape.layers)
        heads_place_keys(engine, index + 1);
    multiply_gates(engine, worker, layer);
    step_ends_part(engine, worker, ENGINE_GATE_UP);
    make_vectors(engine, worker, index, count, make_activated, ENGINE_ACTIVATION);
    multiply(engine, worker, &(struct product){layer->down, engine->down}, 1, count);
    step_ends_part(engine, worker, ENGINE_DOWN);
    make_vectors(engine, worker, index, count, end_layer, ENGINE_NORM);
}

/* Logits of the last token of each item that wants them: side by side, one product for all. */
static void
classify(struct engine *engine, uint32_t worker)
{
    uint32_t count = engine->logits_count;
    if (count == 0)
        return;
    make_vectors(engine, worker, 0, count, end_item, ENGINE_NORM);
    multiply(engine, worker, &(struct product){engine->model->classifier, engine->logits}, 1,
             count);
    step_measures_part(engine, worker, ENGINE_CLASSIFIER);
}

void
forward_worker(void *argument, uint32_t worker)
{
    struct engine *engine = argument;
    make_vectors(engine, worker, 0, engine->token_count, begin_token, ENGINE_EMBEDDING);
    for (uint32_t layer = 0; layer < engine->model->shape.layers; layer++) {
        attention(engine, worker, layer);
        feed_forward(engine, worker, layer);
    }
    classify(engine, worker);
}
