/*
 * Attention on keys and values of 8 bits, through the kernels for rows16-q8: for scores a row is a
 * position, for mixing values a row is a dimension of the head and a column a position. The strips'
 * own scales are all ROWS16_ONE; what a key or a value stands for is a float for each position and
 * head.
 */
#include "engine_private.h"
#include "head_cache.h"
#include "lanes.h"
#include "real.h"
#include "rows16.h"

#define ROWS16_ONE     (1u << ROWS16_ROW_SHIFT)
#define LOG2_E         1.44269504f
#define DIFFERENCE_CUT 9
#define SUM_UNIT       ((float)(1 << ROWS16_ATTENTION_SHIFT))

/* Column `column` of row `row` of a strip. A pair's first column comes before its second. */
static void
set_cell(uint8_t *strip, uint32_t row, uint32_t column, int8_t quant)
{
    struct rows16_group *group = (struct rows16_group *)(void *)strip + column / ROWS16_GROUP;
    int16_t *pair = &group->pairs[column % ROWS16_GROUP / 2][row];
    *pair = column % 2 == 0 ? quant : rows16_pair(rows16_first(*pair), quant);
}

/* The scales of a group are set when its first position is. */
static void
begin_groups(uint8_t *groups, uint32_t count, size_t stride)
{
    for (uint32_t g = 0; g < count; g++) {
        uint16_t *scales = (void *)(groups + g * stride + ROWS16_ROWS * ROWS16_GROUP);
        for (uint32_t r = 0; r < ROWS16_ROWS; r++)
            scales[r] = ROWS16_ONE;
    }
}

static void
store_key(const struct head_cache *cache, const float *key, uint32_t head_dim, uint32_t position,
          int8_t *quants)
{
    size_t strip_bytes = (size_t)cache->key_groups * ROWS16_GROUP_BYTES;
    uint8_t *strip = cache->keys + position / ROWS16_ROWS * strip_bytes;
    if (position % ROWS16_ROWS == 0)
        begin_groups(strip, cache->key_groups, ROWS16_GROUP_BYTES);
    quantise_row(key, head_dim, quants, &cache->key_units[position]);
    for (uint32_t i = 0; i < head_dim; i++)
        set_cell(strip, position % ROWS16_ROWS, i, quants[i]);
}

static void
store_value(const struct head_cache *cache, const float *value, uint32_t head_dim,
            uint32_t position, int8_t *quants)
{
    size_t strip_bytes = (size_t)cache->value_groups * ROWS16_GROUP_BYTES;
    size_t group_at = (size_t)(position / ROWS16_GROUP) * ROWS16_GROUP_BYTES;
    if (position % ROWS16_GROUP == 0)
        begin_groups(cache->values + group_at, cache->value_strips, strip_bytes);
    quantise_row(value, head_dim, quants, &cache->value_units[position]);
    for (uint32_t i = 0; i < head_dim; i++)
        set_cell(cache->values + i / ROWS16_ROWS * strip_bytes, i % ROWS16_ROWS, position,
                 quants[i]);
}

void
attention_integer_store(const struct engine *engine, uint32_t layer, uint32_t t, uint32_t kv_head,
                        const struct step_mix *mix)
{
    uint32_t head_dim = engine->model->shape.head_dim;
    const struct step_token *token = &engine->tokens[t];
    struct head_cache cache = head_cache_of(engine, token->sequence, layer, kv_head);
    size_t at = (size_t)kv_head * head_dim;
    store_key(&cache, engine->key[t] + at, head_dim, token->position, mix->quants);
    store_value(&cache, engine->value[t] + at, head_dim, token->position, mix->quants);
}

/*
 * Products of strips with what was prepared in `mix`, of which only the first `columns` numbers are
 * not zero, in parts of SUM_UNIT: into the place of the scores. Queries and weights have 15 bits,
 * since the 8 of the keys and values are coarse enough.
 */
static void
sum_strips(const struct engine *engine, const uint8_t *strips, size_t strip_bytes,
           uint32_t strip_count, uint32_t columns, const struct step_mix *mix)
{
    engine->attention->sums(strips, mix->integers, mix->fine, mix->scales,
                            head_cache_divide_up(columns, ROWS16_GROUP / 2),
                            (int32_t *)(void *)mix->scores, strip_bytes, strip_count);
}

static ints
scale_sums(const float *sums, ints units)
{
    return (ints)(lanes_to_floats(lanes_load(sums)) * (reals)units);
}

/* The query as integers, in whole groups. */
static float
prepare_query(const float *query, uint32_t head_dim, const struct step_mix *mix)
{
    uint32_t columns = head_cache_divide_up(head_dim, ROWS16_GROUP) * ROWS16_GROUP;
    float base;
    memcpy(mix->scores, query, head_dim * sizeof *query);
    memset(mix->scores + head_dim, 0, (columns - head_dim) * sizeof *query);
    engine_quantise_fine(mix->scores, columns, mix->integers, mix->fine, mix->scales, &base);
    return base * SUM_UNIT;
}

/* Scores of `count` positions, up to a whole group, in parts of what is returned. */
static float
score(const struct engine *engine, const struct head_cache *cache, const float *query,
      uint32_t count, const struct step_mix *mix)
{
    uint32_t head_dim = engine->model->shape.head_dim;
    float unit = prepare_query(query, head_dim, mix) / real_sqrt((float)head_dim);
    sum_strips(engine, cache->keys, (size_t)cache->key_groups * ROWS16_GROUP_BYTES,
               head_cache_divide_up(count, ROWS16_ROWS), head_dim, mix);
    for (uint32_t p = 0; p < count; p += LANES)
        lanes_store(mix->scores + p, scale_sums(mix->scores + p, lanes_load(cache->key_units + p)));
    /* Behind the last one it once more: it changes no maximum. */
    for (uint32_t p = count; p % ROWS16_GROUP != 0; p++)
        mix->scores[p] = mix->scores[count - 1];
    return unit;
}

