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

/* A kv head's keys and values of all tokens of an item; with `mixes` also what they are read by. */
static void
attend_item(struct engine *engine, uint32_t worker, uint32_t layer, uint32_t item, uint32_t kv_head,
            bool mixes)
{
    const struct engine_shape *shape = &engine->model->shape;
    uint32_t first = engine->starts[item], end = engine->starts[item + 1];
    uint32_t heads = shape->heads / shape->kv_heads;
    for (uint32_t t = first; t < end; t++) {
        attention_turn(engine, layer, t, kv_head);
        if (engine->attention != NULL)
            attention_integer_store(engine, layer, t, kv_head, &engine->mixes[worker]);
    }
    if (!mixes)
        return;
    step_measures_part(engine, worker, ENGINE_POSITIONS);
    for (uint32_t i = 0; i < (end - first) * heads; i++)
        mix_head(engine, worker, layer, first + i / heads, kv_head * heads + i % heads);
    step_measures_part(engine, worker, ENGINE_ATTENTION);
}

/*
 * Who stored a kv head's keys and values can mix them without a barrier, if that leaves enough
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
    while (share_take(&share, &range))
        for (uint32_t i = range.first; i < range.end; i++)
            attend_item(engine, worker, layer, i / shape->kv_heads, i % shape->kv_heads, mixes);
    step_ends_part(engine, worker, mixes ? ENGINE_ATTENTION : ENGINE_POSITIONS);
    if (mixes)
        return;
    share = share_begin(engine, worker, finest);
    while (share_take(&share, &range))
        for (uint32_t i = range.first; i < range.end; i++)
            mix_head(engine, worker, layer, i / shape->heads, i % shape->heads);
    step_ends_part(engine, worker, ENGINE_ATTENTION);
}
