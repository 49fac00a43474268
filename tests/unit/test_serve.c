/* Answers: with kept beginnings and without, whoever else is answered, and all memory comes back.
 */
#include "answering.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

#define CACHE_BYTES ((size_t)8 << 20)
#define PLAIN       "n=12&temperature=1.2&seed=5&repetition_penalty=1.2&logprobs=1"
#define SYSTEM      "All of these begin with the same words, as those of a service do. "

static const char *const prompts[] = {
    SYSTEM "One.",         SYSTEM "One.",       SYSTEM "Two, which is longer than one.",
    SYSTEM "One. And on.", "No common words.",  SYSTEM,
    SYSTEM "One.",         "All of these begin"};
#define PROMPTS (sizeof prompts / sizeof *prompts)

static void
query_of(char query[128], const char *key)
{
    (void)snprintf(query, 128, PLAIN "%s%s", key[0] != '\0' ? "&cache_key=" : "", key);
}

static const char *
answer_with(const char *key, const char *prompt)
{
    char query[128];
    query_of(query, key);
    return answer(0, query, prompt);
}

static void
check_same_answers(bool integers)
{
    static char plain[PROMPTS][GOT_BYTES];
    begin_serving(integers, 1, CACHE_BYTES);
    for (size_t i = 0; i < PROMPTS; i++)
        strcpy(plain[i], answer_with("", prompts[i]));
    CHECK(strstr(plain[0], "Log-Probability: -") != NULL);
    CHECK_EQ(serve.cache.hits + serve.cache.misses + serve.cache.bytes, 0);
    for (size_t i = 0; i < PROMPTS; i++)
        CHECK_EQ(strcmp(answer_with("mine", prompts[i]), plain[i]), 0);
    CHECK_EQ(serve.cache.hits, PROMPTS - 2); /* the first one, and the one without common words */
    CHECK_EQ(serve.cache.misses, 2);
    CHECK(serve.cache.reused > 4 * strlen(SYSTEM)); /* here letters are words */
    CHECK_EQ(serve.cache.evictions, 0);
    end_serving();
    CHECK_EQ(serve.cache.bytes, 0);
}

static void
a_kept_beginning_changes_no_bit_of_an_answer(void)
{
    check_same_answers(false);
    check_same_answers(true);
}

static void
an_answer_is_a_beginning_too(void)
{
    char next[512];
    begin_serving(false, 1, CACHE_BYTES);
    const char *got = answer_with("mine", prompts[0]);
    uint64_t held = serve.cache.entries[0].sequence.position;
    CHECK(strstr(got, "200 OK") != NULL);
    CHECK(held > strlen(prompts[0]));
    (void)snprintf(next, sizeof next, "%s", prompts[0]);
    (void)answer_with("mine", next);
    CHECK_EQ(serve.cache.reused, strlen(prompts[0]) + 1); /* the space in front; not the last one */
    end_serving();
}

static void
other_keys_find_nothing(void)
{
    begin_serving(false, 1, CACHE_BYTES);
    (void)answer_with("mine", prompts[0]);
    (void)answer_with("yours", prompts[0]);
    (void)answer_with("min", prompts[0]);
    (void)answer_with("mine2", prompts[0]);
    (void)answer_with("", prompts[0]);
    CHECK_EQ(serve.cache.hits, 0);
    CHECK_EQ(serve.cache.misses, 4);
    (void)answer_with("yours", prompts[0]);
    CHECK_EQ(serve.cache.hits, 1);
    end_serving();
}

static void
what_was_not_used_for_longest_makes_room(void)
{
    begin_serving(false, 1, CACHE_BYTES);
    (void)answer_with("a", prompts[0]);
    size_t one = serve.cache.bytes;
    end_serving();
    begin_serving(false, 1, 3 * one);
    (void)answer_with("a", prompts[0]);
    (void)answer_with("b", prompts[0]);
    (void)answer_with("c", prompts[0]);
    CHECK_EQ(serve.cache.evictions, 0);
    (void)answer_with("a", prompts[0]);
    CHECK_EQ(serve.cache.hits, 1);
    (void)answer_with("d", prompts[0]); /* in the place of b's */
    CHECK_EQ(serve.cache.evictions, 1);
    CHECK_EQ(serve.cache.bytes, 3 * one);
    (void)answer_with("a", prompts[0]);
    (void)answer_with("c", prompts[0]);
    (void)answer_with("d", prompts[0]);
    CHECK_EQ(serve.cache.hits, 4);
    (void)answer_with("b", prompts[0]);
    CHECK_EQ(serve.cache.hits, 4);
    end_serving();
}

