/*
 * The forward pass, as each worker of the team runs it. It is cut into phases; in a phase each row
 * (of a matrix of weights, or of a token's state) is written by one worker, and a barrier stands
 * before a phase that reads what others wrote.
 */
#include "engine_private.h"
#include "lanes.h"
#include "real.h"

/* Rows that cannot be had leave the whole step failed; the others go on. */
static void
multiply_block(struct engine *engine, uint32_t worker, const struct engine_tensor *tensor,
               uint32_t block, const struct engine_vectors *vectors, float *const *out)
{
    struct engine_rows rows;
    if (!engine->source->rows(engine->source->context, worker, tensor, block, &rows)) {
        __atomic_store_n(&engine->failed, true, __ATOMIC_RELAXED);
        return;
    }
    step_kernel(engine, tensor)
        ->multiply(&rows, block * ENGINE_BLOCK_ROWS, engine_block_rows(tensor, block), vectors,
                   out);
}

/* out[v] = tensor times the first `count` vectors in engine->normed (or its quants). */
static void
product(struct engine *engine, uint32_t worker, const struct engine_tensor *tensor, uint32_t count,
        float *const *out)
{
    struct engine_vectors vectors = {.count = count,
                                     .columns = tensor->columns,
                                     .group = tensor->group,
                                     .values = engine->normed,
                                     .quants = engine->quants,
                                     .scales = engine->scales,
                                     .integers = engine->integers,
                                     .singles = engine->singles,
                                     .integer_scales = engine->integer_scales,
                                     .bases = engine->bases};
    struct step_share share = step_share(engine, worker, engine_tensor_blocks(tensor));
    for (uint32_t block = share.first; block < share.end; block++)
        multiply_block(engine, worker, tensor, block, &vectors, out);
}

/* The tensors that read one vector; NULL: fewer. */
struct readers {
    const struct engine_tensor *of[3];
};

/* Which forms they take. Those that take quants have one group; beside them may be any types. */
struct forms {
    uint32_t all, group;
};

static struct forms
forms_of(const struct engine *engine, const struct readers *readers)
{
    struct forms forms = {0, 0};
    for (int i = 0; i < 3 && readers->of[i] != NULL; i++) {
        uint32_t form = step_kernel(engine, readers->of[i])->form;
        forms.all |= form;
        forms.group = form & ENGINE_QUANTS ? readers->of[i]->group : forms.group;
    }
    return forms;
}

/* Vector `v` in engine->normed is done: into the forms that its readers take. */
static void
finish_vector(struct engine *engine, const struct readers *readers, uint32_t v)
{
    struct forms forms = forms_of(engine, readers);
    uint32_t columns = readers->of[0]->columns;
    size_t at = (size_t)v * columns;
    if (forms.all & ENGINE_QUANTS)
        engine_quantise(engine->normed + at, columns, forms.group, engine->quants + at,
                        engine->scales + at / forms.group);
    if (forms.all & (ENGINE_INTEGERS | ENGINE_SINGLES))
        engine_quantise_integers(engine->normed + at, columns, engine->integers + at,
                                 engine->integer_scales + at / ENGINE_INTEGER_GROUP,
                                 &engine->bases[v]);
    if (forms.all & ENGINE_SINGLES)
        engine_single_quants(engine->integers + at, columns,
                             engine->singles + at / ENGINE_INTEGER_GROUP);
}

static struct readers
readers_of_attention(const struct engine_layer *layer)
{
    return (struct readers){{layer->query, layer->key, layer->value}};
}

/* Vector `v` = x scaled to a mean square of 1, times the norm's weights. */
static void
norm(struct engine *engine, const float *x, uint32_t norm_index, struct readers readers, uint32_t v)
{
    const struct engine_shape *shape = &engine->model->shape;
    const float *weights = engine->norms + (size_t)norm_index * shape->dim;
    float *out = engine->normed + (size_t)v * shape->dim, sum = 0;
    for (uint32_t i = 0; i < shape->dim; i++)
        sum += x[i] * x[i];
    float scale = 1.0f / real_sqrt(sum / (float)shape->dim + shape->norm_epsilon);
    for (uint32_t i = 0; i < shape->dim; i++)
        out[i] = weights[i] * (scale * x[i]);
    finish_vector(engine, &readers, v);
}

