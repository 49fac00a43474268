/* Attention as phases of a step: who keeps which keys and values, and mixes which heads. */
#include "engine_private.h"

void
heads_place_keys(struct engine *engine, uint32_t layer)
{
    for (uint32_t t = 0; t < engine->token_count; t++) {
        const struct step_token *token = &engine->tokens[t];
        engine->key[t] = sequence_row(engine, token->sequence, layer, 0, token->position);
        engine->value[t] = sequence_row(engine, token->sequence, layer, 1, token->position);
    }
}

static void
mix_head(struct engine *engine, uint32_t worker, uint32_t layer, uint32_t t, uint32_t head)
{
    const struct step_mix *mix = &engine->mixes[worker];
    if (engine->attention != NULL)
        attention_integer_head(engine, layer, t, head, mix);
    else
        attention_head(engine, layer, t, head, mix);
}

/* A kv head's keys and values of all tokens of an item. */
static void
store_item(struct engine *engine, uint32_t worker, uint32_t layer, uint32_t item, uint32_t kv_head)
{
    for (uint32_t t = engine->starts[item]; t < engine->starts[item + 1]; t++) {
        attention_turn(engine, layer, t, kv_head);
        if (engine->attention != NULL)
            attention_integer_store(engine, layer, t, kv_head, &engine->mixes[worker]);
    }
}

/* What they are read by. */
static void
mix_item(struct engine *engine, uint32_t worker, uint32_t layer, uint32_t item, uint32_t kv_head)
{
    uint32_t heads = engine->model->shape.heads / engine->model->shape.kv_heads;
    for (uint32_t t = engine->starts[item]; t < engine->starts[item + 1]; t++)
        for (uint32_t i = 0; i < heads; i++)
            mix_head(engine, worker, layer, t, kv_head * heads + i);
}

/*
 * Who stored a kv head's keys and values can mix them at once, if that leaves enough
 * pieces: otherwise each head of a token is one, in a phase of its own.
 */
void
heads_attend(struct engine *engine, uint32_t worker, uint32_t layer)
{
    const struct engine_shape *shape = &engine->model->shape;
    uint32_t pieces = engine->item_count * shape->kv_heads;
    uint32_t finest = engine->token_count * shape->heads;
    bool mixes = pieces == finest || pieces % engine->workers == 0 || pieces >= 4 * engine->workers;
    struct share_range range;
    struct share share = share_begin(engine, worker, pieces);
    while (share_take(&share, &range)) {
        for (uint32_t i = range.first; i < range.end; i++)
            store_item(engine, worker, layer, i / shape->kv_heads, i % shape->kv_heads);
        if (!mixes)
            continue;
        step_measures_part(engine, worker, ENGINE_POSITIONS);
        for (uint32_t i = range.first; i < range.end; i++)
            mix_item(engine, worker, layer, i / shape->kv_heads, i % shape->kv_heads);
        step_measures_part(engine, worker, ENGINE_ATTENTION);
    }
    step_ends_part(engine, &share, mixes ? ENGINE_ATTENTION : ENGINE_POSITIONS);
    if (mixes)
        return;
    share = share_begin(engine, worker, finest);
    while (share_take(&share, &range))
        for (uint32_t i = range.first; i < range.end; i++)
            mix_head(engine, worker, layer, i / shape->heads, i % shape->heads);
    step_ends_part(engine, &share, ENGINE_ATTENTION);
}