static void
nothing_is_kept_where_there_is_no_room(void)
{
    begin_serving(false, 1, 1000);
    (void)answer_with("a", prompts[0]);
    CHECK_EQ(serve.cache.bytes, 0);
    end_serving();
    begin_serving(false, 1, CACHE_BYTES);
    (void)answer_with("a", "short");
    CHECK(serve.cache.bytes > 0); /* with its answer it is long enough */
    char key[16];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        (void)answer_with(key, "short");
    }
    CHECK_EQ(serve.cache.evictions, 101 - PROMPT_CACHE_ENTRIES);
    end_serving();
}

/* --- Many at once ------------------------------------------------------------------------------
 */

static const char *const keys[] = {"", "mine", "yours", "theirs"};
static char expected[PROMPTS][GOT_BYTES];

/* Everybody asks, some go away again at any time; who stays gets what it would get alone. */
static void
serve_many(uint64_t seed)
{
    uint32_t prompt[CLIENTS], leaves_in[CLIENTS], left = 0;
    for (uint32_t joined = 0, more = 1; joined < CLIENTS || more;) {
        for (uint32_t i = 0; i < 3 && joined < CLIENTS; i++, joined++) {
            char query[128];
            prompt[joined] = tap_random(&seed, PROMPTS);
            leaves_in[joined] = tap_random(&seed, 60);
            query_of(query, keys[tap_random(&seed, 4)]);
            ask(joined, query, prompts[prompt[joined]]);
        }
        more = step();
        for (uint32_t i = 0; i < joined; i++)
            if (clients[i].open && http_is_wanted(&clients[i].conn) && leaves_in[i]-- == 0) {
                leave(i);
                left++;
            }
    }
    CHECK(left > CLIENTS / 8 && left < CLIENTS);
    for (uint32_t i = 0; i < CLIENTS; i++)
        if (clients[i].open)
            CHECK_EQ(strcmp(clients[i].got, expected[prompt[i]]), 0);
}

static void
of_64_streams_that_come_and_go_nothing_is_left(void)
{
    begin_serving(true, 16, 40000);
    end_serving();
    uint32_t before = pieces_of_memory;
    begin_serving(true, 16, 40000);
    for (size_t i = 0; i < PROMPTS; i++)
        strcpy(expected[i], answer_with("", prompts[i]));
    for (uint64_t seed = 1; seed <= 6; seed++) {
        serve_many(seed);
        CHECK_EQ(serve.running + serve.queued, 0);
        CHECK_EQ(serve.place_count, serve.places_made);
        CHECK(serve.cache.bytes <= 40000);
    }
    CHECK(serve.cache.hits > 0 && serve.cache.evictions > 0);
    CHECK(serve.metrics.answers_abandoned > 0);
    end_serving();
    CHECK_EQ(pieces_of_memory, before);
}

/* --- Memory is short ----------------------------------------------------------------------------
 */

static void
memory_that_was_short_is_looked_for_again(void)
{
    begin_serving(false, 4, 0);
    memory_is_short = true;
    for (uint32_t i = 0; i < 4; i++)
        ask(i, "n=3", prompts[0]);
    CHECK(step());
    CHECK_EQ(serve.running, 1); /* its place was made when the model was opened */
    CHECK_EQ(serve.queued, 3);
    while (serve.queued == 3)
        CHECK(step());
    CHECK_EQ(log_lines, 1 + 1); /* that memory is short; and the first answer's */
    memory_is_short = false;
    while (step())
        ;
    CHECK_EQ(serve.places_made, 2); /* looked for again when the second one was over */
    CHECK_EQ(serve.running + serve.queued, 0);
    end_serving();
}

static void
what_is_kept_gives_way_to_answers(void)
{
    begin_serving(false, 2, CACHE_BYTES);
    (void)answer_with("a", prompts[0]);
    CHECK(serve.cache.bytes > 0);
    memory_is_short = true;
    ask(0, "n=3", prompts[0]);
    ask(1, "n=3", prompts[0]);
    CHECK(step());
    CHECK_EQ(serve.cache.bytes, 0);
    memory_is_short = false;
    while (step())
        ;
    end_serving();
}

static void
what_is_kept_gives_way_to_prompts_and_texts(void)
{
    const size_t rooms[] = {1024, 0}; /* for bodies, but not for encoding; for nothing */
    for (size_t i = 0; i < 2; i++) {
        begin_serving(false, 2, CACHE_BYTES);
        (void)answer_with("a", prompts[0]);
        CHECK(serve.cache.bytes > 0);
        piece_bytes_max = i == 0 ? rooms[i] : SIZE_MAX;
        ask(0, "n=3", prompts[0]);
        piece_bytes_max = rooms[i];
        while (step())
            ;
        piece_bytes_max = SIZE_MAX;
        CHECK(strstr(clients[0].got, "200 OK") != NULL);
        CHECK(strstr(clients[0].got, "Finish-Reason: length") != NULL);
        CHECK_EQ(serve.cache.bytes, 0);
        end_serving();
    }
}