static void
add_rows(float *to, const float *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        to[i] += from[i];
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
                 engine->x[t]);
}

static void
rotations_of(struct engine *engine, uint32_t t)
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

static void
begin_tokens(struct engine *engine, uint32_t worker)
{
    struct step_share share = step_share(engine, worker, engine->token_count);
    for (uint32_t t = share.first; t < share.end; t++) {
        embed(engine, worker, t);
        rotations_of(engine, t);
        if (engine->model->shape.layers > 0)
            norm(engine, engine->x[t], 0, readers_of_attention(&engine->model->layers[0]), t);
    }
    step_ends_part(engine, worker, ENGINE_EMBEDDING);
}

/* The layer's keys and values in floats go straight to where the sequences keep them. */
static void
place_keys(struct engine *engine, uint32_t layer, struct step_share tokens)
{
    for (uint32_t t = tokens.first; t < tokens.end; t++) {
        const struct step_token *token = &engine->tokens[t];
        engine->key[t] = sequence_row(engine, token->sequence, layer, 0, token->position);
        engine->value[t] = sequence_row(engine, token->sequence, layer, 1, token->position);
    }
}

static void
mix_heads(struct engine *engine, uint32_t worker, uint32_t layer)
{
    uint32_t heads = engine->model->shape.heads;
    const struct step_mix *mix = &engine->mixes[worker];
    struct step_share share = step_share(engine, worker, engine->token_count * heads);
    for (uint32_t i = share.first; i < share.end; i++)
        if (engine->attention != NULL)
            attention_integer_head(engine, layer, i / heads, i % heads, mix);
        else
            attention_head(engine, layer, i / heads, i % heads, mix);
    step_ends_part(engine, worker, ENGINE_ATTENTION);
}

/*
 * The first token from `t` on that begins a pair of positions: two neighbours share cells of the
 * cache in 8 bits, and one worker has to store both.
 */
static uint32_t
pair_from(const struct engine *engine, uint32_t t)
{
    const struct step_token *token = &engine->tokens[t];
    bool second = t > 0 && t < engine->token_count && token->position % 2 == 1 &&
                  token->sequence == token[-1].sequence;
    return second ? t + 1 : t;
}

static void
store_keys(struct engine *engine, uint32_t worker, uint32_t index)
{
    struct step_share share = step_share(engine, worker, engine->token_count);
    uint32_t end = pair_from(engine, share.end);
    for (uint32_t t = pair_from(engine, share.first); t < end; t++) {
        attention_add_biases(engine, index, t);
        attention_rotate(engine, t);
        if (engine->attention != NULL)
            attention_integer_store(engine, index, t);
    }
    step_ends_part(engine, worker, ENGINE_POSITIONS);
}

static void
attend(struct engine *engine, uint32_t worker, uint32_t index)
{
    const struct engine_layer *layer = &engine->model->layers[index];
    uint32_t count = engine->token_count, width = layer->output->columns;
    struct step_share share = step_share(engine, worker, count);
    if (engine->attention == NULL) {
        place_keys(engine, index, share);
        step_barrier(engine, worker);
    }
    product(engine, worker, layer->query, count, engine->query);
    product(engine, worker, layer->key, count, engine->key);
    product(engine, worker, layer->value, count, engine->value);
    step_ends_part(engine, worker, ENGINE_QUERY_KEY_VALUE);
    store_keys(engine, worker, index);
    mix_heads(engine, worker, index);
    for (uint32_t t = share.first; t < share.end; t++) {
        for (uint32_t i = 0; i < width; i++)
            engine->normed[(size_t)t * width + i] = engine->mixed[t][i];
        finish_vector(engine, &(struct readers){{layer->output}}, t);
    }
    step_ends_part(engine, worker, ENGINE_NORM);
    product(engine, worker, layer->output, count, engine->down);
    step_ends_part(engine, worker, ENGINE_OUTPUT);
}

