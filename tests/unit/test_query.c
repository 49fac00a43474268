/* Parameters of /completion: what is read, and that everything else is refused by its name. */
#include "query.h"

#include <string.h>

#include "tap.h"

static struct query query;
static char why[128];

static void
accept(const char *text)
{
    bool read = query_read(&query, text, why, sizeof why);
    if (!read)
        printf("# %s: %s\n", text, why);
    CHECK(read);
}

static void
refuse(const char *text, const char *expected)
{
    CHECK(!query_read(&query, text, why, sizeof why));
    if (strcmp(why, expected) != 0)
        printf("# %s: %s\n", text, why);
    CHECK_EQ(strcmp(why, expected), 0);
}

static void
nothing_is_64_greedy_tokens(void)
{
    accept("");
    CHECK_EQ(query.tokens, 64);
    CHECK(query.sampling.temperature == 0 && query.sampling.seed == 0);
    CHECK(!query.log_probability);
    accept("&&");
}

static void
values_are_as_they_were_written(void)
{
    accept("n=7&seed=18446744073709551615&temperature=0.75&top_k=40&top_p=0.9&min_p=0.05"
           "&repetition_penalty=1.1&logprobs=1&special=1");
    CHECK_EQ(query.tokens, 7);
    CHECK_EQ(query.sampling.seed, UINT64_MAX);
    CHECK_EQ(query.sampling.top_k, 40);
    CHECK(query.sampling.temperature == 0.75f && query.sampling.top_p == 0.9f);
    CHECK(query.sampling.min_p == 0.05f && query.sampling.repetition_penalty == 1.1f);
    CHECK(query.log_probability && query.special);
    accept("temperature=100&n=4294967295&top_p=1&logprobs=0&seed=007");
    CHECK_EQ(query.tokens, UINT32_MAX);
    CHECK_EQ(query.sampling.seed, 7);
}

static void
what_is_no_number_in_range_is_refused_by_name(void)
{
    static const char *const wrong_n[] = {"n=0",
                                          "n=-1",
                                          "n=+1",
                                          "n=1x",
                                          "n=",
                                          "n",
                                          "n= 1",
                                          "n=1.0",
                                          "n=0x10",
                                          "n=4294967296",
                                          "n=99999999999999999999"};
    static const char *const wrong_real[] = {"temperature=-1",
                                             "temperature=nan",
                                             "temperature=inf",
                                             "temperature=1e1",
                                             "temperature=.5",
                                             "temperature=5.",
                                             "temperature=.",
                                             "temperature=1.2.3",
                                             "temperature=101",
                                             "temperature=",
                                             "temperature=0.7\t",
                                             "temperature=100.0000000001",
                                             "temperature=1.000000000000000000"};
    for (size_t i = 0; i < sizeof wrong_n / sizeof *wrong_n; i++)
        refuse(wrong_n[i], "n: must be a number from 1 to 4294967295");
    for (size_t i = 0; i < sizeof wrong_real / sizeof *wrong_real; i++)
        refuse(wrong_real[i], "temperature: must be a number from 0 to 100");
    refuse("seed=18446744073709551616", "seed: must be a number from 0 to 18446744073709551615");
    refuse("top_k=x", "top_k: must be a number from 0 to 4294967295");
    refuse("top_p=1.01", "top_p: must be a number from 0 to 1");
    refuse("min_p=2", "min_p: must be a number from 0 to 1");
    refuse("repetition_penalty=0", "repetition_penalty: must be a number from 0.1 to 10");
    refuse("logprobs=2", "logprobs: must be 0 or 1");
    refuse("special=yes", "special: must be 0 or 1");
    refuse("cache_key=", "cache_key: must be 1 to 32 letters, digits, or of - . _");
    refuse("cache_key=a%20b", "cache_key: must be 1 to 32 letters, digits, or of - . _");
    refuse("cache_key=123456789012345678901234567890123",
           "cache_key: must be 1 to 32 letters, digits, or of - . _");
}

static void
names_are_known_and_come_once(void)
{
    refuse("n=1&n=1", "n: given twice");
    refuse("n=1&temprature=0.7", "temprature: no such parameter");
    refuse("=1", "a parameter has no name in front of its =");
    refuse("N=1", "N: no such parameter");
    refuse("n%3d1", "n%3d1: no such parameter");
    refuse("temperatur=1", "temperatur: no such parameter");
    refuse("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1",
           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: no such parameter");
}

static const struct tap_test tests[] = {
    TAP(nothing_is_64_greedy_tokens),
    TAP(values_are_as_they_were_written),
    TAP(what_is_no_number_in_range_is_refused_by_name),
    TAP(names_are_known_and_come_once),
};
TAP_MAIN(tests)
