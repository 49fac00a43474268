#include "engine/sampling.h"

#include <stdbool.h>
#include <string.h>

#include "engine/engine.h"
#include "real.h"
#include "word_weights.h"

#define CHUNK    256u /* words whose weights are added up to find where a drawn one is */
#define CUT      7u /* first, words of that part (in bits) of the greatest are looked at; then ... */
#define CUT_MORE 4u  /* ... of less, until enough are found */
#define SORTED   64u /* words at most, where it can be avoided */

static float
within(float value, float low, float high)
{
    return value >= low ? (value < high ? value : high) : low;
}

void
engine_sampler_begin(struct engine_sampler *sampler, const struct engine_sampling *settings)
{
    *sampler = (struct engine_sampler){.settings = *settings, .state = settings->seed};
    struct engine_sampling *s = &sampler->settings;
    s->temperature = within(s->temperature, 0, 1e6f);
    s->repetition_penalty = within(s->repetition_penalty, 0, 1e6f);
    s->min_p = within(s->min_p, 0, 1);
    s->top_p = within(s->top_p, 0, 1);
}

void
engine_sampler_saw(struct engine_sampler *sampler, uint32_t token)
{
    sampler->recent[sampler->recent_count++ % ENGINE_RECENT_MAX] = token;
}

/* A number below `end`. splitmix64: as good from seed 0 as from any other. */
static uint64_t
draw_below(struct engine_sampler *sampler, uint64_t end)
{
    uint64_t z = sampler->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint64_t)((unsigned __int128)(z ^ z >> 31) * end >> 64);
}

/* Once for each recent word, however often it came. */
static void
penalise(const struct engine_sampler *sampler, float *logits, uint32_t count)
{
    float penalty = sampler->settings.repetition_penalty;
    uint32_t kept = sampler->recent_count;
    if (kept > ENGINE_RECENT_MAX)
        kept = ENGINE_RECENT_MAX;
    if (penalty == 0 || penalty == 1)
        return;
    for (uint32_t i = 0; i < kept; i++) {
        uint32_t token = sampler->recent[i], earlier = 0;
        while (sampler->recent[earlier] != token)
            earlier++;
        if (earlier == i && token < count)
            logits[token] = logits[token] > 0 ? logits[token] / penalty : logits[token] * penalty;
    }
}

/* --- Limits ----------------------------------------------------------------------------------- */

/* Words in a heap, by their logits: of more likely ones weights can be the same. */
struct heap {
    const float *logits;
    struct engine_candidate *items;
};

/* The more likely first, of equal ones the one with the smaller number. */
static bool
is_before(const struct heap *heap, const struct engine_candidate *a,
          const struct engine_candidate *b)
{
    float x = heap->logits[a->token], y = heap->logits[b->token];
    return x != y ? x > y : a->token < b->token;
}

/* Puts `item` into the heap of `count` whose place `at` is free. */
static void
sift_down(const struct heap *heap, uint32_t count, uint32_t at, struct engine_candidate item)
{
    struct engine_candidate *items = heap->items;
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_before(heap, &items[child + 1], &items[child]))
            child++;
        if (!is_before(heap, &items[child], &item))
            break;
        items[at] = items[child];
    }
    items[at] = item;
}

/* Words of `high` or more are within the limits, some of those of `low` or more, and no others. */
struct cut {
    int32_t low, high;
    struct word_weights_part of_low, of_high;
};

/* Whether words of that weight or more are as many as the limits permit, or make up as much. */
static bool
is_enough(const struct engine_sampling *settings, struct word_weights_part part, uint64_t enough)
{
    return (settings->top_k > 0 && part.count >= settings->top_k) || part.sum >= enough;
}

/* One step: the words at `weight` decide which of both they are. */
static void
try_cut(struct cut *cut, const struct engine_sampling *settings, const int32_t *weights,
        uint32_t count, int32_t weight, uint64_t enough)
{
    struct word_weights_part part = word_weights_from(weights, count, weight);
    if (is_enough(settings, part, enough)) {
        cut->low = weight;
        cut->of_low = part;
    } else {
        cut->high = weight;
        cut->of_high = part;
    }
}

/* Few are left between both, if weights differ: only these have to be sorted. */
static struct cut
find_cut(const struct engine_sampling *settings, const int32_t *weights, uint32_t count,
         uint64_t enough)
{
    int32_t least = (int32_t)(settings->min_p * WEIGHTS_ONE);
    struct cut cut = {.low = least > 1 ? least : 1, .high = WEIGHTS_ONE + 1};
    cut.of_low = word_weights_from(weights, count, cut.low);
    if (!is_enough(settings, cut.of_low, enough)) {
        cut.high = cut.low;
        cut.of_high = cut.of_low;
    }
    for (int32_t weight = WEIGHTS_ONE >> CUT; weight > cut.low; weight >>= CUT_MORE)
        try_cut(&cut, settings, weights, count, weight, enough);
    while (cut.of_low.count - cut.of_high.count > SORTED && cut.high - cut.low > 1)
        try_cut(&cut, settings, weights, count, cut.low + (cut.high - cut.low) / 2, enough);
    return cut;
}