/* How scores become exponents of two. */
struct softmax {
    uint32_t exponent;        /* of the score that is farthest from 0 */
    ints most, factor, shift; /* the greatest; what differences are multiplied with, then shifted */
};

/* False: a score is no number. */
static bool
begin_softmax(struct softmax *softmax, const float *scores, uint32_t columns, float unit)
{
    ints size = {0}, most = lanes_all(INT32_MIN);
    int32_t factor, exponent;
    unit *= LOG2_E;
    memcpy(&factor, &unit, sizeof factor);
    for (uint32_t p = 0; p < columns; p += LANES)
        size = lanes_greatest(size, lanes_load(scores + p) & LANES_SIZE_BITS);
    exponent = lanes_most(size) >> LANES_MANTISSA;
    for (uint32_t p = 0; p < columns; p += LANES)
        most = lanes_greatest(most, lanes_fixed(lanes_load(scores + p), (uint32_t)exponent));
    /* Differences less DIFFERENCE_CUT bits, times 16 bits of the factor; 16 are of fraction. */
    int32_t shift = 2 * LANES_BIAS + LANES_MANTISSA + 15 - 16 - DIFFERENCE_CUT - exponent -
                    (factor >> LANES_MANTISSA);
    softmax->exponent = (uint32_t)exponent;
    softmax->most = lanes_all(lanes_most(most));
    softmax->factor = lanes_all(((factor & 0x7fffff) | 0x800000) >> 8);
    softmax->shift = lanes_all(shift < 0 ? 0 : shift > 31 ? 31 : shift);
    return exponent != 255 && factor >> LANES_MANTISSA != 255;
}

static ints
weights_of(const struct softmax *softmax, ints scores)
{
    ints below = (softmax->most - lanes_fixed(scores, softmax->exponent)) >> DIFFERENCE_CUT;
    ints product = lanes_least(below, lanes_all(0xffff)) * softmax->factor;
    return lanes_power(lanes_shift(product, softmax->shift));
}

/* Of weights in 30 bits of fraction floats, times the units of the values. */
static ints
weigh_values(ints weights, ints units)
{
    ints bits = (ints)lanes_to_floats(weights) - (30 << LANES_MANTISSA);
    return (ints)((reals)(bits & (weights != 0)) * (reals)units);
}

/* Of LANES scores, of which `count` are positions; the others get no weight. Adds to the sum's
 * halves, which have room for 65,536 times as many. */
static void
weigh_lanes(const struct softmax *softmax, float *scores, const float *of_values, uint32_t count,
            ints sums[2])
{
    const ints index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    ints lanes = lanes_load(scores), units = lanes_load(of_values), inside = index < (int32_t)count;
    ints weights = weights_of(softmax, lanes) & inside;
    lanes_store(scores, weigh_values(weights, units) & inside);
    sums[0] += weights & 0xffff;
    sums[1] += weights >> 16;
}

/*
 * Weights of the positions, not yet divided by their sum, times the units of the values; 0 up to a
 * whole group. Returns the sum.
 */
static float
weigh(const struct head_cache *cache, float unit, uint32_t count, float *scores)
{
    uint32_t columns = head_cache_divide_up(count, ROWS16_GROUP) * ROWS16_GROUP;
    struct softmax softmax;
    ints sums[2] = {{0}, {0}};
    if (!begin_softmax(&softmax, scores, columns, unit))
        return __builtin_nanf("");
    for (uint32_t p = 0; p < count; p += LANES)
        weigh_lanes(&softmax, scores + p, cache->value_units + p, count - p, sums);
    if ((count + LANES - 1) / LANES % 2 != 0)
        memset(scores + columns - LANES, 0, LANES * sizeof *scores);
    return (float)lanes_total(sums[0], sums[1]) * 0x1p-30f;
}

void
attention_integer_head(const struct engine *engine, uint32_t layer, uint32_t t, uint32_t head,
                       const struct step_mix *mix)
{
    const struct engine_shape *shape = &engine->model->shape;
    const struct step_token *token = &engine->tokens[t];
    uint32_t count = token->position + 1, groups = head_cache_divide_up(count, ROWS16_GROUP);
    struct head_cache cache =
        head_cache_of(engine, token->sequence, layer, head / (shape->heads / shape->kv_heads));
    size_t strip_bytes = (size_t)cache.value_groups * ROWS16_GROUP_BYTES;
    float *mixed = engine->mixed[t] + (size_t)head * shape->head_dim, base;

    float unit =
        score(engine, &cache, engine->query[t] + (size_t)head * shape->head_dim, count, mix);
    float sum = weigh(&cache, unit, count, mix->scores);
    engine_quantise_fine(mix->scores, groups * ROWS16_GROUP, mix->integers, mix->fine, mix->scales,
                         &base);
    sum_strips(engine, cache.values, strip_bytes, cache.value_strips, count, mix);
    base = base * SUM_UNIT / sum;
    int32_t unit_bits;
    memcpy(&unit_bits, &base, sizeof unit_bits);
    for (uint32_t i = 0; i < shape->head_dim; i += LANES) {
        ints floats = scale_sums(mix->scores + i, lanes_all(unit_bits));
        uint32_t left = shape->head_dim - i;
        memcpy(mixed + i, &floats, (left < LANES ? left : LANES) * sizeof *mixed);
    }
}
