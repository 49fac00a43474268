/* Choosing words: frequencies, each limit, the penalty, and that a seed says all. */
#include "engine/sampling.h"

#include "engine/engine.h"

#include <math.h>
#include <string.h>

#include "word_weights.h"
#include "tap.h"

#define WORDS 8
#define DRAWS 40000

/* Logits of the probabilities 0.4, 0.2, 0.1, ... in no order. */
static const double probabilities[WORDS] = {0.1, 0.4, 0.05, 0.2, 0.05, 0.08, 0.02, 0.1};

static struct engine_candidate candidates[2 * WORDS];

/* How often each word was drawn. */
static void
draw_many(const struct engine_sampling *settings, uint32_t counts[WORDS])
{
    struct engine_sampler sampler;
    engine_sampler_begin(&sampler, settings);
    memset(counts, 0, WORDS * sizeof *counts);
    for (int i = 0; i < DRAWS; i++) {
        float logits[WORDS];
        for (int w = 0; w < WORDS; w++)
            logits[w] = (float)log(probabilities[w]) + 3;
        counts[engine_sample(&sampler, logits, WORDS, candidates)]++;
    }
}

/* Words outside of `allowed` never come, the others as often as their shares say. */
static void
check_frequencies(struct engine_sampling settings, const double expected[WORDS])
{
    uint32_t counts[WORDS];
    double sum = 0;
    draw_many(&settings, counts);
    for (int w = 0; w < WORDS; w++)
        sum += expected[w];
    for (int w = 0; w < WORDS; w++) {
        double share = expected[w] / sum, deviation = sqrt(DRAWS * share * (1 - share));
        CHECK(fabs(counts[w] - DRAWS * share) <= 5 * deviation);
    }
}
#define FREQUENCIES(heat, ...)                                                                  \
    check_frequencies((struct engine_sampling){.temperature = (heat), .seed = 11, __VA_ARGS__}, \
                      expected)

static void
without_limits_each_word_has_its_probability(void)
{
    const double *expected = probabilities;
    FREQUENCIES(1, .top_k = 0);
}

static void
temperature_flattens_and_sharpens(void)
{
    double expected[WORDS];
    for (int w = 0; w < WORDS; w++)
        expected[w] = pow(probabilities[w], 2);
    FREQUENCIES(0.5f, .top_k = 0);
    for (int w = 0; w < WORDS; w++)
        expected[w] = sqrt(probabilities[w]);
    FREQUENCIES(2, .top_k = 0);
}

static void
top_k_keeps_the_most_likely(void)
{
    const double expected[WORDS] = {0.1, 0.4, 0, 0.2}; /* of the equal 0 and 7 the first */
    FREQUENCIES(1, .top_k = 3);
}

static void
top_k_of_more_than_there_are_keeps_all(void)
{
    const double *expected = probabilities;
    FREQUENCIES(1, .top_k = 100);
}

static void
min_p_keeps_what_is_near_the_greatest(void)
{
    const double expected[WORDS] = {0.1, 0.4, 0, 0.2, 0, 0, 0, 0.1};
    FREQUENCIES(1, .min_p = 0.24f);
}

static void
top_p_keeps_what_makes_up_the_share(void)
{
    const double expected[WORDS] = {0.1, 0.4, 0, 0.2};
    FREQUENCIES(1, .top_p = 0.65f);
}

static void
a_word_has_to_be_within_each_limit(void)
{
    const double expected[WORDS] = {0, 0.4, 0, 0.2};
    FREQUENCIES(1, .top_p = 0.65f, .top_k = 2, .min_p = 0.1f);
}

static void
the_most_likely_word_is_within_every_limit(void)
{
    const double expected[WORDS] = {0, 1};
    FREQUENCIES(1, .top_p = 1e-6f);
    FREQUENCIES(1, .min_p = 1);
    FREQUENCIES(1, .top_k = 1);
}

static void
no_temperature_is_greedy(void)
{
    const double expected[WORDS] = {0, 1};
    FREQUENCIES(0, .top_k = 0);
    FREQUENCIES(NAN, .top_k = 0);
    FREQUENCIES(-1, .top_k = 0);
}

static void
a_seed_says_all(void)
{
    struct engine_sampling settings = {.temperature = 1, .seed = 7};
    uint32_t first[WORDS], again[WORDS], other[WORDS];
    draw_many(&settings, first);
    draw_many(&settings, again);
    settings.seed = 8;
    draw_many(&settings, other);
    CHECK_EQ(memcmp(first, again, sizeof first), 0);
    CHECK(memcmp(first, other, sizeof first) != 0);
}