static uint32_t
list_candidates(const int32_t *weights, uint32_t count, const struct cut *cut,
                struct engine_candidate *candidates)
{
    uint32_t listed = 0;
    for (uint32_t i = 0; i < count; i++)
        if (weights[i] >= cut->low && weights[i] < cut->high)
            candidates[listed++] = (struct engine_candidate){(uint32_t)weights[i], i};
    return listed;
}

/*
 * Moves candidates to the end of the array, the most likely last: as many as `wanted`, or until
 * they make up `enough`. Returns how many, and their weights' sum.
 */
static struct word_weights_part
narrow(const struct heap *heap, uint32_t count, uint32_t wanted, uint64_t enough)
{
    struct word_weights_part taken = {0, 0};
    struct engine_candidate *items = heap->items;
    for (uint32_t i = count; i-- > 0;)
        sift_down(heap, count, i, items[i]);
    for (; taken.count < wanted && taken.count < count && taken.sum < enough; taken.count++) {
        uint32_t last = count - taken.count - 1;
        struct engine_candidate best = items[0];
        sift_down(heap, last, 0, items[last]);
        items[last] = best;
        taken.sum += best.weight;
    }
    return taken;
}

/* --- Drawing ---------------------------------------------------------------------------------- */

/* The word in which the sum of those of `least` or more passes `left`. */
static uint32_t
find_word(const int32_t *weights, uint32_t count, int32_t least, uint64_t left)
{
    uint64_t here;
    uint32_t i = 0;
    while (i + CHUNK < count && left >= (here = word_weights_from(weights + i, CHUNK, least).sum)) {
        left -= here;
        i += CHUNK;
    }
    for (; weights[i] < least || left >= (uint32_t)weights[i]; i++)
        left -= weights[i] < least ? 0 : (uint32_t)weights[i];
    return i;
}

static uint32_t
draw_within_limits(struct engine_sampler *sampler, const float *logits, const int32_t *weights,
                   uint32_t count, struct engine_candidate *candidates)
{
    const struct engine_sampling *settings = &sampler->settings;
    const struct heap heap = {logits, candidates};
    uint64_t enough = UINT64_MAX;
    if (settings->top_p > 0)
        enough = (uint64_t)(settings->top_p * (double)word_weights_from(weights, count, 1).sum) + 1;
    struct cut cut = find_cut(settings, weights, count, enough);
    uint32_t listed = list_candidates(weights, count, &cut, candidates);
    uint32_t wanted = settings->top_k > 0 ? settings->top_k - cut.of_high.count : UINT32_MAX;
    struct word_weights_part taken = narrow(&heap, listed, wanted, enough - cut.of_high.sum);
    uint64_t left = draw_below(sampler, cut.of_high.sum + taken.sum);
    if (left < cut.of_high.sum)
        return find_word(weights, count, cut.high, left);
    left -= cut.of_high.sum;
    uint32_t i = listed - taken.count;
    for (; left >= candidates[i].weight; i++)
        left -= candidates[i].weight;
    return candidates[i].token;
}

uint32_t
engine_sample(struct engine_sampler *sampler, float *logits, uint32_t count,
              struct engine_candidate *candidates)
{
    const struct engine_sampling *settings = &sampler->settings;
    int32_t *weights = (int32_t *)(void *)(candidates + count);
    penalise(sampler, logits, count);
    if (settings->temperature == 0 ||
        !word_weights_of(logits, count, settings->temperature, weights))
        return engine_greedy(logits, count);
    if (settings->top_k > 0 || settings->top_p > 0 || settings->min_p > 0)
        return draw_within_limits(sampler, logits, weights, count, candidates);
    uint64_t left = draw_below(sampler, word_weights_from(weights, count, 1).sum);
    return find_word(weights, count, 1, left);
}

/* As it is defined, for logits that the integers are not made for. */
static float
log_of_sum(const float *logits, uint32_t count, float most)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += real_exp(logits[i] - most);
    return real_log((float)sum);
}

float
engine_log_probability(const float *logits, uint32_t count, uint32_t token)
{
    float most = logits[engine_greedy(logits, count)];
    uint64_t sum;
    bool fits = word_weights_sum(logits, count, most, &sum);
    return logits[token] - most -
           (fits ? real_log((float)sum / WEIGHTS_ONE) : log_of_sum(logits, count, most));
}