/* --- Others have memory -------------------------------------------------------------------------
 */

static struct {
    bool spares, gives; /* for what only waits; for what fails otherwise, always */
    unsigned asked, gave;
} others;

static bool
can_spare(size_t bytes)
{
    (void)bytes;
    return others.spares;
}

static bool
make_room(size_t bytes, bool must)
{
    (void)bytes;
    others.asked++;
    if (!must && !others.gives)
        return false;
    others.gave++;
    others.spares = true;
    memory_is_short = false;
    piece_bytes_max = SIZE_MAX;
    return true;
}

static void
begin_beside_others(uint32_t running, size_t cache_bytes)
{
    static const struct serve_memory memory = {can_spare, make_room};
    memset(&others, 0, sizeof others);
    others.spares = true;
    memory_of_others = &memory;
    begin_serving(false, running, cache_bytes);
}

static void
end_beside_others(void)
{
    end_serving();
    memory_of_others = NULL;
}

static void
kept_beginnings_do_not_take_the_last_memory(void)
{
    begin_beside_others(1, CACHE_BYTES);
    (void)answer_with("a", prompts[0]);
    size_t kept = serve.cache.bytes;
    CHECK(kept > 0);
    others.spares = false;
    (void)answer_with("b", prompts[0]); /* in the place of a's */
    CHECK_EQ(serve.cache.bytes, kept);
    CHECK_EQ(serve.cache.evictions, 1);
    (void)answer_with("b", prompts[2]); /* longer than what the heap has of it */
    CHECK(serve.cache.bytes <= kept);
    others.spares = true;
    (void)answer_with("c", prompts[2]);
    CHECK(serve.cache.bytes > kept);
    CHECK_EQ(others.asked, 0);
    end_beside_others();
    begin_beside_others(1, CACHE_BYTES);
    others.spares = false;
    (void)answer_with("a", prompts[0]);
    CHECK_EQ(serve.cache.bytes, 0);
    end_beside_others();
}

static void
further_answers_wait_where_memory_cannot_be_spared(void)
{
    begin_beside_others(4, 0);
    others.spares = false;
    for (uint32_t i = 0; i < 4; i++)
        ask(i, "n=3", prompts[0]);
    CHECK(step());
    CHECK_EQ(serve.running, 1);
    CHECK_EQ(others.asked, 1);
    while (step())
        ;
    CHECK_EQ(serve.places_made, 1);
    for (uint32_t i = 0; i < 4; i++)
        CHECK(strstr(clients[i].got, "Finish-Reason: length") != NULL);
    CHECK(others.asked <= 4 + 1); /* once for each answer that ended, not for each step */
    others.gives = true;
    for (uint32_t i = 0; i < 2; i++)
        ask(i, "n=3", prompts[0]);
    CHECK(step());
    CHECK_EQ(serve.running, 2);
    CHECK_EQ(others.gave, 1);
    while (step())
        ;
    end_beside_others();
}

/* The first place, memory of steps, a prompt: weights give way to them. */
static void
who_fails_without_memory_gets_that_of_others(void)
{
    begin_beside_others(2, 0);
    end_serving();
    memory_is_short = true;
    CHECK(serve_again());
    CHECK_EQ(others.gave, 1);
    CHECK_EQ(serve.places_made, 1);
    CHECK(strstr(answer(0, "n=3", prompts[0]), "200 OK") != NULL);
    end_beside_others();
}

/* ... and where there is nothing to be had, it is refused, and says why. */
static void
without_memory_for_a_prompt_it_is_refused_for_now(void)
{
    begin_serving(false, 2, CACHE_BYTES);
    (void)answer_with("a", prompts[0]);
    pieces_are_refused = true;
    ask(0, "n=3", prompts[0]);
    (void)step();
    pieces_are_refused = false;
    CHECK(strstr(clients[0].got, " 503 ") != NULL);
    CHECK(strstr(clients[0].got, "no memory for this prompt") != NULL);
    end_serving();
}

static const struct tap_test tests[] = {
    TAP(a_kept_beginning_changes_no_bit_of_an_answer),
    TAP(an_answer_is_a_beginning_too),
    TAP(other_keys_find_nothing),
    TAP(what_was_not_used_for_longest_makes_room),
    TAP(nothing_is_kept_where_there_is_no_room),
    TAP(of_64_streams_that_come_and_go_nothing_is_left),
    TAP(memory_that_was_short_is_looked_for_again),
    TAP(what_is_kept_gives_way_to_answers),
    TAP(what_is_kept_gives_way_to_prompts_and_texts),
    TAP(kept_beginnings_do_not_take_the_last_memory),
    TAP(further_answers_wait_where_memory_cannot_be_spared),
    TAP(who_fails_without_memory_gets_that_of_others),
    TAP(without_memory_for_a_prompt_it_is_refused_for_now),
};
TAP_MAIN(tests)
