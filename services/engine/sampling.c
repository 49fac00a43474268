#include "engine/sampling.h"

#include <stdbool.h>
#include <string.h>

#include "engine/engine.h"
#include "real.h"
#include "word_weights.h"

#define CHUNK    256u /* words whose weights are added up to find where a drawn one is */
#define CUT      7u /* first, words of that part (in bits) of the greatest are looked at; then ... */
#define CUT_MORE 4u /* ... of less, until enough are found */

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

/* The least weight that a word within all limits has, or less. */
static int32_t
find_cut(const struct engine_sampling *settings, const int32_t *weights, uint32_t count,
         uint64_t enough)
{
    int32_t least = (int32_t)(settings->min_p * WEIGHTS_ONE);
    for (uint32_t bits = CUT; bits < 30; bits += CUT_MORE) {
        int32_t cut = WEIGHTS_ONE >> bits;
        struct word_weights_part part = word_weights_from(weights, count, cut);
        bool all = settings->top_k > 0 && part.count >= settings->top_k;
        if (cut <= least || all || part.sum >= enough)
            return cut > least ? cut : least;
    }
    return least > 0 ? least : 1;
}

/*
 * Candidates are listed over the weights, which lie in the second half of their memory: behind what
 * is written before each is read.
 */
static uint32_t
list_candidates(const int32_t *weights, uint32_t count, int32_t cut,
                struct engine_candidate *candidates)
{
    uint32_t listed = 0;
    for (uint32_t i = 0; i < count; i++) {
        int32_t weight;
        memcpy(&weight, weights + i, sizeof weight);
        if (weight >= cut)
            candidates[listed++] = (struct engine_candidate){(uint32_t)weight, i};
    }
    return listed;
}

/*
 * Moves the candidates that the settings allow to the end of the array, the most likely last: as
 * long as none of the limits is reached. Returns how many, and their weights' sum.
 */
static struct word_weights_part
narrow(const struct engine_sampling *settings, const struct heap *heap, uint32_t count,
       uint64_t enough)
{
    struct word_weights_part taken = {0, 0};
    struct engine_candidate *items = heap->items;
    uint32_t wanted = settings->top_k > 0 && settings->top_k < count ? settings->top_k : count;
    for (uint32_t i = count; i-- > 0;)
        sift_down(heap, count, i, items[i]);
    for (; taken.count < wanted && taken.sum < enough; taken.count++) {
        uint32_t last = count - taken.count - 1;
        struct engine_candidate best = items[0];
        sift_down(heap, last, 0, items[last]);
        items[last] = best;
        taken.sum += best.weight;
    }
    return taken;
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
    int32_t cut = find_cut(settings, weights, count, enough);
    uint32_t listed = list_candidates(weights, count, cut, candidates);
    struct word_weights_part taken = narrow(settings, &heap, listed, enough);
    uint64_t left = draw_below(sampler, taken.sum);
    uint32_t i = listed - taken.count;
    for (; i + 1 < listed && left >= candidates[i].weight; i++)
        left -= candidates[i].weight;
    return candidates[i].token;
}

/* --- Drawing ---------------------------------------------------------------------------------- */

static uint32_t
draw(struct engine_sampler *sampler, const int32_t *weights, uint32_t count)
{
    uint64_t left = draw_below(sampler, word_weights_from(weights, count, 1).sum), here;
    uint32_t i = 0;
    for (; i + CHUNK < count && left >= (here = word_weights_from(weights + i, CHUNK, 1).sum);
         i += CHUNK)
        left -= here;
    for (; left >= (uint32_t)weights[i]; i++)
        left -= (uint32_t)weights[i];
    return i;
}

uint32_t
engine_sample(struct engine_sampler *sampler, float *logits, uint32_t count,
              struct engine_candidate *candidates)
{
    const struct engine_sampling *settings = &sampler->settings;
    int32_t *weights = (int32_t *)(void *)candidates + count;
    penalise(sampler, logits, count);
    if (settings->temperature == 0 ||
        !word_weights_of(logits, count, settings->temperature, weights))
        return engine_greedy(logits, count);
    if (settings->top_k > 0 || settings->top_p > 0 || settings->min_p > 0)
        return draw_within_limits(sampler, logits, weights, count, candidates);
    return draw(sampler, weights, count);
}

float
engine_log_probability(const float *logits, uint32_t count, uint32_t token)
{
    float most = logits[engine_greedy(logits, count)];
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += real_exp(logits[i] - most);
    return logits[token] - most - real_log((float)sum);
}
