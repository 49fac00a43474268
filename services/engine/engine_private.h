/* What the files of the forward pass share. */
#ifndef ENGINE_PRIVATE_H
#define ENGINE_PRIVATE_H

#include "engine/engine.h"

/* One token of a step. */
struct step_token {
    struct engine_sequence *sequence;
    uint32_t token, position;
};

/* What one worker mixes one head's values with. */
struct step_mix {
    float *scores;     /* [context, or a head, in whole groups] */
    int16_t *integers; /* as many */
    int16_t *fine;     /* what they leave */
    int32_t *scales;   /* of the groups */
};

struct engine {
    const struct engine_model *model;
    const struct engine_source *source;
    const struct engine_kernel *const *kernels; /* of each tensor; NULL: the reference */
    const struct engine_kernel *attention;      /* NULL: in floats */
    struct engine_profile *profile;
    struct engine_team team;
    uint32_t workers; /* of the team that take part */
    uint32_t context, batch;
    float *norms;       /* of each layer attention and ffn, then the final one: [dim] each */
    float *biases;      /* of each layer query, key and value; NULL: there are none */
    float *frequencies; /* of the rotary positions: [rope_dim / 2] */

    /* The step at work; each phase is written by one worker a row, and read after a barrier. */
    const struct engine_item *items;
    uint32_t item_count, token_count, logits_count;
    struct step_token *tokens; /* [batch] */
    float *rotations;          /* [batch][rope_dim / 2]: cosine, sine */
    float **x;                 /* [batch]: the residual stream */
    float **query, **key, **value, **mixed;
    float **gate, **up, **down;
    float **logits;
    float *normed; /* [batch][widest]: what products read, one vector behind the other */
    int8_t *quants;
    float *scales;
    int16_t *integers;
    struct engine_single_group *singles;
    int32_t *integer_scales;
    float *bases;           /* [batch] */
    struct step_mix *mixes; /* [workers] */
    /* Set by any worker. (newlib's <stdatomic.h> does not compile with gcc: hence builtins.) */
    bool failed;
};

/* Items first <= i < end of `count` are this worker's. */
struct step_share {
    uint32_t first, end;
};

static inline struct step_share
step_share(const struct engine *engine, uint32_t worker, uint32_t count)
{
    uint64_t workers = engine->workers;
    return (struct step_share){(uint32_t)((uint64_t)count * worker / workers),
                               (uint32_t)((uint64_t)count * (worker + 1) / workers)};
}

static inline const struct engine_kernel *
step_kernel(const struct engine *engine, const struct engine_tensor *tensor)
{
    return engine->kernels ? engine->kernels[tensor->index]
                           : engine_kernel_reference(tensor->format);
}

static inline void
step_barrier(struct engine *engine, uint32_t worker)
{
    if (engine->workers > 1)
        engine->team.barrier(engine->team.context, worker);
}

/* The time of a part that is over. */
static inline void
step_measures_part(struct engine *engine, uint32_t worker, enum engine_part part)
{
    struct engine_profile *profile = engine->profile;
    if (profile == NULL || worker != 0)
        return;
    uint64_t now_ns = profile->now_ns(profile->context);
    profile->ns[part] += now_ns - profile->last_ns;
    profile->last_ns = now_ns;
}

/* The end of a part that others read. */
static inline void
step_ends_part(struct engine *engine, uint32_t worker, enum engine_part part)
{
    step_barrier(engine, worker);
    step_measures_part(engine, worker, part);
}

/* The keys (part 0) or values (part 1) of a layer at a position: kv_heads * head_dim floats. */
float *sequence_row(const struct engine *engine, const struct engine_sequence *sequence,
                    uint32_t layer, uint32_t part, uint32_t position);

/* Floats of a layer's query, key and value together. */
static inline size_t
attention_width(const struct engine_shape *shape)
{
    return ((size_t)shape->heads + 2 * (size_t)shape->kv_heads) * shape->head_dim;
}

/* Adds the biases of query, key and value of token `t`, where there are some. */
void attention_add_biases(const struct engine *engine, uint32_t layer, uint32_t t);

/* Turns query and key of token `t` by their position, in place. */
void attention_rotate(const struct engine *engine, uint32_t t);

/* Attention of head `head` for token `t`, into its part of `mixed`. */
void attention_head(const struct engine *engine, uint32_t layer, uint32_t t, uint32_t head,
                    const struct step_mix *mix);

/*
 * `columns` numbers of any count as -127 to 127 times a unit; with a number that is none, or
 * greater than 2^58, the unit is none; below 2^-56 all are zero.
 */
void quantise_row(const float *values, uint32_t columns, int8_t *quants, float *unit);

/* The same on keys and values of 8 bits, which are stored first; and the memory that they need. */
void attention_integer_store(const struct engine *engine, uint32_t layer, uint32_t t);
void attention_integer_head(const struct engine *engine, uint32_t layer, uint32_t t, uint32_t head,
                            const struct step_mix *mix);
size_t attention_integer_bytes(const struct engine_shape *shape, uint32_t context);

/* The first `count` positions of a sequence into another one. */
void attention_integer_copy(const struct engine *engine, const struct engine_sequence *to,
                            const struct engine_sequence *from, uint32_t count);

/* The whole forward pass, as one worker of the team sees it. */
void forward_worker(void *engine, uint32_t worker);

#endif
