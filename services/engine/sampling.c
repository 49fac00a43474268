#include "engine/sampling.h"

#include "engine/engine.h"
#include "real.h"

#define WEIGHT_MIN_LOG (-22.0f) /* around 2^-32 */

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

/* splitmix64: as good from seed 0 as from any other. */
static double
draw_unit(struct engine_sampler *sampler)
{
    uint64_t z = sampler->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
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

static uint32_t
list_candidates(const float *logits, uint32_t count, float temperature,
                struct engine_candidate *candidates)
{
    float most = logits[engine_greedy(logits, count)], scale = 1.0f / temperature;
    uint32_t listed = 0;
    for (uint32_t i = 0; i < count; i++) {
        float distance = (logits[i] - most) * scale;
        if (distance >= WEIGHT_MIN_LOG)
            candidates[listed++] = (struct engine_candidate){real_exp(distance), i};
    }
    return listed;
}

/* The more likely first, of equal ones the one with the smaller number. */
static int
is_before(const struct engine_candidate *a, const struct engine_candidate *b)
{
    return a->weight != b->weight ? a->weight > b->weight : a->token < b->token;
}

/* Puts `item` into the heap of `count` whose place `at` is free. */
static void
sift_down(struct engine_candidate *heap, uint32_t count, uint32_t at, struct engine_candidate item)
{
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_before(&heap[child + 1], &heap[child]))
            child++;
        if (!is_before(&heap[child], &item))
            break;
        heap[at] = heap[child];
    }
    heap[at] = item;
}

static double
sum_of(const struct engine_candidate *candidates, uint32_t count)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += candidates[i].weight;
    return sum;
}

/*
 * Moves the candidates that the settings allow to the end of the array, the most likely last: as
 * long as none of the limits is reached. Returns how many.
 */
static uint32_t
narrow(const struct engine_sampling *settings, struct engine_candidate *heap, uint32_t count)
{
    double sum = 0,
           enough = settings->top_p > 0 ? settings->top_p * sum_of(heap, count) : __builtin_inf();
    uint32_t wanted = settings->top_k > 0 && settings->top_k < count ? settings->top_k : count;
    uint32_t taken = 0;
    for (uint32_t i = count; i-- > 0;)
        sift_down(heap, count, i, heap[i]);
    for (; taken < wanted && sum < enough && heap[0].weight >= settings->min_p; taken++) {
        uint32_t last = count - taken - 1;
        struct engine_candidate best = heap[0];
        sift_down(heap, last, 0, heap[last]);
        heap[last] = best;
        sum += best.weight;
    }
    return taken;
}

uint32_t
engine_sample(struct engine_sampler *sampler, float *logits, uint32_t count,
              struct engine_candidate *candidates)
{
    const struct engine_sampling *settings = &sampler->settings;
    penalise(sampler, logits, count);
    if (settings->temperature == 0)
        return engine_greedy(logits, count);
    uint32_t listed = list_candidates(logits, count, settings->temperature, candidates), first = 0;
    if (settings->top_k > 0 || settings->top_p > 0 || settings->min_p > 0)
        first = listed - narrow(settings, candidates, listed);
    double left = draw_unit(sampler) * sum_of(candidates + first, listed - first);
    for (uint32_t i = first; i < listed; i++) {
        left -= candidates[i].weight;
        if (left < 0)
            return candidates[i].token;
    }
    return listed > 0 ? candidates[listed - 1].token : 0;
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