static uint32_t
sample_penalised(float penalty, float logits[3], uint32_t times)
{
    struct engine_sampling settings = {.repetition_penalty = penalty};
    struct engine_sampler sampler;
    engine_sampler_begin(&sampler, &settings);
    for (uint32_t i = 0; i < times; i++)
        engine_sampler_saw(&sampler, 0);
    engine_sampler_saw(&sampler, 2);
    return engine_sample(&sampler, logits, 3, candidates);
}

static void
recent_words_are_penalised_once(void)
{
    float logits[3] = {4, 3, -1}, same[3] = {4, 3, -1};
    CHECK_EQ(sample_penalised(2, logits, 3), 1);
    CHECK(logits[0] == 2 && logits[1] == 3 && logits[2] == -2);
    CHECK_EQ(sample_penalised(1, same, 3), 0);
    CHECK_EQ(sample_penalised(0, same, 3), 0);
    CHECK(same[0] == 4);
}

static void
words_of_long_ago_are_not_penalised(void)
{
    struct engine_sampling settings = {.repetition_penalty = 2};
    struct engine_sampler sampler;
    float logits[3] = {4, 3, 1};
    engine_sampler_begin(&sampler, &settings);
    engine_sampler_saw(&sampler, 0);
    for (int i = 0; i < ENGINE_RECENT_MAX; i++)
        engine_sampler_saw(&sampler, 1);
    CHECK_EQ(engine_sample(&sampler, logits, 3, candidates), 0);
}

static void
words_that_are_no_numbers_are_not_drawn(void)
{
    struct engine_sampling settings = {.temperature = 1, .top_k = 2};
    struct engine_sampler sampler;
    float logits[3] = {NAN, 1, -INFINITY}, nothing[2] = {NAN, NAN};
    engine_sampler_begin(&sampler, &settings);
    for (int i = 0; i < 100; i++) {
        logits[0] = -INFINITY;
        CHECK_EQ(engine_sample(&sampler, logits, 3, candidates), 1);
    }
    CHECK_EQ(engine_sample(&sampler, nothing, 2, candidates), 0);
}

/* Of logits around `middle`, against double precision. */
static void
check_weights(float middle, float spread, float temperature, uint32_t count, uint64_t seed)
{
    float logits[100];
    int32_t weights[100];
    double most = -INFINITY;
    for (uint32_t i = 0; i < count; i++) {
        logits[i] = middle + spread * ((float)tap_random(&seed, 2000001) * 1e-6f - 1);
        most = logits[i] > most ? logits[i] : most;
    }
    CHECK(word_weights_of(logits, count, temperature, weights));
    for (uint32_t i = 0; i < count; i++) {
        double exact = exp((logits[i] - most) / temperature), weight = weights[i] * 0x1p-30;
        if (fabs(weight - exact) > 5e-4 * exact + 0x1p-29)
            printf("# %g %g %g: %g, not %g\n", middle, spread, temperature, weight, exact);
        CHECK(fabs(weight - exact) <= 5e-4 * exact + 0x1p-29);
    }
}

static void
weights_are_within_their_bound(void)
{
    static const float temperatures[] = {0.05f, 0.3f, 0.7f, 1, 1.9f, 100, 1e6f};
    static const float spreads[] = {0, 0.01f, 3, 20, 500};
    for (size_t t = 0; t < sizeof temperatures / sizeof *temperatures; t++)
        for (size_t s = 0; s < sizeof spreads / sizeof *spreads; s++)
            for (uint32_t count = 1; count <= 100; count++)
                for (float middle = -20; middle <= 20; middle += 10)
                    check_weights(middle, spreads[s], temperatures[t], count, count);
}

static void
sums_are_those_of_the_words_that_count(void)
{
    int32_t weights[100];
    uint64_t seed = 3, sum = 0;
    for (uint32_t count = 1; count <= 100; count++) {
        uint32_t counted = 0;
        sum = 0;
        for (uint32_t i = 0; i < count; i++) {
            weights[i] = i % 5 == 0 ? 0 : (int32_t)tap_random(&seed, WEIGHTS_ONE);
            sum += weights[i] >= 1 << 28 ? (uint64_t)weights[i] : 0;
            counted += weights[i] >= 1 << 28;
        }
        CHECK_EQ(word_weights_from(weights, count, 1 << 28).sum, sum);
        CHECK_EQ(word_weights_from(weights, count, 1 << 28).count, counted);
    }
}

/* What a search among all words finds, of many words that are nearly as likely. */
static void
limits_are_those_of_a_full_sort(void)
{
    enum { MANY = 3000 };
    static float logits[MANY];
    static struct engine_candidate many[2 * MANY];
    uint64_t seed = 9;
    for (uint32_t k = 1; k < 40; k += 3) {
        struct engine_sampling settings = {.temperature = 50, .top_k = k, .seed = k};
        struct engine_sampler sampler;
        for (uint32_t i = 0; i < MANY; i++)
            logits[i] = (float)tap_random(&seed, 1000) * 0.01f - (k % 2 == 0 ? 3 : 300);
        engine_sampler_begin(&sampler, &settings);
        for (uint32_t draws = 0; draws < 50; draws++) {
            uint32_t token = engine_sample(&sampler, logits, MANY, many), better = 0;
            for (uint32_t i = 0; i < MANY; i++)
                better += logits[i] > logits[token] || (logits[i] == logits[token] && i < token);
            CHECK(better < k);
        }
    }
}