/* silu(gate) * up, in integers as far as it pays; `count` is of whole groups. */
static void
activate_fast(const float *gate, const float *up, float *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += LANES) {
        ints x = lanes_load(gate + i), y = lanes_load(up + i);
        ints sigmoid = (ints)lanes_to_floats(lanes_sigmoid(x));
        sigmoid = (sigmoid - (16 << LANES_MANTISSA)) & (sigmoid != 0);
        lanes_store(out + i, (ints)((reals)x * (reals)sigmoid * (reals)y));
    }
}

/* Vector `t` = silu(gate) * up. */
static void
activate(struct engine *engine, const struct engine_layer *layer, uint32_t t)
{
    uint32_t hidden = engine->model->shape.hidden;
    const float *gate = engine->gate[t], *up = engine->up[t];
    float *out = engine->normed + (size_t)t * hidden;
    bool fast = step_kernel(engine, layer->down)->form & (ENGINE_INTEGERS | ENGINE_SINGLES);
    if (fast)
        activate_fast(gate, up, out, hidden);
    for (uint32_t i = 0; !fast && i < hidden; i++)
        out[i] = gate[i] / (1.0f + real_exp(-gate[i])) * up[i];
    finish_vector(engine, &(struct readers){{layer->down}}, t);
}

static void
feed_forward(struct engine *engine, uint32_t worker, uint32_t index)
{
    const struct engine_model *model = engine->model;
    const struct engine_layer *layer = &model->layers[index];
    uint32_t count = engine->token_count;
    struct step_share share = step_share(engine, worker, count);
    for (uint32_t t = share.first; t < share.end; t++) {
        add_rows(engine->x[t], engine->down[t], model->shape.dim);
        norm(engine, engine->x[t], 2 * index + 1, (struct readers){{layer->gate, layer->up}}, t);
    }
    step_ends_part(engine, worker, ENGINE_NORM);
    product(engine, worker, layer->gate, count, engine->gate);
    product(engine, worker, layer->up, count, engine->up);
    step_ends_part(engine, worker, ENGINE_GATE_UP);
    for (uint32_t t = share.first; t < share.end; t++)
        activate(engine, layer, t);
    step_ends_part(engine, worker, ENGINE_ACTIVATION);
    product(engine, worker, layer->down, count, engine->down);
    step_ends_part(engine, worker, ENGINE_DOWN);
}

/* The residual of the layer, and the norm in front of the next one. */
static void
end_layer(struct engine *engine, uint32_t worker, uint32_t index)
{
    const struct engine_model *model = engine->model;
    struct step_share share = step_share(engine, worker, engine->token_count);
    for (uint32_t t = share.first; t < share.end; t++) {
        add_rows(engine->x[t], engine->down[t], model->shape.dim);
        if (index + 1 < model->shape.layers)
            norm(engine, engine->x[t], 2 * (index + 1),
                 readers_of_attention(&model->layers[index + 1]), t);
    }
    step_ends_part(engine, worker, ENGINE_NORM);
}

/* Logits of the last token of each item that wants them: side by side, one product for all. */
static void
classify(struct engine *engine, uint32_t worker)
{
    const struct engine_model *model = engine->model;
    uint32_t t = 0, v = 0;
    for (uint32_t i = 0; i < engine->item_count; i++) {
        t += engine->items[i].count;
        if (engine->items[i].logits == NULL)
            continue;
        if (v % engine->workers == worker) {
            norm(engine, engine->x[t - 1], 2 * model->shape.layers,
                 (struct readers){{model->classifier}}, v);
            engine->logits[v] = engine->items[i].logits;
        }
        v++;
    }
    step_ends_part(engine, worker, ENGINE_NORM);
    if (v > 0)
        product(engine, worker, model->classifier, v, engine->logits);
    step_measures_part(engine, worker, ENGINE_CLASSIFIER);
}

void
forward_worker(void *argument, uint32_t worker)
{
    struct engine *engine = argument;
    begin_tokens(engine, worker);
    for (uint32_t layer = 0; layer < engine->model->shape.layers; layer++) {
        attend(engine, worker, layer);
        feed_forward(engine, worker, layer);
        end_layer(engine, worker, layer);
    }
    classify(engine, worker);
}
