/* Opening an engine, and steps as their caller sees them. */
#include "engine_private.h"
#include "lanes.h"
#include "real.h"

#include <string.h>

#define CHUNK (16 * LANES)

const struct engine_model *
engine_model_of(const struct engine *engine)
{
    return engine->model;
}

void
engine_set_workers(struct engine *engine, uint32_t workers)
{
    engine->workers = workers;
}

uint32_t
engine_workers_most(const struct engine *engine)
{
    return engine->team.count;
}

void
engine_share(struct engine *engine, void (*work)(void *argument, uint32_t worker), void *argument)
{
    if (engine->team.run != NULL)
        engine->team.run(engine->team.context, engine->workers, work, argument);
    else
        work(argument, 0);
}

static uint32_t
greater(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* A row for each token of a step; NULL when there is no memory. */
static float **
take_matrix(struct engine_arena *arena, uint32_t rows, uint32_t columns)
{
    float **pointers = engine_arena_take(arena, rows, sizeof *pointers);
    float *floats = engine_arena_take(arena, (size_t)rows * columns, sizeof *floats);
    for (uint32_t i = 0; pointers != NULL && floats != NULL && i < rows; i++)
        pointers[i] = floats + (size_t)i * columns;
    return pointers;
}

static void
take_state(struct engine *engine, struct engine_arena *arena)
{
    const struct engine_shape *shape = &engine->model->shape;
    uint32_t batch = engine->batch, query_dim = shape->heads * shape->head_dim;
    engine->x = take_matrix(arena, engine->slots, shape->dim);
    engine->query = take_matrix(arena, batch, query_dim);
    engine->mixed = take_matrix(arena, batch, query_dim);
    engine->gate = take_matrix(arena, batch, shape->hidden);
    engine->up = take_matrix(arena, batch, shape->hidden);
    engine->down = take_matrix(arena, greater(batch, 2 * shape->layers), shape->dim);
    engine->key = take_matrix(arena, batch, shape->kv_heads * shape->head_dim);
    engine->value = take_matrix(arena, batch, shape->kv_heads * shape->head_dim);
    engine->logits = engine_arena_take(arena, batch, sizeof *engine->logits);
}

/* For each worker, in whole groups: the scores of a context, or a head. */
static void
take_mixes(struct engine *engine, struct engine_arena *arena)
{
    uint32_t groups = greater(engine->context, engine->model->shape.head_dim);
    groups = groups / ENGINE_INTEGER_GROUP + 1;
    uint32_t count = groups * ENGINE_INTEGER_GROUP;
    struct step_mix *mixes = engine_arena_take(arena, engine->team.count, sizeof *mixes), none;
    for (uint32_t i = 0; i < engine->team.count; i++) {
        struct step_mix *mix = mixes != NULL ? &mixes[i] : &none;
        mix->quants = engine_arena_take(arena, engine->model->shape.head_dim, sizeof *mix->quants);
        mix->scores = engine_arena_take(arena, count, sizeof *mix->scores);
        mix->integers = engine_arena_take(arena, count, sizeof *mix->integers);
        mix->fine = engine_arena_take(arena, count, sizeof *mix->fine);
        mix->scales = engine_arena_take(arena, groups, sizeof *mix->scales);
    }
    engine->mixes = mixes;
}

static void
take_scratch(struct engine *engine, struct engine_arena *arena)
{
    const struct engine_shape *shape = &engine->model->shape;
    size_t widest = greater(greater(shape->dim, shape->hidden), shape->heads * shape->head_dim);
    size_t count = (size_t)engine->slots * widest;
    engine->norms =
        engine_arena_take(arena, 2 * (size_t)shape->layers + 1, shape->dim * sizeof *engine->norms);
    if (shape->layers > 0 && engine->model->layers[0].query_bias != NULL)
        engine->biases =
            engine_arena_take(arena, shape->layers, attention_width(shape) * sizeof(float));
    engine->frequencies = engine_arena_take(arena, shape->rope_dim / 2, sizeof(float));
    engine->tokens = engine_arena_take(arena, engine->batch, sizeof *engine->tokens);
    engine->starts = engine_arena_take(arena, engine->batch + 1, sizeof *engine->starts);
    engine->ends = engine_arena_take(arena, engine->batch, sizeof *engine->ends);
    engine->rotations = engine_arena_take(arena, engine->batch, shape->rope_dim * sizeof(float));
    engine->normed = engine_arena_take(arena, count, sizeof *engine->normed);
    engine->quants = engine_arena_take(arena, count, sizeof *engine->quants);
    engine->scales = engine_arena_take(arena, count / 4 + 1, sizeof *engine->scales);
    engine->integers = engine_arena_take(arena, count, sizeof *engine->integers);
    engine->fine = engine_arena_take(arena, count, sizeof *engine->fine);
    engine->singles =
        engine_arena_take(arena, count / ENGINE_INTEGER_GROUP + 1, sizeof *engine->singles);
    engine->integer_scales =
        engine_arena_take(arena, count / ENGINE_INTEGER_GROUP + 1, sizeof *engine->integer_scales);
    engine->bases = engine_arena_take(arena, engine->slots, sizeof *engine->bases);
    engine->queues = engine_arena_take(arena, engine->team.count, sizeof *engine->queues);
    take_mixes(engine, arena);
}

/* A tensor of one row. */
static bool
read_row(struct engine *engine, const struct engine_tensor *tensor, float *to)
{
    struct engine_rows rows;
    if (!engine->source->rows(engine->source->context, 0, tensor, 0, &rows))
        return false;
    step_kernel(engine, tensor)->expand(&rows, 0, tensor->columns, tensor->group, to);
    return true;
}

static bool
read_biases(struct engine *engine, uint32_t index)
{
    const struct engine_layer *layer = &engine->model->layers[index];
    if (engine->biases == NULL)
        return true;
    float *to = engine->biases + index * attention_width(&engine->model->shape);
    return read_row(engine, layer->query_bias, to) &&
           read_row(engine, layer->key_bias, to + layer->query_bias->columns) &&
           read_row(engine, layer->value_bias,
                    to + layer->query_bias->columns + layer->key_bias->columns);
}

static int
read_vectors(struct engine *engine, struct engine_error *error)
{
    const struct engine_model *model = engine->model;
    size_t dim = model->shape.dim;
    bool ok = read_row(engine, model->final_norm, engine->norms + 2 * model->shape.layers * dim);
    for (uint32_t i = 0; ok && i < model->shape.layers; i++) {
        const struct engine_layer *layer = &model->layers[i];
        ok = read_row(engine, layer->attention_norm, engine->norms + 2 * i * dim) &&
             read_row(engine, layer->ffn_norm, engine->norms + (2 * i + 1) * dim) &&
             read_biases(engine, i);
    }
    return ok ? ENGINE_OK : engine_fail(error, ENGINE_E_WEIGHTS, "engine: no weights of the norms");
}

static int
set_frequencies(struct engine *engine, struct engine_error *error)
{
    const struct engine_shape *shape = &engine->model->shape;
    const struct engine_tensor *factors =
        engine->model->rope_factors[engine->context > shape->rope_context];
    if (factors != NULL && !read_row(engine, factors, engine->frequencies))
        return engine_fail(error, ENGINE_E_WEIGHTS, "engine: no weights of the positions");
    for (uint32_t i = 0; i < shape->rope_dim / 2; i++) {
        float factor = factors != NULL ? engine->frequencies[i] : 1;
        float power = real_pow(shape->rope_base, (float)(2 * i) / (float)shape->rope_dim);
        engine->frequencies[i] = 1.0f / power / (factor * shape->rope_scale);
    }
    return ENGINE_OK;
}

static int
check_options(const struct engine_model *model, const struct engine_options *options,
              struct engine_error *error)
{
    if (options->context > model->shape.context)
        return engine_fail(error, ENGINE_E_ARGUMENT,
                           "engine: a context of %u, but the model was made for %u",
                           options->context, model->shape.context);
    if (options->attention != NULL && options->attention->sums == NULL)
        return engine_fail(error, ENGINE_E_ARGUMENT, "engine: kernel %s is not for attention",
                           options->attention->name);
    if (options->attention != NULL && model->shape.window != 0)
        return engine_fail(error, ENGINE_E_ARGUMENT,
                           "engine: attention in integers has no window, and the model has");
    if (options->batch > ENGINE_DIM_MAX)
        return engine_fail(error, ENGINE_E_ARGUMENT, "engine: %u tokens in a step, more than %u",
                           options->batch, ENGINE_DIM_MAX);
    return ENGINE_OK;
}

int
engine_open(struct engine **opened, const struct engine_model *model,
            const struct engine_source *source, const struct engine_options *options,
            struct engine_arena *arena, struct engine_error *error)
{
    int status = check_options(model, options, error);
    if (status != ENGINE_OK)
        return status;
    struct engine *engine = engine_arena_take(arena, 1, sizeof *engine), counting;
    bool counts = engine == NULL;
    if (counts)
        engine = &counting;
    memset(engine, 0, sizeof *engine);
    engine->model = model;
    engine->source = source;
    engine->kernels = options->kernels;
    engine->attention = options->attention;
    engine->profile = options->profile;
    engine->team = options->team ? *options->team : (struct engine_team){.count = 1};
    engine->workers = engine->team.count;
    engine->context = options->context ? options->context : model->shape.context;
    engine->batch = options->batch ? options->batch : 1;
    engine->slots = greater(engine->batch, engine->team.count);
    take_state(engine, arena);
    take_scratch(engine, arena);
    if (counts || arena->used_bytes > arena->size_bytes)
        return engine_fail(error, ENGINE_E_SPACE, "engine: %lu bytes of memory are not enough",
                           arena->base ? arena->size_bytes : 0);
    *opened = engine;
    status = set_frequencies(engine, error);
    return status == ENGINE_OK ? read_vectors(engine, error) : status;
}

static int
check_item(const struct engine *engine, const struct engine_item *item, struct engine_error *error)
{
    const struct engine_sequence *sequence = item->sequence;
    if (item->count == 0)
        return engine_fail(error, ENGINE_E_ARGUMENT, "step: a sequence without tokens");
    if (sequence->context > engine->context)
        return engine_fail(error, ENGINE_E_ARGUMENT,
                           "step: a sequence of %u tokens, but the engine was opened for %u",
                           sequence->context, engine->context);
    if (sequence->position > sequence->context ||
        item->count > sequence->context - sequence->position)
        return engine_fail(error, ENGINE_E_CONTEXT, "step: %u tokens behind %u, in a context of %u",
                           item->count, sequence->position, sequence->context);
    for (uint32_t i = 0; i < item->count; i++)
        if (item->tokens[i] >= engine->model->shape.vocabulary)
            return engine_fail(error, ENGINE_E_ARGUMENT, "step: token %u is none of the %u words",
                               item->tokens[i], engine->model->shape.vocabulary);
    return ENGINE_OK;
}

static int
check_items(const struct engine *engine, const struct engine_item *items, uint32_t count,
            struct engine_error *error)
{
    uint64_t tokens = 0;
    for (uint32_t i = 0; i < count; i++) {
        int status = check_item(engine, &items[i], error);
        if (status != ENGINE_OK)
            return status;
        tokens += items[i].count;
    }
    if (tokens == 0 || tokens > engine->batch)
        return engine_fail(error, ENGINE_E_ARGUMENT, "step: %lu tokens, not 1 to %u", tokens,
                           engine->batch);
    return ENGINE_OK;
}

static void
list_tokens(struct engine *engine, const struct engine_item *item)
{
    for (uint32_t i = 0; i < item->count; i++)
        engine->tokens[engine->token_count++] =
            (struct step_token){item->sequence, item->tokens[i], item->sequence->position + i};
}

static void
begin_step(struct engine *engine, const struct engine_item *items, uint32_t count)
{
    engine->items = items;
    engine->item_count = count;
    engine->token_count = engine->logits_count = 0;
    __atomic_store_n(&engine->failed, false, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < count; i++) {
        engine->starts[i] = engine->token_count;
        list_tokens(engine, &items[i]);
        engine->starts[i + 1] = engine->token_count;
        if (items[i].logits == NULL)
            continue;
        engine->ends[engine->logits_count] = engine->token_count - 1;
        engine->logits[engine->logits_count++] = items[i].logits;
    }
    if (engine->attention == NULL && engine->model->shape.layers > 0)
        heads_place_keys(engine, 0);
    share_reset(engine);
    if (engine->profile != NULL)
        engine->profile->last_ns = engine->profile->now_ns(engine->profile->context);
}

int
engine_step(struct engine *engine, const struct engine_item *items, uint32_t count,
            struct engine_error *error)
{
    int status = check_items(engine, items, count, error);
    if (status != ENGINE_OK)
        return status;
    begin_step(engine, items, count);
    engine_share(engine, forward_worker, engine);
    if (engine->team.stepped != NULL)
        engine->team.stepped(engine->team.context);
    if (__atomic_load_n(&engine->failed, __ATOMIC_RELAXED))
        return engine_fail(error, ENGINE_E_WEIGHTS, "step: weights could not be had");
    for (uint32_t i = 0; i < count; i++)
        items[i].sequence->position += items[i].count;
    return ENGINE_OK;
}

/* Of LANES logits; behind `count` there are none. */
static ints
order_at(const float *logits, uint32_t count)
{
    float last[LANES];
    if (count >= LANES)
        return lanes_order(lanes_load(logits));
    memset(last, 0xff, sizeof last); /* no numbers */
    memcpy(last, logits, count * sizeof *logits);
    return lanes_order(lanes_load(last));
}

/* The greatest of a chunk, of up to CHUNK logits: lane by lane, and across the lanes once. */
static int32_t
most_of(const float *logits, uint32_t count)
{
    ints most = order_at(logits, count);
    for (uint32_t i = LANES; i < CHUNK && i < count; i += LANES)
        most = lanes_greatest(most, order_at(logits + i, count - i));
    return lanes_most(most);
}

uint32_t
engine_greedy(const float *logits, uint32_t count)
{
    uint32_t chunk = 0;
    int32_t most = INT32_MIN, order[LANES];
    for (uint32_t i = 0; i < count; i += CHUNK) {
        int32_t here = most_of(logits + i, count - i);
        chunk = here > most ? i : chunk;
        most = here > most ? here : most;
    }
    for (uint32_t i = chunk; i < count; i += LANES) {
        lanes_store(order, order_at(logits + i, count - i));
        for (uint32_t j = 0; j < LANES; j++)
            if (order[j] == most)
                return i + j;
    }
    return 0;
}