static void
top_p_of_many_words_is_that_of_a_full_sort(void)
{
    enum { MANY = 3000 };
    static float logits[MANY];
    static struct engine_candidate many[2 * MANY];
    uint64_t seed = 4;
    for (float p = 0.05f; p < 1; p += 0.1f) {
        struct engine_sampling settings = {.temperature = 1, .top_p = p};
        struct engine_sampler sampler;
        uint32_t unlikely = 0;
        double sum = 0;
        for (uint32_t i = 0; i < MANY; i++) {
            logits[i] = (float)tap_random(&seed, 4000) * 0.001f;
            sum += exp(logits[i]);
        }
        engine_sampler_begin(&sampler, &settings);
        for (uint32_t draws = 0; draws < 200; draws++) {
            uint32_t token = engine_sample(&sampler, logits, MANY, many);
            double better = 0;
            for (uint32_t i = 0; i < MANY; i++)
                better += logits[i] > logits[token] ? exp(logits[i]) : 0;
            CHECK(better < (p + 1e-3) * sum);
            unlikely += better > 0.8 * p * sum;
        }
        CHECK(unlikely > 10); /* nor are there fewer than belong to it */
    }
}

static void
the_lowest_temperatures_are_greedy(void)
{
    const double expected[WORDS] = {0, 1};
    FREQUENCIES(1e-6f, .top_k = 0);
    FREQUENCIES(1e-45f, .top_p = 0.9f);
}

static void
log_probabilities_are_those_of_the_softmax(void)
{
    float logits[WORDS];
    for (int w = 0; w < WORDS; w++)
        logits[w] = (float)log(probabilities[w]) - 9;
    for (uint32_t w = 0; w < WORDS; w++)
        CHECK(fabs(engine_log_probability(logits, WORDS, w) - log(probabilities[w])) < 1e-4);
}

/* Against doubles: logits that are near each other and far apart, of counts that fill no lanes. */
static void
log_probabilities_are_within_their_bound(void)
{
    enum { MANY = 32000 };
    static float logits[MANY];
    static const float spreads[] = {0.01f, 1, 4, 12, 60, 1e4f};
    uint64_t draws = 5;
    for (uint32_t i = 0; i < 5 * sizeof spreads / sizeof *spreads; i++) {
        uint32_t count = MANY - i % 37, token = tap_random(&draws, count);
        double sum = 0, most;
        for (uint32_t w = 0; w < count; w++)
            logits[w] = spreads[i / 5] * (float)tap_random(&draws, 1 << 20) / (1 << 19) - 7;
        most = (double)logits[engine_greedy(logits, count)];
        for (uint32_t w = 0; w < count; w++)
            sum += exp((double)logits[w] - most);
        double expected = (double)logits[token] - most - log(sum);
        double found = (double)engine_log_probability(logits, count, token);
        CHECK(fabs(found - expected) < 1e-4 + fabs(expected) * 1e-6);
    }
    logits[3] = 3e38f; /* beyond the integers: as it is defined */
    CHECK(engine_log_probability(logits, MANY, 3) == 0);
}

static const struct tap_test tests[] = {
    TAP(without_limits_each_word_has_its_probability),
    TAP(temperature_flattens_and_sharpens),
    TAP(top_k_keeps_the_most_likely),
    TAP(top_k_of_more_than_there_are_keeps_all),
    TAP(min_p_keeps_what_is_near_the_greatest),
    TAP(top_p_keeps_what_makes_up_the_share),
    TAP(a_word_has_to_be_within_each_limit),
    TAP(the_most_likely_word_is_within_every_limit),
    TAP(no_temperature_is_greedy),
    TAP(a_seed_says_all),
    TAP(recent_words_are_penalised_once),
    TAP(words_of_long_ago_are_not_penalised),
    TAP(words_that_are_no_numbers_are_not_drawn),
    TAP(weights_are_within_their_bound),
    TAP(sums_are_those_of_the_words_that_count),
    TAP(limits_are_those_of_a_full_sort),
    TAP(top_p_of_many_words_is_that_of_a_full_sort),
    TAP(the_lowest_temperatures_are_greedy),
    TAP(log_probabilities_are_those_of_the_softmax),
    TAP(log_probabilities_are_within_their_bound),
};
TAP_MAIN(tests)
