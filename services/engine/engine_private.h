/* What the files of the forward pass share. */
#ifndef ENGINE_PRIVATE_H
#define ENGINE_PRIVATE_H

#include "engine/engine.h"

#include "share.h"

/* One token of a step. */
struct step_token {
    struct engine_sequence *sequence;
    uint32_t token, position;
};

/* What one worker mixes one head's values with. */
struct step_mix {
    int8_t *quants;    /* [head_dim]: of a key, or a value */
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

    /*
     * The step at work; a row (of a product, or of a token's state) is written by one worker in a
     * phase, and read in those behind it. Only of a step of one token each worker has the state,
     * and the vector that products read, for itself: row `worker` of x, and of the vectors.
     */
    const struct engine_item *items;
    uint32_t item_count, token_count, logits_count;
    struct step_token *tokens; /* [batch] */
    uint32_t *starts;          /* [batch + 1]: each item's first token; then their number */
    uint32_t *ends;            /* [batch]: the tokens whose logits are wanted */
    float *rotations;          /* [batch][rope_dim / 2]: cosine, sine */
    float **x;                 /* [slots]: the residual stream */
    float **query, **key, **value, **mixed;
    float **gate, **up; /* [batch] */
    /* [batch], or of one token [2 * layers]: what is added to x, kept for workers that are late. */
    float **down;
    float **logits;
    uint32_t slots; /* batch, and at least one for each worker */
    float *normed;  /* [slots][widest]: what products read, one vector behind the other */
    int8_t *quants;
    float *scales;
    int16_t *integers, *fine;
    struct engine_single_group *singles;
    int32_t *integer_scales;
    float *bases;               /* [slots] */
    struct step_mix *mixes;     /* [workers] */
    struct share_queue *queues; /* [workers] */
    uint32_t phase;             /* share.c's */
    /* Set by any worker. (newlib's <stdatomic.h> does not compile with gcc: hence builtins.) */
    bool failed;
};

static inline const struct engine_kernel *
step_kernel(const struct engine *engine, const struct engine_tensor *tensor)
{
    return engine->kernels ? engine->kernels[tensor->index]
                           : engine_kernel_reference(tensor->format);
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

/* The end of a phase. */
static inline void
step_ends_part(struct engine *engine, const struct share *share, enum engine_part part)
{
    share_end(share);
    step_measures_part(engine, share->worker, part);
}

/* Of one token each worker has the state for itself. */
static inline bool
step_is_single(const struct engine *engine)
{
    return engine->token_count == 1;
}

/* The residual stream of token `t`. */
static inline float *
step_x(const struct engine *engine, uint32_t worker, uint32_t t)
{
    return engine->x[step_is_single(engine) ? worker : t];
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

/*
 * The query heads that read kv head `kv_head`, its key and its value, of token `t`: adds their
 * biases, where there are some, and turns queries and key by the token's position.
 */
void attention_turn(const struct engine *engine, uint32_t layer, uint32_t t, uint32_t kv_head);

/* Attention of head `head` for token `t`, into its part of `mixed`. */
void attention_head(const struct engine *engine, uint32_t layer, uint32_t t, uint32_t head,
                    const struct step_mix *mix);

/*
 * `columns` numbers of any count as -127 to 127 times a unit; with a number that is none, or
 * greater than 2^58, the unit is none; below 2^-56 all are zero.
 */
void quantise_row(const float *values, uint32_t columns, int8_t *quants, float *unit);

/* The bits of the greatest of `count` numbers, without its sign; what is no number is greatest. */
uint32_t quantise_greatest(const float *values, uint32_t count);

/* What a group's scale of 1 is worth, which follows from the greatest of all numbers: `base` is 0
 * where they are too small to be kept, and none where one is none or too great. */
struct quantise_unit {
    uint32_t exponent, bits;
    float base;
};
struct quantise_unit quantise_unit_of(uint32_t greatest);

/* A group as engine_quantise_fine has it, `fine` being NULL or not: its pairs; its scale is
 * returned. The unit's base is greater than 0. */
int32_t quantise_group(const float *values, const struct quantise_unit *unit, int16_t *quants,
                       int16_t *fine);

/*
 * The same on keys and values of 8 bits, which are stored first (two positions share cells: one
 * worker has to store all of a sequence's); and the memory that they need.
 */
void attention_integer_store(const struct engine *engine, uint32_t layer, uint32_t t,
                             uint32_t kv_head, const struct step_mix *mix);
void attention_integer_head(const struct engine *engine, uint32_t layer, uint32_t t, uint32_t head,
                            const struct step_mix *mix);
size_t attention_integer_bytes(const struct engine_shape *shape, uint32_t context);

/* The first `count` positions of a sequence into another one. */
void attention_integer_copy(const struct engine *engine, const struct engine_sequence *to,
                            const struct engine_sequence *from, uint32_t count);

/* The tensors that read one vector; NULL: fewer. */
struct step_readers {
    const struct engine_tensor *of[3];
};

/* Vector `slot` is `from` (which may lie there): into the forms that its readers take. */
void vectors_finish(struct engine *engine, const struct step_readers *readers, uint32_t slot,
                    const float *from);

/* `count` of them, from `slot` on, as the kernel of `tensor` takes them. */
struct engine_vectors vectors_from(const struct engine *engine, uint32_t slot, uint32_t count,
                                   const struct engine_tensor *tensor);

/*
 * From here on the tokens' keys and values in floats are those of that layer, where the sequences
 * keep them. Of the first layer that is done before the workers begin.
 */
void heads_place_keys(struct engine *engine, uint32_t layer);

/* gate = silu(gate) * up, for all tokens, in the rows of these blocks. */
void step_activate(struct engine *engine, const struct engine_layer *layer,
                   struct share_range blocks);

/* Attention of a layer: one phase or two. */
void heads_attend(struct engine *engine, uint32_t worker, uint32_t layer);

/* The whole forward pass, as one worker of the team sees it. */
void forward_worker(void *engine, uint32_t worker);

#endif
